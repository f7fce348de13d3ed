"""The decomposition and its gradients, a few samples at a time against all posteriors of the batch.

Posteriors are laid out (latent, batch), so that the inner loops of `_lanes` run over the batch; it is padded
to whole vectors with posteriors of weight 0. The exponentials of a tile's samples stay in the second-level
cache between their log-densities and their gradients: each is computed once. A block of posteriors is read
from there once for all samples of the tile, or the loops wait for it.

Shifts. exp(L - shift) needs a shift near the row's largest term, and a running maximum does not vectorise.
L_ijd is at most its constant c_jd, and the largest term at least the sample's own, L_iid: where these two lie
within 60 nats the own term is the shift, else the maximum is searched. Terms more than 60 nats under the
shift are set to 0: a relative 1e-26, and no product becomes denormal. So with the joint density, whose
highest value is at most the sum of the latents' highest.

Densities are in powers of two, without the -1/2 log 2 pi that stands in all three differences::

    L_ijd / ln 2 = constant_jd - (z_id - mean_jd)^2 scaled_jd,  scaled = precision log2(e) / 2
"""

import math

import numpy as np
import torch
from torch import Tensor

from .._numba import array, exp, launch, njit, tensor, wide_vectors
from . import _lanes
from ._lanes import GROUP, LEAST

_CHUNKS = 16  # at the most; each holds its own sums for the gradients of mean and logvar
_LANES = 32
_STRIDE = 128  # of which a row's length must be no multiple, or rows compete for the same lines of the cache
_BLOCK = 512  # posteriors
_CACHED = 2**15  # numbers: what a tile's exponentials take of the second-level cache
_VALUE_NS, _GRADIENT_NS = 0.25, 0.15  # a (sample, posterior, latent) triple on one thread
_LN2 = math.log(2)


@njit
def _largest(values):
    largest = values[0]
    for j in range(1, values.size):
        largest = max(largest, values[j])
    return largest


@njit
def _largest_density(x, mean, scaled, constant):
    largest = _lanes.density(x, mean[0], scaled[0], constant[0])
    for j in range(1, mean.size):
        largest = max(largest, _lanes.density(x, mean[j], scaled[j], constant[j]))
    return largest


@njit
def _layout(mean, logvar, tables, highest):
    """(batch, latent) to tables (4, latent, padded): mean, precision, scaled, constant.

    highest (latent,): the largest constants.
    """
    batch, latent = mean.shape
    number = mean.dtype.type
    of_precision, of_logvar = number(0.5 / _LN2), number(-0.5 / _LN2)
    for d in range(latent):
        means, precision, scaled, constant = tables[0, d], tables[1, d], tables[2, d], tables[3, d]
        for j in range(batch):
            means[j] = mean[j, d]
            precision[j] = -logvar[j, d]
            constant[j] = of_logvar * logvar[j, d]
        highest[d] = _largest(constant[:batch])
        for j in range(batch):
            precision[j] = exp(precision[j])
            scaled[j] = of_precision * precision[j]
        means[batch:] = 0
        precision[batch:] = 0
        scaled[batch:] = 0
        constant[batch:] = -1e30


@njit
def _start(first, count, z, mean, scaled, constant, highest, points, shifts, own, prior):
    """What a chunk's samples, from number first, need: points and shifts (latent + 1, rows), but the joint's.

    Also the logarithms of their own density, in powers of two, and of the prior's, in nats, (rows,) each. The
    last sample fills its group.
    """
    wide_vectors()
    latent = len(points)
    least = z.dtype.type(LEAST)
    own[:] = 0
    prior[:] = 0
    for d in range(latent):
        point, shift = points[d], shifts[d]
        means, precisions, constants = mean[d, first:], scaled[d, first:], constant[d, first:]
        for t in range(count):
            point[t] = z[first + t, d]
        lowest = highest[d]
        for t in range(count):
            difference = point[t] - means[t]
            shift[t] = constants[t] - difference * difference * precisions[t]
            own[t] += shift[t]
            prior[t] -= 0.5 * (point[t] * point[t])
            lowest = min(lowest, shift[t])
        if not lowest > highest[d] + least:
            for t in range(count):
                if shift[t] <= highest[d] + least:  # NaN stays
                    shift[t] = _largest_density(point[t], mean[d], scaled[d], constant[d])
        point[count:] = point[count - 1]
        shift[count:] = shift[count - 1]


@njit
def _densities(first, last, width, points, shifts, tables, upper, weights, own, marginal, joint, totals):
    """The exponentials of a tile, the samples first .. last of a chunk, relative to their totals.

    width: the batch in whole vectors, which rows (padded) may exceed.
    In: points, shifts and own as `_start` leaves them; tables as `_layout` does; upper, which no joint
    density exceeds; weights like joint.
    Out: marginal (latent, tile, padded), joint (tile, padded); totals (latent + 1, rows), the joint's last;
    the joint's shifts.
    """
    mean, scaled, constant = tables[0], tables[2], tables[3]
    latent = len(marginal)
    joint[:] = 0
    for start in range(0, width, _BLOCK):
        stop = min(start + _BLOCK, width)
        for d in range(latent):
            for t in range(first, last, GROUP):
                _lanes.marginals(
                    (d, t, t - first),
                    (start, stop),
                    points,
                    shifts,
                    mean,
                    scaled,
                    constant,
                    weights,
                    joint,
                    marginal,
                    totals,
                )
    for t in range(first, last):
        shifts[latent, t] = _largest(joint[t - first, :width]) if own[t] <= upper + LEAST else own[t]
    shifts[latent, last : last + -last % GROUP] = shifts[latent, last - 1]
    for t in range(first, last, GROUP):
        _lanes.joints((latent, t, t - first), (0, width), shifts, weights, joint, totals)


@njit
def _slopes(
    first,
    last,
    width,
    points,
    tables,
    coefficients,
    marginal,
    joint,
    totals,
    by_point,
    grad_mean,
    grad_logvar,
):
    """Their gradients: by_point (latent, rows), and their part of the others (latent, padded)."""
    mean, precision = tables[0], tables[1]
    latent = len(marginal)
    by_index, by_total, by_latent = coefficients
    totals[:, last : last + -last % GROUP] = np.inf  # what fills the group has no part in a gradient
    for start in range(0, width, _BLOCK):
        stop = min(start + _BLOCK, width)
        for d in range(latent):
            for t in range(first, last, GROUP):
                _lanes.slopes(
                    (d, t, t - first),
                    (start, stop),
                    points,
                    (by_total - by_index, by_latent - by_total),
                    mean,
                    precision,
                    marginal,
                    joint,
                    totals,
                    by_point,
                    grad_mean,
                    grad_logvar,
                )


@njit
def _finish(count, shifts, totals, own, prior, scale, sums):
    """MI, TC and dwKL of a chunk's samples, summed: sums (3,)."""
    wide_vectors()
    latent, rows = len(shifts) - 1, len(own)
    marginal, product = np.zeros(rows), np.ones(rows)
    for d in range(latent):
        smallest, largest = 1.0, 1.0
        for t in range(count):
            marginal[t] += shifts[d, t]
            product[t] *= scale * totals[d, t]  # one logarithm for many latents
            smallest, largest = min(smallest, product[t]), max(largest, product[t])
        if not (smallest > 1e-200 and largest < 1e200):
            for t in range(count):
                marginal[t] += math.log2(product[t])
                product[t] = 1
    sums[:] = 0
    for t in range(count):
        joint_sum = shifts[latent, t] + math.log2(scale * totals[latent, t])
        marginal_sum = marginal[t] + math.log2(product[t])
        sums[0] += _LN2 * (own[t] - joint_sum)
        sums[1] += _LN2 * (joint_sum - marginal_sum)
        sums[2] += _LN2 * marginal_sum - prior[t]


@njit
def _finish_slopes(
    first, count, points, mean, precision, coefficients, by_point, grad_z, grad_mean, grad_logvar
):
    """What a chunk's samples add to their own posteriors' gradients, and grad_z (batch, latent)."""
    by_index, _, by_latent = coefficients
    for d in range(len(points)):
        point, means, precisions, by_points = points[d], mean[d, first:], precision[d, first:], by_point[d]
        by_mean, by_logvar = grad_mean[d, first:], grad_logvar[d, first:]
        for t in range(count):
            difference = point[t] - means[t]
            slope = by_index * (difference * precisions[t])
            by_mean[t] += slope
            by_logvar[t] += slope * difference - by_index
            by_points[t] = by_latent * point[t] - by_points[t] - slope
        for t in range(count):
            grad_z[first + t, d] = by_points[t]


@njit
def _samples(
    first,
    last,
    width,
    rows,
    tile,
    z,
    tables,
    highest,
    own_weight,
    next_weight,
    scale,
    coefficients,
    sums,
    grad_z,
    parts,
):
    """Chunks of `rows` samples, a tile at a time: their sums, and gradients where coefficients are given.

    z: (batch, latent). tables and highest: see `_layout`. width: see `_densities`. rows and tile: multiples
    of GROUP; where samples lack the last is repeated, and left out of every sum.
    own_weight, next_weight: w_ii and w_i(i+1) over the weight of all other pairs, scale.
    coefficients: those of MI, TC and dwKL in the differentiated sum, or None. sums: (chunks, 3).
    grad_z: (batch, latent). parts: (2, chunks, latent, padded), what the chunks add to the gradients of mean
    and logvar, the latter twice what it is.
    """
    batch, latent = z.shape
    mean, precision, scaled, constant = tables[0], tables[1], tables[2], tables[3]
    padded, upper = mean.shape[1], highest.sum()
    own, prior = np.empty((2, rows))
    points, by_point = np.empty((2, latent, rows), z.dtype)
    shifts, totals = np.empty((2, latent + 1, rows), z.dtype)
    weights = np.zeros((tile, padded), z.dtype)
    weights[:, :batch] = 1
    joint = np.empty((tile, padded), z.dtype)
    marginal = np.empty((latent, tile, padded), z.dtype)
    if coefficients is not None:
        number = z.dtype.type
        by_index, by_total, by_latent = coefficients
        shares = number(by_index / batch), number(by_total / batch), number(by_latent / batch)
    for chunk in range(first, last):
        start = chunk * rows
        count = min(rows, batch - start)
        _start(start, count, z, mean, scaled, constant, highest, points, shifts, own, prior)
        totals[:] = 0
        if coefficients is not None:
            by_point[:] = 0
            parts[:, chunk] = 0
        for t in range(0, count, tile):
            end = min(t + tile, count)
            for row in range(tile):
                i = start + min(t + row, count - 1)
                weights[row, i] = own_weight
                if next_weight != 1:
                    weights[row, (i + 1) % batch] = next_weight
            _densities(t, end, width, points, shifts, tables, upper, weights, own, marginal, joint, totals)
            for row in range(tile):
                i = start + min(t + row, count - 1)
                weights[row, i] = 1
                weights[row, (i + 1) % batch] = 1
            if coefficients is not None:
                _slopes(
                    t,
                    end,
                    width,
                    points,
                    tables,
                    shares,
                    marginal,
                    joint,
                    totals,
                    by_point,
                    parts[0, chunk],
                    parts[1, chunk],
                )
        _finish(count, shifts, totals, own, prior, scale, sums[chunk])
        if coefficients is not None:
            _finish_slopes(
                start,
                count,
                points,
                mean,
                precision,
                shares,
                by_point,
                grad_z,
                parts[0, chunk],
                parts[1, chunk],
            )


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
    return _run(z, mean, logvar, dataset_size, stratified, (0.0, 0.0, 0.0), False)[1]


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
    dtype = z.dtype
    batch, latent = z.shape
    width = _LANES * -(-batch // _LANES)
    padded = width + (width % _STRIDE == 0) * _LANES
    z = array(z)
    number = z.dtype.type
    tables, highest = np.empty((4, latent, padded), number), np.empty(latent, number)
    _layout(array(mean), array(logvar), tables, highest)
    others = batch - 1
    if stratified:
        own, following = others / dataset_size, (dataset_size - others) / dataset_size
        scale = 1 / others
    else:
        own = following = 1.0
        scale = 1 / (dataset_size * batch)
    rows = max(_LANES, GROUP * -(-batch // (GROUP * _CHUNKS)))
    chunks = -(-batch // rows)
    sums = np.empty((chunks, 3))
    if gradient:
        grad_z = np.empty((batch, latent), number)
        gathered = np.empty((2, batch, latent), number)
        parts = np.empty((2, chunks, latent, padded), number)
    else:
        grad_z = gathered = parts = None
    launch(
        _samples,
        chunks,
        (_VALUE_NS + gradient * _GRADIENT_NS) * batch * padded * latent,
        width,
        rows,
        GROUP * max(1, min(rows, _CACHED // (padded * latent)) // GROUP),
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
    values = torch.from_numpy(weighted), torch.from_numpy(terms)
    if not gradient:
        return values
    return *values, *(tensor(out, dtype) for out in (grad_z, gathered[0], gathered[1]))
