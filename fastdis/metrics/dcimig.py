"""DCIMIG: how much information on the factors lies in codes that have information on one factor alone."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ._arguments import Array
from ._from_table import from_table
from ._result import Result
from .joint_table import Float, Information, JointTable
from .mig import gap


@dataclass(frozen=True, kw_only=True, eq=False)
class DCIMIGResult(Result):
    """The score, per_code gaps (codes,) and per_factor gains (factors,), both in nats."""

    title: ClassVar[str] = "dcimig"
    definition: ClassVar[str] = (
        "DCIMIG (Sepliarskaia 2019, 3CharM): for each code the gap between its two largest mutual "
        "informations with a factor, for each factor the largest gap of the codes that have most "
        "information on it; their sum / the sum of the factors' entropies."
    )

    per_code: Float
    per_factor: Float
    bins: int


def dcimig(
    codes: Array | JointTable,
    factors: Array | None = None,
    *,
    bins: int = 20,
    confidence: float | None = None,
    seed: int = 0,
) -> DCIMIGResult:
    """Compute DCIMIG, or 3CharM (Sepliarskaia et al. 2019), in [0, 1], 1 best.

    R_j = I(z_j; v_k*) - max_{k != k*} I(z_j; v_k) belongs to factor k*; S_k = max of the R_j that belong to
    k, 0 if there is none; the score is sum_k S_k / sum_k H(v_k).

    Of 737,280 samples with ten codes and five factors it takes 0.03 s of one core.

    Arguments, errors and invariances are those of :func:`mig`, but it is the factors of which 2 must vary.

    Example:
        >>> import numpy as np, fastdis
        >>> factors = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)
        >>> print(fastdis.metrics.dcimig(factors.astype(np.float32), factors))
        dcimig 1.0000 (96 samples, 2 factors)
    """
    return from_table("dcimig", _score, codes, factors, bins, confidence, seed)


def _score(table: Information) -> DCIMIGResult:
    per_code = gap("dcimig", table.mutual_information, axis=1)
    per_factor = np.zeros(len(table.factors))
    np.maximum.at(per_factor, table.mutual_information.argmax(axis=1), per_code)
    return DCIMIGResult(
        score=float(per_factor.sum() / table.factor_entropy.sum()),
        samples=table.samples,
        factors=table.factors,
        per_code=per_code,
        per_factor=per_factor,
        bins=table.bins,
    )
