"""The decomposition and its gradients, one sample at a time against all posteriors of the batch.

Posteriors are laid out (latent, batch), so that every inner loop runs over the batch and vectorises; the
batch is padded to whole vectors with posteriors of weight 0. The D rows of exponentials of one sample stay
in the second-level cache between its log-densities and its gradients: each is computed once.

Shifts. exp(L - shift) needs a shift near the row's largest term, and a running maximum does not vectorise.
L_ijd is at most its constant c_jd, and the largest term at least the sample's own, L_iid: where these two lie
within 60 nats the own term is the shift, else the maximum is searched. Terms more than 60 nats under the
shift are set to 0: a relative 1e-26, and no product becomes denormal.
"""

import math

import numpy as np
import torch
from torch import Tensor

from .._dispatch import accumulation_dtype
from .._numba import array, exp, launch, njit

_CHUNKS = 16  # at the most; each holds its own sums for the gradients of mean and logvar
_LANES = 32
_VALUE_NS, _GRADIENT_NS = 0.8, 0.8  # a (sample, posterior, latent) triple on one thread


@njit
def _layout(mean, logvar, mean_t, precision_t, constant_t):
    """(batch, latent) to (latent, padded): mean, exp(-logvar), -1/2 logvar.

    The -1/2 log 2 pi of every density stands in all three differences and is left out.
    """
    batch, latent = mean.shape
    half = mean.dtype.type(0.5)
    for d in range(latent):
        for j in range(batch):
            mean_t[d, j] = mean[j, d]
            precision_t[d, j] = -logvar[j, d]
            constant_t[d, j] = -half * logvar[j, d]
        for j in range(batch):
            precision_t[d, j] = exp(precision_t[d, j])
        mean_t[d, batch:] = 0
        precision_t[d, batch:] = 0
        constant_t[d, batch:] = -1e30


@njit
def _weighted_exp(logits, shift, weights, out):
    """out = weights * exp(logits - shift); its sum."""
    least, zero = logits.dtype.type(-60), logits.dtype.type(0)
    total = zero
    for j in range(logits.size):
        x = logits[j] - shift
        value = weights[j] * exp(x) if x > least else zero
        out[j] = value
        total += value
    return total


@njit
def _largest(values):
    largest = values[0]
    for j in range(1, values.size):
        largest = max(largest, values[j])
    return largest


@njit
def _samples(
    first,
    last,
    rows,
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
    """Chunks of `rows` samples: their sums of MI, TC and dwKL, and gradients where coefficients are given.

    z: (batch, latent). mean, precision, constant: (latent, padded). highest: (latent,), the largest constant.
    own_weight, next_weight: w_ii and w_i(i+1) over the weight of all other pairs, scale.
    coefficients: those of MI, TC and dwKL in the differentiated sum, or None. sums: (chunks, 3).
    grad_z: (batch, latent). grad_mean, grad_logvar: (chunks, latent, padded).
    """
    batch, latent = z.shape
    padded = mean.shape[1]
    number = z.dtype.type
    half, one, zero = number(0.5), number(1), number(0)
    weights = np.zeros(padded, z.dtype)
    weights[:batch] = 1
    logits = np.empty(padded, z.dtype)
    joint_logits = np.empty(padded, z.dtype)
    joint = np.empty(padded, z.dtype)
    marginal = np.empty((latent, padded), z.dtype)
    totals = np.empty(latent, z.dtype)
    for chunk in range(first, last):
        sums[chunk] = 0
        if coefficients is not None:
            grad_mean[chunk] = 0
            grad_logvar[chunk] = 0
        for i in range(chunk * rows, min(chunk * rows + rows, batch)):
            weights[i] = own_weight
            if next_weight != one:
                weights[(i + 1) % batch] = next_weight
            joint_logits[:] = 0
            own_sum = marginal_sum = prior_sum = 0.0
            for d in range(latent):
                x = z[i, d]
                for j in range(padded):
                    difference = x - mean[d, j]
                    value = constant[d, j] - half * (difference * difference * precision[d, j])
                    logits[j] = value
                    joint_logits[j] += value
                own = logits[i]
                shift = own if own > highest[d] - number(60) else _largest(logits)
                totals[d] = _weighted_exp(logits, shift, weights, marginal[d])
                own_sum += own
                marginal_sum += shift + math.log(scale * totals[d])
                prior_sum -= 0.5 * (x * x)
            shift = _largest(joint_logits)
            joint_total = _weighted_exp(joint_logits, shift, weights, joint)
            joint_sum = shift + math.log(scale * joint_total)
            weights[i] = 1
            weights[(i + 1) % batch] = 1
            sums[chunk, 0] += own_sum - joint_sum
            sums[chunk, 1] += joint_sum - marginal_sum
            sums[chunk, 2] += marginal_sum - prior_sum
            if coefficients is not None:
                by_joint = (coefficients[1] - coefficients[0]) / joint_total
                for d in range(latent):
                    by_marginal = (coefficients[2] - coefficients[1]) / totals[d]
                    x = z[i, d]
                    by_z = zero
                    for j in range(padded):
                        difference = x - mean[d, j]
                        g = by_joint * joint[j] + by_marginal * marginal[d, j]
                        slope = g * (difference * precision[d, j])
                        by_z += slope
                        grad_mean[chunk, d, j] += slope
                        grad_logvar[chunk, d, j] += half * (slope * difference - g)
                    difference = x - mean[d, i]
                    slope = coefficients[0] * (difference * precision[d, i])
                    grad_mean[chunk, d, i] += slope
                    grad_logvar[chunk, d, i] += half * (slope * difference - coefficients[0])
                    grad_z[i, d] = coefficients[2] * x - by_z - slope


@njit
def _gather(parts, out):
    """out (batch, latent) = the sum of parts (chunks, latent, padded) over its chunks, in their order."""
    batch, latent = out.shape
    chunks = parts.shape[0]
    for chunk in range(1, chunks):
        for d in range(latent):
            for j in range(batch):
                parts[0, d, j] += parts[chunk, d, j]
    for d in range(latent):
        for j in range(batch):
            out[j, d] = parts[0, d, j]


def values(z: Tensor, mean: Tensor, logvar: Tensor, dataset_size: int, stratified: bool) -> Tensor:
    """(3,): MI, TC and dimension-wise KL."""
    return _run(z, mean, logvar, dataset_size, stratified, None)[0]


def gradients(
    z: Tensor,
    mean: Tensor,
    logvar: Tensor,
    dataset_size: int,
    stratified: bool,
    coefficients: tuple[float, ...],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The values, and the gradients of coefficients . values for z, mean and logvar."""
    terms, grad_z, parts = _run(z, mean, logvar, dataset_size, stratified, coefficients)
    grad_mean, grad_logvar = torch.empty_like(grad_z), torch.empty_like(grad_z)
    _gather(parts[0], grad_mean.numpy())
    _gather(parts[1], grad_logvar.numpy())
    return terms, grad_z.to(z.dtype), grad_mean.to(mean.dtype), grad_logvar.to(logvar.dtype)


def _run(z, mean, logvar, dataset_size, stratified, coefficients):
    batch, latent = z.shape
    padded = _LANES * -(-batch // _LANES)
    dtype = accumulation_dtype(z.dtype)
    z, number = array(z), array(z).dtype.type
    mean_t, precision_t, constant_t = np.empty((3, latent, padded), number)
    _layout(array(mean), array(logvar), mean_t, precision_t, constant_t)
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
    if coefficients is None:
        scaled = grad_z = parts = None
        outputs = None, None, None
        cost = _VALUE_NS
    else:
        scaled = tuple(number(coefficient / batch) for coefficient in coefficients)
        grad_z = torch.empty((batch, latent), dtype=dtype)
        parts = np.empty((2, chunks, latent, padded), number)
        outputs = grad_z.numpy(), parts[0], parts[1]
        cost = _VALUE_NS + _GRADIENT_NS
    launch(
        _samples,
        chunks,
        cost * batch * padded * latent,
        rows,
        z,
        mean_t,
        precision_t,
        constant_t,
        constant_t.max(axis=1),
        number(own),
        number(following),
        scale,
        scaled,
        sums,
        *outputs,
    )
    return torch.from_numpy(sums.sum(axis=0) / batch).to(dtype), grad_z, parts
