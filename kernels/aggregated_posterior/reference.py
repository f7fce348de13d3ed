"""The mixture's log density in plain PyTorch, float64: every query against every posterior."""

import math

import torch
from torch import Tensor

_PAIRS = 1 << 22  # values of one latent at a time


def log_density(z: Tensor, mean: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor, int]:
    z, mean, scale = z.double(), mean.double(), torch.exp(-0.5 * logvar.double())
    constant = -0.5 * (logvar.double().sum(dim=1) + mean.shape[1] * math.log(2 * math.pi))
    log_q = z.new_empty(len(z))
    rows = max(1, _PAIRS // mean.numel())
    for start in range(0, len(z), rows):
        squares = ((z[start : start + rows, None] - mean) * scale).square().sum(dim=2)
        log_q[start : start + rows] = torch.logsumexp(constant - 0.5 * squares, dim=1)
    return log_q - math.log(len(mean)), torch.zeros_like(log_q), len(z) * len(mean)
