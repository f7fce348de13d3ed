"""log q(z) under the mixture of all N posteriors, to a certified tolerance.

::

    log q(z_i) = log 1/N sum_j exp L_ij,    L_ij = log q(z_i|x_j) = sum_d log N(z_id; mean_jd, sigma_jd^2)

(Chen et al. 2018, Isolating Sources of Disentanglement, section 3.) Of all N^2 pairs hardly any matter. With
f_i any lower bound on log sum_j exp L_ij, such as the term of the posterior that z_i was drawn from, terms S
left out of the sum change log q(z_i) by at most::

    sum_{j in S} exp(L_ij) / sum_{j not in S} exp(L_ij) <= sum_{j in S} exp(u_ij - f_i)

where u_ij >= L_ij may be shared by a whole group of posteriors; kd_tree.py says how. Groups with the lowest
bounds are left out for as long as the right-hand side, counted as it grows, stays within the tolerance;
float32 serves where its rounding, bounded from the same sums, does too, else float64.

Work: 3 D operations and one exponential a pair, 6 D operations a bound for 16 groups. On posteriors of a
trained beta-VAE over dSprites (N = 737,280, D = 10, tolerance 1e-4) some 230 bounds of 16 and 4,000 pairs a
sample are left of 737,280; for wide posteriors, as of an untrained model, nothing can be left out. Moments of
groups would not replace their members there: the terms of an untrained encoder differ from those of its mean
posterior by 0.8 nats (standard deviation), where a second-order expansion asks for 0.1 to be within 1e-4.
"""

from torch import Tensor

from ... import _checks
from .. import _dispatch
from . import reference


def log_density(
    z: Tensor,
    mean: Tensor,
    logvar: Tensor,
    *,
    tolerance: float = 1e-4,
    floor: Tensor | None = None,
    backend: str = "auto",
) -> tuple[Tensor, Tensor, int]:
    """Compute log q(z) of every query under the mixture of all posteriors.

    Args:
        z: queries, (queries, latent), floating.
        mean: (posteriors, latent), of the dtype of z.
        logvar: log variance, (posteriors, latent).
        tolerance: the largest error of a log density, in nats.
        floor: (queries,) float64, lower bounds on log sum_j q(z|x_j); found by search if None.
        backend: "auto", "reference", "numba" or "triton".

    Returns:
        log density and error bound, float64 (queries,) each, in nats, and the number of pairs evaluated. The
        bound holds truncation and rounding; it exceeds the tolerance only where float64 cannot meet it. That
        of the reference is 0.

    Raises:
        TypeError, ValueError: an argument has the wrong type, shape or value.
        RuntimeError: tensors lie on different devices, or the backend cannot run here.

    Example:
        >>> import torch
        >>> log_q, error, pairs = log_density(torch.zeros(1, 2), torch.zeros(5, 2), torch.zeros(5, 2))
        >>> round(log_q.item(), 3)  # -log 2 pi
        -1.838
    """
    _checks.posteriors("log_density", z, mean, logvar, tolerance)
    _checks.near("log_density", z, mean, logvar)
    chosen = _dispatch.choose("log_density", backend, mean, triton=True)
    if chosen == "numba":
        from . import numba_cpu

        return numba_cpu.log_density(z, mean, logvar, tolerance, floor)
    if chosen == "triton":
        from . import triton_gpu

        return triton_gpu.log_density(z, mean, logvar, tolerance, floor)
    return reference.log_density(z, mean, logvar)


def expected_pairs(
    z: Tensor,
    mean: Tensor,
    logvar: Tensor,
    *,
    tolerance: float = 1e-4,
    floor: Tensor | None = None,
    backend: str = "auto",
) -> float:
    """Estimate how many pairs :func:`log_density` would evaluate, in a fraction of its time.

    The arguments and errors are its own. The reference evaluates all pairs, the GPU counts what it would, the
    CPU estimates from 256 of the queries.

    Example:
        >>> import torch
        >>> expected_pairs(torch.zeros(1, 2), torch.zeros(5, 2), torch.zeros(5, 2), backend="reference")
        5.0
    """
    _checks.posteriors("expected_pairs", z, mean, logvar, tolerance)
    _checks.near("expected_pairs", z, mean, logvar)
    chosen = _dispatch.choose("expected_pairs", backend, mean, triton=True)
    if chosen == "numba":
        from . import numba_cpu

        return numba_cpu.expected_pairs(z, mean, logvar, tolerance, floor)
    if chosen == "triton":
        from . import triton_gpu

        return triton_gpu.expected_pairs(z, mean, logvar, tolerance, floor)
    return float(len(z) * len(mean))
