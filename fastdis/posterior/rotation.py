"""Rotate posteriors and samples at no cost to the ELBO: the impossibility theorem."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from .. import _checks
from ._arguments import Array, Float, tensors

_ORTHOGONAL = 1e-6  # how far R R^T may be from the identity


def rotated(mean: Array, logvar: Array, rotation: Array) -> tuple[Float, Float]:
    """Return the posteriors of z' = R z, where q(z|x) = N(mean, diag(exp(logvar))).

    Locatello et al. 2019 (Challenging Common Assumptions in the Unsupervised Learning of Disentangled
    Representations), theorem 1: with the decoder p'(x|z') = p(x|R^T z') the rotated model has the same prior,
    the same p(x) and the same reconstructions, and with these posteriors the same KL divergence and so the
    same ELBO. It is, in general, as entangled as R makes it. The posteriors are no longer diagonal: q'(z'|x)
    = N(R mean, R diag(exp(logvar)) R^T).

    Args:
        mean: (posteriors, latent), real.
        logvar: log variance, (posteriors, latent), real.
        rotation: R, (latent, latent), orthogonal.

    Returns:
        The means, (posteriors, latent), and the covariance matrices, (posteriors, latent, latent), both
        float64. `fastdis.posterior.gaussian_kl_full` is their KL divergence.

    Raises:
        TypeError: an argument holds no real numbers.
        ValueError: a wrong shape, NaN or infinity, or R is not orthogonal.

    Example:
        >>> import numpy as np, fastdis
        >>> turn = np.array([[0.0, -1.0], [1.0, 0.0]])  # by 90 degrees
        >>> mean, covariance = rotated(np.array([[3.0, 0.0]]), np.log([[0.25, 1.0]]), turn)
        >>> mean.tolist(), covariance.round(9).tolist()
        ([[0.0, 3.0]], [[[1.0, 0.0], [0.0, 0.25]]])
    """
    mean, logvar, rotation = tensors("rotated", mean=mean, logvar=logvar, rotation=rotation)
    _checks.gaussians("rotated", mean, logvar)
    turn = _orthogonal("rotated", rotation, mean.shape[1])
    variance = logvar.double().exp()
    covariance = (turn * variance[:, None, :]) @ turn.T
    return (mean.double() @ turn.T).cpu().numpy(), covariance.cpu().numpy()


def gaussian_kl_full(mean: Array, covariance: Array) -> Float:
    """Return KL(N(mean, covariance) || N(0, I)) of Gaussians with full covariance matrices, in nats.

    KL = 1/2 (tr C + |m|^2 - D - log det C).

    Args:
        mean: (posteriors, latent), real.
        covariance: (posteriors, latent, latent), real, positive definite.

    Returns:
        (posteriors,) float64, at least 0.

    Raises:
        TypeError: an argument holds no real numbers.
        ValueError: a wrong shape, or a matrix is not positive definite.

    Example:
        >>> import numpy as np
        >>> gaussian_kl_full(np.array([[1.0, 2.0]]), np.eye(2)[None])
        array([2.5])
    """
    mean, covariance = tensors("gaussian_kl_full", mean=mean, covariance=covariance)
    _checks.matrices("gaussian_kl_full", mean=mean)
    count, latent = mean.shape
    if covariance.shape != (count, latent, latent):
        raise ValueError(
            f"gaussian_kl_full: covariance must have shape ({count}, {latent}, {latent}) like mean, "
            f"got {tuple(covariance.shape)}"
        )
    factor, failed = torch.linalg.cholesky_ex(covariance.double())
    if bool(failed.any()):
        row = int(failed.nonzero()[0])
        raise ValueError(f"gaussian_kl_full: covariance must be positive definite, got another in row {row}")
    trace = covariance.double().diagonal(dim1=1, dim2=2).sum(dim=1)
    log_determinant = 2 * factor.diagonal(dim1=1, dim2=2).log().sum(dim=1)
    kl: Tensor = 0.5 * (trace + mean.double().square().sum(dim=1) - latent - log_determinant)
    return kl.cpu().numpy()


def entangled(
    z: Array,
    rotation: Array,
    *,
    cdf: Callable[[Float], Float] | None = None,
    quantile: Callable[[Float], Float] | None = None,
) -> Float:
    """Map samples so that the prior stays the same while every latent is mixed with the others.

    Locatello et al. 2019, theorem 1 and its proof: f(z) = F^-1(Phi(R Phi^-1(F(z)))) elementwise but for R,
    where F is the distribution function of the prior's independent latents and Phi that of the standard
    normal. For a standard normal prior F = Phi, and f(z) = R z.

    Args:
        z: (samples, latent), real.
        rotation: R, (latent, latent), orthogonal.
        cdf: F, of arrays, for a prior other than the standard normal.
        quantile: its inverse. Both or neither are given.

    Returns:
        (samples, latent) float64, distributed as z if z has the prior's distribution.

    Raises:
        TypeError: an argument holds no real numbers.
        ValueError: a wrong shape, R is not orthogonal, one of cdf and quantile alone is given, or a sample
            has a distribution function outside [0, 1].

    Example:
        >>> import numpy as np
        >>> turn = np.array([[0.0, -1.0], [1.0, 0.0]])
        >>> uniform = lambda u: u  # on [0, 1] both F and its inverse
        >>> entangled(np.array([[0.1, 0.7]]), turn, cdf=uniform, quantile=uniform).round(9).tolist()
        [[0.3, 0.1]]
    """
    if (cdf is None) != (quantile is None):
        raise ValueError("entangled: cdf and quantile must be given together, got one of them")
    z, rotation = tensors("entangled", z=z, rotation=rotation)
    _checks.matrices("entangled", z=z)
    turn = _orthogonal("entangled", rotation, z.shape[1])
    if cdf is None or quantile is None:
        return (z.double() @ turn.T).cpu().numpy()
    from scipy.special import ndtr, ndtri

    share = np.asarray(cdf(z.double().cpu().numpy()), dtype=np.float64)
    if not ((share >= 0) & (share <= 1)).all():
        raise ValueError("entangled: cdf must give numbers between 0 and 1")
    # the ends themselves have no finite quantile
    inner = np.clip(share, np.finfo(np.float64).tiny, 1 - np.finfo(np.float64).epsneg)
    mixed = ndtri(inner) @ turn.cpu().numpy().T
    return np.asarray(quantile(ndtr(mixed)), dtype=np.float64)


def _orthogonal(function: str, rotation: Tensor, latent: int) -> Tensor:
    """Require an orthogonal matrix; in float64."""
    if rotation.shape != (latent, latent):
        raise ValueError(
            f"{function}: rotation must have shape ({latent}, {latent}), got {tuple(rotation.shape)}"
        )
    turn = rotation.double()
    away = float((turn @ turn.T - torch.eye(latent, dtype=torch.float64, device=turn.device)).abs().max())
    if not away <= _ORTHOGONAL:
        raise ValueError(
            f"{function}: rotation must be orthogonal, R R^T within {_ORTHOGONAL:g} of the identity, "
            f"got {away:.2g}"
        )
    return turn
