"""Semantic clusterability: do the codes fall into clusters that are the values of a factor?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from ._arguments import Array, arrays
from ._errors import NotComputable
from ._fits import Fits
from ._result import Result
from ._sampling import random_state
from ._scale import in_one_unit
from .joint_table import Float


@dataclass(frozen=True, kw_only=True, eq=False)
class ClusterabilityResult(Result):
    """The mean adjusted Rand index as the score, the mean purity, and both for each factor.

    purity_per_factor, per_factor: (factors,), purity and adjusted Rand index.
    chance: (factors,), the purity of one cluster: the share of the most frequent value.
    """

    title: ClassVar[str] = "clusterability"
    definition: ClassVar[str] = (
        "Clusterability: mean over factors of the adjusted Rand index (Hubert & Arabie 1985) between the "
        "factor's values and as many k-means clusters of all codes; also their purity."
    )
    no_interval: ClassVar[str] = "resampling repeats rows, which makes clusters look tighter"

    purity: float
    purity_per_factor: Float
    per_factor: Float
    chance: Float
    used: int
    seed: int


def clusterability(
    codes: Array, factors: Array, *, rows: int = 10_000, starts: int = 3, seed: int = 0
) -> ClusterabilityResult:
    """Compare clusters of the codes with the values of each factor, at most 1, which is best; chance is 0.

    For each factor k-means puts the codes into as many clusters as the factor has values. Their adjusted Rand
    index is the share of pairs of samples on which clusters and values agree, less chance (Hubert & Arabie
    1985, equation 5); purity is the share of samples whose value is the most frequent of their cluster
    (Manning et al. 2008, section 16.3). The score is the mean index, or 0 if that is negative.

    Distances are those of all codes together, so a factor forms clusters only if it moves the codes further
    than the others do: of crossed factors one can score well and no more. The score does not change when
    codes or factors change places, values are numbered differently, a code is shifted or reflected, or all
    codes are scaled alike; it depends on their scales against each other.

    Of 737,280 samples with ten codes and five factors it takes 0.9 s of one core.

    Args:
        codes: (samples, codes), real.
        factors: (samples, factors), classes; a constant factor is left out with a warning.
        rows: how many are drawn, without replacement; of fewer, all.
        starts: how many times k-means starts; the tightest clusters are kept.
        seed: of the draw and of the starts.

    Raises:
        TypeError: codes or factors hold no real numbers, are masked or sparse; a number is no integer.
        ValueError: a wrong shape, NaN or infinity, a factor that is not a class.
        NotComputable: no factor varies, or one looks continuous.

    Example:
        >>> import numpy as np, fastdis
        >>> factors = np.arange(96)[:, None] % 3
        >>> codes = np.column_stack([8.0 * factors, np.linspace(0, 1, 96)])
        >>> print(fastdis.metrics.clusterability(codes, factors))
        clusterability 1.0000 (96 samples, 1 factors)
    """
    _checks.integers("clusterability", rows=rows, starts=starts)
    seed = _checks.seed("clusterability", seed)
    data = arrays("clusterability", codes, factors)
    count = min(rows, len(data.codes))
    drawn = np.random.default_rng(seed).choice(len(data.codes), count, replace=False)
    points, classes = in_one_unit(data.codes, data.exponent)[drawn], data.classes[drawn]
    fits = Fits()
    found = np.empty((len(data.factors), 3))
    for k, labels in enumerate(classes.T):
        values = np.unique(labels, return_inverse=True)[1]
        if values.max() < 1:
            raise NotComputable(
                f"clusterability: factors column {data.factors[k]} must have 2 values in {count} rows, got 1"
            )
        table = _table(points, values, starts, fits, seed)
        found[k] = (
            _adjusted_rand_index(table),
            table.max(axis=0).sum() / count,
            table.sum(axis=1).max() / count,
        )
    return ClusterabilityResult(
        score=max(0.0, float(found[:, 0].mean())),
        samples=len(data.codes),
        notes=fits.notes,
        factors=data.factors,
        purity=float(found[:, 1].mean()),
        purity_per_factor=found[:, 1],
        per_factor=found[:, 0],
        chance=found[:, 2],
        used=count,
        seed=seed,
    )


def _table(points: Float, values: NDArray[np.intp], starts: int, fits: Fits, seed: int) -> Float:
    """Count the samples of each value in each cluster, (values, clusters)."""
    from sklearn.cluster import KMeans

    count = int(values.max()) + 1
    model = fits.fit(KMeans(count, n_init=starts, random_state=random_state(seed)), points, None)
    cells = np.bincount(values * count + model.labels_, minlength=count * count)
    return cells.reshape(count, count).astype(np.float64)


def _adjusted_rand_index(table: Float) -> float:
    """Return (pairs that agree - those expected) / (the most there can be - those expected)."""

    def pairs(counts: Float) -> float:
        return float((counts * (counts - 1)).sum() / 2)

    together, by_value, by_cluster = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    expected = by_value * by_cluster / pairs(table.sum(keepdims=True))
    most = (by_value + by_cluster) / 2
    return (together - expected) / (most - expected) if most > expected else 0.0
