"""The mixture's log density in plain PyTorch, float64: every query against every posterior."""

import math

import torch
from torch import Tensor

_PAIRS = 1 << 22  # values of one latent at a time


def log_density(
    z: Tensor, mean: Tensor, logvar: Tensor, max_pairs: float | None = None
) -> tuple[Tensor, Tensor, int]:
    pairs = len(z) * len(mean)
    if max_pairs is not None and pairs > max_pairs:
        raise RuntimeError(
            f"log_density: max_pairs is {max_pairs:,}, but the reference evaluates all {pairs:,}; "
            "ask for fewer queries or a larger max_pairs"
        )
    z, mean, scale = z.double(), mean.double(), torch.exp(-0.5 * logvar.double())
    constant = -0.5 * (logvar.double().sum(dim=1) + mean.shape[1] * math.log(2 * math.pi))
    log_q = z.new_empty(len(z))
    rows = max(1, _PAIRS // mean.numel())
    for start in range(0, len(z), rows):
        squares = ((z[start : start + rows, None] - mean) * scale).square().sum(dim=2)
        log_q[start : start + rows] = torch.logsumexp(constant - 0.5 * squares, dim=1)
    return log_q - math.log(len(mean)), torch.zeros_like(log_q), pairs
