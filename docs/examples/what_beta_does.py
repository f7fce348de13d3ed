"""Show what β does to the code: posteriors as ellipses, and the exact parts of the KL, at β = 1, 2, 4, 8.

Song 2018 (the thesis), figures 2.15 to 2.18. From the runs given, one for each β, or else from a short
training on the squares of dSprites that differ in place alone, at a quarter of their size, with two latents.

    python docs/examples/what_beta_does.py --out what_beta_does.png
    python docs/examples/what_beta_does.py --run runs/b1 --run runs/b2 --run runs/b4 --run runs/b8
"""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

import fastdis

BETAS = (1.0, 2.0, 4.0, 8.0)


def trained(beta: float, data: Any, steps: int) -> tuple[Any, Any]:
    """Train a small β-VAE; return mean and logvar of every image."""
    torch.manual_seed(0)
    model = fastdis.models.VAE(
        fastdis.models.MLPEncoder(2, image_shape=(1, 16, 16), hidden=(128, 128)),
        fastdis.models.MLPDecoder(2, image_shape=(1, 16, 16), hidden=(128, 128)),
    )
    objective = fastdis.losses.BetaVAE(beta=beta)
    fastdis.training.fit(model, objective, data, steps=steps, learning_rate=2e-3, progress=False)
    return fastdis.evaluation.encode(model, data, progress=False)


def main(
    out: Path = Path("what_beta_does.png"),
    run: Annotated[list[Path] | None, typer.Option()] = None,
    steps: int = 1500,
    every: int = 1,
) -> list[dict[str, Any]]:
    """Write the figure; return for each model its name, its numbers and the mean area of its ellipses."""
    found = []
    if run:
        from fastdis.evaluation.encoded_run import encoded_run

        for folder in run:
            read = encoded_run(folder)
            found.append({"name": read.title.partition(", ")[2] or read.title, "codes": read.codes})
    else:
        places = fastdis.data.dsprites().only({"shape": 0, "scale": 5, "orientation": 0})
        images = torch.nn.functional.avg_pool2d(places.images(np.arange(0, len(places), every)), 4)
        data = fastdis.data.arrays(images.numpy())
        found = [{"name": f"β = {beta:g}", "codes": trained(beta, data, steps)} for beta in BETAS]
    for model in found:
        mean, logvar = model["codes"]
        parts = fastdis.posterior.decompose(mean, logvar, samples=4)
        model |= {
            "mutual information": parts.index_code_mi,
            "total correlation": parts.total_correlation,
            "dimension-wise KL": parts.dimwise_kl,
            "area": float(np.pi * np.exp(0.5 * _two(logvar, mean)[1].sum(1)).mean()),
        }
    draw(found).savefig(out, dpi=120)
    print(f"wrote {out}")
    return found


def _two(values: Any, mean: Any) -> tuple[Any, Any]:
    """Return which two latents vary most, and their columns."""
    latents = np.sort(np.argsort(-mean.var(0))[:2])
    return latents, values[:, latents]


def draw(found: list[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(2.9 * len(found) + 0.4, 6), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(3, 2.4))
    panels = top.subplots(1, len(found), squeeze=False)[0]
    for axes, model in zip(panels, found, strict=True):
        mean, logvar = model["codes"]
        shown = np.random.default_rng(0).permutation(len(mean))[:150]
        latents, centres = _two(mean, mean)
        widths = 2 * np.exp(0.5 * _two(logvar, mean)[1])
        for row in shown:
            color = colormaps["twilight"]((np.arctan2(*centres[row]) / (2 * np.pi)) % 1)
            axes.add_patch(Ellipse(centres[row], *widths[row], facecolor=color, alpha=0.45, edgecolor="none"))
        axes.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), title=model["name"], aspect="equal")
        axes.set(xlabel=f"z{latents[0]}", ylabel=f"z{latents[1]}" if model is found[0] else "")
        axes.spines[["top", "right"]].set_visible(False)
    axes = bottom.subplots()
    numbers = ("mutual information", "total correlation", "dimension-wise KL")
    for k, (number, color) in enumerate(zip(numbers, ("#4477aa", "#ee6677", "#ccbb44"), strict=True)):
        places = np.arange(len(found)) + 0.27 * (k - 1)
        bars = axes.bar(places, [model[number] for model in found], 0.25, color=color, label=number)
        axes.bar_label(bars, fmt="%.2f", fontsize="small")
    axes.set_xticks(np.arange(len(found)), [model["name"] for model in found])
    axes.set_ylabel("nats, q(z) over all images")
    axes.margins(y=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.suptitle(
        "Posteriors of single images, one standard deviation, and the exact parts of their KL",
        x=0.01,
        ha="left",
        fontsize="medium",
    )
    return figure


if __name__ == "__main__":
    typer.run(main)
