"""The three loops over the posteriors of a batch, in vector instructions, for a few samples at once.

Numba's vectoriser keeps neither a posterior in registers for several samples nor the sums of a row, and
checks before every row whether arrays overlap: it took 0.9 to 1.6 ns a (sample, posterior, latent), forward
and backward, where these take 0.4 on a core with AVX-512 while all lies in its caches.

Densities are in powers of two: with precisions multiplied by log2(e) / 2 an exponential needs neither a
multiplication nor two parts of ln 2 to reduce its argument. None meets the end of the exponents: terms below
`LEAST` count as 0, and shifts are chosen so that none is above -LEAST.
"""

import math
from typing import NamedTuple

import numpy as np

from .._cpu.exponential import exp2
from .._cpu.simd import SIMD_WIDTH, vector_code

SAMPLES_AT_ONCE = 4 if SIMD_WIDTH == 16 else 2  # so that the registers suffice
LEAST = -60 / math.log(2)  # powers of two under the shift: 60 nats, a relative 1e-26


class Posteriors(NamedTuple):
    """The posteriors of the batch by latent, (latent, padded) each: constant - (x - mean)^2 scaled.

    precision: exp(-logvar). scaled: log2(e) / 2 of it. highest: (latent,), the largest constants.
    """

    mean: np.ndarray
    precision: np.ndarray
    scaled: np.ndarray
    constant: np.ndarray
    highest: np.ndarray


class Samples(NamedTuple):
    """The samples of a chunk by latent, and what is summed up for each.

    points: (latent, rows). shifts and totals: (latent + 1, rows), the joint's last: a density's sum over the
    posteriors is totals 2^shifts. by_point: (latent, rows), the gradient.
    own: (rows,) float64, the logarithm to base two of a sample's own density. prior: (rows,) float64, of the
    prior's, in nats.
    """

    points: np.ndarray
    shifts: np.ndarray
    totals: np.ndarray
    by_point: np.ndarray
    own: np.ndarray
    prior: np.ndarray


class Strip(NamedTuple):
    """A few samples of a chunk against all posteriors.

    weights: (strip, padded), w_ij, 0 for what pads the batch. joint: (strip, padded), first the joint
    densities, then their exponentials. marginal: (latent, strip, padded), the exponentials of each latent.
    """

    weights: np.ndarray
    joint: np.ndarray
    marginal: np.ndarray


def _density(v, x, mean, scaled, constant):
    difference = x - mean
    return v.multiply_add(-(difference * scaled), difference, constant)


def _weighted_power(v, weight, x):
    """weight 2^x, and 0 where x is not above LEAST; x has to be below 120."""
    return v.select(x > LEAST, weight * exp2(v, x), 0.0)


def _add_sums(v, table, place, sums):
    """Add the sum of each vector to the number of its sample, from table[place] on."""
    row, first = place
    for g, total in enumerate(sums):
        at = table.at(row, first + g)
        v.store(at, v.load_number(at) + v.sum(total.value))


def _splats(v, table, row, first):
    return [v.splat(v.load_number(table.at(row, first + g))) for g in range(SAMPLES_AT_ONCE)]


@vector_code(exact=True, returns=lambda *kinds: kinds[0](*kinds))
def density(v, x, mean, scaled, constant):
    """constant - (x - mean)^2 scaled, rounded as in `marginals`: the largest is a shift however far off."""
    return _density(v, x, mean, scaled, constant)


# place: (latent, the first sample's row in the chunk, and in the strip). part: the posteriors from and to.


@vector_code(exact=True)
def marginals(v, place, part, samples, posteriors, strip):
    """marginal = w_ij 2^(density - shift), summed over j to totals; the densities are added to joint."""
    d, sample, row = place
    group = range(SAMPLES_AT_ONCE)
    points, shifts = _splats(v, samples.points, d, sample), _splats(v, samples.shifts, d, sample)
    tables = [table.at(d, 0) for table in (posteriors.mean, posteriors.scaled, posteriors.constant)]
    weights, joints = ([table.at(row + g, 0) for g in group] for table in (strip.weights, strip.joint))
    outs = [strip.marginal.at(d, row + g, 0) for g in group]
    sums = [v.variable(0.0) for g in group]
    with v.loop(*part, v.width) as j:
        mean, scaled, constant = (v.load(table + j) for table in tables)
        for g in group:
            density = _density(v, points[g], mean, scaled, constant)
            v.store(joints[g] + j, v.load(joints[g] + j) + density)
            share = _weighted_power(v, v.load(weights[g] + j), density - shifts[g])
            v.store(outs[g] + j, share)
            sums[g] += share
    _add_sums(v, samples.totals, (d, sample), sums)


@vector_code(exact=True)
def joints(v, place, part, samples, strip):
    """joint = w_ij 2^(joint - shift), summed over j to totals; place's latent is one past the last."""
    d, sample, row = place
    group = range(SAMPLES_AT_ONCE)
    shifts = _splats(v, samples.shifts, d, sample)
    weights, outs = ([table.at(row + g, 0) for g in group] for table in (strip.weights, strip.joint))
    sums = [v.variable(0.0) for g in group]
    with v.loop(*part, v.width) as j:
        for g in group:
            share = _weighted_power(v, v.load(weights[g] + j), v.load(outs[g] + j) - shifts[g])
            v.store(outs[g] + j, share)
            sums[g] += share
    _add_sums(v, samples.totals, (d, sample), sums)


@vector_code(exact=True)
def slopes(v, place, part, coefficients, samples, posteriors, strip, grad_mean, grad_logvar):
    """The gradients, for coefficients (c, e)::

    g = c joint / its total + e marginal / its total,  s = g (point - mean) precision
    by_point (latent, rows) += sum over j of s
    grad_mean (latent, padded) += sum over i of s
    grad_logvar (latent, padded) += sum over i of s (point - mean) - g
    """
    d, sample, row = place
    of_joint, of_marginal = coefficients
    group = range(SAMPLES_AT_ONCE)
    points = _splats(v, samples.points, d, sample)
    last = samples.totals.size(0) - 1
    joint_factors, marginal_factors = (
        [v.splat(factor / v.load_number(samples.totals.at(k, sample + g))) for g in group]
        for factor, k in ((of_joint, last), (of_marginal, d))
    )
    means, precisions, by_means, by_logvars = (
        table.at(d, 0) for table in (posteriors.mean, posteriors.precision, grad_mean, grad_logvar)
    )
    joints = [strip.joint.at(row + g, 0) for g in group]
    marginals = [strip.marginal.at(d, row + g, 0) for g in group]
    sums = [v.variable(0.0) for g in group]
    with v.loop(*part, v.width) as j:
        mean, precision = v.load(means + j), v.load(precisions + j)
        by_mean, by_logvar = v.load(by_means + j), v.load(by_logvars + j)
        for g in group:
            difference = points[g] - mean
            by_joint = joint_factors[g] * v.load(joints[g] + j)
            share = v.multiply_add(marginal_factors[g], v.load(marginals[g] + j), by_joint)
            slope = share * precision * difference  # in this order: 0 where difference * precision overflows
            sums[g] += slope
            by_mean += slope
            by_logvar += v.multiply_add(slope, difference, -share)
        v.store(by_means + j, by_mean)
        v.store(by_logvars + j, by_logvar)
    _add_sums(v, samples.by_point, (d, sample), sums)
