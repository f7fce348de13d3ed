"""The exact aggregated posterior: how its time grows with images, latents and the width of the posteriors.

Toy posteriors stand in for a model, so that the benchmark needs no weights: images are points of a grid of
four factors, the latents smooth functions of them, with the resolution a trained model has on dSprites.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from fastdis import posterior
from fastdis.kernels import marginal_density
from fastdis.kernels.aggregated_posterior.reference import log_density as every_pair

PAIRS_BY_SAMPLE = 200  # queries from which the time of every pair is told


def posteriors(images: int, latent: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """mean and logvar: "trained", "half collapsed" (every other latent unused) or "untrained" (all wide)."""
    rng = np.random.default_rng(0)
    factors = rng.integers(0, [32, 32, 40, 6], (images, 4)) / np.array([32, 32, 40, 6])
    mixing = rng.standard_normal((4, latent))
    # as many sigma to a latent as in a trained beta-VAE: two see positions, the rest less and less
    resolution = 60.0 / (1 + np.arange(latent)) ** 1.2
    mean = np.sin(np.pi * factors @ mixing)
    deviation = 1 / np.sqrt(1 + resolution**2) * np.exp(0.2 * np.cos(2 * factors @ mixing))
    if kind == "half collapsed":
        mean[:, 1::2] *= 0.02
        deviation[:, 1::2] = 0.98
    elif kind == "untrained":
        mean, deviation = 0.03 * mean, 1 + 0.02 * (deviation - deviation.mean())
    return mean.astype(np.float32), (2 * np.log(deviation)).astype(np.float32)


@pytest.mark.parametrize(
    ("images", "latent", "kind"),
    [
        (10_000, 10, "trained"),
        (30_000, 10, "trained"),
        (100_000, 10, "trained"),
        (300_000, 10, "trained"),
        (737_280, 10, "trained"),
        (100_000, 20, "trained"),
        (100_000, 32, "trained"),
        (100_000, 10, "half collapsed"),
        (10_000, 10, "untrained"),
        (30_000, 10, "untrained"),
    ],
)
def test_decompose(measure: Callable[..., None], images: int, latent: int, kind: str) -> None:
    mean, logvar = posteriors(images, latent, kind)
    share = posterior.decompose(mean, logvar, queries=1000).pairs_evaluated
    measure(
        lambda: posterior.decompose(mean, logvar),
        group=f"decompose, {kind} posteriors, N = {images:,}, D = {latent}",
        column="fastdis",
        pairs_share=share,
    )


@pytest.mark.parametrize("images", [10_000, 100_000])
def test_every_pair_of_a_few_queries(measure: Callable[..., None], images: int) -> None:
    mean, logvar = (torch.from_numpy(x) for x in posteriors(images, 10, "trained"))
    z = mean[:PAIRS_BY_SAMPLE]
    measure(
        lambda: every_pair(z, mean, logvar),
        group=f"log q(z) of {PAIRS_BY_SAMPLE} queries, N = {images:,}, D = 10",
        column="every pair, PyTorch",
        pairs=PAIRS_BY_SAMPLE * images,
    )


def test_marginals(measure: Callable[..., None]) -> None:
    mean, logvar = (torch.from_numpy(x) for x in posteriors(737_280, 10, "trained"))
    z = mean + torch.exp(0.5 * logvar)
    measure(
        lambda: marginal_density.marginal_log_density(z, mean, logvar),
        group="log q(z_d) of every latent, N = 737,280, D = 10",
        column="fastdis",
    )
