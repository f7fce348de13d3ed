"""The specification, in plain PyTorch: the order of independent uniform keys is a uniform permutation."""

import torch
from torch import Tensor


def permute_dims(z: Tensor, generator: torch.Generator | None) -> Tensor:
    keys = torch.rand(z.shape, generator=generator, dtype=torch.float64, device=z.device)
    return z.gather(0, keys.argsort(0))
