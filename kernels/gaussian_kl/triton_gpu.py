"""z and KL in one pass over mean and logvar, and their gradients in one more.

The (batch, latent) elements are read as one row, in blocks of a whole number of samples that is also a whole
number of 16-byte vectors: accesses are as wide as the hardware has them, and a lane stays with its latent,
whatever the number of latents is. KL is summed over the batch lane by lane, then over the lanes and the
programs of one latent in float64. The number of programs depends on the shape alone and nothing is added
atomically: two runs give the same bits.
"""

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from .._dispatch import accumulation_dtype
from .._triton import compute_dtype, expm1_parts, launch_options, power_of_two, with_stride

_BLOCK = 1024  # elements, unless one sample has more
_PROGRAMS = 1024  # at the most
_SUMS = 2048  # elements of the tile in which partial sums are added
_SIZES = ["mean_row", "logvar_row", "noise_row", "grad_z_row", "grad_kl_row", "batch", "latent", "quads"]


@triton.jit
def _blocks(batch, rows, latent, width, TAIL: tl.constexpr):
    """The steps of this program and how many elements of their blocks count.

    The rest of the batch is a block of its own: a limit that is not a whole number of vectors would make
    every access scalar.
    """
    program, whole = tl.program_id(0).to(tl.int64), batch // rows
    if TAIL:
        first = tl.where(program == whole % tl.num_programs(0), whole, whole + 1)
        return first.to(tl.int64), whole + 1, (batch - whole * rows) * latent
    else:
        return program, whole, width


@triton.jit
def _load(pointer, step, lane, width, latent, row, mask, dtype: tl.constexpr, CONTIGUOUS: tl.constexpr):
    """One block of a matrix whose rows are `row` elements apart."""
    if CONTIGUOUS:
        pointers = pointer + step * width + lane
    else:
        pointers = pointer + step * (width // latent) * row + (lane // latent * row + lane % latent)
    return tl.load(pointers, mask=mask, other=0.0).to(dtype)


@triton.jit(do_not_specialize=_SIZES)
def _forward(
    mean,
    logvar,
    noise,
    z,
    kl,
    lanes,
    means,
    mean_row,
    logvar_row,
    noise_row,
    batch,
    latent,
    quads,
    dtype: tl.constexpr,
    CONTIGUOUS: tl.constexpr,
    BLOCK: tl.constexpr,
    LATENT: tl.constexpr,
    ROWS: tl.constexpr,
):
    """z and kl (batch, latent) and the parts of its mean over the batch, means (programs, latent).

    Each output may be None. lanes is (programs, width), a workspace.
    """
    width = 4 * quads
    rows = width // latent
    lane = tl.arange(0, BLOCK)
    total = tl.zeros([BLOCK], dtype)
    for TAIL in tl.static_range(2):
        first, stop, limit = _blocks(batch, rows, latent, width, TAIL)
        mask = lane < limit
        for step in range(first, stop, tl.num_programs(0)):
            m = _load(mean, step, lane, width, latent, mean_row, mask, dtype, CONTIGUOUS)
            h = 0.5 * _load(logvar, step, lane, width, latent, logvar_row, mask, dtype, CONTIGUOUS)
            e, rest = expm1_parts(h)
            if noise is not None:
                n = _load(noise, step, lane, width, latent, noise_row, mask, dtype, CONTIGUOUS)
                tl.store(z + step * width + lane, m + (e * n + n), mask=mask)
            # expm1(2h) - 2h = e^2 + 2 (e - h): nothing cancels where a latent has collapsed
            value = 0.5 * (m * m + (e * e + 2 * rest))
            if kl is not None:
                tl.store(kl + step * width + lane, value, mask=mask)
            total += value  # 0 where masked: the loads gave zeros
    if means is not None:
        program, column = tl.program_id(0).to(tl.int64), tl.arange(0, LATENT)
        mine = lanes + program * width
        tl.store(mine + lane, total, mask=lane < width)
        tl.debug_barrier()
        part = _sum_of_rows(mine, rows, latent, LATENT, ROWS) / batch
        tl.store(means + program * latent + column, part, mask=column < latent)


@triton.jit(do_not_specialize=_SIZES)
def _backward(
    grad_z,
    grad_kl,
    mean,
    logvar,
    noise,
    grad_mean,
    grad_logvar,
    grad_z_row,
    grad_kl_row,
    mean_row,
    logvar_row,
    noise_row,
    batch,
    latent,
    quads,
    dtype: tl.constexpr,
    CONTIGUOUS: tl.constexpr,
    BY_ROW: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """grad_mean and grad_logvar from the gradient of z (with its noise) and that of KL; each may be None.

    grad_kl is (batch, latent) where BY_ROW, else (latent,), of the mean over the batch.
    """
    width = 4 * quads
    rows = width // latent
    lane = tl.arange(0, BLOCK)
    if grad_kl is not None and not BY_ROW:
        weight = tl.load(grad_kl + lane % latent).to(dtype) / batch
    for TAIL in tl.static_range(2):
        first, stop, limit = _blocks(batch, rows, latent, width, TAIL)
        mask = lane < limit
        for step in range(first, stop, tl.num_programs(0)):
            m = _load(mean, step, lane, width, latent, mean_row, mask, dtype, CONTIGUOUS)
            h = 0.5 * _load(logvar, step, lane, width, latent, logvar_row, mask, dtype, CONTIGUOUS)
            e, _ = expm1_parts(h)
            by_mean = tl.zeros([BLOCK], dtype)
            by_logvar = tl.zeros([BLOCK], dtype)
            if grad_z is not None:
                n = _load(noise, step, lane, width, latent, noise_row, mask, dtype, CONTIGUOUS)
                by_mean = _load(grad_z, step, lane, width, latent, grad_z_row, mask, dtype, CONTIGUOUS)
                by_logvar = by_mean * n * (0.5 * (e + 1))
            if grad_kl is not None:
                if BY_ROW:
                    weight = _load(grad_kl, step, lane, width, latent, grad_kl_row, mask, dtype, CONTIGUOUS)
                by_mean += weight * m
                by_logvar += weight * (0.5 * e * (e + 2))
            tl.store(grad_mean + step * width + lane, by_mean, mask=mask)
            tl.store(grad_logvar + step * width + lane, by_logvar, mask=mask)


@triton.jit
def _sum_of_rows(pointer, rows, latent, LATENT: tl.constexpr, ROWS: tl.constexpr):
    """(LATENT,) float64: the sum of the rows of a (rows, latent) matrix, in their order."""
    column = tl.arange(0, LATENT)[None, :]
    total = tl.zeros([LATENT], tl.float64)
    for first in range(0, rows, ROWS):
        row = first + tl.arange(0, ROWS)[:, None]
        values = tl.load(pointer + row * latent + column, mask=(row < rows) & (column < latent), other=0.0)
        total += tl.sum(values.to(tl.float64), 0)
    return total


@triton.jit(do_not_specialize=["programs", "latent"])
def _sum_of_means(means, kl, programs, latent, LATENT: tl.constexpr, ROWS: tl.constexpr):
    """kl (latent,) = the sum of means (programs, latent)."""
    column = tl.arange(0, LATENT)
    tl.store(kl + column, _sum_of_rows(means, programs, latent, LATENT, ROWS), mask=column < latent)


def reparameterize(mean: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
    z = mean.new_empty(mean.shape)
    _run_forward(mean, logvar, noise, z, None, None)
    return z


def gaussian_kl(mean: Tensor, logvar: Tensor, by_row: bool) -> Tensor:
    """KL of every element, or its mean over the batch."""
    kl = mean.new_empty(mean.shape if by_row else mean.shape[1:], dtype=accumulation_dtype(mean.dtype))
    _run_forward(mean, logvar, None, None, *((kl, None) if by_row else (None, kl)))
    return kl


def reparameterize_kl(mean: Tensor, logvar: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    z = mean.new_empty(mean.shape)
    kl = mean.new_empty(mean.shape[1:], dtype=accumulation_dtype(mean.dtype))
    _run_forward(mean, logvar, noise, z, None, kl)
    return z, kl


def backward(
    grad_z: Tensor | None, grad_kl: Tensor | None, mean: Tensor, logvar: Tensor, noise: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The gradients of mean and logvar; grad_kl (latent,) is that of the mean over the batch."""
    batch, latent = mean.shape
    by_row = grad_kl is not None and grad_kl.dim() == 2
    if grad_kl is not None and not by_row:
        grad_kl = grad_kl.contiguous()
    inputs, rows, contiguous = _rows(grad_z, grad_kl if by_row else None, mean, logvar, noise)
    grad_mean, grad_logvar = mean.new_empty(mean.shape), mean.new_empty(mean.shape)
    width, block, programs = _blocking(batch, latent)
    _backward[programs,](
        inputs[0],
        grad_kl if inputs[1] is None else inputs[1],
        *inputs[2:],
        grad_mean,
        grad_logvar,
        *rows,
        batch,
        latent,
        width // 4,
        compute_dtype(mean),
        contiguous,
        by_row,
        block,
        **launch_options(block // 256),
    )
    return grad_mean, grad_logvar


def _run_forward(
    mean: Tensor,
    logvar: Tensor,
    noise: Tensor | None,
    z: Tensor | None,
    kl: Tensor | None,
    mean_kl: Tensor | None,
) -> None:
    batch, latent = mean.shape
    inputs, rows, contiguous = _rows(mean, logvar, noise)
    width, block, programs = _blocking(batch, latent)
    lanes = means = None
    if mean_kl is not None:
        lanes = mean_kl.new_empty((programs, width))
        means = mean_kl if programs == 1 else mean_kl.new_empty((programs, latent), dtype=torch.float64)
    columns = power_of_two(latent)
    sizes = {"LATENT": columns, "ROWS": max(1, _SUMS // columns)}
    _forward[programs,](
        *inputs,
        z,
        kl,
        lanes,
        means,
        *rows,
        batch,
        latent,
        width // 4,
        compute_dtype(mean),
        contiguous,
        block,
        **sizes,
        **launch_options(block // 256),
    )
    if means is not mean_kl:
        _sum_of_means[1,](means, mean_kl, programs, latent, **sizes, **launch_options(8))


def _blocking(batch: int, latent: int) -> tuple[int, int, int]:
    """Elements of a block that count, its size and the number of programs."""
    least = math.lcm(latent, 4)
    block = max(_BLOCK, power_of_two(least))
    width = least * (block // least)
    return width, block, min(_PROGRAMS, -(-batch * latent // width))


def _rows(*tensors: Tensor | None) -> tuple[list[Tensor | None], list[int], bool]:
    """The tensors with contiguous rows, the distances of these, and whether all are contiguous throughout."""
    strided = [(None, 0) if tensor is None else with_stride(tensor) for tensor in tensors]
    contiguous = all(tensor is None or tensor.is_contiguous() for tensor, _ in strided)
    return [tensor for tensor, _ in strided], [row for _, row in strided], contiguous
