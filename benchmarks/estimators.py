"""How far the minibatch estimators of MI, TC and dimension-wise KL are from their exact values.

    python benchmarks/estimators.py runs/mine other.npz --out benchmarks/results/estimators.json

Each argument is the folder of a run of `fastdis train`, whose images are encoded if need be, or an npz or
HDF5 file with the arrays `mean` and `logvar`, (images, latent) each, of every image of a data set. Prints the
table of docs/estimators.md: for each model the exact values, and bias ± spread (standard deviation over
batches) of every estimator. Some three minutes a model on two cores.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch
from baselines_estimators import ESTIMATORS, PARTS
from torch import Tensor

from fastdis import posterior
from fastdis._arrays import named_arrays
from fastdis.evaluation.encoded_run import encoded_run

SIZES = (64, 256, 2048)
DRAWN = 2**17  # images an estimator sees in all: 64 batches of 2,048, and more of smaller ones


def measure(mean: Tensor, logvar: Tensor, sizes: tuple[int, ...], drawn: int) -> dict[str, Any]:
    """Exact values with their standard errors, and of each estimator and batch size bias and spread."""
    if len(mean) < max(sizes):
        raise ValueError(f"there must be at least {max(sizes):,} images, got {len(mean):,}")
    exact = posterior.decompose(mean, logvar, queries="auto")
    values = [exact.index_code_mi, exact.total_correlation, exact.dimwise_kl]
    errors = [exact.index_code_mi_error, exact.total_correlation_error, exact.dimwise_kl_error]
    rows = []
    for size in sizes:
        batches = max(2, drawn // size)
        for name, parts in estimates(mean, logvar, size, batches).items():
            bias = parts.mean(dim=0) - torch.tensor(values, dtype=torch.float64)
            row = {"estimator": name, "batch": size, "batches": batches}
            rows.append(row | {"bias": bias.tolist(), "spread": parts.std(dim=0).tolist()})
    return {"images": len(mean), "exact": values, "standard_error": errors, "rows": rows}


def estimates(mean: Tensor, logvar: Tensor, size: int, batches: int) -> dict[str, Tensor]:
    """By estimator: (batches, 3), the parts from random batches of `size` different images."""
    generator = torch.Generator().manual_seed(0)
    values: dict[str, list[Tensor]] = {name: [] for name in ESTIMATORS}
    for _ in range(batches):
        rows = torch.randperm(len(mean), generator=generator)[:size]
        centre, spread = mean[rows], logvar[rows]
        z = centre + torch.exp(0.5 * spread) * torch.randn(centre.shape, generator=generator)
        for name, estimator in ESTIMATORS.items():
            values[name].append(estimator(z, centre, spread, len(mean)))
    return {name: torch.stack(parts).double() for name, parts in values.items()}


def table(results: dict[str, Any]) -> str:
    """The results as Markdown: a row for each estimator and batch size, three columns for each model."""
    models = list(results.values())
    header = ["estimator", "B", *(f"{name}: {part}" for name in results for part in PARTS)]
    exact = [
        f"{value:.3f} ± {error:.3f}"
        for model in models
        for value, error in zip(model["exact"], model["standard_error"], strict=True)
    ]
    rows = [["exact", f"{models[0]['images']:,}", *exact]]
    for of_models in zip(*(model["rows"] for model in models), strict=True):
        cells = [
            f"{bias:+.2f} ± {spread:.2f}"
            for row in of_models
            for bias, spread in zip(row["bias"], row["spread"], strict=True)
        ]
        rows.append([of_models[0]["estimator"], f"{of_models[0]['batch']:,}", *cells])
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ["---"] * len(header), *rows])


def codes_of(path: Path) -> tuple[Tensor, Tensor]:
    """mean and logvar of every image of a run, or from a file."""
    mean, logvar = encoded_run(path).codes if path.is_dir() else named_arrays(path, "mean", "logvar")
    return torch.from_numpy(mean), torch.from_numpy(logvar)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("posteriors", type=Path, nargs="+", help="a run's folder, or a file")
    parser.add_argument("--out", type=Path, help="the JSON file to write")
    arguments = parser.parse_args()
    torch.set_flush_denormal(True)
    results = {}
    for path in arguments.posteriors:
        try:
            results[path.stem] = measure(*codes_of(path), SIZES, DRAWN)
        except (TypeError, ValueError, OSError) as error:
            print(f"benchmarks/estimators.py: {error}", file=sys.stderr)
            return 2
    print(table(results))
    if arguments.out is not None:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
