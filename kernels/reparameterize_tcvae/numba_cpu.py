"""The sample, the penalty with its partial derivatives, and one pass that makes total derivatives of them."""

import numpy as np
from torch import Tensor

from .._cpu.arrays import as_array, as_tensor
from .._cpu.compile import njit, wide_vectors
from .._cpu.exponential import expm1_parts
from ..gaussian_kl.numba_cpu import reparameterize
from ..total_correlation.numba_cpu import penalty


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
    z = reparameterize(mean, logvar, noise)
    value, terms, by_z, by_mean, by_logvar = penalty(
        z, mean, logvar, dataset_size, stratified, coefficients, gradient
    )
    if not gradient:
        return z, value, terms, by_z, by_mean, by_logvar
    by_z, by_mean, by_logvar = as_array(by_z), as_array(by_mean), as_array(by_logvar)
    z_by_logvar = np.empty_like(by_z)
    _total_derivatives(by_z, by_mean, by_logvar, as_array(logvar), as_array(noise), z_by_logvar)
    saved = (as_tensor(array, mean.dtype) for array in (by_mean, by_logvar, z_by_logvar))
    return z, value, terms, *saved
