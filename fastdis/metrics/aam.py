"""The axis alignment metric: how much of the information on a factor is in one code alone."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ._arguments import Array
from ._from_table import from_table
from ._result import Result
from .joint_table import Float, Information, JointTable


@dataclass(frozen=True, kw_only=True, eq=False)
class AAMResult(Result):
    """The score and per_factor, (factors,), 0 for a factor on which no code has information."""

    title: ClassVar[str] = "aam"
    definition: ClassVar[str] = (
        "Axis alignment metric (Dubois 2019): mean over factors of max(0, best mutual information with a "
        "code - sum of all others) / best; 0 for a factor on which no code has information."
    )
    no_interval: ClassVar[str] = (
        "it adds up the biases of all codes, which resampling reproduces only in part"
    )

    per_factor: Float
    bins: int


def aam(
    codes: Array | JointTable,
    factors: Array | None = None,
    *,
    bins: int = 20,
    confidence: float | None = None,
    seed: int = 0,
) -> AAMResult:
    """Compute the axis alignment metric (Dubois et al. 2019, disentangling-vae), in [0, 1], 1 best.

    1/K sum_k max(0, I(z_j*; v_k) - sum_{j != j*} I(z_j; v_k)) / I(z_j*; v_k), with the plug-in estimate of
    :func:`mig`. It asks where the information on a factor lies, not how much there is.

    Of 737,280 samples with ten codes and five factors it takes 0.03 s of one core.

    Arguments, errors and invariances are those of :func:`mig`, but confidence is refused unless the grid is
    complete: with ten codes and 10,000 samples a 90 % interval never contained the score of the population.

    Example:
        >>> import numpy as np, fastdis
        >>> factors = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)
        >>> halves = np.minimum(factors, 1)  # tells only whether a value is 0
        >>> print(fastdis.metrics.aam(halves, factors))
        aam 1.0000 (96 samples, 2 factors)
    """
    return from_table("aam", _score, codes, factors, bins, confidence, seed)


def _score(table: Information) -> AAMResult:
    mutual = table.mutual_information
    best = mutual.max(axis=0)
    alone = np.maximum(2 * best - mutual.sum(axis=0), 0.0)
    per_factor = np.divide(alone, best, out=np.zeros_like(best), where=best > 0)
    return AAMResult(
        score=float(per_factor.mean()),
        samples=table.samples,
        factors=table.factors,
        per_factor=per_factor,
        bins=table.bins,
    )
