"""Decompose the KL: index-code MI, total correlation and dimension-wise KL with q(z) over all images."""

import math
from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from .. import _checks
from ..kernels import aggregated_posterior
from ._arguments import Array, allowed_pairs, check_numbers, tensors, too_many
from .marginals import marginals
from .result import PosteriorDecomposition

_FINE = 1e-5  # a deviation below so much of its mean would be changed by rounding z to float32


def decompose(
    mean: Array,
    logvar: Array,
    *,
    samples: int = 1,
    tolerance: float = 1e-4,
    seed: int = 0,
    queries: int | Literal["auto"] | None = None,
    max_pairs: float | None = None,
    backend: str = "auto",
) -> PosteriorDecomposition:
    """Compute mutual information, total correlation and dimension-wise KL with q(z) over all posteriors.

    Chen et al. 2018 (Isolating Sources of Disentanglement), equation 2: ``KL = MI + TC + dimwise KL`` with
    MI = E log q(z|x) - log q(z), TC = E log q(z) - sum_d log q(z_d), dimwise KL = sum_d E log q(z_d) - log
    p(z_d), p standard normal. The inner mixtures are over all N posteriors, the expectation over z ~ q(z|x)
    by sampling.

    Args:
        mean: (posteriors, latent), real; one row per image. Values lie between -1e100 and 1e100, in float32
            and the half types between -1e15 and 1e15.
        logvar: log variance, (posteriors, latent), real. Values lie between -200 and 200, in float32 and the
            half types between -80 and 80, and leave less than 1e13 standard deviations between the means of
            a latent. Float32 is widened to float64 where a standard deviation is below 1e-5 of its mean.
        samples: how many z are drawn for each image.
        tolerance: the largest error of a log density, in nats, from 1e-15 to 1; half of it is spent on the
            marginals.
        seed: seeds NumPy's generator, which draws the images and the samples; 0 to 2**63 - 1.
        queries: draw z for only so many images, at random without replacement; the mixtures stay over all.
            "auto": for all, or for as many as max_pairs allows. None: for all.
        max_pairs: how many pairs of a sample and a posterior may be evaluated, by an estimate made before
            the work. `MAX_PAIRS`, 2e10, unless given, and on a GPU no limit. Narrow posteriors, as of a
            trained model, need few; of wide ones, as of an untrained model, every pair matters.
        backend: "auto", "reference", "numba" or "triton".

    Returns:
        The three parts and their sum in nats, with standard errors.

    Raises:
        TypeError: mean or logvar is not real, or a number is of the wrong type.
        ValueError: a wrong shape; NaN, infinity or a value out of the ranges above (the row and column are
            named); samples below 1, queries not in 1 .. N, tolerance, seed or max_pairs out of range.
        RuntimeError: more than max_pairs would be evaluated (the message says how many, and what to ask for),
            or the backend cannot run here.

    Example:
        >>> import numpy as np, fastdis
        >>> mean = np.arange(4.0).reshape(4, 1) * 100  # four codes that no noise confuses
        >>> result = fastdis.posterior.decompose(mean, np.zeros((4, 1)))
        >>> bool(abs(result.index_code_mi - np.log(4)) < 1e-4)
        True
    """
    mean, logvar = tensors("decompose", mean=mean, logvar=logvar)
    check_numbers("decompose", samples=samples, tolerance=tolerance, seed=seed, max_pairs=max_pairs)
    _checks.posteriors("decompose", mean, mean, logvar, tolerance)
    count, latent = mean.shape
    chosen = count
    if isinstance(queries, str) and queries != "auto":
        raise ValueError(f"decompose: queries must be 'auto' or an integer, got {queries!r}")
    if queries is not None and queries != "auto":
        chosen = _checks.integer("decompose", "queries", queries, high=count)
    limit = allowed_pairs("decompose", max_pairs, mean)
    mean, logvar = _wide_enough(mean, logvar)
    if samples * chosen * count > limit:
        z, log_conditional = _draw(mean, logvar, np.random.default_rng(seed))
        _checks.near("decompose", z, mean, logvar)
        expected = samples * aggregated_posterior.expected_pairs(
            z, mean, logvar, tolerance=0.5 * tolerance, floor=log_conditional, backend=backend
        )
        affordable = int(limit / expected * count)
        if affordable < (1 if queries == "auto" else chosen):
            remedy = f'queries="auto", {affordable:,} queries at most, ' if affordable else ""
            raise too_many("decompose", limit, expected * chosen / count, samples * chosen * count, remedy)
        chosen = min(chosen, affordable)
    rng = np.random.default_rng(seed)
    rows = slice(None) if chosen == count else torch.from_numpy(np.sort(rng.permutation(count)[:chosen]))
    centre, spread = mean[rows], logvar[rows]

    log_qz = []
    terms = mean.new_zeros((len(centre), 4), dtype=torch.float64)  # an image: MI, TC, dimension-wise KL, KL
    per_latent = mean.new_zeros(latent, dtype=torch.float64)
    largest, pairs = 0.0, 0
    for _ in range(samples):
        z, log_conditional = _draw(centre, spread, rng)
        _checks.near("decompose", z, mean, logvar)
        log_q, error, evaluated = aggregated_posterior.log_density(
            z,
            mean,
            logvar,
            tolerance=0.5 * tolerance,
            floor=log_conditional,
            backend=backend,
        )
        # q(z) holds the sample's own term: where the rest is nothing, rounding must not push it below
        log_q = torch.maximum(log_q, log_conditional - math.log(count))
        log_marginals, marginal_error = marginals(z, mean, logvar, 0.5 * tolerance / latent, backend)
        for part in _parts(z):
            log_prior = -0.5 * (z[part].double().square() + math.log(2 * math.pi))
            per_latent += (log_marginals[part] - log_prior).sum(dim=0) / (samples * len(z))
            independent, prior = log_marginals[part].sum(dim=1), log_prior.sum(dim=1)
            terms[part, 0] += log_conditional[part] - log_q[part]
            terms[part, 1] += log_q[part] - independent
            terms[part, 2] += independent - prior
            terms[part, 3] += log_conditional[part] - prior
            # NumPy's maximum keeps NaN, Python's may not
            largest = np.maximum(largest, float((error[part] + marginal_error[part].sum(dim=1)).max()))
        log_qz.append(log_q)
        pairs += evaluated
    terms /= samples
    mi, tc, dimwise, kl = terms.mean(dim=0).tolist()
    # the samples of one image were averaged: only images are independent
    mi_error, tc_error, dimwise_error, kl_error = (
        (terms.std(dim=0) / math.sqrt(len(terms))).tolist() if len(terms) > 1 else [None] * 4
    )
    return PosteriorDecomposition(
        index_code_mi=min(mi, math.log(count)),  # every term is at most log N; their mean may round above
        index_code_mi_error=mi_error,
        total_correlation=tc,
        total_correlation_error=tc_error,
        dimwise_kl=dimwise,
        dimwise_kl_error=dimwise_error,
        dimwise_kl_per_latent=per_latent.cpu().numpy(),
        kl=kl,
        kl_error=kl_error,
        truncation_error=float(largest),
        pairs_evaluated=pairs / (samples * len(terms) * count),
        posteriors=count,
        queries=len(terms),
        samples=samples,
        log_qz=torch.stack(log_qz).cpu().numpy(),
    )


def _wide_enough(mean: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
    """Widen float32 where a posterior is so narrow that rounding z = mean + sigma noise would show."""

    def narrow(mean: Tensor, logvar: Tensor) -> bool:
        return bool((torch.exp(0.5 * logvar) < _FINE * mean.abs()).any())

    extremes = torch.stack(mean.aminmax()), logvar.min()
    if mean.dtype == torch.float32 and narrow(*extremes) and narrow(mean, logvar):
        return mean.double(), logvar.double()
    return mean, logvar


def _draw(mean: Tensor, logvar: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Draw z ~ q(z|x) in the dtype of mean; return it and log q(z|x) of z as it was rounded, float64."""
    z, log_q = torch.empty_like(mean), mean.new_empty(len(mean), dtype=torch.float64)
    for part in _parts(mean):
        centre, log_variance = mean[part].double(), logvar[part].double()
        noise = torch.from_numpy(rng.standard_normal(tuple(centre.shape))).to(mean.device)
        z[part] = (centre + torch.exp(0.5 * log_variance) * noise).to(mean.dtype)
        squares = (z[part].double() - centre).square() * torch.exp(-log_variance)
        log_q[part] = -0.5 * (squares + log_variance + math.log(2 * math.pi)).sum(dim=1)
    return z, log_q


def _parts(matrix: Tensor) -> Iterator[slice]:
    """Yield its rows some megabytes at a time, since float64 copies of all at once would cost more."""
    rows = max(1, (1 << 19) // matrix.shape[1])
    for start in range(0, len(matrix), rows):
        yield slice(start, start + rows)
