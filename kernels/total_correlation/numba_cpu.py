"""The decomposition and its gradients: the batch by latents, chunks of samples against it, and their sum.

Posteriors are laid out (latent, batch), so that the inner loops of `posterior_loops` run over the batch; it
is padded to whole vectors with posteriors of weight 0.

Densities are in powers of two, without the -1/2 log 2 pi that stands in all three differences::

    L_ijd / ln 2 = constant_jd - (z_id - mean_jd)^2 scaled_jd,  scaled = precision log2(e) / 2
"""

import numpy as np
import torch
from torch import Tensor

from .._cpu.arrays import as_array, as_tensor
from .._cpu.compile import njit
from .._cpu.exponential import exp
from .posterior_loops import SAMPLES_AT_ONCE
from .sample_chunks import LN2, largest, sample_chunks

_CHUNKS = 16  # at the most; each holds its own sums for the gradients of mean and logvar
_PADDING = 32  # posteriors: whole vectors of any float type
_STRIDE = 128  # of which a row's length must be no multiple, or rows compete for the same lines of the cache
_CACHED = 2**15  # numbers: what a strip's exponentials take of the second-level cache
_VALUE_NS, _GRADIENT_NS = 0.25, 0.15  # a (sample, posterior, latent) triple on one thread


@njit
def _layout(mean, logvar, tables, highest):
    """(batch, latent) to tables (4, latent, padded): mean, precision, scaled, constant.

    highest (latent,): the largest constants.
    """
    batch, latent = mean.shape
    number = mean.dtype.type
    of_precision, of_logvar = number(0.5 / LN2), number(-0.5 / LN2)
    for d in range(latent):
        means, precision, scaled, constant = tables[0, d], tables[1, d], tables[2, d], tables[3, d]
        for j in range(batch):
            means[j] = mean[j, d]
            precision[j] = -logvar[j, d]
            constant[j] = of_logvar * logvar[j, d]
        highest[d] = largest(constant[:batch])
        for j in range(batch):
            precision[j] = exp(precision[j])
            scaled[j] = of_precision * precision[j]
        means[batch:] = 0
        precision[batch:] = 0
        scaled[batch:] = 0
        constant[batch:] = -np.inf  # no number is below the density of every posterior


@njit
def _collect(sums, batch, coefficients, terms, penalty, parts, out):
    """What the chunks found, added in their order.

    terms (3,) = sums (chunks, 3) / batch, penalty () = coefficients . terms, and out (2, batch, latent) =
    parts (2, chunks, latent, padded), of which the second, that of logvar, is halved; both may be None.
    """
    chunks = len(sums)
    weighted = 0.0
    for k in range(3):
        total = 0.0
        for chunk in range(chunks):
            total += sums[chunk, k]
        terms[k] = total / batch
        weighted += coefficients[k] * (total / batch)
    penalty[()] = weighted
    if out is not None:
        latent = out.shape[2]
        for part in range(2):
            share = out.dtype.type(1 if part == 0 else 0.5)
            for d in range(latent):
                total = parts[part, 0, d, :batch]
                for chunk in range(1, chunks):
                    more = parts[part, chunk, d, :batch]
                    for j in range(batch):
                        total[j] += more[j]
                for j in range(batch):
                    out[part, j, d] = share * total[j]


def values(z: Tensor, mean: Tensor, logvar: Tensor, dataset_size: int, stratified: bool) -> Tensor:
    """(3,): MI, TC and dimension-wise KL."""
    arrays = as_array(z), as_array(mean), as_array(logvar)
    return torch.from_numpy(run(*arrays, dataset_size, stratified, (0.0, 0.0, 0.0), False)[1])


def gradients(
    z: Tensor,
    mean: Tensor,
    logvar: Tensor,
    dataset_size: int,
    stratified: bool,
    coefficients: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of coefficients . values for z, mean and logvar."""
    return _run(z, mean, logvar, dataset_size, stratified, tuple(coefficients.tolist()), True)[2:]


def penalty(
    z: Tensor,
    mean: Tensor,
    logvar: Tensor,
    dataset_size: int,
    stratified: bool,
    coefficients: tuple[float, ...],
    gradient: bool,
) -> tuple[Tensor, ...]:
    """coefficients . values, the values, and the gradients for z, mean and logvar, empty if not wanted."""
    outputs = _run(z, mean, logvar, dataset_size, stratified, coefficients, gradient)
    return outputs if gradient else (*outputs, *(z.new_empty(0) for _ in range(3)))


def _run(z, mean, logvar, dataset_size, stratified, coefficients, gradient):
    arrays = as_array(z), as_array(mean), as_array(logvar)
    weighted, terms, *partial = run(*arrays, dataset_size, stratified, coefficients, gradient)
    values = torch.from_numpy(weighted), torch.from_numpy(terms)
    return *values, *(as_tensor(part, z.dtype) for part in partial)


def run(z, mean, logvar, dataset_size, stratified, coefficients, gradient):
    """The same of arrays: the penalty (), its terms (3,) and, where wanted, three gradients."""
    batch, latent = z.shape
    width = _PADDING * -(-batch // _PADDING)
    padded = width + (width % _STRIDE == 0) * _PADDING
    number = z.dtype.type
    tables, highest = np.empty((4, latent, padded), number), np.empty(latent, number)
    _layout(mean, logvar, tables, highest)
    others = batch - 1
    if stratified:
        own, following = others / dataset_size, (dataset_size - others) / dataset_size
        scale = 1 / others
    else:
        own = following = 1.0
        scale = 1 / (dataset_size * batch)
    rows = max(_PADDING, SAMPLES_AT_ONCE * -(-batch // (SAMPLES_AT_ONCE * _CHUNKS)))
    chunks = -(-batch // rows)
    sums = np.empty((chunks, 3))
    if gradient:
        grad_z = np.empty((batch, latent), number)
        gathered = np.empty((2, batch, latent), number)
        parts = np.empty((2, chunks, latent, padded), number)
    else:
        grad_z = gathered = parts = None
    sample_chunks(
        chunks,
        (_VALUE_NS + gradient * _GRADIENT_NS) * batch * padded * latent,
        width,
        rows,
        SAMPLES_AT_ONCE * max(1, min(rows, _CACHED // (padded * latent)) // SAMPLES_AT_ONCE),
        z,
        tables,
        highest,
        number(own),
        number(following),
        scale,
        coefficients if gradient else None,
        sums,
        grad_z,
        parts,
    )
    terms, weighted = np.empty(3, number), np.empty((), number)
    _collect(sums, batch, coefficients, terms, weighted, parts, gathered)
    return (weighted, terms, grad_z, gathered[0], gathered[1]) if gradient else (weighted, terms)
