"""Posteriors of a batch and a sample of each."""

import torch
from torch import Tensor


def posteriors(batch: int, latent: int, seed: int = 0) -> list[Tensor]:
    """z, mean, logvar in float64: some latents informative, some near the prior."""
    torch.manual_seed(seed)
    mean = torch.randn(batch, latent, dtype=torch.float64)
    logvar = torch.randn_like(mean) - 3 * torch.rand(latent, dtype=torch.float64)
    return [mean + torch.exp(logvar / 2) * torch.randn_like(mean), mean, logvar]
