"""The specification, in plain PyTorch, on any device: every Gaussian at every point."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def grouped_density(
    mean: Tensor,
    deviation: Tensor,
    classes: Tensor,
    sizes: Sequence[int],
    low: Tensor,
    step: Tensor,
    points: int,
) -> Tensor:
    grid = low + step * torch.arange(points, dtype=mean.dtype, device=mean.device)[:, None]
    groups = [classes[:, k] == value for k, size in enumerate(sizes) for value in range(size)]
    return torch.stack([_density(grid, mean[rows], deviation[rows]) for rows in groups], dim=1)


def _density(grid: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """(latent, points)."""
    standard = (grid[:, None] - mean) / deviation
    return (torch.exp(-0.5 * standard**2) / (deviation * math.sqrt(2 * math.pi))).sum(dim=1).T
