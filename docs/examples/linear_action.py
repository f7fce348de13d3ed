"""Show how linearly moves and turns act on a code: z' = A z + b for a fixed step of one factor.

Higgins et al. 2018 (Towards a Definition of Disentangled Representations), section 3, ask that the group
which moves a factor act on the code as a linear map. `fastdis.metrics.linear_action`, a score of this
library, fits that map to half of the pairs that differ by a step, and tells what it misses on the others: 0
is a linear map, and at 2 the map tells nothing of where a code goes. Here the hearts of dSprites move and
turn, at a quarter of their size; the codes are those of a small VAE and as many principal components.
Codes that go once round for a whole turn would have eigenvalues on the unit circle, where the crosses are; a
code that is a place has the eigenvalue 1, and its move is in b.

    python docs/examples/linear_action.py --out linear_action.png
    python docs/examples/linear_action.py --run runs/mine
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import typer
from matplotlib.figure import Figure

import fastdis
from fastdis.metrics import LinearActionResult

LATENTS = 6


def hearts(grid: int) -> tuple[fastdis.data.ImageDataset, Any, list[str]]:
    """Return hearts of one size at one place in `grid` each way, with factors and their names."""
    data = fastdis.data.dsprites().only({"shape": 2, "scale": 5})
    names = [name for name in data.factor_names if name not in ("color", "shape", "scale")]
    factors = data.factors(slice(None))[:, [data.factor_names.index(name) for name in names]]
    kept = np.flatnonzero((factors[:, 1:] % grid == 0).all(1))
    images = torch.nn.functional.avg_pool2d(data.images(kept), 4).numpy()
    columns = dict(zip(names, factors[kept].T, strict=True))
    return fastdis.data.arrays(images, columns), factors[kept], names


def codes(data: fastdis.data.ImageDataset, steps: int) -> dict[str, Any]:
    """Return the codes of a VAE trained for some steps, and the principal components of the pixels."""
    torch.manual_seed(0)
    model = fastdis.models.VAE(
        fastdis.models.MLPEncoder(LATENTS, image_shape=data.image_shape, hidden=(256, 256)),
        fastdis.models.MLPDecoder(LATENTS, image_shape=data.image_shape, hidden=(256, 256)),
    )
    objective = fastdis.losses.VAE()
    fastdis.training.fit(model, objective, data, steps=steps, learning_rate=1e-3, progress=False)
    mean, _ = fastdis.evaluation.encode(model, data, progress=False)
    pixels = data.images(slice(None)).flatten(1).double()
    centred = pixels - pixels.mean(0)
    components = torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -LATENTS:]
    return {"VAE": mean, "PCA": (centred @ components).numpy()}


def main(
    out: Path = Path("linear_action.png"),
    run: Path | None = None,
    steps: int = 3000,
    grid: int = 2,
    step: int = 3,
) -> dict[str, LinearActionResult]:
    """Write the figure; return the score of each code."""
    if run is None:
        data, factors, names = hearts(grid)
        found = codes(data, steps)
    else:
        from fastdis.evaluation.encoded_run import encoded_run

        read = encoded_run(run)
        factors = read.data.factors(slice(None))
        varying = np.flatnonzero(np.ptp(factors, axis=0) > 0)
        factors, names = factors[:, varying], [read.data.factor_names[column] for column in varying]
        found = {read.title: read.codes[0]}
    results = {
        name: fastdis.metrics.linear_action(z, factors, step=step, confidence=0.95)
        for name, z in found.items()
    }
    draw(results, names).savefig(out, dpi=120)
    print(f"wrote {out}")
    return results


def draw(results: dict[str, LinearActionResult], names: list[str]) -> Figure:
    figure = Figure(figsize=(3.1 * len(names) + 0.4, 6.6), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(2.4, 3))
    axes, colors = top.subplots(), ("#4477aa", "#ee6677")
    for k, ((code, result), color) in enumerate(zip(results.items(), colors, strict=False)):
        places = np.arange(len(names)) + 0.15 * (k - (len(results) - 1) / 2)
        assert result.intervals is not None
        ends = np.array([(i.low, i.high) if i else (np.nan, np.nan) for i in result.intervals])
        axes.errorbar(
            places,
            result.residual,
            np.abs(ends.T - result.residual),
            fmt="o",
            color=color,
            capsize=3,
            label=f"{code}: score {result.score:.2f}",
        )
    axes.set_xticks(np.arange(len(names)), names)
    axes.set(ylabel="residual, 95 % intervals", xlim=(-0.5, len(names) - 0.5), ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    around = np.exp(1j * np.linspace(0, 2 * np.pi, 200))
    step = next(iter(results.values())).step
    panels = bottom.subplots(1, len(names), squeeze=False)[0]
    for k, (panel, name) in enumerate(zip(panels, names, strict=True)):
        panel.plot(around.real, around.imag, color="0.8", linewidth=1)
        if name == "orientation":
            angle = 2 * np.pi * step / 39  # from the first to the last of the 40 is a whole turn
            panel.plot(np.cos([angle] * 2), np.sin([angle, -angle]), "x", color="0.4")
        for (_, result), color in zip(results.items(), colors, strict=False):
            values = np.linalg.eigvals(result.matrices[k])
            panel.plot(values.real, values.imag, "o", color=color, alpha=0.75)
        panel.set(title=name, aspect="equal", xlim=(-1.25, 1.25), ylim=(-1.25, 1.25))
        panel.set(xlabel="real", ylabel="imaginary" if k == 0 else "")
        panel.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"What one matrix misses of {step} steps of a factor, and the eigenvalues of that matrix",
        x=0.01,
        ha="left",
        fontsize="medium",
    )
    return figure


if __name__ == "__main__":
    typer.run(main)
