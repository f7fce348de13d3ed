"""Compare the variance of the score-function and the reparameterised gradient as the latent grows.

Of E f(z), z ~ N(m, s^2 I), f(z) = 1/2 |z|^2, both estimate the derivative with respect to the mean of the
first latent, which is m. With noise e and z = m + s e they are, sample by sample,

    reparameterised (Kingma & Welling 2014)     df/dz_1 = z_1                   variance s^2, whatever D
    score function (Williams 1992)              f(z) e_1 / s                    variance of order D^2
    the same with E f taken off as a baseline   (f(z) - E f) e_1 / s            variance of order D

    python docs/examples/gradient_estimators.py --out gradient_estimators.png
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import typer
from matplotlib.figure import Figure

import fastdis

NAMES = ("score function", "score function, baseline", "reparameterised")


def closed_forms(latents: int, m: float, s: float) -> tuple[float, float, float]:
    """Return the three variances, from the moments 1, 3 and 15 of a standard normal's powers 2, 4 and 6."""
    second, fourth = m**2 + 3 * s**2, m**4 + 18 * m**2 * s**2 + 15 * s**4  # E z_1^2 e^2, E z_1^4 e^2
    rest = (latents - 1) * (m**2 + s**2)  # E of the other latents' squares, and of its square
    rest_squared = (latents - 1) * (2 * s**4 + 4 * m**2 * s**2) + rest**2
    squared = (fourth + 2 * second * rest + rest_squared) / 4  # E f^2 e^2
    baseline = latents * (m**2 + s**2) / 2  # E f
    centred = squared - baseline * (second + rest) + baseline**2  # E (f - E f)^2 e^2
    return squared / s**2 - m**2, centred / s**2 - m**2, s**2


def estimates(latents: int, m: float, s: float, samples: int) -> torch.Tensor:
    """Return the three estimates of every sample, (3, samples), float64."""
    generator = torch.Generator().manual_seed(0)
    mean = torch.full((samples, latents), m, dtype=torch.float64, requires_grad=True)
    logvar = torch.full_like(mean, 2 * np.log(s)).detach()
    z = fastdis.reparameterize(mean, logvar, generator=generator)
    f = 0.5 * z.square().sum(dim=1)
    (gradient,) = torch.autograd.grad(f.sum(), mean)  # a row is the gradient of its own sample
    noise = ((z - mean) / s)[:, 0].detach()
    f, baseline = f.detach(), latents * (m**2 + s**2) / 2
    return torch.stack([f * noise / s, (f - baseline) * noise / s, gradient[:, 0]])


def main(
    out: Path = Path("gradient_estimators.png"), samples: int = 40_000, m: float = 0.5, s: float = 0.5
) -> dict[str, Any]:
    """Write the figure; return the variances measured and in closed form, and the means, by dimension."""
    latents = [1, 2, 4, 8, 16, 32, 64, 128]
    drawn = [estimates(size, m, s, samples) for size in latents]
    found = {
        "latents": latents,
        "variance": np.array([values.var(dim=1).tolist() for values in drawn]),
        "closed": np.array([closed_forms(size, m, s) for size in latents]),
        "mean": np.array([values.mean(dim=1).tolist() for values in drawn]),
        "gradient": m,
    }
    draw(found, samples).savefig(out, dpi=120)
    print(f"wrote {out}")
    return found


def draw(found: dict[str, Any], samples: int) -> Figure:
    figure = Figure(figsize=(6.6, 4), layout="constrained")
    axes = figure.subplots()
    for k, (name, color) in enumerate(zip(NAMES, ("#ee6677", "#ccbb44", "#4477aa"), strict=True)):
        axes.plot(found["latents"], found["variance"][:, k], "o", color=color, markersize=5)
        axes.plot(found["latents"], found["closed"][:, k], color=color, linewidth=1)
        place = (found["latents"][-1], found["closed"][-1, k])
        axes.annotate(name, place, (8, 0), textcoords="offset points", va="center", color=color)
    axes.set(xscale="log", yscale="log", xlabel="latents", ylabel="variance of one sample's gradient")
    axes.set_xticks(found["latents"], [str(size) for size in found["latents"]])
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"Gradient of E |z|²/2 with respect to one mean: {samples:,} samples (dots), closed forms (lines)",
        x=0.01,
        ha="left",
        fontsize="medium",
    )
    return figure


if __name__ == "__main__":
    typer.run(main)
