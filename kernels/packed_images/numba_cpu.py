"""Gather and unpack in one pass."""

import numpy as np
import torch
from torch import Tensor

from .._numba import launch, njit

_CHUNK = 64  # images
_WORD = {2: torch.int16, 4: torch.int32, 8: torch.int64}


@njit
def _unpack(first, last, packed, indices, one, images):
    pixels = images.shape[1]
    whole = pixels // 8
    zero = images.dtype.type(0)
    for i in range(first * _CHUNK, min(last * _CHUNK, len(indices))):
        row = packed[indices[i]]
        image = images[i]
        for k in range(whole):
            byte = row[k]
            for bit in range(8):  # eight pixels are one vector store
                image[8 * k + bit] = one if byte & (128 >> bit) else zero
        for pixel in range(8 * whole, pixels):
            image[pixel] = one if row[whole] & (128 >> (pixel % 8)) else zero


def unpack(packed: np.ndarray, indices: np.ndarray, images: Tensor) -> None:
    """Fill images (n, pixels) from the rows (n,) of packed (count, bytes).

    The pixels are written as integers that hold the bits of 0 and 1, since Numba has no half types.
    """
    word = _WORD[images.dtype.itemsize]
    one = torch.ones(1, dtype=images.dtype).view(word).numpy()[0]
    packed = packed.view()
    packed.flags.writeable = False  # as a mapped file is: one compiled variant for both
    chunks = -(-len(indices) // _CHUNK)
    launch(
        _unpack,
        chunks,
        0.13 * images.numel(),
        packed,
        indices,
        one,
        images.view(word).numpy(),
    )
