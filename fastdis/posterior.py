"""The exact aggregated posterior: KL = MI + TC + dimension-wise KL with q(z) over all images, not a batch.

q(z) = 1/N sum_j q(z|x_j). Every minibatch estimate of these three numbers is biased; here the mixture is
summed over all N posteriors to a certified tolerance, and only the outer expectation over z is sampled.
"""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import _checks
from .kernels import aggregated_posterior, marginal_density

Array: TypeAlias = NDArray[np.generic] | Tensor
Float: TypeAlias = NDArray[np.float64]

MAX_PAIRS = 2e10  # a minute or two on two cores; a trained beta-VAE on dSprites needs 4e9

__all__ = [
    "MAX_PAIRS",
    "PosteriorDecomposition",
    "decompose",
    "log_density",
    "marginal_curves",
    "marginal_log_density",
    "sharded_log_density",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class PosteriorDecomposition:
    """The three parts of the KL in nats, each with the standard error of its outer expectation.

    A standard error is that of independent images, and so an upper bound where all of them, or many without
    replacement, were asked. Of a single query it is NaN.

    index_code_mi: I(x; z) = E log q(z|x) - log q(z), at most log N.
    total_correlation: KL(q(z) || prod_d q(z_d)).
    dimwise_kl: sum_d KL(q(z_d) || N(0, 1)); dimwise_kl_per_latent: its terms, (latent,).
    kl: E log q(z|x) - log p(z) over the same samples; the sum of the three.
    truncation_error: a certified bound on what summing fewer than N^2 pairs, tabulating the marginals and
        rounding change in any log density, and so in any of the numbers.
    pairs_evaluated: the share of all pairs of a sample and a posterior that was evaluated.
    posteriors, queries, samples: images in the mixture, images of the outer expectation, z of each.
    log_qz: log q(z) of every sample, (samples, queries).
    """

    index_code_mi: float
    index_code_mi_error: float
    total_correlation: float
    total_correlation_error: float
    dimwise_kl: float
    dimwise_kl_error: float
    dimwise_kl_per_latent: Float
    kl: float
    kl_error: float
    truncation_error: float
    pairs_evaluated: float
    posteriors: int
    queries: int
    samples: int
    log_qz: Float

    def to_dict(self) -> dict[str, Any]:
        """Every number as plain Python, ready for JSON: NaN becomes None, and log_qz is left out."""
        numbers = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("dimwise_kl_per_latent", "log_qz")
        }
        plain = {name: None if math.isnan(value) else value for name, value in numbers.items()}
        return plain | {"dimwise_kl_per_latent": self.dimwise_kl_per_latent.tolist()}

    def __str__(self) -> str:
        some = "" if self.queries == self.posteriors else f" of {self.queries:,} of them drawn at random"
        lines = [
            f"q(z) over {self.posteriors:,} images, {self.samples} z from each{some}",
            f"  index-code MI       {self.index_code_mi:9.4f} ± {self.index_code_mi_error:.4f}",
            f"  total correlation   {self.total_correlation:9.4f} ± {self.total_correlation_error:.4f}",
            f"  dimension-wise KL   {self.dimwise_kl:9.4f} ± {self.dimwise_kl_error:.4f}",
            f"  KL                  {self.kl:9.4f} ± {self.kl_error:.4f}",
            f"  nats, certified to {self.truncation_error:.1e} by {self.pairs_evaluated:.3%} of the pairs",
        ]
        return "\n".join(lines)


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
    """Mutual information, total correlation and dimension-wise KL with q(z) over all posteriors.

    Chen et al. 2018 (Isolating Sources of Disentanglement), equation 2: ``KL = MI + TC + dimwise KL`` with
    MI = E log q(z|x) - log q(z), TC = E log q(z) - sum_d log q(z_d), dimwise KL = sum_d E log q(z_d) - log
    p(z_d), p standard normal. The inner mixtures are over all N posteriors, the expectation over z ~ q(z|x)
    by sampling.

    Args:
        mean: (posteriors, latent), real; one row an image.
        logvar: log variance, (posteriors, latent).
        samples: how many z are drawn for each image.
        tolerance: the largest error of a log density, in nats; half of it is spent on the marginals.
        seed: of NumPy's generator, for the samples.
        queries: draw z for only so many images, at random without replacement; the mixtures stay over all.
            "auto": for all, or for as many as max_pairs allows. None: for all.
        max_pairs: how many pairs of a sample and a posterior may be evaluated, by an estimate made before
            the work. `MAX_PAIRS`, 2e10, unless given, and on a GPU no limit. Narrow posteriors, as of a
            trained model, need few; of wide ones, as of an untrained model, every pair matters.
        backend: "auto", "reference", "numba" or "triton".

    Raises:
        TypeError: mean or logvar is not real.
        ValueError: a wrong shape, NaN or infinity (the row is named), samples < 1, queries not in 1 .. N,
            tolerance not in (0, 1), max_pairs not above 0.
        RuntimeError: more than max_pairs would be evaluated (the message says how many, and what to ask for),
            or the backend cannot run here.

    Example:
        >>> import numpy as np, fastdis
        >>> mean = np.arange(4.0).reshape(4, 1) * 100  # four codes that no noise confuses
        >>> result = fastdis.posterior.decompose(mean, np.zeros((4, 1)))
        >>> bool(abs(result.index_code_mi - np.log(4)) < 1e-4)
        True
    """
    mean, logvar = _tensors("decompose", mean=mean, logvar=logvar)
    _checks.posteriors("decompose", mean, mean, logvar, tolerance)
    count, latent = mean.shape
    if samples < 1:
        raise ValueError(f"decompose: samples must be at least 1, got {samples}")
    if not (queries is None or queries == "auto" or (isinstance(queries, int) and 1 <= queries <= count)):
        raise ValueError(
            f"decompose: queries must be 'auto' or lie in 1 .. {count:,} posteriors, got {queries!r}"
        )
    chosen, limit = queries if isinstance(queries, int) else count, _limit("decompose", max_pairs, mean)
    if samples * chosen * count > limit:
        z, log_conditional = _draw(mean, logvar, np.random.default_rng(seed))
        expected = samples * aggregated_posterior.expected_pairs(
            z, mean, logvar, tolerance=0.5 * tolerance, floor=log_conditional, backend=backend
        )
        affordable = int(limit / expected * count)
        if affordable < (1 if queries == "auto" else chosen):
            remedy = f'queries="auto", {affordable:,} queries at most, ' if affordable else ""
            raise _too_many("decompose", limit, expected * chosen / count, samples * chosen * count, remedy)
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
        log_marginals, marginal_error = _marginals(z, mean, logvar, 0.5 * tolerance / latent, backend)
        for part in _parts(z):
            log_prior = -0.5 * (z[part].double().square() + math.log(2 * math.pi))
            per_latent += (log_marginals[part] - log_prior).sum(dim=0) / (samples * len(z))
            independent, prior = log_marginals[part].sum(dim=1), log_prior.sum(dim=1)
            terms[part, 0] += log_conditional[part] - log_q[part]
            terms[part, 1] += log_q[part] - independent
            terms[part, 2] += independent - prior
            terms[part, 3] += log_conditional[part] - prior
            largest = max(largest, float((error[part] + marginal_error[part].sum(dim=1)).max()))
        log_qz.append(log_q)
        pairs += evaluated
    terms /= samples
    mi, tc, dimwise, kl = terms.mean(dim=0).tolist()
    # the samples of one image were averaged: only images are independent
    of_mean = terms.std(dim=0) / math.sqrt(len(terms)) if len(terms) > 1 else terms[0] * math.nan
    mi_error, tc_error, dimwise_error, kl_error = of_mean.tolist()
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
        truncation_error=largest,
        pairs_evaluated=pairs / (samples * len(terms) * count),
        posteriors=count,
        queries=len(terms),
        samples=samples,
        log_qz=torch.stack(log_qz).cpu().numpy(),
    )


def _limit(function: str, max_pairs: float | None, mean: Tensor) -> float:
    if max_pairs is None:
        return math.inf if mean.is_cuda else MAX_PAIRS
    if not max_pairs > 0:
        raise ValueError(f"{function}: max_pairs must be above 0, got {max_pairs}")
    return max_pairs


def _too_many(function: str, limit: float, expected: float, pairs: int, remedy: str) -> RuntimeError:
    return RuntimeError(
        f"{function}: max_pairs is {limit:.3g}, but about {expected:.3g} pairs ({expected / pairs:.2%} of "
        f"all) would be evaluated: ask for {remedy}a larger tolerance or a larger max_pairs"
    )


def _draw(mean: Tensor, logvar: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """z ~ q(z|x) in the dtype of mean, and log q(z|x) of z as it was rounded, float64."""
    z, log_q = torch.empty_like(mean), mean.new_empty(len(mean), dtype=torch.float64)
    for part in _parts(mean):
        centre, log_variance = mean[part].double(), logvar[part].double()
        noise = torch.from_numpy(rng.standard_normal(tuple(centre.shape))).to(mean.device)
        z[part] = (centre + torch.exp(0.5 * log_variance) * noise).to(mean.dtype)
        squares = (z[part].double() - centre).square() * torch.exp(-log_variance)
        log_q[part] = -0.5 * (squares + log_variance + math.log(2 * math.pi)).sum(dim=1)
    return z, log_q


def _marginals(
    z: Tensor, mean: Tensor, logvar: Tensor, tolerance: float, backend: str
) -> tuple[Tensor, Tensor]:
    """On the CPU, where they cost less than N^2 pairs on any device, unless the reference is asked for."""
    device = mean.device
    if backend != "reference":
        z, mean, logvar, backend = z.cpu(), mean.cpu(), logvar.cpu(), "auto"
    log_q, error = marginal_density.marginal_log_density(
        z, mean, logvar, tolerance=tolerance, backend=backend
    )
    return log_q.to(device), error.to(device)


def _parts(matrix: Tensor) -> Iterator[slice]:
    """Its rows, some megabytes at a time, where float64 copies of all of them would cost more."""
    rows = max(1, (1 << 19) // matrix.shape[1])
    for start in range(0, len(matrix), rows):
        yield slice(start, start + rows)


def log_density(
    z: Array,
    mean: Array,
    logvar: Array,
    *,
    tolerance: float = 1e-4,
    max_pairs: float | None = None,
    backend: str = "auto",
) -> Float:
    """log q(z) = log 1/N sum_j q(z|x_j) at any points, such as samples of the prior.

    Args:
        z: (queries, latent), real.
        mean: (posteriors, latent).
        logvar: log variance, (posteriors, latent).
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
    z, mean, logvar = _tensors("log_density", z=z, mean=mean, logvar=logvar)
    _checks.posteriors("log_density", z, mean, logvar, tolerance)
    pairs, limit = len(z) * len(mean), _limit("log_density", max_pairs, mean)
    if pairs > limit:
        expected = aggregated_posterior.expected_pairs(z, mean, logvar, tolerance=tolerance, backend=backend)
        if expected > limit:
            raise _too_many("log_density", limit, expected, pairs, "fewer z, ")
    log_q, _, _ = aggregated_posterior.log_density(z, mean, logvar, tolerance=tolerance, backend=backend)
    return log_q.cpu().numpy()


def marginal_log_density(
    z: Array, mean: Array, logvar: Array, *, tolerance: float = 1e-6, backend: str = "auto"
) -> Float:
    """log q(z_d) = log 1/N sum_j q(z_d|x_j) of every latent at any points; of a subset, pass its rows.

    Args:
        z: (queries, latent), real; on a grid, say, for a quadrature.
        mean: (posteriors, latent).
        logvar: log variance, (posteriors, latent).
        tolerance: the largest error, in nats.
        backend: "auto", "reference", "numba" or "triton".

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
    z, mean, logvar = _tensors("marginal_log_density", z=z, mean=mean, logvar=logvar)
    log_q, _ = _marginals(z, mean, logvar, tolerance, backend)
    return log_q.cpu().numpy()


def marginal_curves(
    mean: Array, logvar: Array, *, points: int = 401, backend: str = "auto"
) -> tuple[Float, Float]:
    """The densities q(z_d) along each latent, from where it begins to where it ends, and -4 .. 4 at least.

    Args:
        mean: (posteriors, latent), real.
        logvar: log variance, (posteriors, latent).
        points: how many points a latent, at least 2.
        backend: "auto", "reference", "numba" or "triton".

    Returns:
        z and q(z_d), (points, latent) float64 each, for :func:`fastdis.plots.aggregated_marginals`.

    Raises:
        TypeError, ValueError, RuntimeError: as :func:`decompose`.

    Example:
        >>> import numpy as np, fastdis
        >>> z, density = fastdis.posterior.marginal_curves(np.zeros((5, 1)), np.zeros((5, 1)), points=101)
        >>> round(float(np.trapezoid(density[:, 0], z[:, 0])), 3)
        1.0
    """
    if points < 2:
        raise ValueError(f"marginal_curves: points must be at least 2, got {points}")
    mean, logvar = _tensors("marginal_curves", mean=mean, logvar=logvar)
    _checks.posteriors("marginal_curves", mean, mean, logvar, 1e-6)
    reach = 4 * torch.exp(0.5 * logvar)
    low = (mean - reach).amin(dim=0).clamp(max=-4).double().cpu().numpy()
    high = (mean + reach).amax(dim=0).clamp(min=4).double().cpu().numpy()
    z = np.linspace(low, high, points)
    log_q, _ = _marginals(torch.from_numpy(z).to(mean), mean, logvar, 1e-4, backend)
    return z, log_q.exp().cpu().numpy()


def sharded_log_density(
    z: Array, mean: Array, logvar: Array, *, tolerance: float = 1e-4, backend: str = "auto"
) -> Float:
    """log q(z) where every process of torch.distributed holds some of the posteriors.

    Each process sums its own, and the partial log-sum-exps are merged with one all-gather of (queries,)
    numbers, so all processes return the same. Without an initialised process group it is :func:`log_density`.

    Args:
        z: (queries, latent), the same on every process.
        mean, logvar: (posteriors, latent) of this process, at least one row.
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
    z, mean, logvar = _tensors("sharded_log_density", z=z, mean=mean, logvar=logvar)
    log_q, _, _ = aggregated_posterior.log_density(z, mean, logvar, tolerance=tolerance, backend=backend)
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        own = torch.cat([log_q + math.log(len(mean)), log_q.new_tensor([len(mean)])])
        shards = [torch.empty_like(own) for _ in range(torch.distributed.get_world_size())]
        torch.distributed.all_gather(shards, own)
        together = torch.stack(shards)
        log_q = torch.logsumexp(together[:, :-1], dim=0) - together[:, -1].sum().log()
    return log_q.cpu().numpy()


def _tensors(function: str, **arrays: Array) -> list[Tensor]:
    """The arguments as tensors of one floating dtype; half types as float32, integers as float64."""
    tensors = []
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray | Tensor):
            raise TypeError(
                f"{function}: {name} must be a NumPy array or a torch tensor, got {type(array).__name__}"
            )
        if isinstance(array, np.ndarray) and array.dtype.kind not in "fiu":
            raise TypeError(f"{function}: {name} must have a real dtype, got {array.dtype}")
        tensor = torch.from_numpy(array) if isinstance(array, np.ndarray) else array.detach()
        if tensor.is_complex() or tensor.dtype == torch.bool:
            raise TypeError(f"{function}: {name} must have a real dtype, got {tensor.dtype}")
        tensors.append(tensor)
    single = (torch.float16, torch.bfloat16, torch.float32)
    dtype = torch.float32 if all(tensor.dtype in single for tensor in tensors) else torch.float64
    return [tensor.to(dtype) for tensor in tensors]
