"""The exact aggregated posterior of up to all 737,280 images: time, memory and the share of pairs looked at.

    python benchmarks/whole_posterior.py [POSTERIORS ...] --out benchmarks/results/posterior.json

Toy posteriors by images, latents and kind; and of every POSTERIORS, the folder of a run or a file with the
arrays `mean` and `logvar`, random subsets of 10,000 images and more, and all. Some five minutes for the toys
and one for each file on two cores. A row's time is the median of as many calls as fit into ten seconds.
"""

import argparse
import json
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numba
import numpy as np
import torch
from conftest import peak_extra_memory
from cpuinfo import get_cpu_info
from estimators import codes_of
from numpy.typing import NDArray
from toy_posteriors import posteriors

from fastdis import posterior

SIZES = (10_000, 30_000, 100_000, 300_000, 737_280)
Case = tuple[str, NDArray[np.float32], NDArray[np.float32]]


def toys() -> Iterator[Case]:
    """By name: growing numbers of images, then of latents, then the wide kinds."""
    for images in SIZES:
        yield ("trained", *posteriors(images, 10, "trained"))
    for latent in (20, 32):
        for images in (100_000, SIZES[-1]):
            yield ("trained", *posteriors(images, latent, "trained"))
    yield ("half collapsed", *posteriors(100_000, 10, "half collapsed"))
    yield ("half collapsed", *posteriors(SIZES[-1], 10, "half collapsed"))
    yield ("untrained", *posteriors(30_000, 10, "untrained"))
    yield ("untrained", *posteriors(SIZES[-1], 10, "untrained"))


def subsets(path: Path) -> Iterator[Case]:
    """Random images of a model's, in their order."""
    mean, logvar = (tensor.numpy() for tensor in codes_of(path))
    order = np.random.default_rng(0).permutation(len(mean))
    for images in (*(size for size in SIZES if size < len(mean)), len(mean)):
        rows = np.sort(order[:images])
        yield path.stem, mean[rows], logvar[rows]


def row_of(name: str, mean: NDArray[np.float32], logvar: NDArray[np.float32]) -> dict[str, Any]:
    """What one decomposition takes and finds."""
    found = []

    def call() -> None:
        found.append(posterior.decompose(mean, logvar, queries="auto"))

    memory, seconds = 0, []
    while not seconds or sum(seconds) + seconds[-1] < 10:
        start = perf_counter()
        memory = max(memory, peak_extra_memory(call))
        seconds.append(perf_counter() - start)
    numbers = found[-1].to_dict()
    numbers.pop("dimwise_kl_per_latent")
    measured = {"seconds": median(seconds), "calls": len(seconds), "memory": memory}
    return {"posteriors_of": name, "latent": mean.shape[1], **measured, **numbers}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", help="a run's folder, or a file")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    posterior.decompose(*posteriors(5000, 10, "trained"))  # compiles
    rows = []
    cases = [toys(), *(subsets(path) for path in arguments.files)]
    for name, mean, logvar in (case for source in cases for case in source):
        row = row_of(name, mean, logvar)
        rows.append(row)
        print(
            f"{name:16} N {row['posteriors']:7,}  D {row['latent']:2}  {row['seconds']:6.2f} s  "
            f"{row['memory'] / 1e6:4.0f} MB  {row['pairs_evaluated']:8.3%} of the pairs of "
            f"{row['queries']:7,} z  MI {row['index_code_mi']:.3f}  TC {row['total_correlation']:.3f}",
            flush=True,
        )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numba": numba.__version__,
    }
    machine = f"{get_cpu_info()['brand_raw']}, {torch.get_num_threads()} threads"
    results = {"machine": machine, "versions": versions, "rows": rows}
    arguments.out.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
