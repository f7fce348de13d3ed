"""Black-and-white images kept as bits: pack a chunk, gather and unpack a batch.

An image (channels, height, width) is one row of ceil(channels · height · width / 8) bytes, its pixels in
that order, the highest bit of a byte first, as ``numpy.packbits`` has it. A batch of n images is gathered by
index and unpacked in one pass: n · bytes read, 4 n · pixels bytes written in float32, one bit test a pixel.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ... import _checks
from .. import _dispatch
from . import reference

_DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def pack(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pack images of zeros and ones.

    Args:
        images: (n, ...) uint8 or bool.

    Returns:
        (n, bytes) uint8, one row per image, filled up with zeros where its pixels do not fill the last byte.

    Raises:
        TypeError: images is neither uint8 nor bool.
        ValueError: a pixel is neither 0 nor 1.

    Example:
        >>> pack(np.array([[[0, 1, 1], [1, 0, 0], [0, 1, 1]]], np.uint8))
        array([[113, 128]], dtype=uint8)
    """
    if images.dtype not in (np.uint8, np.bool_):
        raise TypeError(f"pack: images must be uint8 or bool, got {images.dtype}")
    if images.size and images.max() > 1:
        raise ValueError(f"pack: images must be 0 or 1 in every pixel, got {images.max()}")
    return np.packbits(images.reshape(len(images), -1), axis=1)


def unpack(
    packed: NDArray[np.uint8] | Tensor,
    indices: NDArray[np.int64] | Tensor,
    image_shape: tuple[int, ...] = (1, 64, 64),
    *,
    dtype: torch.dtype = torch.float32,
    backend: str = "auto",
) -> Tensor:
    """Unpack the images that ``indices`` names.

    Args:
        packed: (count, bytes) uint8, a NumPy array (a memory map too) or a tensor on any device.
        indices: (n,) integers from 0 to count - 1, in any order, repeated or not.
        image_shape: (channels, height, width).
        dtype: float32, float64, float16 or bfloat16.
        backend: "auto", "reference", "numba" or "triton".

    Returns:
        (n, *image_shape) of 0 and 1, on the device of ``packed``.

    Raises:
        TypeError: packed is not uint8, indices are not integers, or dtype is none of these four.
        ValueError: packed or indices have the wrong shape for image_shape.
        IndexError: an index is below 0 or above count - 1.
        RuntimeError: the backend cannot run on the device of ``packed``.

    Example:
        >>> images = np.array([[[0, 1, 1], [1, 0, 0]], [[1, 1, 1], [0, 0, 0]]], np.uint8)
        >>> unpack(pack(images), np.array([1]), (1, 2, 3))
        tensor([[[[1., 1., 1.],
                  [0., 0., 0.]]]])
    """
    pixels = math.prod(image_shape)
    if packed.dtype not in (np.uint8, torch.uint8):
        raise TypeError(f"unpack: packed must be uint8, got {packed.dtype}")
    if packed.ndim != 2 or packed.shape[1] != -(-pixels // 8):
        raise ValueError(
            f"unpack: packed must have shape (count, {-(-pixels // 8)}) for images {tuple(image_shape)}, "
            f"got {tuple(packed.shape)}"
        )
    if dtype not in _DTYPES:
        raise TypeError(f"unpack: dtype must be float32, float64, float16 or bfloat16, got {dtype}")
    indices = _checks.indices("unpack", indices, len(packed))
    device = packed.device if isinstance(packed, Tensor) else torch.device("cpu")
    indices = indices.to(device, torch.int64, non_blocking=True)  # the device need not finish its queue first
    images = torch.empty((len(indices), pixels), dtype=dtype, device=device)
    chosen = _dispatch.choose("unpack", backend, images, triton=True)
    if chosen == "numba":
        from . import numba_cpu

        numba_cpu.unpack(np.asarray(packed), indices.numpy(), images)
    elif chosen == "triton":
        from . import triton_gpu

        triton_gpu.unpack(torch.as_tensor(packed, device=device), indices, images)
    else:
        rows = packed[indices] if isinstance(packed, Tensor) else torch.from_numpy(packed[indices.numpy()])
        images = reference.unpack(rows, pixels, dtype)
    return images.reshape(-1, *image_shape)
