"""The mutual information gap over the factors of a code."""

from dataclasses import dataclass
from typing import ClassVar

from ._arguments import Array
from ._from_table import from_table
from ._result import Result
from .joint_table import Float, Information, JointTable
from .mig import gap


@dataclass(frozen=True, kw_only=True, eq=False)
class MIGSupResult(Result):
    """The gap and per_code, (codes,)."""

    title: ClassVar[str] = "mig_sup"
    definition: ClassVar[str] = (
        "MIG-sup (Li 2020): mean over codes of the largest minus the second largest mutual information "
        "with a factor, each divided by the entropy of the factor."
    )

    per_code: Float
    bins: int


def mig_sup(
    codes: Array | JointTable,
    factors: Array | None = None,
    *,
    bins: int = 20,
    confidence: float | None = None,
    seed: int = 0,
) -> MIGSupResult:
    """Compute MIG-sup: does each code depend on one factor alone (Li et al. 2020, equation 9)?

    1/D sum_j (I'(z_j; v_k*) - max_{k != k*} I'(z_j; v_k)) with I'(z_j; v_k) = I(z_j; v_k) / H(v_k), in [0,
    1], 1 best. The mean is over all codes: a code without information adds 0.

    Of 737,280 samples with ten codes and five factors it takes 0.03 s of one core.

    Arguments, errors and invariances are those of :func:`mig`, but it is the factors of which 2 must vary.

    Example:
        >>> import numpy as np, fastdis
        >>> factors = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)
        >>> print(fastdis.metrics.mig_sup(factors.astype(np.float32), factors))
        mig_sup 1.0000 (96 samples, 2 factors)
    """
    return from_table("mig_sup", _score, codes, factors, bins, confidence, seed)


def _score(table: Information) -> MIGSupResult:
    per_code = gap("mig_sup", table.mutual_information / table.factor_entropy, axis=1)
    return MIGSupResult(
        score=float(per_code.mean()),
        samples=table.samples,
        factors=table.factors,
        per_code=per_code,
        bins=table.bins,
    )
