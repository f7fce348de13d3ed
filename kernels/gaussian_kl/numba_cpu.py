"""z and KL in one pass over mean and logvar, and their gradients in one more.

Arrays, all (batch, latent), are read as one long row, so that the loops vectorise whatever the number of
latents is. Sums over the batch are pairwise over blocks of 64 rows and float64 across blocks.
"""

import numpy as np
import torch
from torch import Tensor

from .._cpu.arrays import as_array, as_tensor
from .._cpu.compile import njit
from .._cpu.exponential import expm1_parts
from .._cpu.parallel_for import parallel_for

_BLOCK = 64  # rows summed pairwise: a power of two
_CHUNKS = 32  # at the most
_FORWARD_NS, _BACKWARD_NS = 0.8, 1.1  # an element on one thread


@parallel_for
def _forward(first, last, rows, mean, logvar, noise, z, kl, sums):
    """Fill z, kl and sums (chunks, latent), each of which may be None; a chunk is `rows` rows."""
    batch, latent = mean.shape
    half, two = mean.dtype.type(0.5), mean.dtype.type(2)
    block = np.zeros(_BLOCK * latent, mean.dtype)
    flat_mean, flat_logvar = mean.reshape(-1), logvar.reshape(-1)
    if noise is not None:
        flat_noise, flat_z = noise.reshape(-1), z.reshape(-1)
    if kl is not None:
        flat_kl = kl.reshape(-1)
    for chunk in range(first, last):
        start, stop = chunk * rows, min(chunk * rows + rows, batch)
        if sums is not None:
            sums[chunk] = 0
        for row in range(start, stop, _BLOCK):
            part = slice(row * latent, min(row + _BLOCK, stop) * latent)  # views, or the loop gathers
            means, logvars = flat_mean[part], flat_logvar[part]
            size = means.size
            if noise is not None:
                noises, zs = flat_noise[part], flat_z[part]
            if kl is not None:
                kls = flat_kl[part]
            for k in range(size):
                e, rest = expm1_parts(half * logvars[k])
                if noise is not None:
                    zs[k] = means[k] + (e * noises[k] + noises[k])
                # expm1(2h) - 2h = e^2 + 2 (e - h): nothing cancels where a latent has collapsed
                value = half * (means[k] * means[k] + (e * e + two * rest))
                if kl is not None:
                    kls[k] = value
                if sums is not None:
                    block[k] = value
            if sums is not None:
                block[size:] = 0
                width = _BLOCK * latent
                while width > latent:
                    width //= 2
                    for k in range(width):
                        block[k] += block[width + k]
                for d in range(latent):
                    sums[chunk, d] += block[d]


@parallel_for
def _backward(first, last, rows, grad_z, grad_kl, mean, logvar, noise, grad_mean, grad_logvar):
    """The gradients, from that of z (with its noise) and that of KL; each may be None.

    grad_kl holds one value per element or, for the mean over the batch, one per latent.
    """
    batch, latent = mean.shape
    half, one, two = mean.dtype.type(0.5), mean.dtype.type(1), mean.dtype.type(2)
    if grad_kl is not None:
        weight, by_row = grad_kl.reshape(-1), grad_kl.ndim == 2
        if not by_row:
            of_latent, weight = weight, np.empty(_BLOCK * latent, mean.dtype)
            for k in range(weight.size):
                weight[k] = of_latent[k % latent] / batch
    flat_mean, flat_logvar = mean.reshape(-1), logvar.reshape(-1)
    flat_grad_mean, flat_grad_logvar = grad_mean.reshape(-1), grad_logvar.reshape(-1)
    if grad_z is not None:
        flat_noise, flat_grad_z = noise.reshape(-1), grad_z.reshape(-1)
    for chunk in range(first, last):
        start, stop = chunk * rows, min(chunk * rows + rows, batch)
        for row in range(start, stop, _BLOCK):
            part = slice(row * latent, min(row + _BLOCK, stop) * latent)
            means, logvars = flat_mean[part], flat_logvar[part]
            grad_means, grad_logvars = flat_grad_mean[part], flat_grad_logvar[part]
            if grad_z is not None:
                noises, grad_zs = flat_noise[part], flat_grad_z[part]
            if grad_kl is not None:
                weights = weight[part] if by_row else weight
            for k in range(means.size):
                e, _ = expm1_parts(half * logvars[k])
                by_mean = by_logvar = mean.dtype.type(0)
                if grad_z is not None:
                    by_mean = grad_zs[k]
                    by_logvar = by_mean * noises[k] * (half * (e + one))
                if grad_kl is not None:
                    by_mean += weights[k] * means[k]
                    by_logvar += weights[k] * (half * e * (e + two))
                grad_means[k] = by_mean
                grad_logvars[k] = by_logvar


@njit
def _mean_of_sums(sums, batch, mean):
    """mean (latent,) = the sum of sums (chunks, latent) over its chunks, in their order, / batch."""
    for d in range(mean.size):
        total = 0.0
        for chunk in range(len(sums)):
            total += sums[chunk, d]
        mean[d] = total / batch


def reparameterize(mean: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
    return as_tensor(sample(as_array(mean), as_array(logvar), as_array(noise)), mean.dtype)


def sample(mean, logvar, noise):
    """z of arrays, (batch, latent)."""
    z = np.empty_like(mean)
    _run_forward(mean, logvar, noise, z, None, None)
    return z


def gaussian_kl(mean: Tensor, logvar: Tensor, by_row: bool) -> Tensor:
    """KL of every element, or its mean over the batch."""
    means, logvars = as_array(mean), as_array(logvar)
    if not by_row:
        return _mean_kl(means, logvars, None, None)
    kl = np.empty_like(means)
    _run_forward(means, logvars, None, None, kl, None)
    return torch.from_numpy(kl)


def reparameterize_kl(mean: Tensor, logvar: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    means = as_array(mean)
    z = np.empty_like(means)
    kl = _mean_kl(means, as_array(logvar), as_array(noise), z)
    return as_tensor(z, mean.dtype), kl


def backward(
    grad_z: Tensor | None, grad_kl: Tensor | None, mean: Tensor, logvar: Tensor, noise: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The gradients of mean and logvar; grad_kl (latent,) is that of the mean over the batch."""
    batch, latent = mean.shape
    rows = _rows(batch)
    means = as_array(mean)
    grad_mean, grad_logvar = np.empty_like(means), np.empty_like(means)
    _backward(
        -(-batch // rows),
        _BACKWARD_NS * batch * latent,
        rows,
        None if grad_z is None else as_array(grad_z),
        None if grad_kl is None else as_array(grad_kl),
        means,
        as_array(logvar),
        None if grad_z is None else as_array(noise),
        grad_mean,
        grad_logvar,
    )
    return as_tensor(grad_mean, mean.dtype), as_tensor(grad_logvar, mean.dtype)


def _mean_kl(mean, logvar, noise, z) -> Tensor:
    batch, latent = mean.shape
    sums = np.empty((-(-batch // _rows(batch)), latent))
    _run_forward(mean, logvar, noise, z, None, sums)
    kl = np.empty(latent, mean.dtype)
    _mean_of_sums(sums, batch, kl)
    return torch.from_numpy(kl)


def _run_forward(mean, logvar, noise, z, kl, sums) -> None:
    batch, latent = mean.shape
    rows = _rows(batch)
    _forward(
        -(-batch // rows),
        _FORWARD_NS * batch * latent,
        rows,
        mean,
        logvar,
        noise,
        z,
        kl,
        sums,
    )


def _rows(batch: int) -> int:
    """Rows in a chunk: whole blocks, so that small batches are not cut into slivers."""
    return _BLOCK * -(-batch // (_BLOCK * _CHUNKS))
