"""Draw the README's picture: the traversals of a run beside its scores.

fastdis demo
python docs/assets/demo_picture.py runs/demo docs/assets/demo.png
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
import typer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from fastdis.evaluation import Run, open_run
from fastdis.metrics import mig
from fastdis.plots.images import strip

ACTIVE = 0.1  # nats of KL from which on a latent is shown
KNOWN = 0.1  # share of a factor's entropy from which on it is named beside the latent
MOVED = np.linspace(-2, 2, 9)  # standard deviations of the prior
WORDS = {"posX": "position x", "posY": "position y"}
SCORES = {  # from 0 to 1
    "mig": "MIG",
    "dci": "DCI disentanglement",
    "modularity": "modularity",
    "factor_vae_score": "FactorVAE score",
    "beta_vae_score": "BetaVAE score",
}
PARTS = {"index_code_mi": "mutual information", "total_correlation": "total correlation"}
PARTS |= {"dimwise_kl": "dimension-wise KL"}


def main(run_dir: Path, picture: Path) -> None:
    """Read the run in RUN_DIR, which was evaluated; write PICTURE."""
    run = open_run(run_dir)
    mean, _ = run.codes
    assert run.kl is not None
    order = np.argsort(-run.kl)
    shown = order[: max(1, int((run.kl >= ACTIVE).sum()))]
    figure = Figure(figsize=(8.4, 0.52 * (len(shown) + 2) + 0.95))
    grid = figure.add_gridspec(
        len(shown) + 2, 2, width_ratios=[1.45, 1], left=0.045, right=0.99, top=0.9, bottom=0.09, wspace=0.42
    )
    start = int(((mean - mean.mean(0)) ** 2).sum(1).argmin())  # the image that is most like all others
    some = np.random.default_rng(0).integers(len(mean), size=len(MOVED))
    tops = run.data.images(some).numpy(force=True), decoded(run, mean[some])
    for row, (images, label) in enumerate(zip(tops, ("image", "decoded"), strict=True)):
        strip(figure.add_subplot(grid[row, 0]), images, "", label)
    notes = known(run)
    for row, latent in enumerate(shown, start=2):
        z = np.repeat(mean[start : start + 1], len(MOVED), axis=0)
        z[:, latent] = MOVED
        axes = figure.add_subplot(grid[row, 0])
        strip(axes, decoded(run, z), f"z{latent}", notes[latent])
    axes.set_xlabel("one latent a row, from -2 to +2 standard deviations", fontsize=8)
    for axes in figure.axes:
        axes.yaxis.label.set_fontsize(9)
        for text in axes.texts:
            text.set_fontsize(8)
    quiet = len(order) - len(shown)
    idle = f"; {quiet} latents that change nothing are left out" if quiet else ""
    figure.text(0.045, 0.95, f"{run.title}, {run.step:,} steps{idle}", fontsize=9)
    write_scores(figure.add_subplot(grid[:, 1]), run)
    save(figure, picture)


def decoded(run: Run, z: NDArray[np.float32]) -> NDArray[np.float32]:
    """Decode codes (n, latent) to images in [0, 1]."""
    with torch.inference_mode():
        images: NDArray[np.float32] = run.model.decode(torch.from_numpy(z)).sigmoid().numpy()
    return images


def known(run: Run) -> list[str]:
    """Say of each latent which factors it knows, and how much of their entropy."""
    factors = run.data.factors(slice(None))
    varying = [k for k, size in enumerate(run.data.factor_sizes) if size > 1]
    names = [run.data.factor_names[k] for k in varying]
    found = mig(run.codes[0], factors[:, varying])
    shares = found.mutual_information / found.entropy
    lines = []
    for of_latent in shares:
        best = [k for k in np.argsort(-of_latent)[:2] if of_latent[k] >= KNOWN]
        lines.append("\n".join(f"{WORDS.get(names[k], names[k])} {of_latent[k]:.0%}" for k in best))
    return lines


def write_scores(axes: Axes, run: Run) -> None:
    """Write the scores below each other, by what they are of."""
    axes.set_axis_off()
    numbers: dict[str, Any] = run.metrics
    images = f"{numbers['mig']['samples']:,}"
    lines: list[tuple[str, str]] = [(f"Scores, {images} images (1 is best)", "")]
    lines += [(title, f"{numbers[name]['score']:.2f}") for name, title in SCORES.items()]
    lines += [("", ""), ("KL of the codes in three parts, nats", "")]
    lines += [(title, f"{numbers[name]['score']:.2f}") for name, title in PARTS.items()]
    for place, (title, value) in enumerate(lines):
        y = 0.97 - place * 0.094
        axes.text(0, y, title, fontsize=9, fontweight="normal" if value else "bold", transform=axes.transAxes)
        axes.text(0.96, y, value, fontsize=9, ha="right", transform=axes.transAxes)


def save(figure: Figure, picture: Path) -> None:
    """Write a PNG of 64 shades: blurred images in millions of colours take ten times the bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=200)
    Image.open(buffer).convert("RGB").quantize(64).save(picture, optimize=True)


if __name__ == "__main__":
    typer.run(main)
