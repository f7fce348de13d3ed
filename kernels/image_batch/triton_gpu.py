"""Gather and scale in one launch: a program converts a stretch of one image."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from .._triton import launch_options

_BYTES = 1024  # of one image, eight to each of 128 threads


@triton.jit(do_not_specialize=["stride", "size"])
def _convert(images, indices, out, stride, size, BYTES: tl.constexpr):
    """out[n, p] = images[indices[n], p] / 255"""
    n = tl.program_id(0).to(tl.int64)
    p = tl.program_id(1) * BYTES + tl.arange(0, BYTES)
    byte = tl.load(images + tl.load(indices + n) * stride + p, mask=p < size, other=0)
    tl.store(out + n * size + p, tl.div_rn(byte.to(tl.float32), 255.0), mask=p < size)


def image_batch(images: Tensor, indices: Tensor, out: Tensor) -> None:
    """Fill out (n, ...) from the rows (n,) of images (count, ...)."""
    if not images[:1].is_contiguous():
        images = images.contiguous()
    if out.numel() == 0:
        return
    count, size = len(out), out[0].numel()
    with torch.cuda.device_of(out):
        _convert[(count, triton.cdiv(size, _BYTES))](
            images, indices, out, images.stride(0), size, _BYTES, **launch_options(4)
        )
