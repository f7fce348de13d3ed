"""The D one-dimensional marginals of the aggregated posterior, over all posteriors.

::

    q(z_d) = 1/N sum_j N(z_d; mean_jd, sigma_jd^2),    sigma_jd^2 = exp(logvar_jd)

One dimension at a time a sum over N posteriors at N points needs no N^2 terms. Posteriors are put into
classes by octave, s <= sigma < 2 s. The sum over a class is tabulated on a grid of spacing h = s / 5 or
finer, each posterior reaching R sigma to both sides, and read at a point by Lagrange's formula through 12
nodes; where the posteriors are few, or s is so small that a grid would be long, the terms within reach are
summed directly.

Error, certified for each point. Beyond the reach a posterior is below exp(-R^2/2) of its peak. Within it, by
the remainder of the interpolation and Cramér's inequality |He_n(y)| <= 1.0865 sqrt(n!) exp(y^2/4), a
posterior at distance y sigma from the stencil is read with an error of at most::

    1.0865 (1/2 · 3/2 ··· 11/2)^2 / sqrt(12!) (h / sigma)^12 exp(-y^2/4) = 1.31 (h / sigma)^12 exp(-y^2/4)

of its peak; the sum of that over the posteriors is tabulated in cells of 2 s. A point whose error exceeds the
tolerance (it lies many sigma from every posterior) is summed over all posteriors in the log domain.

Work for each latent: about N · 2 R h / sigma = 120 N exponentials for the grid and 60 operations a point.
"""

from torch import Tensor

from ... import _checks
from .. import _dispatch
from . import reference


def marginal_log_density(
    z: Tensor, mean: Tensor, logvar: Tensor, *, tolerance: float = 1e-6, backend: str = "auto"
) -> tuple[Tensor, Tensor]:
    """Compute log q(z_d) of every latent under the mixture of all posteriors, with an error bound.

    Args:
        z: points, (queries, latent), floating.
        mean: (posteriors, latent), of the dtype of z.
        logvar: log variance, (posteriors, latent).
        tolerance: the largest error of a log density, in nats.
        backend: "auto", "reference" or "numba".

    Returns:
        log density and error bound, float64 (queries, latent) each, in nats. The error of the reference is 0.

    Raises:
        TypeError, ValueError, RuntimeError: an argument has the wrong type, shape, value or device.

    Example:
        >>> import torch
        >>> z, mean = torch.zeros(1, 1), torch.tensor([[-1.0], [1.0]])
        >>> log_q, error = marginal_log_density(z, mean, torch.zeros(2, 1))
        >>> round(log_q.item(), 4)  # both posteriors have the density exp(-1/2) / sqrt(2 pi)
        -1.4189
    """
    _checks.posteriors("marginal_log_density", z, mean, logvar, tolerance)
    if _dispatch.choose("marginal_log_density", backend, mean) == "numba":
        from . import numba_cpu

        return numba_cpu.marginal_log_density(z, mean, logvar, tolerance)
    return reference.marginal_log_density(z, mean, logvar)
