"""A batch of a data set's uint8 images: gathered by index and scaled to float32, in one pass.

With images x (count, ...) and indices k, whatever the order of the axes::

    out[n, ...] = x[k_n, ...] / 255,  rounded to float32

The bits are those of ``x[k].float().div(255)``. Work: 1 byte read and 4 bytes written an element, against
1 + 1 + 1 + 4 + 4 + 4 in plain PyTorch, which writes the gathered bytes, their floats and the quotients one
after the other. Channels stay where they are: of images that end with them a permuted view is in the memory
format channels_last, which the models compute in.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ... import _checks
from .. import _dispatch
from . import reference

_CPU = torch.device("cpu")


def image_batch(
    images: NDArray[np.uint8] | Tensor,
    indices: NDArray[np.int64] | Tensor,
    *,
    backend: str = "auto",
) -> Tensor:
    """Gather the images that ``indices`` names as float32 in [0, 1].

    Args:
        images: (count, ...) uint8, a NumPy array (a memory map too) or a tensor on any device.
        indices: (n,) integers from 0 to count - 1, in any order, repeated or not.
        backend: "auto", "reference", "numba" or "triton".

    Returns:
        (n, ...) float32, contiguous, on the device of ``images``.

    Raises:
        TypeError: images is not uint8 or indices are not integers.
        ValueError: images has no axis, or indices not one.
        IndexError: an index is below 0 or above count - 1.
        RuntimeError: the backend cannot run on the device of ``images``.

    Example:
        >>> images = np.array([[[0, 51, 255]], [[255, 102, 0]]], np.uint8)
        >>> image_batch(images, np.array([1, 0]))
        tensor([[[1.0000, 0.4000, 0.0000]],
        <BLANKLINE>
                [[0.0000, 0.2000, 1.0000]]])
    """
    if images.dtype not in (np.uint8, torch.uint8):
        raise TypeError(f"image_batch: images must be uint8, got {images.dtype}")
    if images.ndim == 0:
        raise ValueError("image_batch: images must have shape (count, ...), got ()")
    indices = _checks.indices("image_batch", indices, len(images))
    device = images.device if isinstance(images, Tensor) else _CPU
    indices = indices.to(device, torch.int64, non_blocking=True)
    out = torch.empty((*indices.shape, *images.shape[1:]), dtype=torch.float32, device=device)
    chosen = _dispatch.choose("image_batch", backend, out, triton=True)
    if chosen == "numba":
        from . import numba_cpu

        numba_cpu.image_batch(np.asarray(images), indices.numpy(), out)
    elif chosen == "triton":
        from . import triton_gpu

        triton_gpu.image_batch(torch.as_tensor(images), indices, out)
    else:
        rows = images[indices] if isinstance(images, Tensor) else torch.from_numpy(images[indices.numpy()])
        out = reference.image_batch(rows)
    return out
