"""The words of Philox and the pixels that they belong to, in one launch."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from .._triton import launch_options

_BLOCK = 256  # counters, or elements, of a program
_UNIT = tl.constexpr(2.0**-24)


@triton.jit
def _uniform(word):
    return (word >> 8).to(tl.int32).to(tl.float32) * _UNIT


@triton.jit
def _bits(sprite, pixel, mask):
    byte = tl.load(sprite + pixel // 8, mask=mask, other=0).to(tl.int32)
    return (byte >> (7 - pixel % 8)) & 1


@triton.jit
def _words(block, image, visit, seed):
    """Words 0 to 3 of the blocks of one image's stream."""
    low = (image & 0xFFFFFFFF).to(tl.uint32, bitcast=False)
    high = (image >> 32).to(tl.uint32, bitcast=False)
    counter = block.to(tl.uint32, bitcast=False)
    zero = counter * 0
    return tl.philox(seed, counter, zero + low, zero + visit.to(tl.uint32, bitcast=False), zero + high)


@triton.jit(do_not_specialize=["stride", "pixels", "visit", "seed"])
def _noise(packed, indices, out, stride, pixels, visit, seed, BLOCK: tl.constexpr):
    """out[n, element j q + b] = max(sprite, word j of block b)"""
    n = tl.program_id(0).to(tl.int64)
    image = tl.load(indices + n)
    quarter = 3 * pixels // 4
    block = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = block < quarter
    w0, w1, w2, w3 = _words(block, image, visit, seed)
    target = out + n * 3 * pixels
    for j in tl.static_range(4):
        element = j * quarter + block
        word = w0 if j == 0 else w1 if j == 1 else w2 if j == 2 else w3
        sprite = _bits(packed + image * stride, element // 3, mask).to(tl.float32)
        tl.store(target + element, tl.maximum(sprite, _uniform(word)), mask=mask)


@triton.jit(do_not_specialize=["stride", "pixels", "visit", "seed", "width", "rows", "columns"])
def _tint(
    packed, indices, background, out, stride, pixels, visit, seed, width, rows, columns,
    SCREAM: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    """A colour where the sprite is, or a tinted crop of background (rows, columns, 3)."""
    n = tl.program_id(0).to(tl.int64)
    image = tl.load(indices + n)
    element = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    pixel, channel = element // 3, element % 3
    mask = pixel < pixels
    zero = pixel * 0
    w0, w1, w2, _ = _words(zero, image, visit, seed)
    tint = _uniform(tl.where(channel == 0, w0, tl.where(channel == 1, w1, w2)))
    on = _bits(packed + image * stride, pixel, mask) == 1
    if SCREAM:
        v, u, _, _ = _words(zero + 1, image, visit, seed)
        y = (v.to(tl.int64) * (rows - pixels // width + 1) >> 32) + pixel // width
        x = (u.to(tl.int64) * (columns - width + 1) >> 32) + pixel % width
        place = 3 * (y * columns + x) + channel
        behind = (tl.load(background + place, mask=mask, other=0.0) + tint) * 0.5
        value = tl.where(on, 1.0 - behind, behind)
    else:
        value = tl.where(on, 0.5 + 0.5 * tint, 0.0)
    tl.store(out + n * 3 * pixels + element, value, mask=mask)


def fill(
    nuisance: str, packed: Tensor, indices: Tensor, seed: int, visit: int, background: Tensor, out: Tensor
) -> None:
    """Fill out (n, height, width, 3) from the rows (n,) of packed (count, bytes)."""
    if packed.stride(1) != 1:
        packed = packed.contiguous()
    count, height, width, _ = out.shape
    pixels = height * width
    if count == 0:
        return
    with torch.cuda.device_of(out):
        if nuisance == "noise":
            _noise[(count, triton.cdiv(3 * pixels // 4, _BLOCK))](
                packed, indices, out, packed.stride(0), pixels, visit, seed, _BLOCK, **launch_options(4)
            )
        else:
            _tint[(count, triton.cdiv(3 * pixels, _BLOCK))](
                packed,
                indices,
                background,
                out,
                packed.stride(0),
                pixels,
                visit,
                seed,
                width,
                background.shape[0],
                background.shape[1],
                nuisance == "scream",
                _BLOCK,
                **launch_options(4),
            )
