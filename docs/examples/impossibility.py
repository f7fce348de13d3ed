"""Rotate the latents of a trained model: its ELBO stays, its disentanglement goes.

Locatello et al. 2019, theorem 1: for every model there is another with the same prior, the same distribution
of images and the same ELBO whose latents mix the factors. Here it is built: z' = R z, where R turns the
latents in pairs by an angle, and the decoder turns back. Prior, KL and reconstructions stay to the last
digits. Of a model that keeps its factors apart, MIG and DCI fall with the angle; the two scores by votes see
nothing until the latents of a pair hold nearly as much of one factor as of the other. A model that mixes its
factors to begin with may gain by a small turn.

    python docs/examples/impossibility.py --out impossibility.png
    python docs/examples/impossibility.py --run runs/mine
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import typer
from matplotlib.figure import Figure
from numpy.typing import NDArray

import fastdis

SCORES = {
    "MIG": lambda codes, factors: fastdis.metrics.mig(codes, factors).score,
    "DCI": lambda codes, factors: fastdis.metrics.dci(codes, factors, train=1500, test=500).score,
    "FactorVAE score": lambda codes, factors: fastdis.metrics.factor_vae_score(codes, factors).score,
    "BetaVAE score": lambda codes, factors: fastdis.metrics.beta_vae_score(codes, factors).score,
}


def bars(lengths: int = 9) -> fastdis.data.ImageDataset:
    """Draw four bars in all combinations of their lengths, which are the factors."""
    factors = np.stack(np.meshgrid(*[np.arange(lengths)] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
    images = np.zeros((len(factors), 16, 16), np.uint8)
    first = 0
    for bar, thickness in enumerate((3, 4, 4, 5)):
        row = 255 * (np.arange(16) < 1 + factors[:, bar, None] * 15 // (lengths - 1))
        images[:, first : first + thickness] = row[:, None]
        first += thickness
    return fastdis.data.arrays(images, {f"bar {k}": factors[:, k] for k in range(4)})


def trained(data: fastdis.data.ImageDataset, steps: int, beta: float = 4.0) -> fastdis.models.VAE:
    """Train a small β-VAE, one latent a bar."""
    torch.manual_seed(0)
    shape = data.image_shape
    model = fastdis.models.VAE(
        fastdis.models.MLPEncoder(4, image_shape=shape, hidden=(128, 128)),
        fastdis.models.MLPDecoder(4, image_shape=shape, hidden=(128, 128)),
    )
    objective = fastdis.losses.BetaVAE(beta=beta)
    fastdis.training.fit(model, objective, data, steps=steps, learning_rate=2e-3, progress=False)
    return model


def turned(latents: int, degrees: float) -> NDArray[np.float64]:
    """Turn latents 0 and 1, 2 and 3 and so on by an angle; an odd one stays."""
    rotation = np.eye(latents)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    for first in range(0, latents - 1, 2):
        rotation[first : first + 2, first : first + 2] = [[cosine, -sine], [sine, cosine]]
    return rotation


def reconstruction(
    model: fastdis.models.VAE, z: NDArray[np.float64], images: torch.Tensor
) -> tuple[float, Any]:
    """Return the negative Bernoulli log-likelihood of the images, in nats, and the decoded images."""
    with torch.inference_mode():
        logits = model.decode(torch.from_numpy(z))
        return fastdis.losses.reconstruction_loss(logits, images).item(), logits.sigmoid().numpy()


def main(
    out: Path = Path("impossibility.png"), run: Path | None = None, steps: int = 1500, angles: int = 10
) -> dict[str, Any]:
    """Write the figure; return the scores by angle, and what of the ELBO changed."""
    if run is None:
        data: Any = bars()
        model = trained(data, steps)
        mean, logvar = fastdis.evaluation.encode(model, data, progress=False)
    else:
        from fastdis.evaluation.encoded_run import encoded_run

        read = encoded_run(run)
        model, data, (mean, logvar) = read.model, read.data, read.codes
    rows = np.random.default_rng(0).permutation(len(data))[:6000]
    factors = data.factors(rows)
    mean, logvar = mean[rows].astype(np.float64), logvar[rows].astype(np.float64)
    # neighbours in the order of their KL are turned into each other
    kl = fastdis.gaussian_kl(torch.from_numpy(mean), torch.from_numpy(logvar)).numpy()
    order = np.eye(len(kl))[np.argsort(-kl)]
    shown = rows[:256]
    images, exact = data.images(shown).double(), model.double()  # float64, to see the last digits
    noise = np.random.default_rng(1).standard_normal((len(shown), len(kl)))
    z = mean[:256] + np.exp(0.5 * logvar[:256]) * noise

    degrees = np.linspace(0, 45, angles)
    scores: dict[str, list[float]] = {name: [] for name in SCORES}
    divergences, losses, decoded = [], [], []
    for angle in degrees:
        rotation = order.T @ turned(len(kl), angle) @ order
        turned_mean, covariance = fastdis.posterior.rotated(mean, logvar, rotation)
        divergences.append(float(fastdis.posterior.gaussian_kl_full(turned_mean, covariance).mean()))
        # q'(z'|x) has the sample R z where q(z|x) has z, and p'(x|z') = p(x|R^T z')
        there = fastdis.posterior.entangled(z, rotation)
        loss, pictures = reconstruction(exact, there @ rotation, images)
        losses.append(loss)
        decoded.append(pictures)
        for name, score in SCORES.items():
            scores[name].append(float(score(turned_mean.astype(np.float32), factors)))
    prior = fastdis.posterior.entangled(
        np.random.default_rng(2).standard_normal((100_000, len(kl))), rotation
    )
    found = {
        "degrees": degrees.tolist(),
        "scores": scores,
        "kl": divergences,
        "kl_change": float(np.ptp(divergences)),
        "reconstruction": losses,
        "reconstruction_change": float(np.ptp(losses)),
        "pixel_change": float(max(np.abs(pictures - decoded[0]).max() for pictures in decoded)),
        "prior_covariance_change": float(np.abs(np.cov(prior.T) - np.eye(len(kl))).max()),
    }
    draw(found, images.numpy(), decoded).savefig(out, dpi=120)
    print(f"wrote {out}")
    return found


def draw(found: dict[str, Any], images: Any, decoded: list[Any]) -> Figure:
    figure = Figure(figsize=(9, 7.2), layout="constrained")
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=(3, 1.7, 4.2))
    panels = top.subplots(3, 10)
    rows = [(images, "image"), (decoded[0], "decoded"), (decoded[-1], "decoded,\nturned by 45°")]
    for line, (pictures, label) in zip(panels, rows, strict=True):
        for axes, picture in zip(line, pictures, strict=False):
            axes.imshow(picture.transpose(1, 2, 0).squeeze(), cmap="gray", vmin=0, vmax=1)
            axes.set_xticks([])
            axes.set_yticks([])
        line[0].set_ylabel(label, rotation=0, ha="right", va="center")
    table = middle.subplots()
    table.axis("off")
    table.table(
        [
            ["reconstruction, nats", *(f"{found['reconstruction'][k]:.10f}" for k in (0, -1))],
            ["KL(q(z|x) || p(z)), nats", *(f"{found['kl'][k]:.10f}" for k in (0, -1))],
            ["ELBO, nats", *(f"{-found['reconstruction'][k] - found['kl'][k]:.10f}" for k in (0, -1))],
            ["largest change of a decoded pixel", "", f"{found['pixel_change']:.1e}"],
        ],
        colLabels=["", "as trained", "turned by 45°"],
        loc="center",
        cellLoc="right",
        edges="horizontal",
        colWidths=[0.4, 0.25, 0.25],
    ).scale(1, 1.15)
    axes = bottom.subplots()
    for name, values in found["scores"].items():
        dashes = "--" if name == "BetaVAE score" else "-"  # it lies on the FactorVAE score
        axes.plot(found["degrees"], values, dashes, marker="o", markersize=3, label=name)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.set(xlabel="angle by which pairs of latents are turned, degrees", ylabel="score", ylim=(0, 1.03))
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle("At every angle the same images and the same ELBO, but other scores", x=0.01, ha="left")
    return figure


if __name__ == "__main__":
    typer.run(main)
