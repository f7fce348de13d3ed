"""Gather, transpose and scale in one launch: a program writes a stretch of one channel of one image."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from .._triton import launch_options

_PIXELS = 1024  # of one channel, eight to each of 128 threads


@triton.jit(do_not_specialize=["stride", "pixels", "channels", "step"])
def _convert(images, indices, out, stride, pixels, channels, step, PIXELS: tl.constexpr):
    """out[n, c, p] = images[indices[n], step p + c (pixels where step is 1)] / 255"""
    image = tl.program_id(0).to(tl.int64)
    channel = tl.program_id(1)
    pixel = tl.program_id(2) * PIXELS + tl.arange(0, PIXELS)
    first = tl.where(step == 1, channel * pixels, channel)
    source = images + tl.load(indices + image) * stride + first
    byte = tl.load(source + step * pixel, mask=pixel < pixels, other=0).to(tl.float32)
    target = out + (image * channels + channel) * pixels
    tl.store(target + pixel, tl.div_rn(byte, 255.0), mask=pixel < pixels)


def image_batch(images: Tensor, indices: Tensor, channels_last: bool, out: Tensor) -> None:
    """Fill out (n, channels, height, width) from the rows (n,) of images."""
    if not images[:1].is_contiguous():
        images = images.contiguous()
    count, channels, height, width = out.shape
    if out.numel() == 0:
        return
    pixels, step = height * width, channels if channels_last else 1
    with torch.cuda.device_of(out):
        _convert[(count, channels, triton.cdiv(pixels, _PIXELS))](
            images, indices, out, images.stride(0), pixels, channels, step, _PIXELS, **launch_options(4)
        )
