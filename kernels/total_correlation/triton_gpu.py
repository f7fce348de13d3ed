"""The decomposition and its gradients on the GPU: two launches for a small batch, five for a large one.

Nothing is read back to the host and nothing allocated but outputs and a workspace, so that a call can be
captured in a CUDA graph. Which kernels run, and how the work is cut, depends on the shape alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from .._dispatch import accumulation_dtype
from .._triton import compute_dtype, launch_options, power_of_two, with_stride
from . import triton_columns, triton_small, triton_tiles

# elements of (batch, latent), both rounded up to powers of two, that one program can hold in registers
_SMALL = {torch.float32: 8192, torch.float64: 2048}
_SMALL_TILE = 2048  # elements of its tile at least: several samples, where the batch is smaller still
_STRIP = {torch.float32: 128, torch.float64: 64}  # samples or posteriors that a warp owns
_TILE = {torch.float32: 16, torch.float64: 8}  # posteriors or samples that it takes at a time
_PROGRAMS = 1024  # wanted: two warps for each scheduler of an H100
_SPLITS, _SPLIT_LATENTS = 64, 1024  # at most so many splits, and splits x latents: workspace is O(B D)
_BLOCK = 32  # samples or posteriors of a program that adds the splits


class _Objective(NamedTuple):
    """What is differentiated: grad (3,) on the device where given, else the three coefficients."""

    grad: Tensor | None
    alpha: float
    beta: float
    gamma: float


class _Outputs(NamedTuple):
    penalty: Tensor
    terms: Tensor
    grad_z: Tensor | None
    grad_mean: Tensor | None
    grad_logvar: Tensor | None


def values(z: Tensor, mean: Tensor, logvar: Tensor, dataset_size: int, stratified: bool) -> Tensor:
    """(3,): MI, TC and dimension-wise KL."""
    return _run(z, mean, logvar, dataset_size, stratified, (0.0, 0.0, 0.0), False).terms


def gradients(
    z: Tensor,
    mean: Tensor,
    logvar: Tensor,
    dataset_size: int,
    stratified: bool,
    coefficients: Sequence[float] | Tensor,
) -> tuple[Tensor | None, ...]:
    """The gradients of coefficients . values for z, mean and logvar."""
    return _run(z, mean, logvar, dataset_size, stratified, coefficients, True)[2:]


def penalty(
    z: Tensor,
    mean: Tensor,
    logvar: Tensor,
    dataset_size: int,
    stratified: bool,
    coefficients: Sequence[float],
    gradient: bool,
) -> tuple[Tensor | None, ...]:
    """coefficients . values, the values, and the gradients, empty where not wanted."""
    outputs = _run(z, mean, logvar, dataset_size, stratified, coefficients, gradient)
    return outputs if gradient else (*outputs[:2], *(z.new_empty(0) for _ in range(3)))


def scaled(grad: Tensor, a: Tensor, b: Tensor, c: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    """Each of three tensors of one shape times the scalar grad, in one launch; the inputs are not read."""
    tensors = a, b, c
    outputs = tuple(torch.empty_like(tensor) for tensor in tensors)
    count = tensors[0].numel()
    _scale[-(-count // 1024),](grad, *tensors, *outputs, count, compute_dtype(grad), **launch_options(4))
    return outputs


@triton.jit
def _scale(grad, a, b, c, out_a, out_b, out_c, count, dtype: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * 1024 + tl.arange(0, 1024)
    factor = tl.load(grad).to(dtype)
    mask = at < count
    tl.store(out_a + at, factor * tl.load(a + at, mask=mask).to(dtype), mask=mask)
    tl.store(out_b + at, factor * tl.load(b + at, mask=mask).to(dtype), mask=mask)
    tl.store(out_c + at, factor * tl.load(c + at, mask=mask).to(dtype), mask=mask)


def _run(
    z: Tensor,
    mean: Tensor,
    logvar: Tensor,
    dataset_size: int,
    stratified: bool,
    coefficients: Sequence[float] | Tensor,
    gradient: bool,
) -> _Outputs:
    batch, latent = z.shape
    if isinstance(coefficients, Tensor):
        objective = _Objective(coefficients.contiguous(), 0.0, 0.0, 0.0)
    else:
        objective = _Objective(None, *(float(value) for value in coefficients))
    dtype = accumulation_dtype(z.dtype)
    outputs = _Outputs(
        z.new_empty((), dtype=dtype),
        z.new_empty(3, dtype=dtype),
        *(tensor.new_empty(tensor.shape) if gradient else None for tensor in (z, mean, logvar)),
    )
    others = batch - 1
    if stratified:
        weights = others / dataset_size, (dataset_size - others) / dataset_size, 1 / others
    else:
        weights = 1.0, 1.0, 1 / (dataset_size * batch)
    inputs, rows = zip(*(with_stride(tensor) for tensor in (z, mean, logvar)), strict=True)
    small = power_of_two(batch) * power_of_two(latent) <= _SMALL[dtype]
    (_run_small if small else _run_tiles)(inputs, rows, objective, weights, outputs)
    return outputs


def _run_small(
    inputs: Sequence[Tensor],
    rows: Sequence[int],
    objective: _Objective,
    weights: tuple[float, float, float],
    outputs: _Outputs,
) -> None:
    batch, latent = inputs[0].shape
    dtype = compute_dtype(inputs[0])
    padded, columns = power_of_two(batch), power_of_two(latent)
    strip = max(1, _SMALL_TILE // (padded * columns))
    programs = -(-batch // strip)
    options = launch_options(strip * padded * columns // (128 if dtype == tl.float64 else 512))
    log_marginal = outputs.terms.new_empty((batch, latent))
    log_joint = outputs.terms.new_empty(batch)
    sums = outputs.terms.new_empty((programs, 4), dtype=torch.float64)
    sizes = dtype, padded, strip, columns
    triton_small.rows[programs,](
        *inputs,
        log_marginal,
        log_joint,
        sums,
        outputs.grad_z,
        *objective,
        *weights,
        *rows,
        batch,
        latent,
        *sizes,
        **options,
    )
    if outputs.grad_z is None:
        _total(sums, outputs, objective, batch)
        return
    triton_small.columns[programs,](
        *inputs,
        log_marginal,
        log_joint,
        sums,
        outputs.grad_mean,
        outputs.grad_logvar,
        outputs.terms,
        outputs.penalty,
        *objective,
        *weights[:2],
        *rows,
        batch,
        latent,
        programs,
        *sizes,
        **options,
    )


def _run_tiles(
    inputs: Sequence[Tensor],
    rows: Sequence[int],
    objective: _Objective,
    weights: tuple[float, float, float],
    outputs: _Outputs,
) -> None:
    batch, latent = inputs[0].shape
    new_empty = outputs.terms.new_empty
    strip, tile = _STRIP[outputs.terms.dtype], _TILE[outputs.terms.dtype]
    strips, blocks = -(-batch // strip), -(-batch // strip) * strip // _BLOCK
    padded = strips * strip
    most = min(_SPLITS, max(4, _SPLIT_LATENTS // latent), max(1, _PROGRAMS // strips))
    tiles = -(-batch // (tile * most))  # of a split
    splits = -(-batch // (tile * tiles))
    gradient = outputs.grad_z is not None

    planes = new_empty((triton_tiles.PLANES, latent, padded))
    parts = strips * latent
    ends = new_empty((2, parts))
    partial = new_empty((splits, 3 if gradient else 1, latent, padded))
    joint = new_empty((splits, 2, padded))
    log_joint = new_empty(padded)
    sums = new_empty((blocks * latent, 4), dtype=torch.float64)
    shape = batch, latent, padded
    finish = {"BLOCK": _BLOCK, "SPLITS": power_of_two(splits), **launch_options(8)}

    triton_tiles.prepare[strips, latent](*inputs, planes, ends, *rows, *shape, strip, **launch_options(4))
    triton_tiles.rows[strips, splits](
        planes,
        ends,
        partial,
        joint,
        *weights[:2],
        *shape,
        tiles,
        parts,
        gradient,
        strip,
        tile,
        **launch_options(1),
    )
    triton_tiles.finish_rows[blocks, latent](
        planes,
        partial,
        joint,
        log_joint,
        sums,
        outputs.grad_z,
        *objective,
        weights[2],
        *shape,
        splits,
        **finish,
    )
    if not gradient:
        _total(sums, outputs, objective, batch)
        return
    triton_columns.columns[strips, splits](
        planes,
        ends,
        partial,
        log_joint,
        *objective,
        *weights[:2],
        *shape,
        tiles,
        parts,
        tile,
        strip,
        **launch_options(1),
    )
    triton_columns.finish_columns[blocks, latent](
        planes,
        partial,
        sums,
        outputs.grad_mean,
        outputs.grad_logvar,
        outputs.terms,
        outputs.penalty,
        *objective,
        *shape,
        splits,
        len(sums),
        **finish,
    )


def _total(sums: Tensor, outputs: _Outputs, objective: _Objective, batch: int) -> None:
    arguments = sums, outputs.terms, outputs.penalty, *objective[1:], len(sums), batch
    triton_small.total_alone[1,](*arguments, **launch_options(4))
