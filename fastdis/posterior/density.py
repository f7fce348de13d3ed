"""Evaluate the density of the aggregated posterior at any points."""

import math

import torch

from .. import _checks
from ..kernels import aggregated_posterior
from ._arguments import Array, Float, allowed_pairs, tensors, too_many


def log_density(
    z: Array,
    mean: Array,
    logvar: Array,
    *,
    tolerance: float = 1e-4,
    max_pairs: float | None = None,
    backend: str = "auto",
) -> Float:
    """Return log q(z) = log 1/N sum_j q(z|x_j) at any points, such as samples of the prior.

    Args:
        z: (queries, latent), real.
        mean: (posteriors, latent), real.
        logvar: log variance, (posteriors, latent), real.
        tolerance: the largest error, in nats.
        max_pairs: how many pairs may be evaluated, as in :func:`decompose`.
        backend: "auto", "reference", "numba" or "triton".

    Returns:
        (queries,) float64, in nats.

    Raises:
        TypeError, ValueError, RuntimeError: as :func:`decompose`.

    Example:
        >>> import numpy as np, fastdis
        >>> same = np.zeros((3, 1))  # three posteriors, all standard normal
        >>> fastdis.posterior.log_density(np.zeros((1, 1)), same, same).round(4)
        array([-0.9189])
    """
    z, mean, logvar = tensors("log_density", z=z, mean=mean, logvar=logvar)
    _checks.posteriors("log_density", z, mean, logvar, tolerance)
    _checks.near("log_density", z, mean, logvar)
    pairs, limit = len(z) * len(mean), allowed_pairs("log_density", max_pairs, mean)
    if pairs > limit:
        expected = aggregated_posterior.expected_pairs(z, mean, logvar, tolerance=tolerance, backend=backend)
        if expected > limit:
            raise too_many("log_density", limit, expected, pairs, "fewer z, ")
    log_q, _, _ = aggregated_posterior.log_density(z, mean, logvar, tolerance=tolerance, backend=backend)
    return log_q.cpu().numpy()


def sharded_log_density(
    z: Array, mean: Array, logvar: Array, *, tolerance: float = 1e-4, backend: str = "auto"
) -> Float:
    """Return log q(z) where every process of torch.distributed holds some of the posteriors.

    Each process sums its own, and the partial log-sum-exps are merged with one all-gather of (queries,)
    numbers, so all processes return the same. Without an initialised process group it is :func:`log_density`.

    Args:
        z: (queries, latent), real; the same on every process.
        mean, logvar: (posteriors, latent) of this process, real, at least one row.
        tolerance: the largest error, in nats.
        backend: "auto", "reference", "numba" or "triton".

    Returns:
        (queries,) float64, in nats.

    Raises:
        TypeError, ValueError, RuntimeError: as :func:`decompose`.

    Example:
        >>> import numpy as np, fastdis
        >>> z, mean, logvar = np.zeros((1, 1)), np.array([[0.0], [2.0]]), np.zeros((2, 1))
        >>> fastdis.posterior.sharded_log_density(z, mean, logvar).round(4)  # one process holds them all
        array([-1.4852])
    """
    z, mean, logvar = tensors("sharded_log_density", z=z, mean=mean, logvar=logvar)
    _checks.posteriors("sharded_log_density", z, mean, logvar, tolerance)
    _checks.near("sharded_log_density", z, mean, logvar)
    log_q, _, _ = aggregated_posterior.log_density(z, mean, logvar, tolerance=tolerance, backend=backend)
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        own = torch.cat([log_q + math.log(len(mean)), log_q.new_tensor([len(mean)])])
        shards = [torch.empty_like(own) for _ in range(torch.distributed.get_world_size())]
        torch.distributed.all_gather(shards, own)
        together = torch.stack(shards)
        log_q = torch.logsumexp(together[:, :-1], dim=0) - together[:, -1].sum().log()
    return log_q.cpu().numpy()
