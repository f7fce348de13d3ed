"""The sample, the penalty with its partial derivatives, and one pass that makes total derivatives of them."""

import numpy as np
import torch
from torch import Tensor

from .._cpu.arrays import as_array, as_tensor
from .._cpu.compile import njit, wide_vectors
from .._cpu.exponential import expm1_parts
from ..gaussian_kl.numba_cpu import sample
from ..total_correlation.numba_cpu import run


@njit
def _total_derivatives(by_z, by_mean, by_logvar, logvar, noise, z_by_logvar):
    """Fill z_by_logvar, and add to by_mean and by_logvar what reaches them through z; all (batch, latent)."""
    wide_vectors()
    half, one = by_z.dtype.type(0.5), by_z.dtype.type(1)
    of_z, of_mean, of_logvar = by_z.reshape(-1), by_mean.reshape(-1), by_logvar.reshape(-1)
    logvars, noises, through = logvar.reshape(-1), noise.reshape(-1), z_by_logvar.reshape(-1)
    for k in range(of_z.size):
        e, _ = expm1_parts(half * logvars[k])
        through[k] = noises[k] * (half * (e + one))
        of_mean[k] += of_z[k]
        of_logvar[k] += of_z[k] * through[k]


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
    dtype = mean.dtype
    means, logvars, noises = as_array(mean), as_array(logvar), as_array(noise)
    z = as_tensor(sample(means, logvars, noises), dtype)  # rounded to a half type, as its densities see it
    value, terms, *partial = run(
        as_array(z), means, logvars, dataset_size, stratified, coefficients, gradient
    )
    numbers = torch.from_numpy(value), torch.from_numpy(terms)
    if not gradient:
        return z, *numbers, *(mean.new_empty(0) for _ in range(3))
    by_z, by_mean, by_logvar = partial
    z_by_logvar = np.empty_like(by_z)
    _total_derivatives(by_z, by_mean, by_logvar, logvars, noises, z_by_logvar)
    return z, *numbers, *(as_tensor(array, dtype) for array in (by_mean, by_logvar, z_by_logvar))
