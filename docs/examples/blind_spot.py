"""Show where the BetaVAE score is blind: with K - 1 of K factors learned it is 1, the FactorVAE score is not.

Kim & Mnih 2018, section 4, and Song 2018 (the thesis), figure 3.4. In the votes of a factor that no code
holds no difference is small, and by that a linear classifier knows them; a second factor left out cannot be
told from the first. With m of K factors left out the scores are

    BetaVAE score = (K - m + 1) / K for m >= 1,        FactorVAE score = (K - m) / K.

    python docs/examples/blind_spot.py --out blind_spot.png
"""

from pathlib import Path
from typing import Any

import numpy as np
import typer
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fastdis.metrics import beta_vae_score, factor_vae_score

SCORES = {"BetaVAE score": beta_vae_score, "FactorVAE score": factor_vae_score}


def codes_of(factors: NDArray[np.int64], noise: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return a code for each factor, standardised, with noise; none where the noise is infinite."""
    rng = np.random.default_rng(1)
    values = (factors - factors.mean(0)) / factors.std(0)
    learned = np.isfinite(noise)
    return (values + noise * rng.standard_normal(values.shape))[:, learned].astype(np.float32)


def main(
    out: Path = Path("blind_spot.png"), factors: int = 5, samples: int = 20_000, votes: int = 5000
) -> dict[str, Any]:
    """Write the figure; return both scores by the number of factors left out, and by the last one's noise."""
    classes = np.random.default_rng(0).integers(8, size=(samples, factors))

    def scores(noise: NDArray[np.float64]) -> dict[str, float]:
        codes = codes_of(classes, noise)
        return {
            name: float(score(codes, classes, train_votes=votes, test_votes=votes).score)
            for name, score in SCORES.items()
        }

    left_out = np.arange(factors)
    by_count = [scores(np.where(np.arange(factors) < factors - m, 0.05, np.inf)) for m in left_out]
    noises = np.array([0.05, 0.25, 0.5, 1, 2, 4, 8, 16])
    by_noise = [scores(np.append(np.full(factors - 1, 0.05), noise)) for noise in noises]
    found = {
        "left_out": left_out.tolist(),
        "noise": noises.tolist(),
        "by_count": {name: [one[name] for one in by_count] for name in SCORES},
        "by_noise": {name: [one[name] for one in by_noise] for name in SCORES},
        "expected": {
            "BetaVAE score": np.minimum(1, (factors - left_out + 1) / factors).tolist(),
            "FactorVAE score": ((factors - left_out) / factors).tolist(),
        },
    }
    draw(found, factors).savefig(out, dpi=120)
    print(f"wrote {out}")
    return found


def draw(found: dict[str, Any], factors: int) -> Figure:
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for name, color in zip(SCORES, ("#4477aa", "#ee6677"), strict=True):
        left.plot(found["left_out"], found["by_count"][name], "o", color=color, label=name)
        left.plot(found["left_out"], found["expected"][name], color=color, linewidth=0.8)
        right.plot(found["noise"], found["by_noise"][name], "o-", color=color, markersize=4, linewidth=0.8)
    left.set(
        xlabel=f"factors left out of {factors}", ylabel="score", ylim=(0, 1.05), xticks=found["left_out"]
    )
    left.legend(frameon=False, loc="lower left")
    right.set(xlabel="noise on the last factor's code, in its standard deviations", xscale="log")
    right.set_xticks([0.1, 1, 10], ["0.1", "1", "10"])
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    figure.suptitle(
        "A factor that is not learned: dots are measured, lines (K - m + 1) / K and (K - m) / K",
        x=0.01,
        ha="left",
        fontsize="medium",
    )
    return figure


if __name__ == "__main__":
    typer.run(main)
