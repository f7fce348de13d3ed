"""Score codes that another framework made: arrays in, scores out, in Python and on the command line.

python docs/examples/foreign_codes.py --out foreign_codes.png
fastdis evaluate --codes codes.npz
"""

from pathlib import Path
from typing import Any

import numpy as np
import typer

import fastdis


def main(out: Path = Path("foreign_codes.png"), samples: int = 4000) -> dict[str, float]:
    """Write which code knows which factor, and ``codes.npz`` beside it; return the scores."""
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(size, size=samples) for size in (3, 6, 10)], axis=1)
    # what TensorFlow, JAX or R may have saved: three codes hold a factor each, one mixes two of them
    codes = np.stack([factors[:, 0], factors[:, 1], factors[:, 2], factors[:, 2] + factors[:, 1]], axis=1)
    codes = codes + 0.1 * rng.standard_normal(codes.shape)
    np.savez(out.with_name("codes.npz"), codes=codes, factors=factors)
    report: Any = fastdis.metrics.evaluate(
        codes, factors, ["mig", "sap", "modularity", "irs"], progress=False
    )
    found = fastdis.metrics.mig(codes, factors)
    picture = fastdis.plots.mutual_information(
        found.mutual_information, ["shape", "scale", "place"], f"{found}"
    )
    picture.savefig(out, dpi=120)
    print(report)
    print(f"wrote {out}")
    return {name: float(result.score) for name, result in report.results.items()}


if __name__ == "__main__":
    typer.run(main)
