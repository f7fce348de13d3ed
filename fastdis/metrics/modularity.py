"""Modularity: does each code depend on one factor at most?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ._arguments import Array
from ._errors import NotComputable
from ._from_table import from_table
from ._result import Result
from .joint_table import Float, Information, JointTable


@dataclass(frozen=True, kw_only=True, eq=False)
class ModularityResult(Result):
    """The score and per_code, (codes,), 0 for a code that carries no information on any factor."""

    title: ClassVar[str] = "modularity"
    definition: ClassVar[str] = (
        "Modularity (Ridgeway & Mozer 2018, eq. 2): mean over codes of 1 - sum of squared mutual "
        "information with all factors but the best / (square of the best (factors - 1)); codes without "
        "information count as 0."
    )
    no_interval: ClassVar[str] = "codes without information make it vary more than resampling shows"

    per_code: Float
    bins: int


def modularity(
    codes: Array | JointTable,
    factors: Array | None = None,
    *,
    bins: int = 20,
    confidence: float | None = None,
    seed: int = 0,
) -> ModularityResult:
    """Compute modularity (Ridgeway & Mozer 2018, equation 2), in [0, 1], 1 best.

    1/D sum_j (1 - sum_{k != k*} I(z_j; v_k)^2 / (I(z_j; v_k*)^2 (K - 1))), with the plug-in estimate of
    :func:`mig`. A code whose mutual information with every factor is 0 counts as 0.

    Of 737,280 samples with ten codes and five factors it takes 0.03 s of one core.

    Arguments, errors and invariances are those of :func:`mig`, but it is the factors of which 2 must vary,
    and confidence is refused unless the grid is complete: with codes that carry no information a 90 %
    interval contained the score of the population in 4 of 10 samples.

    Example:
        >>> import numpy as np, fastdis
        >>> factors = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)
        >>> codes = np.column_stack([factors, np.zeros(96)])  # the last code is dead
        >>> fastdis.metrics.modularity(codes, factors).per_code.round(4).tolist()
        [1.0, 1.0, 0.0]
    """
    return from_table("modularity", _score, codes, factors, bins, confidence, seed)


def _score(table: Information) -> ModularityResult:
    count = len(table.factors)
    if count < 2:
        raise NotComputable(f"modularity: factors must have at least 2 columns that vary, got {count}")
    squared = table.mutual_information**2
    best = squared.max(axis=1)
    others = np.divide(squared.sum(axis=1) - best, best * (count - 1), out=np.ones_like(best), where=best > 0)
    per_code = 1.0 - others
    return ModularityResult(
        score=float(per_code.mean()),
        samples=table.samples,
        factors=table.factors,
        per_code=per_code,
        bins=table.bins,
    )
