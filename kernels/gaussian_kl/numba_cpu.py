"""z and KL in one pass over mean and logvar, and their gradients in one more.

Arrays are read as one long row, so that the loops vectorise whatever the number of latents is. Sums over
the batch are pairwise over blocks of 64 rows and float64 across blocks.
"""

import numpy as np
import torch
from torch import Tensor

from .._dispatch import accumulation_dtype
from .._numba import array, expm1_parts, launch, njit

_BLOCK = 64  # rows summed pairwise: a power of two
_CHUNKS = 32  # at the most
_FORWARD_NS, _BACKWARD_NS = 1.0, 1.0  # an element on one thread


@njit
def _forward(first, last, rows, latent, mean, logvar, noise, z, kl, sums):
    """Fill z and kl (batch * latent) and sums (chunks, latent), each of which may be None.

    A chunk is `rows` rows.
    """
    batch = mean.size // latent
    half, two = mean.dtype.type(0.5), mean.dtype.type(2)
    block = np.zeros(_BLOCK * latent, mean.dtype)
    for chunk in range(first, last):
        start, stop = chunk * rows, min(chunk * rows + rows, batch)
        if sums is not None:
            sums[chunk] = 0
        for row in range(start, stop, _BLOCK):
            offset, size = row * latent, (min(row + _BLOCK, stop) - row) * latent
            for k in range(size):
                h = half * logvar[offset + k]
                e, rest = expm1_parts(h)
                if noise is not None:
                    z[offset + k] = mean[offset + k] + (e * noise[offset + k] + noise[offset + k])
                # expm1(2h) - 2h = e^2 + 2 (e - h): nothing cancels where a latent has collapsed
                value = half * (mean[offset + k] * mean[offset + k] + (e * e + two * rest))
                if kl is not None:
                    kl[offset + k] = value
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


@njit
def _backward(first, last, rows, latent, grad_z, grad_kl, mean, logvar, noise, grad_mean, grad_logvar):
    """The gradients, from that of z (with its noise) and that of KL; each may be None.

    grad_kl holds a value an element or, for the mean over the batch, a value a latent.
    """
    batch = mean.size // latent
    half, one, two = mean.dtype.type(0.5), mean.dtype.type(1), mean.dtype.type(2)
    weight, by_row = grad_kl, True
    if grad_kl is not None:  # noqa: SIM102
        if grad_kl.size != mean.size:
            by_row = False
            weight = np.empty(_BLOCK * latent, mean.dtype)
            for k in range(weight.size):
                weight[k] = grad_kl[k % latent] / batch
    for chunk in range(first, last):
        start, stop = chunk * rows, min(chunk * rows + rows, batch)
        for row in range(start, stop, _BLOCK):
            offset, size = row * latent, (min(row + _BLOCK, stop) - row) * latent
            shift = offset if by_row else 0
            for k in range(size):
                e, _ = expm1_parts(half * logvar[offset + k])
                by_mean = by_logvar = mean.dtype.type(0)
                if grad_z is not None:
                    by_mean = grad_z[offset + k]
                    by_logvar = by_mean * noise[offset + k] * (half * (e + one))
                if grad_kl is not None:
                    by_mean += weight[shift + k] * mean[offset + k]
                    by_logvar += weight[shift + k] * (half * e * (e + two))
                grad_mean[offset + k] = by_mean
                grad_logvar[offset + k] = by_logvar


@njit
def _mean_of_sums(sums, batch, mean):
    """mean (latent,) = the sum of sums (chunks, latent) over its chunks, in their order, / batch."""
    for d in range(mean.size):
        total = 0.0
        for chunk in range(len(sums)):
            total += sums[chunk, d]
        mean[d] = total / batch


def reparameterize(mean: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
    z = torch.empty(mean.shape, dtype=accumulation_dtype(mean.dtype))
    _run_forward(mean, logvar, noise, z, None, None)
    return z.to(mean.dtype)


def gaussian_kl(mean: Tensor, logvar: Tensor, by_row: bool) -> Tensor:
    """KL of every element, or its mean over the batch."""
    if not by_row:
        return _mean_kl(mean, logvar, None, None)
    kl = torch.empty(mean.shape, dtype=accumulation_dtype(mean.dtype))
    _run_forward(mean, logvar, None, None, kl, None)
    return kl


def reparameterize_kl(mean: Tensor, logvar: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    z = torch.empty(mean.shape, dtype=accumulation_dtype(mean.dtype))
    kl = _mean_kl(mean, logvar, noise, z)
    return z.to(mean.dtype), kl


def backward(
    grad_z: Tensor | None, grad_kl: Tensor | None, mean: Tensor, logvar: Tensor, noise: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The gradients of mean and logvar; grad_kl (latent,) is that of the mean over the batch."""
    batch, latent = mean.shape
    rows = _rows(batch)
    grad_mean = torch.empty(mean.shape, dtype=accumulation_dtype(mean.dtype))
    grad_logvar = torch.empty_like(grad_mean)
    launch(
        _backward,
        -(-batch // rows),
        _BACKWARD_NS * batch * latent,
        rows,
        latent,
        _flat(grad_z),
        _flat(grad_kl),
        _flat(mean),
        _flat(logvar),
        None if grad_z is None else _flat(noise),
        _flat(grad_mean),
        _flat(grad_logvar),
    )
    return grad_mean.to(mean.dtype), grad_logvar.to(mean.dtype)


def _mean_kl(mean: Tensor, logvar: Tensor, noise: Tensor | None, z: Tensor | None) -> Tensor:
    batch, latent = mean.shape
    sums = np.empty((-(-batch // _rows(batch)), latent))
    _run_forward(mean, logvar, noise, z, None, sums)
    kl = torch.empty(latent, dtype=accumulation_dtype(mean.dtype))
    _mean_of_sums(sums, batch, kl.numpy())
    return kl


def _run_forward(
    mean: Tensor,
    logvar: Tensor,
    noise: Tensor | None,
    z: Tensor | None,
    kl: Tensor | None,
    sums: np.ndarray | None,
) -> None:
    batch, latent = mean.shape
    rows = _rows(batch)
    launch(
        _forward,
        -(-batch // rows),
        _FORWARD_NS * batch * latent,
        rows,
        latent,
        _flat(mean),
        _flat(logvar),
        _flat(noise),
        _flat(z),
        _flat(kl),
        sums,
    )


def _rows(batch: int) -> int:
    """Rows in a chunk: whole blocks, so that small batches are not cut into slivers."""
    return _BLOCK * -(-batch // (_BLOCK * _CHUNKS))


def _flat(tensor: Tensor | None) -> np.ndarray | None:
    return None if tensor is None else array(tensor).reshape(-1)
