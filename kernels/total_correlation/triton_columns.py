"""The gradients of the posteriors on the GPU: tiles of samples for each strip; see triton_tiles.py."""

import triton
import triton.language as tl

from .triton_small import NATURAL, coefficients, total, weights
from .triton_tiles import CONSTANT, LOG_Q, MEAN, PRECISION, SAMPLE, SIZES, meet, overflows


@triton.jit
def _column_tile(
    planes,
    partial,
    log_joint,
    first_sample,
    first_posterior,
    by_joint,
    by_marginal,
    earlier,
    own_weight,
    next_weight,
    batch,
    latent,
    padded,
    WEIGHTED: tl.constexpr,
    SAMPLES: tl.constexpr,
    POSTERIORS: tl.constexpr,
):
    """Add a tile of samples to the sums of the posteriors."""
    dtype: tl.constexpr = planes.dtype.element_ty
    plane = latent * padded
    i, j = tl.arange(0, SAMPLES)[:, None], tl.arange(0, POSTERIORS)[None, :]
    joint_logit = tl.zeros([SAMPLES, POSTERIORS], dtype)
    joint_constant = tl.zeros([1, POSTERIORS], dtype)
    if WEIGHTED:
        weight = weights(first_sample + i, first_posterior + j, batch, own_weight, next_weight, dtype)
    for d in range(latent):
        of_i, of_j = planes + d * padded + first_sample, planes + d * padded + first_posterior
        difference = tl.load(of_i + SAMPLE * plane + i) - tl.load(of_j + MEAN * plane + j)
        slope = difference * tl.load(of_j + PRECISION * plane + j)
        joint_logit -= slope * difference
        joint_constant += tl.load(of_j + CONSTANT * plane + j)
    log_q = tl.load(log_joint + first_sample + i)
    joint_share = by_joint * tl.exp2(joint_logit + joint_constant - log_q)
    if WEIGHTED:
        joint_share *= weight
    for d in range(latent):
        of_i, of_j = planes + d * padded + first_sample, planes + d * padded + first_posterior
        sums = partial + d * padded + first_posterior + j
        by_mean = tl.load(sums, mask=earlier, other=0.0)
        by_logvar = tl.load(sums + plane, mask=earlier, other=0.0)
        difference = tl.load(of_i + SAMPLE * plane + i) - tl.load(of_j + MEAN * plane + j)
        precision = tl.load(of_j + PRECISION * plane + j)
        slope = difference * precision
        logit = tl.load(of_j + CONSTANT * plane + j) - slope * difference
        share = tl.exp2(logit - tl.load(of_i + LOG_Q * plane + i))
        if WEIGHTED:
            share *= weight
        g = joint_share + by_marginal * share
        if WEIGHTED or dtype == tl.float64:
            slope = g * precision * difference
            squares = slope * difference - g * (1 / NATURAL)
        else:
            squares = g * (slope * difference - 1 / NATURAL)
            slope *= g
        tl.store(sums, by_mean + tl.sum(slope, 0, keep_dims=True))
        tl.store(sums + plane, by_logvar + tl.sum(squares, 0, keep_dims=True))


@triton.jit(do_not_specialize=SIZES)
def columns(
    planes,
    ends,
    partial,
    log_joint,
    grad,
    alpha: tl.float64,
    beta: tl.float64,
    gamma: tl.float64,
    own_weight: tl.float64,
    next_weight: tl.float64,
    batch,
    latent,
    padded,
    tiles,
    parts,
    SAMPLES: tl.constexpr,
    POSTERIORS: tl.constexpr,
):
    """For a strip of posteriors and a split of `tiles` tiles of samples: partial (splits, 2, latent, padded),
    the sums over i of G precision (z - mean) and of G (precision (z - mean)^2 - 1 / NATURAL).
    """
    first_posterior, split = tl.program_id(0) * POSTERIORS, tl.program_id(1)
    j = first_posterior + tl.arange(0, POSTERIORS)[None, :]
    partial += split.to(tl.int64) * 2 * latent * padded
    a, b, c = coefficients(grad, alpha, beta, gamma, planes.dtype.element_ty)
    careful = overflows(ends, parts)
    first = split * tiles * SAMPLES
    for start in range(first, tl.minimum(first + tiles * SAMPLES, batch), SAMPLES):
        earlier = tl.full(j.shape, start, tl.int32) > first
        near = meet(start, SAMPLES, first_posterior, POSTERIORS, batch) | careful
        for WEIGHTED in tl.static_range(2):
            if near == WEIGHTED:
                _column_tile(
                    planes,
                    partial,
                    log_joint,
                    start,
                    first_posterior,
                    b - a,
                    c - b,
                    earlier,
                    own_weight,
                    next_weight,
                    batch,
                    latent,
                    padded,
                    WEIGHTED,
                    SAMPLES,
                    POSTERIORS,
                )
        tl.debug_barrier()  # the next tile reads the sums of this one


@triton.jit(do_not_specialize=SIZES)
def finish_columns(
    planes,
    partial,
    sums,
    grad_mean,
    grad_logvar,
    terms,
    penalty,
    grad,
    alpha: tl.float64,
    beta: tl.float64,
    gamma: tl.float64,
    batch,
    latent,
    padded,
    splits,
    parts,
    BLOCK: tl.constexpr,
    SPLITS: tl.constexpr,
):
    """grad_mean and grad_logvar (batch, latent), terms (3,) and, if not None, penalty ()."""
    dtype: tl.constexpr = planes.dtype.element_ty
    d = tl.program_id(1)
    j = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)[None, :]
    split = tl.arange(0, SPLITS)[:, None]
    mask = (split < splits) & (j >= 0)
    inside = j < batch
    plane = latent * padded
    partial += split * 2 * plane + d * padded + j
    at = planes + d * padded + j
    a, _, _ = coefficients(grad, alpha, beta, gamma, dtype)
    difference = tl.load(at + SAMPLE * plane) - tl.load(at + MEAN * plane)
    slope = difference * tl.load(at + PRECISION * plane)
    by_mean = tl.sum(tl.load(partial, mask=mask, other=0.0), 0, keep_dims=True) + a * slope
    by_logvar = tl.sum(tl.load(partial + plane, mask=mask, other=0.0), 0, keep_dims=True)
    by_logvar += a * (slope * difference - 1 / NATURAL)
    tl.store(grad_mean + j * latent + d, by_mean * NATURAL / batch, mask=inside)
    tl.store(grad_logvar + j * latent + d, by_logvar * (0.5 * NATURAL) / batch, mask=inside)
    if (tl.program_id(0) == 0) & (d == 0):
        total(sums, terms, penalty, alpha, beta, gamma, parts, batch)
