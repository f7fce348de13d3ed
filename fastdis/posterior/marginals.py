"""Evaluate the one-dimensional marginals of the aggregated posterior."""

import numpy as np
import torch
from torch import Tensor

from .. import _checks
from ..kernels import marginal_density
from ._arguments import Array, Float, tensors


def marginal_log_density(
    z: Array, mean: Array, logvar: Array, *, tolerance: float = 1e-6, backend: str = "auto"
) -> Float:
    """Return log q(z_d) = log 1/N sum_j q(z_d|x_j) of every latent at any points.

    To get that of a subset of the images, pass the subset's rows.

    Args:
        z: (queries, latent), real; on a grid, say, for a quadrature.
        mean: (posteriors, latent), real.
        logvar: log variance, (posteriors, latent), real.
        tolerance: the largest error, in nats.
        backend: "auto", "reference" or "numba".

    Returns:
        (queries, latent) float64, in nats.

    Raises:
        TypeError, ValueError, RuntimeError: as :func:`decompose`.

    Example:
        >>> import numpy as np, fastdis
        >>> mean = np.array([[-1.0, 0.0], [1.0, 0.0]])
        >>> fastdis.posterior.marginal_log_density(np.zeros((1, 2)), mean, np.zeros((2, 2))).round(4)
        array([[-1.4189, -0.9189]])
    """
    z, mean, logvar = tensors("marginal_log_density", z=z, mean=mean, logvar=logvar)
    log_q, _ = marginals(z, mean, logvar, tolerance, backend)
    return log_q.cpu().numpy()


def marginal_curves(
    mean: Array, logvar: Array, *, points: int = 401, backend: str = "auto"
) -> tuple[Float, Float]:
    """Return the densities q(z_d) along each latent, from where they begin to where they end.

    The points of a latent reach four standard deviations beyond its outermost means, and cover -4 .. 4.

    Args:
        mean: (posteriors, latent), real.
        logvar: log variance, (posteriors, latent), real.
        points: how many points for each latent, at least 2.
        backend: "auto", "reference" or "numba".

    Returns:
        z and q(z_d), (points, latent) float64 each, for :func:`fastdis.plots.aggregated_marginals`.

    Raises:
        TypeError, ValueError, RuntimeError: as :func:`decompose`; points is no integer or below 2.

    Example:
        >>> import numpy as np, fastdis
        >>> z, density = fastdis.posterior.marginal_curves(np.zeros((5, 1)), np.zeros((5, 1)), points=101)
        >>> round(float(np.trapezoid(density[:, 0], z[:, 0])), 3)
        1.0
    """
    points = _checks.integer("marginal_curves", "points", points, low=2)
    mean, logvar = tensors("marginal_curves", mean=mean, logvar=logvar)
    _checks.posteriors("marginal_curves", mean, mean, logvar, 1e-4)
    reach = 4 * torch.exp(0.5 * logvar)
    low = (mean - reach).amin(dim=0).clamp(max=-4).double().cpu().numpy()
    high = (mean + reach).amax(dim=0).clamp(min=4).double().cpu().numpy()
    z = np.linspace(low, high, points)
    log_q, _ = marginals(torch.from_numpy(z).to(mean), mean, logvar, 1e-4, backend)
    return z, log_q.exp().cpu().numpy()


def marginals(
    z: Tensor, mean: Tensor, logvar: Tensor, tolerance: float, backend: str
) -> tuple[Tensor, Tensor]:
    """Return log q(z_d) and the bound on its error, (queries, latent) float64 each.

    They are computed on the CPU, where they cost less than N^2 pairs on any device, unless the reference is
    asked for.
    """
    device = mean.device
    if backend != "reference":
        z, mean, logvar, backend = z.cpu(), mean.cpu(), logvar.cpu(), "auto"
    log_q, error = marginal_density.marginal_log_density(
        z, mean, logvar, tolerance=tolerance, backend=backend
    )
    return log_q.to(device), error.to(device)
