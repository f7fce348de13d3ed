"""A chunk of samples against all posteriors of the batch: their part of the terms and of the gradients.

A chunk goes strip by strip. The exponentials of a strip's samples stay in the second-level cache between
their log-densities and their gradients: each is computed once. A block of posteriors is read from there once
for all samples of the strip, or the loops wait for it.

Shifts. exp(L - shift) needs a shift near the row's largest term, and a running maximum does not vectorise.
L_ijd is at most its constant c_jd, and the largest term at least the sample's own, L_iid: where these two lie
within 60 nats the own term is the shift, else the maximum is searched. Terms more than 60 nats under the
shift are set to 0: a relative 1e-26, and no product becomes denormal. So with the joint density, whose
highest value is at most the sum of the latents' highest.
"""

import math

import numpy as np

from .._cpu.compile import exact, inlined
from .._cpu.parallel_for import parallel_for
from . import posterior_loops
from .posterior_loops import LEAST, SAMPLES_AT_ONCE, Posteriors, Samples, Strip

LN2 = math.log(2)
_BLOCK = 512  # posteriors


@inlined
def largest(values):
    found = values[0]
    for j in range(1, values.size):
        found = max(found, values[j])
    return found


@inlined
def _largest_density(x, mean, scaled, constant):
    found = posterior_loops.density(x, mean[0], scaled[0], constant[0])
    for j in range(1, mean.size):
        found = max(found, posterior_loops.density(x, mean[j], scaled[j], constant[j]))
    return found


@inlined
def start(first, count, z, posteriors, samples):
    """Fill in what a chunk's samples, from number first, need, but the joint's shifts.

    The last sample fills its group.
    """
    points, shifts, own, prior = samples.points, samples.shifts, samples.own, samples.prior
    highest = posteriors.highest
    least = z.dtype.type(LEAST)
    own[:] = 0
    prior[:] = 0
    for d in range(len(points)):
        point, shift = points[d], shifts[d]
        means, precisions = posteriors.mean[d, first:], posteriors.scaled[d, first:]
        constants = posteriors.constant[d, first:]
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
                    shift[t] = _largest_density(
                        point[t], posteriors.mean[d], posteriors.scaled[d], posteriors.constant[d]
                    )
        point[count:] = point[count - 1]
        shift[count:] = shift[count - 1]


@exact
def densities(first, last, width, upper, samples, posteriors, strip):
    """Fill in the exponentials of the samples first .. last of a chunk, relative to their totals.

    width: the batch in whole vectors, which rows (padded) may exceed. upper: no joint density exceeds it.
    """
    joint = strip.joint
    latent = len(strip.marginal)
    joint[:] = 0
    for begin in range(0, width, _BLOCK):
        part = begin, min(begin + _BLOCK, width)
        for d in range(latent):
            for t in range(first, last, SAMPLES_AT_ONCE):
                posterior_loops.marginals((d, t, t - first), part, samples, posteriors, strip)
    shifts, own = samples.shifts[latent], samples.own
    for t in range(first, last):
        shifts[t] = largest(joint[t - first, :width]) if own[t] <= upper + LEAST else own[t]
    shifts[last : last + -last % SAMPLES_AT_ONCE] = shifts[last - 1]
    for t in range(first, last, SAMPLES_AT_ONCE):
        posterior_loops.joints((latent, t, t - first), (0, width), samples, strip)


@exact
def _slopes(first, last, width, coefficients, samples, posteriors, strip, grad_mean, grad_logvar):
    """Add their gradients: by_point, and their part of the others (latent, padded)."""
    by_index, by_total, by_latent = coefficients
    samples.totals[:, last : last + -last % SAMPLES_AT_ONCE] = np.inf  # what fills the group has no part
    for begin in range(0, width, _BLOCK):
        part = begin, min(begin + _BLOCK, width)
        for d in range(len(strip.marginal)):
            for t in range(first, last, SAMPLES_AT_ONCE):
                posterior_loops.slopes(
                    (d, t, t - first),
                    part,
                    (by_total - by_index, by_latent - by_total),
                    samples,
                    posteriors,
                    strip,
                    grad_mean,
                    grad_logvar,
                )


@inlined
def _finish(count, scale, samples, sums):
    """Fill in sums (3,): MI, TC and dwKL of a chunk's samples, summed."""
    shifts, totals = samples.shifts, samples.totals
    latent, rows = len(shifts) - 1, len(samples.own)
    marginal, product = np.zeros(rows), np.ones(rows)
    for d in range(latent):
        smallest, greatest = 1.0, 1.0
        for t in range(count):
            marginal[t] += shifts[d, t]
            product[t] *= scale * totals[d, t]  # one logarithm for many latents
            smallest, greatest = min(smallest, product[t]), max(greatest, product[t])
        if not (smallest > 1e-200 and greatest < 1e200):
            for t in range(count):
                marginal[t] += math.log2(product[t])
                product[t] = 1
    sums[:] = 0
    for t in range(count):
        joint_sum = shifts[latent, t] + math.log2(scale * totals[latent, t])
        marginal_sum = marginal[t] + math.log2(product[t])
        sums[0] += LN2 * (samples.own[t] - joint_sum)
        sums[1] += LN2 * (joint_sum - marginal_sum)
        sums[2] += LN2 * marginal_sum - samples.prior[t]


@inlined
def _finish_slopes(first, count, coefficients, samples, posteriors, grad_z, grad_mean, grad_logvar):
    """Add what a chunk's samples give their own posteriors' gradients, and fill in grad_z (batch, latent)."""
    by_index, _, by_latent = coefficients
    for d in range(len(samples.points)):
        point, by_point = samples.points[d], samples.by_point[d]
        means, precisions = posteriors.mean[d, first:], posteriors.precision[d, first:]
        by_mean, by_logvar = grad_mean[d, first:], grad_logvar[d, first:]
        for t in range(count):
            difference = point[t] - means[t]
            slope = by_index * (difference * precisions[t])
            by_mean[t] += slope
            by_logvar[t] += slope * difference - by_index
            by_point[t] = by_latent * point[t] - by_point[t] - slope
        for t in range(count):
            grad_z[first + t, d] = by_point[t]


@parallel_for
def sample_chunks(
    first,
    last,
    width,
    rows,
    rows_of_strip,
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
    """Chunks of `rows` samples: their sums, and gradients where coefficients are given.

    z: (batch, latent). tables: (4, latent, padded), the first four of `Posteriors`. width: see `densities`.
    rows and rows_of_strip: multiples of SAMPLES_AT_ONCE; where samples lack the last is repeated, and left
    out of every sum.
    own_weight, next_weight: w_ii and w_i(i+1) over the weight of all other pairs, scale.
    coefficients: those of MI, TC and dwKL in the differentiated sum, or None. sums: (chunks, 3).
    grad_z: (batch, latent). parts: (2, chunks, latent, padded), what the chunks add to the gradients of mean
    and logvar, the latter twice what it is.
    """
    batch, latent = z.shape
    posteriors = Posteriors(tables[0], tables[1], tables[2], tables[3], highest)
    padded, upper = tables.shape[2], highest.sum()
    points, by_point = np.empty((2, latent, rows), z.dtype)
    shifts, totals = np.empty((2, latent + 1, rows), z.dtype)
    own, prior = np.empty((2, rows))
    samples = Samples(points, shifts, totals, by_point, own, prior)
    weights = np.zeros((rows_of_strip, padded), z.dtype)
    weights[:, :batch] = 1
    joint = np.empty((rows_of_strip, padded), z.dtype)
    strip = Strip(weights, joint, np.empty((latent, rows_of_strip, padded), z.dtype))
    if coefficients is not None:
        number = z.dtype.type
        by_index, by_total, by_latent = coefficients
        shares = number(by_index / batch), number(by_total / batch), number(by_latent / batch)
    for chunk in range(first, last):
        begin = chunk * rows
        count = min(rows, batch - begin)
        start(begin, count, z, posteriors, samples)
        totals[:] = 0
        if coefficients is not None:
            by_point[:] = 0
            parts[:, chunk] = 0
        for t in range(0, count, rows_of_strip):
            end = min(t + rows_of_strip, count)
            for row in range(rows_of_strip):
                i = begin + min(t + row, count - 1)
                weights[row, i] = own_weight
                if next_weight != 1:
                    weights[row, (i + 1) % batch] = next_weight
            densities(t, end, width, upper, samples, posteriors, strip)
            for row in range(rows_of_strip):
                i = begin + min(t + row, count - 1)
                weights[row, i] = 1
                weights[row, (i + 1) % batch] = 1
            if coefficients is not None:
                _slopes(t, end, width, shares, samples, posteriors, strip, parts[0, chunk], parts[1, chunk])
        _finish(count, scale, samples, sums[chunk])
        if coefficients is not None:
            _finish_slopes(
                begin, count, shares, samples, posteriors, grad_z, parts[0, chunk], parts[1, chunk]
            )
