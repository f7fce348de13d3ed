"""dSprites with a nuisance drawn on the fly: packed bits in, coloured or noisy pictures out, in one pass.

Locatello et al. 2019 (Challenging Common Assumptions), section 5. With sprite s (height, width) of 0 and 1,
pixels p = (y, x), channels c and U uniform in [0, 1)::

    color    out_pc = s_p (1/2 + U_c / 2)                       one U a channel
    noise    out_pc = min(s_p + U_pc, 1) = max(s_p, U_pc)        one U a pixel and channel
    scream   b_pc = (background_(y + v, x + u, c) + U_c) / 2,    a random crop, one U a channel
             out_pc = 1 - b_pc where s_p = 1, else b_pc

The numbers come from Philox4x32-10 (Salmon et al. 2011), a block cipher of a counter: the key is the seed,
the counter (block, image, visit, image >> 32), so that an image's nuisance is a function of seed, image and
visit alone, whatever the batch and the number of threads. Four 32-bit words w make a block, and
U = (w >> 8) / 2^24. Of the noise, word j of block b belongs to element j q + b of the 4 q = 3 height width
elements (y, x, c) of an image; color and scream take words 0 to 2 of block 0, the crop words 0 and 1 of
block 1, as v = w (H - height + 1) >> 32 and u likewise.

Work: noise costs 20 products of 32 bits for four numbers, and 4 bytes written a pixel and channel.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ... import _checks
from .. import _dispatch
from . import reference

NUISANCES = ("color", "noise", "scream")
_NO_PICTURE = torch.empty(0, 0, 3)


def nuisance_images(
    nuisance: str,
    packed: NDArray[np.uint8] | Tensor,
    indices: NDArray[np.int64] | Tensor,
    size: tuple[int, int] = (64, 64),
    *,
    seed: int = 0,
    visit: int = 0,
    background: NDArray[np.float32] | Tensor | None = None,
    backend: str = "auto",
) -> Tensor:
    """Unpack the sprites that ``indices`` names, with a nuisance.

    Args:
        nuisance: "color", "noise" or "scream".
        packed: (count, bytes) uint8 of one channel, as `kernels.packed_images.pack` gives them; a NumPy
            array (a memory map too) or a tensor on any device.
        indices: (n,) integers from 0 to count - 1, in any order, repeated or not.
        size: height and width, a multiple of 8 pixels in all.
        seed: of all nuisances.
        visit: how often the images have been seen before; another visit draws other nuisances.
        background: (H, W, 3) float32 in [0, 1], at least as large as the images, for "scream".
        backend: "auto", "reference", "numba" or "triton".

    Returns:
        (n, 3, height, width) float32 in [0, 1], on the device of ``packed`` and in the memory format
        channels_last, which the models compute in; the same bits from every backend.

    Raises:
        TypeError: packed or background have another dtype, indices are not integers.
        ValueError: an unknown nuisance, or a shape, seed or visit that does not fit.
        IndexError: an index is below 0 or above count - 1.
        RuntimeError: the backend cannot run on the device of ``packed``.

    Example:
        >>> packed = np.array([[0b01111110]], np.uint8)
        >>> image = nuisance_images("color", packed, np.array([0]), (1, 8))
        >>> image[0, :, 0, 0].tolist(), bool((image[0, :, 0, 1] >= 0.5).all())
        ([0.0, 0.0, 0.0], True)
        >>> again = nuisance_images("color", packed, np.array([0]), (1, 8), visit=1)
        >>> torch.equal(image, again)
        False
    """
    function = "nuisance_images"
    _checks.choice(function, "nuisance", nuisance, NUISANCES)
    seed = _checks.seed(function, seed)
    visit = _checks.integer(function, "visit", visit, low=0, high=2**32 - 1)
    pixels = math.prod(size)
    if pixels % 8:
        raise ValueError(f"{function}: size must have a multiple of 8 pixels, got {tuple(size)}")
    if packed.dtype not in (np.uint8, torch.uint8):
        raise TypeError(f"{function}: packed must be uint8, got {packed.dtype}")
    if packed.ndim != 2 or packed.shape[1] != pixels // 8:
        raise ValueError(
            f"{function}: packed must have shape (count, {pixels // 8}) for images {tuple(size)}, "
            f"got {tuple(packed.shape)}"
        )
    indices = _checks.indices(function, indices, len(packed))
    device = packed.device if isinstance(packed, Tensor) else torch.device("cpu")
    indices = indices.to(device, torch.int64, non_blocking=True)
    picture = _background(function, background, size).to(device) if nuisance == "scream" else _NO_PICTURE
    out = torch.empty((len(indices), *size, 3), dtype=torch.float32, device=device)
    chosen = _dispatch.choose(function, backend, out, triton=True)
    if chosen == "numba":
        from . import numba_cpu

        numba_cpu.fill(nuisance, np.asarray(packed), indices.numpy(), seed, visit, picture.numpy(), out)
    elif chosen == "triton":
        from . import triton_gpu

        triton_gpu.fill(nuisance, torch.as_tensor(packed), indices, seed, visit, picture, out)
    else:
        rows = packed[indices].cpu().numpy() if isinstance(packed, Tensor) else packed[indices.numpy()]
        keys = indices.cpu().numpy()
        made = reference.images(nuisance, rows, keys, size, seed, visit, picture.cpu().numpy())
        out.copy_(torch.from_numpy(made))
    return out.permute(0, 3, 1, 2)


def _background(
    function: str, background: NDArray[np.float32] | Tensor | None, size: tuple[int, int]
) -> Tensor:
    if background is None:
        raise ValueError(f"{function}: background must be given for 'scream', got None")
    picture = torch.as_tensor(background)
    if picture.dtype != torch.float32:
        raise TypeError(f"{function}: background must be float32, got {picture.dtype}")
    shape = tuple(picture.shape)
    if len(shape) != 3 or shape[0] < size[0] or shape[1] < size[1] or shape[2] != 3:
        raise ValueError(
            f"{function}: background must have shape (at least {size[0]}, at least {size[1]}, 3), got {shape}"
        )
    return picture.contiguous()
