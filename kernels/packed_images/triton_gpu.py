"""Gather and unpack in one launch: a program reads a stretch of one image's bytes and writes its pixels.

A GPU unpacks 64 images of 4096 pixels, 1 MB in float32, in about the time of the launch itself.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from .._triton import launch_options

_BYTES = 128  # of one image: 1024 pixels, eight to each of 128 threads


@triton.jit(do_not_specialize=["stride", "row", "pixels"])
def _unpack(packed, indices, images, stride, row, pixels, BYTES: tl.constexpr):
    """images[n, 8 k + b] = bit 7 - b of packed[indices[n], k]"""
    image = tl.program_id(0).to(tl.int64)
    k = tl.program_id(1) * BYTES + tl.arange(0, BYTES)
    source = packed + tl.load(indices + image) * stride
    byte = tl.load(source + k, mask=k < row, other=0).to(tl.int32)
    bit = tl.arange(0, 8)
    pixel = 8 * k[:, None] + bit[None, :]
    value = (byte[:, None] >> (7 - bit)[None, :]) & 1
    value = value.to(tl.float32).to(images.dtype.element_ty)
    tl.store(images + image * pixels + pixel, value, mask=pixel < pixels)


def unpack(packed: Tensor, indices: Tensor, images: Tensor) -> None:
    """Fill images (n, pixels) from the rows (n,) of packed (count, bytes)."""
    if packed.stride(1) != 1:
        packed = packed.contiguous()
    count, pixels = images.shape
    row = packed.shape[1]
    if count == 0:
        return
    with torch.cuda.device_of(images):
        _unpack[(count, triton.cdiv(row, _BYTES))](
            packed, indices, images, packed.stride(0), row, pixels, _BYTES, **launch_options(4)
        )
