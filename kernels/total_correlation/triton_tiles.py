"""A batch of any size on the GPU: tiles of samples against posteriors, with running log-sum-exps.

`prepare` lays the parameters out by latent, where loads are contiguous. `rows` runs over posteriors for a
strip of samples; in triton_columns.py `columns` runs over samples for a strip of posteriors. Both are cut
into splits, whose sums `finish_rows` and `finish_columns` add in their order. No atomics: two runs give the
same bits.

Lanes lie along the strip, so that sums over the loop stay in one thread, and a warp is a program, so that
nothing waits at a barrier. A thread has 4 neighbours of its strip, for which one load of the other side's
parameters serves. The sums of one latent wait in memory (the cache) while the others have their turn.

A difference or its square times a precision may overflow where the exponential is 0. `prepare` notes how far
they go; where a product might, all tiles go the way of those with weights of their own, which multiply in
another order; float64 always does.

Shifts. exp2(L - shift) needs a shift near the largest term of a marginal. L_ijd is at most its constant, and
the largest term at least the sample's own: where the two lie within 60 bits the own term is the shift,
else `prepare` searches for the maximum. The joint has its running maximum, one in D + 1 exponentials.

Count. `rows` computes B^2 (D + 1) exponentials and `columns` as many again: the gradients of a posterior need
log q of every sample, and between the passes there is neither a (B, B) memory nor an atomic sum. Having the
gradient of z in the second pass too would save no exponential, and would need sums along both sides of a
tile at once, one of them across lanes. In the machine code for sm_90 a (sample, posterior, latent) triple
takes 13.4 and 14.3 instructions, loads and loop included, one of them an exponential. A scheduler issues one
a cycle and has an exponential unit that takes 8, so that the limit is the issue of instructions: 28 cycles a
triple, 31 % of the rate at which B^2 (D + 1) exponentials could be had, 63 % of that for those computed.
"""

import triton
import triton.language as tl

from .triton_small import NATURAL, coefficients, posterior, weights

# planes of (latent, padded) parameters
SAMPLE, MEAN, PRECISION, CONSTANT, SHIFT, LOG_Q = (tl.constexpr(k) for k in range(6))
PLANES = 6
FAR = tl.constexpr(60.0)
NO_POSTERIOR = tl.constexpr(float("-inf"))  # the constant of what pads the batch
NO_SAMPLE = tl.constexpr(float("inf"))  # its log q
SIZES = ["z_row", "mean_row", "logvar_row", "batch", "latent", "tiles", "splits", "parts"]


@triton.jit
def overflows(ends, parts):
    """Whether a difference, or its square, times a precision might.

    ends: (2, parts), the largest |z| or |mean| and the largest precision.
    """
    result = tl.full([], 0, tl.int1)
    if ends.dtype.element_ty == tl.float32:
        k = tl.arange(0, 256)
        reach = tl.zeros([256], tl.float32)
        precision = reach
        for first in range(0, parts, 256):
            mask = first + k < parts
            reach = tl.maximum(reach, tl.load(ends + first + k, mask=mask, other=0.0))
            precision = tl.maximum(precision, tl.load(ends + parts + first + k, mask=mask, other=0.0))
        widest = tl.maximum(2 * tl.max(reach, 0), 1.0)
        result = widest * widest * tl.max(precision, 0) > 1e38
    return result


@triton.jit(do_not_specialize=SIZES)
def prepare(
    z,
    mean,
    logvar,
    planes,
    ends,
    z_row,
    mean_row,
    logvar_row,
    batch,
    latent,
    padded,
    BLOCK: tl.constexpr,
):
    """The first five planes of (6, latent, padded): z, mean, precision, constant, shift of the marginal.
    ends (2, programs), see `overflows`."""
    dtype: tl.constexpr = planes.dtype.element_ty
    d, lane = tl.program_id(1), tl.arange(0, BLOCK)
    i = tl.program_id(0) * BLOCK + lane
    inside = i < batch
    sample = tl.load(z + i * z_row + d, mask=inside, other=0.0).to(dtype)
    centre = tl.load(mean + i * mean_row + d, mask=inside, other=0.0).to(dtype)
    precision, constant = posterior(tl.load(logvar + i * logvar_row + d, mask=inside, other=0.0).to(dtype))
    shift = constant - (sample - centre) * precision * (sample - centre)

    highest = tl.full([BLOCK], float("-inf"), dtype)
    for first in range(0, batch, BLOCK):
        j = first + lane
        others = tl.load(logvar + j * logvar_row + d, mask=j < batch, other=float("inf"))
        highest = tl.maximum(highest, posterior(others.to(dtype))[1])
    far = inside & (shift < tl.max(highest, 0) - FAR)
    if tl.max(far.to(tl.int32), 0) > 0:
        for j in range(0, batch):
            difference = sample - tl.load(mean + j * mean_row + d).to(dtype)
            precision_j, constant_j = posterior(tl.load(logvar + j * logvar_row + d).to(dtype))
            shift = tl.maximum(shift, constant_j - difference * precision_j * difference)

    mine = ends + tl.program_id(0) * latent + d
    tl.store(mine, tl.max(tl.maximum(tl.abs(sample), tl.abs(centre)), 0))
    tl.store(mine + tl.num_programs(0) * latent, tl.max(precision, 0))
    plane = latent * padded
    at = planes + d * padded + i
    tl.store(at + SAMPLE * plane, sample)
    tl.store(at + MEAN * plane, centre)
    tl.store(at + PRECISION * plane, tl.where(inside, precision, 0))
    tl.store(at + CONSTANT * plane, tl.where(inside, constant, NO_POSTERIOR))
    tl.store(at + SHIFT * plane, tl.where(inside, shift, 0))


@triton.jit
def meet(first_sample, SAMPLES: tl.constexpr, first_posterior, POSTERIORS: tl.constexpr, batch):
    """Whether a tile holds a pair (i, i) or (i, i + 1 mod batch), those with weights of their own."""
    end = first_sample + SAMPLES
    beside = (first_posterior <= end) & (first_posterior + POSTERIORS > first_sample)
    return beside | ((first_posterior == 0) & (end >= batch))


@triton.jit
def _row_tile(
    planes,
    partial,
    first_sample,
    first_posterior,
    top,
    joint_total,
    earlier,
    own_weight,
    next_weight,
    batch,
    latent,
    padded,
    WEIGHTED: tl.constexpr,
    GRADIENT: tl.constexpr,
    SAMPLES: tl.constexpr,
    POSTERIORS: tl.constexpr,
):
    """Add a tile of posteriors to the sums of the samples."""
    dtype: tl.constexpr = planes.dtype.element_ty
    plane = latent * padded
    i, j = tl.arange(0, SAMPLES)[None, :], tl.arange(0, POSTERIORS)[:, None]
    joint_logit = tl.zeros([POSTERIORS, SAMPLES], dtype)
    if WEIGHTED:
        weight = weights(first_sample + i, first_posterior + j, batch, own_weight, next_weight, dtype)
    for d in range(latent):
        of_i, of_j = planes + d * padded + first_sample, planes + d * padded + first_posterior
        sums = partial + d * padded + first_sample + i
        shares = tl.load(sums, mask=earlier, other=0.0)  # long before the stores: the compiler moves no load
        if GRADIENT:
            slopes = tl.load(sums + plane, mask=earlier, other=0.0)
        difference = tl.load(of_i + SAMPLE * plane + i) - tl.load(of_j + MEAN * plane + j)
        precision = tl.load(of_j + PRECISION * plane + j)
        slope = difference * precision
        logit = tl.load(of_j + CONSTANT * plane + j) - slope * difference
        joint_logit += logit
        share = tl.exp2(logit - tl.load(of_i + SHIFT * plane + i))
        if WEIGHTED:
            share *= weight
        tl.store(sums, shares + tl.sum(share, 0, keep_dims=True))
        if GRADIENT:
            if WEIGHTED or dtype == tl.float64:
                slope = share * precision * difference
            else:
                slope *= share
            tl.store(sums + plane, slopes + tl.sum(slope, 0, keep_dims=True))
    new_top = tl.maximum(top, tl.max(joint_logit, 0, keep_dims=True))
    scale = tl.exp2(top - new_top)
    share = tl.exp2(joint_logit - new_top)
    if WEIGHTED:
        share *= weight
    if GRADIENT:
        for d in range(latent):
            of_i, of_j = planes + d * padded + first_sample, planes + d * padded + first_posterior
            sums = partial + 2 * plane + d * padded + first_sample + i
            slopes = tl.load(sums, mask=earlier, other=0.0)
            difference = tl.load(of_i + SAMPLE * plane + i) - tl.load(of_j + MEAN * plane + j)
            slope = share * tl.load(of_j + PRECISION * plane + j) * difference
            tl.store(sums, slopes * scale + tl.sum(slope, 0, keep_dims=True))
    return new_top, joint_total * scale + tl.sum(share, 0, keep_dims=True)


@triton.jit(do_not_specialize=SIZES)
def rows(
    planes,
    ends,
    partial,
    joint,
    own_weight: tl.float64,
    next_weight: tl.float64,
    batch,
    latent,
    padded,
    tiles,
    parts,
    GRADIENT: tl.constexpr,
    SAMPLES: tl.constexpr,
    POSTERIORS: tl.constexpr,
):
    """For a strip of samples and a split of `tiles` tiles of posteriors: joint (splits, 2, padded), the
    running maximum and sum, and partial (splits, 3 or 1, latent, padded), sums over j of

    the share of a marginal, that times precision (z - mean), the share of the joint times the same.
    """
    dtype: tl.constexpr = planes.dtype.element_ty
    KINDS: tl.constexpr = 3 if GRADIENT else 1
    first_sample, split = tl.program_id(0) * SAMPLES, tl.program_id(1)
    i = first_sample + tl.arange(0, SAMPLES)[None, :]
    partial += split.to(tl.int64) * KINDS * latent * padded
    LOWEST: tl.constexpr = -1.7e308 if dtype == tl.float64 else -3.4e38
    top = tl.full([1, SAMPLES], LOWEST, dtype)  # finite, for differences to joint densities of -inf
    total = tl.zeros([1, SAMPLES], dtype)
    careful = overflows(ends, parts)
    first = split * tiles * POSTERIORS
    for start in range(first, tl.minimum(first + tiles * POSTERIORS, batch), POSTERIORS):
        earlier = tl.full(i.shape, start, tl.int32) > first
        near = meet(first_sample, SAMPLES, start, POSTERIORS, batch) | careful
        for WEIGHTED in tl.static_range(2):
            if near == WEIGHTED:
                top, total = _row_tile(
                    planes,
                    partial,
                    first_sample,
                    start,
                    top,
                    total,
                    earlier,
                    own_weight,
                    next_weight,
                    batch,
                    latent,
                    padded,
                    WEIGHTED,
                    GRADIENT,
                    SAMPLES,
                    POSTERIORS,
                )
        tl.debug_barrier()  # the next tile reads the sums of this one
    tl.store(joint + 2 * split * padded + i, top)
    tl.store(joint + (2 * split + 1) * padded + i, total)


@triton.jit(do_not_specialize=SIZES)
def finish_rows(
    planes,
    partial,
    joint,
    log_joint,
    sums,
    grad_z,
    grad,
    alpha: tl.float64,
    beta: tl.float64,
    gamma: tl.float64,
    scale: tl.float64,
    batch,
    latent,
    padded,
    splits,
    BLOCK: tl.constexpr,
    SPLITS: tl.constexpr,
):
    """sums (programs, 4), see `total`; if grad_z is not None, that and log q of each sample over scale:
    log_joint (padded,) and, by latent, the sixth plane.

    A program has one latent of its samples.
    """
    dtype: tl.constexpr = planes.dtype.element_ty
    KINDS: tl.constexpr = 1 if grad_z is None else 3
    d = tl.program_id(1)
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)[None, :]
    split = tl.arange(0, SPLITS)[:, None]
    mask = (split < splits) & (i >= 0)
    inside = i < batch
    plane = latent * padded

    tops = tl.load(joint + 2 * split * padded + i, mask=mask, other=float("-inf"))
    top = tl.max(tops, 0, keep_dims=True)
    shares = tl.exp2(tops - top)
    joint_totals = tl.load(joint + (2 * split + 1) * padded + i, mask=mask, other=0.0)
    joint_total = tl.sum(joint_totals * shares, 0, keep_dims=True)

    partial += split * KINDS * plane + d * padded + i
    marginal_total = tl.sum(tl.load(partial, mask=mask, other=0.0), 0, keep_dims=True)
    at = planes + d * padded + i
    shift = tl.load(at + SHIFT * plane)
    sample = tl.load(at + SAMPLE * plane)
    difference = sample - tl.load(at + MEAN * plane)
    slope = difference * tl.load(at + PRECISION * plane)
    own = tl.load(at + CONSTANT * plane) - slope * difference

    log_q = top + tl.log2(joint_total * tl.full((), scale, dtype))
    log_q_d = shift + tl.log2(marginal_total * tl.full((), scale, dtype))
    mine = sums + 4 * (tl.program_id(0) * latent + d)
    tl.store(mine, tl.sum(tl.where(inside, own, 0).to(tl.float64)))
    tl.store(mine + 1, tl.sum(tl.where(i < tl.where(d == 0, batch, 0), log_q, 0).to(tl.float64)))
    tl.store(mine + 2, tl.sum(tl.where(inside, log_q_d, 0).to(tl.float64)))
    tl.store(mine + 3, tl.sum((0.5 * sample * sample).to(tl.float64)))
    if grad_z is not None:
        a, b, c = coefficients(grad, alpha, beta, gamma, dtype)
        by_marginal = (
            tl.sum(tl.load(partial + plane, mask=mask, other=0.0), 0, keep_dims=True) / marginal_total
        )
        by_joint = tl.sum(tl.load(partial + 2 * plane, mask=mask, other=0.0) * shares, 0, keep_dims=True)
        slopes = (b - a) * by_joint / joint_total + (c - b) * by_marginal + a * slope
        tl.store(grad_z + i * latent + d, (c * sample - slopes * NATURAL) / batch, mask=inside)
        tl.store(at + LOG_Q * plane, tl.where(inside, shift + tl.log2(marginal_total), NO_SAMPLE))
        log_q = tl.where(inside, top + tl.log2(joint_total), NO_SAMPLE)
        tl.store(log_joint + i, log_q, mask=i < tl.where(d == 0, padded, 0))
