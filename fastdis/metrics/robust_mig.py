"""The mutual information gap in nats, not divided by the entropy of the factor."""

from dataclasses import dataclass
from typing import ClassVar

from ._arguments import Array
from ._from_table import from_table
from ._result import Result
from .joint_table import Float, Information, JointTable
from .mig import gap


@dataclass(frozen=True, kw_only=True, eq=False)
class RobustMIGResult(Result):
    """The gap in nats and per_factor, (factors,)."""

    title: ClassVar[str] = "robust_mig"
    definition: ClassVar[str] = (
        "Robust mutual information gap (Do & Tran 2020, RMIG): mean over factors of the largest minus the "
        "second largest mutual information with a code, in nats."
    )
    largest: ClassVar[float] = float("inf")

    per_factor: Float
    bins: int


def robust_mig(
    codes: Array | JointTable,
    factors: Array | None = None,
    *,
    bins: int = 20,
    confidence: float | None = None,
    seed: int = 0,
) -> RobustMIGResult:
    """Compute the mutual information gap in nats (Do & Tran 2020, RMIG), in [0, mean H(v_k)], more is better.

    RMIG = 1/K sum_k (I(z_j*; v_k) - max_{j != j*} I(z_j; v_k)), with the plug-in estimate of :func:`mig`. The
    paper bins the posteriors themselves; binned samples of them give its estimator, binned means that of
    means.

    Of 737,280 samples with ten codes and five factors it takes 0.03 s of one core.

    Arguments, errors and invariances are those of :func:`mig`.

    Example:
        >>> import numpy as np, fastdis
        >>> factors = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)
        >>> result = fastdis.metrics.robust_mig(factors.astype(np.float32), factors)
        >>> result.per_factor.round(4).tolist()  # log 4 and log 2
        [1.3863, 0.6931]
    """
    return from_table("robust_mig", _score, codes, factors, bins, confidence, seed)


def _score(table: Information) -> RobustMIGResult:
    per_factor = gap("robust_mig", table.mutual_information, axis=0)
    return RobustMIGResult(
        score=float(per_factor.mean()),
        samples=table.samples,
        factors=table.factors,
        per_factor=per_factor,
        bins=table.bins,
    )
