"""The sample, the penalty with its partial derivatives, and one launch that makes total ones of them."""

import triton
import triton.language as tl
from torch import Tensor

from .._triton import compute_dtype, exp
from ..gaussian_kl.triton_gpu import reparameterize
from ..total_correlation.triton_gpu import penalty

_BLOCK = 1024


@triton.jit(do_not_specialize=["count"])
def _total_derivatives(
    by_z, by_mean, by_logvar, logvar, noise, z_by_logvar, count, dtype: tl.constexpr, BLOCK: tl.constexpr
):
    """Fill z_by_logvar; add to by_mean and by_logvar what reaches them through z; all of count elements."""
    k = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = k < count
    of_z = tl.load(by_z + k, mask=mask, other=0.0).to(dtype)
    half = 0.5 * tl.load(logvar + k, mask=mask, other=0.0).to(dtype)
    through = 0.5 * exp(half) * tl.load(noise + k, mask=mask, other=0.0).to(dtype)
    of_mean = tl.load(by_mean + k, mask=mask, other=0.0).to(dtype) + of_z
    of_logvar = tl.load(by_logvar + k, mask=mask, other=0.0).to(dtype) + of_z * through
    tl.store(by_mean + k, of_mean, mask=mask)
    tl.store(by_logvar + k, of_logvar, mask=mask)
    tl.store(z_by_logvar + k, through, mask=mask)


@triton.jit(do_not_specialize=["count"])
def _backward(
    grad_z,
    grad_penalty,
    by_mean,
    by_logvar,
    z_by_logvar,
    grad_mean,
    grad_logvar,
    count,
    dtype: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """grad_mean and grad_logvar; grad_z and grad_penalty may each be None."""
    k = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = k < count
    of_mean = tl.zeros([BLOCK], dtype)
    of_logvar = tl.zeros([BLOCK], dtype)
    if grad_z is not None:
        of_mean = tl.load(grad_z + k, mask=mask, other=0.0).to(dtype)
        of_logvar = of_mean * tl.load(z_by_logvar + k, mask=mask, other=0.0).to(dtype)
    if grad_penalty is not None:
        scale = tl.load(grad_penalty).to(dtype)
        of_mean += scale * tl.load(by_mean + k, mask=mask, other=0.0).to(dtype)
        of_logvar += scale * tl.load(by_logvar + k, mask=mask, other=0.0).to(dtype)
    tl.store(grad_mean + k, of_mean, mask=mask)
    tl.store(grad_logvar + k, of_logvar, mask=mask)


def forward(
    mean: Tensor,
    logvar: Tensor,
    noise: Tensor,
    dataset_size: int,
    stratified: bool,
    coefficients: tuple[float, ...],
    gradient: bool,
) -> tuple[Tensor, ...]:
    """z, the penalty, its three terms, and for the backward pass A, B and H, empty if not wanted."""
    z = reparameterize(mean, logvar, noise)
    value, terms, by_z, by_mean, by_logvar = penalty(
        z, mean, logvar, dataset_size, stratified, coefficients, gradient
    )
    if not gradient:
        return z, value, terms, by_z, by_mean, by_logvar
    by_z, by_mean, by_logvar = by_z.contiguous(), by_mean.contiguous(), by_logvar.contiguous()
    z_by_logvar = by_z.new_empty(by_z.shape)
    count = by_z.numel()
    _total_derivatives[-(-count // _BLOCK),](
        by_z,
        by_mean,
        by_logvar,
        logvar.contiguous(),
        noise.contiguous(),
        z_by_logvar,
        count,
        compute_dtype(mean),
        _BLOCK,
    )
    return z, value, terms, by_mean, by_logvar, z_by_logvar


def backward(
    grad_z: Tensor | None,
    grad_penalty: Tensor | None,
    by_mean: Tensor,
    by_logvar: Tensor,
    z_by_logvar: Tensor,
    *inputs: Tensor,
) -> tuple[Tensor, Tensor]:
    """The gradients of mean and logvar; the inputs themselves are not read."""
    grad_mean, grad_logvar = by_mean.new_empty(by_mean.shape), by_mean.new_empty(by_mean.shape)
    count = by_mean.numel()
    _backward[-(-count // _BLOCK),](
        None if grad_z is None else grad_z.contiguous(),
        grad_penalty,
        by_mean,
        by_logvar,
        z_by_logvar,
        grad_mean,
        grad_logvar,
        count,
        compute_dtype(by_mean),
        _BLOCK,
    )
    return grad_mean, grad_logvar
