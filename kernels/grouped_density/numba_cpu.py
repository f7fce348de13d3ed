"""Grouped densities for the CPU, one latent a chunk."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .._cpu.arrays import as_array
from .._cpu.exponential import exp
from .._cpu.parallel_for import parallel_for

_NANOSECONDS = 300  # a sample and latent


def grouped_density(
    mean: Tensor,
    deviation: Tensor,
    classes: Tensor,
    sizes: Sequence[int],
    low: Tensor,
    step: Tensor,
    points: int,
) -> Tensor:
    offsets = np.cumsum(sizes) - np.array(sizes)
    groups = as_array(classes).astype(np.int64) + offsets
    density = np.zeros((mean.shape[1], sum(sizes), points))
    arguments = (as_array(mean), as_array(deviation), groups, as_array(low), as_array(step), density)
    _accumulate(mean.shape[1], mean.numel() * _NANOSECONDS, *arguments)
    return torch.from_numpy(density)


@parallel_for
def _accumulate(first, last, mean, deviation, groups, low, step, density):
    samples, columns = groups.shape
    points = density.shape[2]
    reach = 8.0
    values = np.empty(points)
    for d in range(first, last):
        h = step[d]
        for i in range(samples):
            sigma = deviation[i, d]
            centre = (mean[i, d] - low[d]) / h
            width = reach * sigma / h
            begin = max(0, math.ceil(centre - width))
            end = min(points, int(centre + width) + 1)
            if end <= begin:
                continue
            scale = h / sigma
            peak = 1.0 / (sigma * math.sqrt(2 * math.pi))
            line = values[: end - begin]
            offset = (begin - centre) * scale
            for g in range(line.size):
                y = offset + g * scale
                line[g] = exp(-0.5 * y * y) * peak
            for k in range(columns):
                table = density[d, groups[i, k], begin:end]
                for g in range(line.size):
                    table[g] += line[g]
