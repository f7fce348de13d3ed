"""The specification, in plain PyTorch: the order of independent uniform keys is a uniform permutation."""

import torch
from torch import Tensor

from .._dispatch import drawn_with


def permute_dims(z: Tensor, generator: torch.Generator | None) -> Tensor:
    keys = torch.rand(z.shape, dtype=torch.float64, device=z.device, **drawn_with(generator))
    return z.gather(0, keys.argsort(0))
