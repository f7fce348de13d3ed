"""DCI as the literature takes it, 10,000 + 5,000 samples of dSprites' five factors: fastdis and scikit-learn.

    python benchmarks/whole_dci.py --out benchmarks/results/dci.json

Codes like those of a good model. Some seven minutes, nearly all of them scikit-learn's on one core. Prints,
and writes as JSON, seconds by the clock and of processors, and the score each way.
"""

import argparse
import json
import platform
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import lightgbm
import numba
import numpy as np
import sklearn
import test_metrics
import torch

import baselines
from fastdis import metrics
from fastdis.metrics.dci import _concentration

SAMPLES, TRAIN = 15_000, 10_000


def field(codes: np.ndarray, factors: np.ndarray) -> float:
    """Disentanglement from scikit-learn's importances."""
    importance = baselines.dci_trees(codes, factors, TRAIN)
    return float(_concentration(importance) @ importance.sum(axis=1) / importance.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, help="the JSON file to write")
    out = parser.parse_args().out
    codes, factors = test_metrics.sample(SAMPLES)
    metrics.dci(codes[:300], factors[:300, :2])  # compiles
    columns: dict[str, Callable[[], float]] = {
        "fastdis": lambda: metrics.dci(codes, factors).score,
        "fastdis, 1 thread": lambda: metrics.dci(codes, factors).score,
        "fastdis, lightgbm": lambda: metrics.dci(codes, factors, predictor="lightgbm").score,
        "field": lambda: field(codes, factors),
    }
    results: dict[str, Any] = {
        "versions": {
            "python": platform.python_version(),
            "numba": numba.__version__,
            "scikit-learn": sklearn.__version__,
            "lightgbm": lightgbm.__version__,
        },
        "rows": [],
    }
    for column, score in columns.items():
        with test_metrics.threads(column):
            wall, processor = perf_counter(), process_time()
            disentanglement = score()
            row = {
                "column": column,
                "seconds": perf_counter() - wall,
                "processor_seconds": process_time() - processor,
                "disentanglement": disentanglement,
                "threads": torch.get_num_threads(),
            }
        results["rows"].append(row)
        print(
            f"{column:20} {row['seconds']:8.1f} s, of processors {row['processor_seconds']:8.1f} s, "
            f"disentanglement {disentanglement:.4f}",
            flush=True,
        )
        if out is not None:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
