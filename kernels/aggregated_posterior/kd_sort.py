"""The order of a k-d tree in plain PyTorch, a level at a time: what the GPU's tiles are cut from."""

import math

import torch
from torch import Tensor


def sort(points: Tensor, scale: Tensor, leaf_size: int) -> Tensor:
    """Return the order in which points (points, latent) with 1 / sigma (points, latent) fill leaves.

    All cells of a level are split at once, each at its middle: places beyond the last point are made for
    that, and go last in every cell, so that only the last leaf is short.
    """
    count = len(points)
    cells, size = 1, leaf_size * 2 ** max(0, math.ceil(math.log2(count / leaf_size)))
    order = torch.arange(size, device=points.device)
    while size > leaf_size:
        places = order.view(cells, size)
        inside = places < count
        rows = places.clamp(max=count - 1)
        x, weight = points[rows], inside.unsqueeze(2) / inside.sum(dim=1).clamp(min=1)[:, None, None]
        spread = ((x - (x * weight).sum(dim=1, keepdim=True)).square() * weight).sum(dim=1)
        widest = (spread * (scale[rows] * weight).sum(dim=1).square()).argmax(dim=1)
        keys = x.gather(2, widest.view(cells, 1, 1).expand(cells, size, 1))[:, :, 0]
        order = places.gather(1, keys.masked_fill(~inside, math.inf).argsort(dim=1, stable=True)).flatten()
        cells, size = 2 * cells, size // 2
    return order[order < count]
