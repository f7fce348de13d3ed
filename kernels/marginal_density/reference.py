"""The marginals in plain PyTorch, float64: every point against every posterior."""

import math

import torch
from torch import Tensor

_PAIRS = 1 << 22  # at a time


def marginal_log_density(z: Tensor, mean: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
    z, mean, logvar = z.double(), mean.double(), logvar.double()
    log_q = torch.empty_like(z)
    rows = max(1, _PAIRS // mean.numel())
    for start in range(0, len(z), rows):
        squares = (z[start : start + rows, None] - mean).square() * torch.exp(-logvar)  # (rows, N, latent)
        log_q[start : start + rows] = torch.logsumexp(-0.5 * (squares + logvar), dim=1)
    return log_q - 0.5 * math.log(2 * math.pi) - math.log(len(mean)), torch.zeros_like(log_q)
