"""How far the minibatch estimators are from the exact decomposition: bias and spread, as a Markdown table.

    python benchmarks/estimators.py --posteriors POSTERIORS.npz [--batches 100] [--sizes 64 256 2048]

POSTERIORS.npz holds `mean` and `logvar`, (images, latent) each, of every image of the data set.
"""

import argparse
import zipfile
from pathlib import Path

import numpy as np
import torch
from baselines_estimators import ESTIMATORS, PARTS

from fastdis import posterior


def load(path: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """mean and logvar from the file, or one line that says what is wrong with it."""
    try:
        with np.load(path) as arrays:
            return torch.from_numpy(arrays["mean"]), torch.from_numpy(arrays["logvar"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise SystemExit(f"{path}: expected an npz file with the arrays mean and logvar: {error}") from None


def estimates(mean: torch.Tensor, logvar: torch.Tensor, size: int, batches: int) -> dict[str, torch.Tensor]:
    """By estimator: (batches, 3), the parts from random batches of `size` different images."""
    generator = torch.Generator().manual_seed(0)
    values: dict[str, list[torch.Tensor]] = {name: [] for name in ESTIMATORS}
    for _ in range(batches):
        rows = torch.randint(len(mean), (2 * size,), generator=generator).unique()
        rows = rows[torch.randperm(len(rows), generator=generator)[:size]]
        centre, spread = mean[rows], logvar[rows]
        z = centre + torch.exp(0.5 * spread) * torch.randn(centre.shape, generator=generator)
        for name, estimator in ESTIMATORS.items():
            values[name].append(estimator(z, centre, spread, len(mean)))
    return {name: torch.stack(parts).double() for name, parts in values.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--posteriors", type=Path, required=True)
    parser.add_argument("--batches", type=int, default=100)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 256, 2048])
    arguments = parser.parse_args()
    mean, logvar = load(arguments.posteriors)

    result = posterior.decompose(mean, logvar)
    exact = np.array([result.index_code_mi, result.total_correlation, result.dimwise_kl])
    errors = [result.index_code_mi_error, result.total_correlation_error, result.dimwise_kl_error]
    print(f"{arguments.posteriors.stem}, {arguments.batches} batches: bias ± spread, in nats\n")
    print("| estimator | B |", " | ".join(PARTS), "|")
    print("|---|---|" + "---|" * len(PARTS))
    cells = [f"{value:.3f} ± {error:.3f}" for value, error in zip(exact, errors, strict=True)]
    print(f"| exact | {len(mean):,} |", " | ".join(cells), "|")
    for size in arguments.sizes:
        for name, parts in estimates(mean, logvar, size, arguments.batches).items():
            bias, spread = parts.mean(dim=0).numpy() - exact, parts.std(dim=0).numpy()
            cells = [f"{b:+.2f} ± {s:.2f}" for b, s in zip(bias, spread, strict=True)]
            print(f"| {name} | {size:,} |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
