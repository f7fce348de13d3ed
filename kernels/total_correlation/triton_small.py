"""A small batch on the GPU: all posteriors against a few samples at once, the whole tile in registers.

Two launches. `rows` owns samples: their log-densities and the gradient of z. `columns` owns posteriors and,
every log q being known by then, their gradients; one of its programs adds up the terms. With nothing to
accumulate across programs but the terms, and no loop, a launch is little more than its own latency: here
the launches are the cost, not the B^2 (3 D + 2) exponentials.

Densities are in base 2 and without -1/2 log 2 pi, which cancels in all three terms::

    log2 q(z_id | x_j) = constant_jd - precision_jd (z_id - mean_jd)^2,
    precision = log2(e) exp(-logvar) / 2,    constant = -log2(e) logvar / 2
"""

import triton
import triton.language as tl

from .._triton import LN_2, LOG2_E, exp

NATURAL = tl.constexpr(2 * 0.6931471805599453)  # precision NATURAL = exp(-logvar)
_SIZES = ["z_row", "mean_row", "logvar_row", "batch", "latent", "programs"]


@triton.jit
def posterior(logvar):
    """precision and constant."""
    return exp(-logvar) * (0.5 * LOG2_E), logvar * (-0.5 * LOG2_E)


@triton.jit
def weights(i, j, batch, own, following, dtype: tl.constexpr):
    """w_ij over `scale`, the weight of a pair that is neither (i, i) nor (i, i + 1)."""
    others = tl.where(j == (i + 1) % batch, tl.full((), following, dtype), tl.full((), 1, dtype))
    return tl.where(j == i, tl.full((), own, dtype), others)


@triton.jit
def coefficients(grad, alpha, beta, gamma, dtype: tl.constexpr):
    """The coefficients of MI, TC and dwKL: read from grad (3,) where there is one."""
    if grad is not None:
        a, b, c = tl.load(grad), tl.load(grad + 1), tl.load(grad + 2)
    else:
        a, b, c = tl.full((), alpha, dtype), tl.full((), beta, dtype), tl.full((), gamma, dtype)
    return a.to(dtype), b.to(dtype), c.to(dtype)


@triton.jit
def total(sums, terms, penalty, alpha, beta, gamma, parts, batch):
    """terms (3,) from the sums (parts, 4) of the own, joint and marginal log-densities, in bits, and of
    z^2 / 2."""
    part = tl.arange(0, 256)
    own = tl.zeros([256], tl.float64)
    joint = tl.zeros([256], tl.float64)
    marginal = tl.zeros([256], tl.float64)
    prior = tl.zeros([256], tl.float64)
    for first in range(0, parts, 256):
        at, mask = sums + 4 * (first + part), first + part < parts
        own += tl.load(at, mask=mask, other=0.0)
        joint += tl.load(at + 1, mask=mask, other=0.0)
        marginal += tl.load(at + 2, mask=mask, other=0.0)
        prior += tl.load(at + 3, mask=mask, other=0.0)
    own_sum, joint_sum, marginal_sum = tl.sum(own, 0), tl.sum(joint, 0), tl.sum(marginal, 0)
    mi = (own_sum - joint_sum) * LN_2 / batch
    tc = (joint_sum - marginal_sum) * LN_2 / batch
    kl = (marginal_sum * LN_2 + tl.sum(prior, 0)) / batch
    tl.store(terms, mi)
    tl.store(terms + 1, tc)
    tl.store(terms + 2, kl)
    if penalty is not None:
        tl.store(penalty, alpha * mi + beta * tc + gamma * kl)


@triton.jit(do_not_specialize=["parts", "batch"])
def total_alone(
    sums,
    terms,
    penalty,
    alpha: tl.float64,
    beta: tl.float64,
    gamma: tl.float64,
    parts,
    batch,
):
    total(sums, terms, penalty, alpha, beta, gamma, parts, batch)


@triton.jit
def _load(pointer, row, column, stride, batch, latent, dtype: tl.constexpr, outside: tl.constexpr = 0.0):
    mask = (row < batch) & (column < latent)
    return tl.load(pointer + row * stride + column, mask=mask, other=outside).to(dtype)


@triton.jit(do_not_specialize=_SIZES)
def rows(
    z,
    mean,
    logvar,
    log_marginal,
    log_joint,
    sums,
    grad_z,
    grad,
    alpha: tl.float64,
    beta: tl.float64,
    gamma: tl.float64,
    own_weight: tl.float64,
    next_weight: tl.float64,
    scale: tl.float64,
    z_row,
    mean_row,
    logvar_row,
    batch,
    latent,
    dtype: tl.constexpr,
    BATCH: tl.constexpr,
    SAMPLES: tl.constexpr,
    LATENT: tl.constexpr,
):
    """log_marginal (batch, latent), log_joint (batch,): in bits, over scale. sums (programs, 4), see `total`.
    grad_z if not None."""
    j = tl.arange(0, BATCH)[:, None, None]
    i = (tl.program_id(0) * SAMPLES + tl.arange(0, SAMPLES))[None, :, None]
    d = tl.arange(0, LATENT)[None, None, :]
    inside = (i < batch) & (d < latent)

    sample = _load(z, i, d, z_row, batch, latent, dtype)
    precision, constant = posterior(_load(logvar, j, d, logvar_row, batch, latent, dtype))
    difference = sample - _load(mean, j, d, mean_row, batch, latent, dtype)
    logit = tl.where(j < batch, constant - difference * precision * difference, float("-inf"))
    joint_logit = tl.sum(logit, 2, keep_dims=True)

    weight = tl.where(j < batch, weights(i, j, batch, own_weight, next_weight, dtype), 0)
    shift = tl.max(logit, 0, keep_dims=True)
    share = weight * tl.exp2(logit - shift)
    marginal_total = tl.sum(share, 0, keep_dims=True)
    joint_shift = tl.max(joint_logit, 0, keep_dims=True)
    joint_share = weight * tl.exp2(joint_logit - joint_shift)
    joint_total = tl.sum(joint_share, 0, keep_dims=True)
    tl.store(log_marginal + i * latent + d, shift + tl.log2(marginal_total), mask=inside)
    tl.store(log_joint + i, joint_shift + tl.log2(joint_total), mask=i < batch)

    own = tl.sum(tl.where(j == i, logit, 0), 0, keep_dims=True)
    joint = joint_shift + tl.log2(joint_total * tl.full((), scale, dtype))
    marginal = shift + tl.log2(marginal_total * tl.full((), scale, dtype))
    mine = sums + 4 * tl.program_id(0)
    tl.store(mine, tl.sum(tl.where(inside, own, 0).to(tl.float64)))
    tl.store(mine + 1, tl.sum(tl.where(i < batch, joint, 0).to(tl.float64)))
    tl.store(mine + 2, tl.sum(tl.where(inside, marginal, 0).to(tl.float64)))
    tl.store(mine + 3, tl.sum(tl.where(inside, 0.5 * sample * sample, 0).to(tl.float64)))

    if grad_z is not None:
        a, b, c = coefficients(grad, alpha, beta, gamma, dtype)
        g = (b - a) / joint_total * joint_share + (c - b) / marginal_total * share + tl.where(j == i, a, 0)
        # in this order: 0 where difference * precision overflows
        by_z = c * sample - tl.sum(g * precision * difference, 0, keep_dims=True) * NATURAL
        tl.store(grad_z + i * latent + d, by_z / batch, mask=inside)


@triton.jit(do_not_specialize=_SIZES)
def columns(
    z,
    mean,
    logvar,
    log_marginal,
    log_joint,
    sums,
    grad_mean,
    grad_logvar,
    terms,
    penalty,
    grad,
    alpha: tl.float64,
    beta: tl.float64,
    gamma: tl.float64,
    own_weight: tl.float64,
    next_weight: tl.float64,
    z_row,
    mean_row,
    logvar_row,
    batch,
    latent,
    programs,
    dtype: tl.constexpr,
    BATCH: tl.constexpr,
    POSTERIORS: tl.constexpr,
    LATENT: tl.constexpr,
):
    """grad_mean and grad_logvar (batch, latent), terms (3,) and, if not None, penalty ()."""
    i = tl.arange(0, BATCH)[:, None, None]
    j = (tl.program_id(0) * POSTERIORS + tl.arange(0, POSTERIORS))[None, :, None]
    d = tl.arange(0, LATENT)[None, None, :]

    precision, constant = posterior(_load(logvar, j, d, logvar_row, batch, latent, dtype))
    difference = _load(z, i, d, z_row, batch, latent, dtype) - _load(
        mean, j, d, mean_row, batch, latent, dtype
    )
    logit = constant - difference * precision * difference

    a, b, c = coefficients(grad, alpha, beta, gamma, dtype)
    nowhere: tl.constexpr = float("inf")  # log q of what is no sample: its shares are 0
    log_q = tl.load(log_joint + i, mask=i < batch, other=nowhere)
    log_q_d = _load(log_marginal, i, d, latent, batch, latent, dtype, nowhere)
    joint_share = tl.exp2(tl.sum(logit, 2, keep_dims=True) - log_q)
    share = tl.exp2(logit - log_q_d)
    weight = weights(i, j, batch, own_weight, next_weight, dtype)
    g = weight * ((b - a) * joint_share + (c - b) * share) + tl.where(i == j, a, 0)
    slope = g * precision * difference  # 0 where difference * precision overflows
    by_mean = tl.sum(slope, 0, keep_dims=True) * NATURAL
    by_logvar = 0.5 * tl.sum(slope * difference * NATURAL - g, 0, keep_dims=True)
    mask = (j < batch) & (d < latent)
    tl.store(grad_mean + j * latent + d, by_mean / batch, mask=mask)
    tl.store(grad_logvar + j * latent + d, by_logvar / batch, mask=mask)
    if tl.program_id(0) == 0:
        total(sums, terms, penalty, alpha, beta, gamma, programs, batch)
