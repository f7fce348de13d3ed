"""Aggregated posteriors that break shortcuts, and samples of them."""

import numpy as np
import torch
from torch import Tensor


def sampled(mean: Tensor, logvar: Tensor, seed: int = 1) -> Tensor:
    noise = np.random.default_rng(seed).standard_normal(tuple(mean.shape))
    return (mean.double() + torch.exp(0.5 * logvar.double()) * torch.from_numpy(noise)).to(mean.dtype)


def mixture(name: str, count: int, latent: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    mean = rng.standard_normal((count, latent))
    deviation = np.full((count, latent), 0.05)
    if name == "narrow":
        deviation *= np.exp(0.5 * rng.standard_normal((count, latent)))
    elif name == "wide":  # an untrained encoder: nothing can be left out
        mean *= 0.05
        deviation = np.exp(0.05 * rng.standard_normal((count, latent)))
    elif name == "half collapsed":
        mean[:, ::2] *= 0.02
        deviation[:, ::2] = 0.95
    elif name == "every width":
        deviation = 10 ** rng.uniform(-4, 1, (count, latent))
    elif name == "duplicates":
        mean = mean[rng.integers(0, max(1, count // 7), count)]
    elif name == "outliers":
        mean[: max(1, count // 50)] *= 300
    elif name == "one point":
        mean[:] = 0.5
    return torch.from_numpy(mean), torch.from_numpy(2 * np.log(deviation))


MIXTURES = ("narrow", "wide", "half collapsed", "every width", "duplicates", "outliers", "one point")
