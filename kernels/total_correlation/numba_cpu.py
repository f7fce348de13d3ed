"""The decomposition and its gradients, a few samples at a time against all posteriors of the batch.

Posteriors are laid out (latent, batch), so that every inner loop runs over the batch and vectorises; the
batch is padded to whole vectors with posteriors of weight 0. The exponentials of a tile's samples stay in the
second-level cache between their log-densities and their gradients: each is computed once. A block of
posteriors is read from there once for all samples of the tile, or the loops wait for it.

Shifts. exp(L - shift) needs a shift near the row's largest term, and a running maximum does not vectorise.
L_ijd is at most its constant c_jd, and the largest term at least the sample's own, L_iid: where these two lie
within 60 nats the own term is the shift, else the maximum is searched. Terms more than 60 nats under the
shift are set to 0: a relative 1e-26, and no product becomes denormal.
"""

import math

import numpy as np
import torch
from torch import Tensor

from .._numba import array, exp, launch, njit, tensor, wide_vectors

_CHUNKS = 16  # at the most; each holds its own sums for the gradients of mean and logvar
_LANES = 32
_BLOCK = 512  # posteriors
_CACHED = 2**17  # numbers: what a tile's exponentials take of the second-level cache
_VALUE_NS, _GRADIENT_NS = 0.7, 0.4  # a (sample, posterior, latent) triple on one thread


@njit
def _largest(values):
    largest = values[0]
    for j in range(1, values.size):
        largest = max(largest, values[j])
    return largest


@njit
def _largest_density(x, mean, precision, constant):
    half = mean.dtype.type(0.5)
    largest = constant[0] - half * ((x - mean[0]) * (x - mean[0]) * precision[0])
    for j in range(1, mean.size):
        difference = x - mean[j]
        largest = max(largest, constant[j] - half * (difference * difference * precision[j]))
    return largest


@njit
def _layout(mean, logvar, mean_t, precision_t, constant_t, highest):
    """(batch, latent) to (latent, padded): mean, exp(-logvar), -1/2 logvar; highest: its maxima (latent,).

    The -1/2 log 2 pi of every density stands in all three differences and is left out.
    """
    batch, latent = mean.shape
    half = mean.dtype.type(0.5)
    for d in range(latent):
        for j in range(batch):
            mean_t[d, j] = mean[j, d]
            precision_t[d, j] = -logvar[j, d]
            constant_t[d, j] = -half * logvar[j, d]
        highest[d] = _largest(constant_t[d, :batch])
        for j in range(batch):
            precision_t[d, j] = exp(precision_t[d, j])
        mean_t[d, batch:] = 0
        precision_t[d, batch:] = 0
        constant_t[d, batch:] = -1e30


@njit
def _densities(first, z, mean, precision, constant, highest, weights, scale, marginal, totals, joint, sums):
    """The exponentials of one tile's samples, the first of which is the batch's sample number `first`.

    In: z (tile, latent); mean, precision, constant (latent, padded); highest (latent,); weights like joint.
    Out: marginal (latent, tile, padded) and joint (tile, padded), each relative to its totals (latent + 1,
    tile), the joint's last. MI, TC and dwKL of the samples are added to sums (3,).
    """
    wide_vectors()
    count, latent = z.shape
    padded = mean.shape[1]
    number = z.dtype.type
    half, zero, least = number(0.5), number(0), number(-60)
    shifts = np.empty(count, z.dtype)
    own_sum, prior_sum, marginal_sum = np.zeros((3, count))
    product = np.ones(count)
    joint[:count] = 0
    totals[:] = 0
    for d in range(latent):
        for t in range(count):
            x, i = z[t, d], first + t
            difference = x - mean[d, i]
            own = constant[d, i] - half * (difference * difference * precision[d, i])
            near = own > highest[d] + least
            shifts[t] = own if near else _largest_density(x, mean[d], precision[d], constant[d])
            own_sum[t] += own
            prior_sum[t] -= 0.5 * (x * x)
        for block in range(0, padded, _BLOCK):
            part = slice(block, min(block + _BLOCK, padded))
            means, precisions, constants = mean[d, part], precision[d, part], constant[d, part]
            for t in range(count):
                x, shift, total = z[t, d], shifts[t], zero
                joints, marginals, shares = joint[t, part], marginal[d, t, part], weights[t, part]
                for j in range(means.size):
                    difference = x - means[j]
                    value = constants[j] - half * (difference * difference * precisions[j])
                    joints[j] += value
                    value -= shift
                    value = shares[j] * exp(value) if value > least else zero
                    marginals[j] = value
                    total += value
                totals[d, t] += total
        for t in range(count):
            marginal_sum[t] += shifts[t]
            product[t] *= scale * totals[d, t]  # one logarithm for many latents
            if not 1e-200 < product[t] < 1e200:
                marginal_sum[t] += math.log(product[t])
                product[t] = 1
    for t in range(count):
        values, shares, shift, total = joint[t], weights[t], _largest(joint[t]), zero
        for j in range(padded):
            value = values[j] - shift
            value = shares[j] * exp(value) if value > least else zero
            values[j] = value
            total += value
        totals[latent, t] = total
        joint_sum = shift + math.log(scale * total)
        marginal_sum[t] += math.log(product[t])
        sums[0] += own_sum[t] - joint_sum
        sums[1] += joint_sum - marginal_sum[t]
        sums[2] += marginal_sum[t] - prior_sum[t]


@njit
def _slopes(first, z, mean, precision, marginal, totals, joint, coefficients, grad_z, grad_mean, grad_logvar):
    """The same samples' gradients: grad_z (tile, latent), and their part of the others (latent, padded)."""
    wide_vectors()
    count, latent = z.shape
    padded = mean.shape[1]
    number = z.dtype.type
    half, zero = number(0.5), number(0)
    by_index, by_total, by_latent = coefficients
    by_z = np.empty(count, z.dtype)
    for d in range(latent):
        by_z[:] = 0
        for block in range(0, padded, _BLOCK):
            part = slice(block, min(block + _BLOCK, padded))
            means, precisions = mean[d, part], precision[d, part]
            grad_means, grad_logvars = grad_mean[d, part], grad_logvar[d, part]
            for t in range(count):
                x, total = z[t, d], zero
                by_joint = (by_total - by_index) / totals[latent, t]
                by_marginal = (by_latent - by_total) / totals[d, t]
                joints, marginals = joint[t, part], marginal[d, t, part]
                for j in range(means.size):
                    difference = x - means[j]
                    g = by_joint * joints[j] + by_marginal * marginals[j]
                    slope = g * (difference * precisions[j])
                    total += slope
                    grad_means[j] += slope
                    grad_logvars[j] += half * (slope * difference - g)
                by_z[t] += total
        for t in range(count):
            i = first + t
            difference = z[t, d] - mean[d, i]
            slope = by_index * (difference * precision[d, i])
            grad_mean[d, i] += slope
            grad_logvar[d, i] += half * (slope * difference - by_index)
            grad_z[t, d] = by_latent * z[t, d] - by_z[t] - slope


@njit
def _samples(
    first,
    last,
    rows,
    tile,
    z,
    mean,
    precision,
    constant,
    highest,
    own_weight,
    next_weight,
    scale,
    coefficients,
    sums,
    grad_z,
    grad_mean,
    grad_logvar,
):
    """Chunks of `rows` samples, a tile at a time: their sums, and gradients where coefficients are given.

    z: (batch, latent). mean, precision, constant: (latent, padded). highest: (latent,), the largest constant.
    own_weight, next_weight: w_ii and w_i(i+1) over the weight of all other pairs, scale.
    coefficients: those of MI, TC and dwKL in the differentiated sum / batch, or None. sums: (chunks, 3).
    grad_z: (batch, latent). grad_mean, grad_logvar: (chunks, latent, padded).
    """
    batch, latent = z.shape
    padded = mean.shape[1]
    weights = np.zeros((tile, padded), z.dtype)
    weights[:, :batch] = 1
    joint = np.empty((tile, padded), z.dtype)
    marginal = np.empty((latent, tile, padded), z.dtype)
    totals = np.empty((latent + 1, tile), z.dtype)
    for chunk in range(first, last):
        sums[chunk] = 0
        if coefficients is not None:
            grad_mean[chunk] = 0
            grad_logvar[chunk] = 0
        stop = min(chunk * rows + rows, batch)
        for start in range(chunk * rows, stop, tile):
            end = min(start + tile, stop)
            for i in range(start, end):
                weights[i - start, i] = own_weight
                if next_weight != 1:
                    weights[i - start, (i + 1) % batch] = next_weight
            _densities(
                start,
                z[start:end],
                mean,
                precision,
                constant,
                highest,
                weights,
                scale,
                marginal,
                totals,
                joint,
                sums[chunk],
            )
            for i in range(start, end):
                weights[i - start, i] = 1
                weights[i - start, (i + 1) % batch] = 1
            if coefficients is not None:
                _slopes(
                    start,
                    z[start:end],
                    mean,
                    precision,
                    marginal,
                    totals,
                    joint,
                    coefficients,
                    grad_z[start:end],
                    grad_mean[chunk],
                    grad_logvar[chunk],
                )


@njit
def _means(sums, batch, coefficients, terms, penalty):
    """terms (3,) = sums (chunks, 3) added over the chunks, in their order, / batch; their weighted sum."""
    weighted = 0.0
    for k in range(3):
        total = 0.0
        for chunk in range(len(sums)):
            total += sums[chunk, k]
        terms[k] = total / batch
        weighted += coefficients[k] * (total / batch)
    penalty[()] = weighted


@njit
def _gather(parts, out):
    """out (2, batch, latent) = parts (2, chunks, latent, padded) summed over the chunks, in their order."""
    _, batch, latent = out.shape
    chunks = parts.shape[1]
    for part in range(2):
        for chunk in range(1, chunks):
            for d in range(latent):
                for j in range(batch):
                    parts[part, 0, d, j] += parts[part, chunk, d, j]
        for d in range(latent):
            for j in range(batch):
                out[part, j, d] = parts[part, 0, d, j]


def values(z: Tensor, mean: Tensor, logvar: Tensor, dataset_size: int, stratified: bool) -> Tensor:
    """(3,): MI, TC and dimension-wise KL."""
    return _run(z, mean, logvar, dataset_size, stratified, (0.0, 0.0, 0.0), False)[1]


def gradients(
    z: Tensor,
    mean: Tensor,
    logvar: Tensor,
    dataset_size: int,
    stratified: bool,
    coefficients: tuple[float, ...],
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of coefficients . values for z, mean and logvar."""
    return _run(z, mean, logvar, dataset_size, stratified, coefficients, True)[2:]


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
    dtype = z.dtype
    batch, latent = z.shape
    padded = _LANES * -(-batch // _LANES)
    z = array(z)
    number = z.dtype.type
    mean_t, precision_t, constant_t = np.empty((3, latent, padded), number)
    highest = np.empty(latent, number)
    _layout(array(mean), array(logvar), mean_t, precision_t, constant_t, highest)
    others = batch - 1
    if stratified:
        own, following = others / dataset_size, (dataset_size - others) / dataset_size
        scale = 1 / others
    else:
        own = following = 1.0
        scale = 1 / (dataset_size * batch)
    rows = max(_LANES, -(-batch // _CHUNKS))
    chunks = -(-batch // rows)
    sums = np.empty((chunks, 3))
    if gradient:
        scaled = tuple(number(coefficient / batch) for coefficient in coefficients)
        grad_z = np.empty((batch, latent), number)
        parts = np.empty((2, chunks, latent, padded), number)
        outputs = grad_z, parts[0], parts[1]
    else:
        scaled = None
        outputs = None, None, None
    launch(
        _samples,
        chunks,
        (_VALUE_NS + gradient * _GRADIENT_NS) * batch * padded * latent,
        rows,
        max(1, min(16, _CACHED // (padded * latent))),
        z,
        mean_t,
        precision_t,
        constant_t,
        highest,
        number(own),
        number(following),
        scale,
        scaled,
        sums,
        *outputs,
    )
    terms, weighted = np.empty(3, number), np.empty((), number)
    _means(sums, batch, coefficients, terms, weighted)
    values = torch.from_numpy(weighted), torch.from_numpy(terms)
    if not gradient:
        return values
    gathered = np.empty((2, batch, latent), number)
    _gather(parts, gathered)
    return *values, *(tensor(out, dtype) for out in (grad_z, gathered[0], gathered[1]))
