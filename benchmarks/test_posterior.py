"""The exact aggregated posterior: its time by images, latents and width of the posteriors.

These are the sizes that take seconds; `whole_posterior.py` measures up to all images of dSprites.
"""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from toy_posteriors import Kind, posteriors

from fastdis import posterior
from fastdis.kernels import aggregated_posterior, marginal_density

QUERIES = 64


@pytest.mark.parametrize(
    ("images", "latent", "kind"),
    [
        (10_000, 10, "trained"),
        (30_000, 10, "trained"),
        (100_000, 10, "trained"),
        (30_000, 20, "trained"),
        (30_000, 32, "trained"),
        (30_000, 10, "half collapsed"),
        (10_000, 10, "untrained"),
    ],
)
def test_decompose(measure: Callable[..., None], images: int, latent: int, kind: Kind) -> None:
    mean, logvar = posteriors(images, latent, kind)
    measure(
        lambda: posterior.decompose(mean, logvar),
        group=f"decompose, {kind} posteriors, N = {images:,}, D = {latent}",
        column="fastdis",
    )


def test_decompose_where_too_many_pairs_matter(measure: Callable[..., None]) -> None:
    mean, logvar = posteriors(30_000, 10, "untrained")
    measure(
        lambda: posterior.decompose(mean, logvar, queries="auto", max_pairs=1e8),
        group="decompose, untrained posteriors, N = 30,000, D = 10, images drawn for 1e8 pairs",
        column="fastdis",
        pairs=1e8,
    )


def every_pair(z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    """The usual broadcast, eight z at a time: (8, 100,000, 10) numbers."""
    precision, parts = torch.exp(-logvar), []
    for part in z.split(8):
        squares = (part[:, None] - mean).square() * precision
        parts.append(torch.logsumexp(-0.5 * (squares + logvar + math.log(2 * math.pi)).sum(2), dim=1))
    return torch.cat(parts) - math.log(len(mean))


@pytest.mark.parametrize("column", ["eager", "fastdis"])
def test_log_density(measure: Callable[..., None], column: str) -> None:
    mean, logvar = (torch.from_numpy(x) for x in posteriors(100_000, 10, "trained"))
    noise = torch.randn(QUERIES, 10, generator=torch.Generator().manual_seed(0))
    z = mean[:QUERIES] + torch.exp(0.5 * logvar[:QUERIES]) * noise
    difference = every_pair(z, mean, logvar) - aggregated_posterior.log_density(z, mean, logvar)[0]
    assert difference.abs().max() < 2e-4
    function: Callable[..., Any] = every_pair if column == "eager" else aggregated_posterior.log_density
    measure(
        lambda: function(z, mean, logvar),
        group=f"log q(z) of {QUERIES} z, N = 100,000, D = 10 (sorting the posteriors is part of it)",
        column=column,
        pairs=QUERIES * len(mean),
    )


def test_marginals(measure: Callable[..., None]) -> None:
    mean, logvar = (torch.from_numpy(x) for x in posteriors(100_000, 10, "trained"))
    z = mean + torch.exp(0.5 * logvar)
    measure(
        lambda: marginal_density.marginal_log_density(z, mean, logvar),
        group="log q(z_d) of every latent, N = 100,000, D = 10",
        column="fastdis",
    )
