"""Unpacking in plain PyTorch: the specification."""

import torch
from torch import Tensor


def unpack(rows: Tensor, pixels: int, dtype: torch.dtype) -> Tensor:
    """(n, bytes) uint8 to (n, pixels): the highest bit of a byte is its first pixel."""
    shifts = torch.arange(7, -1, -1, device=rows.device)
    bits = rows.unsqueeze(-1) >> shifts & 1
    return bits.flatten(1)[:, :pixels].to(dtype)
