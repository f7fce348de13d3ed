"""Each entry's new row is the rank of its random key within its column: one launch, no sort.

Keys are 64 bits of Philox, drawn again wherever they are compared; ties, one in 2^64, go by the row. That is
B^2 D comparisons, which for B = 4096 and D = 10 are 168 million: less than a launch takes on an H100.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from .._triton import launch_options, with_stride

_ROWS, _OTHERS = 32, 128


@triton.jit
def _keys(seed, rows, column, latent):
    high, low, _, _ = tl.randint4x(seed, rows * latent + column)
    return (high.to(tl.uint64) << 32) | low.to(tl.uint64)


@triton.jit(do_not_specialize=["batch", "latent", "stride"])
def _permute(
    values, seed, out, batch, latent, stride, BACK: tl.constexpr, ROWS: tl.constexpr, OTHERS: tl.constexpr
):
    """out[rank, d] = values[row, d] or, for gradients, out[row, d] = values[rank, d]."""
    column = tl.program_id(1)
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    chosen = tl.load(seed)
    own = _keys(chosen, rows, column, latent)[:, None]
    rank = tl.zeros([ROWS], tl.int32)
    for start in range(0, batch, OTHERS):
        others = start + tl.arange(0, OTHERS)
        keys = _keys(chosen, others, column, latent)[None, :]
        before = (keys < own) | ((keys == own) & (others[None, :] < rows[:, None]))
        rank += tl.sum((before & (others < batch)[None, :]).to(tl.int32), 1)
    source, target = (rank, rows) if BACK else (rows, rank)
    mask = rows < batch
    entry = tl.load(values + source.to(tl.int64) * stride + column, mask=mask)
    tl.store(out + target.to(tl.int64) * latent + column, entry, mask=mask)


def permute_dims(z: Tensor, seed: Tensor) -> Tensor:
    return _run(z, seed, back=False)


def backward(grad: Tensor, seed: Tensor) -> Tensor:
    return _run(grad, seed, back=True)


def _run(values: Tensor, seed: Tensor, back: bool) -> Tensor:
    batch, latent = values.shape
    values, stride = with_stride(values)
    out = torch.empty(values.shape, dtype=values.dtype, device=values.device)
    grid = (triton.cdiv(batch, _ROWS), latent)
    _permute[grid](values, seed, out, batch, latent, stride, back, _ROWS, _OTHERS, **launch_options(4))
    return out
