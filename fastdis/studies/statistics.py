"""Statistics of many models: spread over seeds, rank correlations, what explains a score, what UDR chooses.

Numbers come in and results go out; nan stands for a number that a model does not have.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from .. import _checks

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Summary:
    """Hold the mean of some models with its standard deviation and a bootstrap interval of the mean.

    count: of the models that have the number. sd: with ddof 1. mean, sd, low and high are nan where there are
    too few: none for the mean, fewer than two for the others.
    """

    count: int
    mean: float
    sd: float
    low: float
    high: float


@dataclass(frozen=True)
class RankCorrelations:
    """Hold Spearman's rank correlations of numbers, with bootstrap intervals over models.

    rows, columns: the names of the numbers. values, low, high: (rows, columns); nan where a number does not
    vary, or fewer than three models have both. counts: (rows, columns), of the models that have both.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Float
    low: Float
    high: Float
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class Choice:
    """Hold what comes of choosing the model where a criterion is highest.

    model: its index. score: what it scores. best: the highest score of all models. mean: of all models, what
    a choice at random gives. rank: how many models score higher. models: how many have both numbers.
    """

    model: int
    score: float
    best: float
    mean: float
    rank: int
    models: int


def summarise(
    values: ArrayLike, *, confidence: float = 0.95, replicates: int = 2000, seed: int = 0
) -> Summary:
    """Summarise a number over models that differ in their seed alone.

    The interval is the percentile bootstrap of the mean. Of n models it is too narrow by a factor of about
    sqrt((n - 1) / n), and of two or three it says little.

    Args:
        values: (models,); nan where a model does not have the number.
        confidence: the nominal coverage, between 0 and 1.
        replicates: how many times the models are drawn again.
        seed: of the draws.

    Raises:
        TypeError: an argument is of another type.
        ValueError: values is not one-dimensional, or a number is out of range.

    Example:
        >>> found = summarise([0.2, 0.4, float("nan"), 0.6])
        >>> found.count, round(found.mean, 3), round(found.sd, 3), round(found.low, 3), round(found.high, 3)
        (3, 0.4, 0.2, 0.2, 0.6)
    """
    column = _column("summarise", "values", values)
    _check_bootstrap("summarise", confidence, replicates, seed)
    known = column[~np.isnan(column)]
    if len(known) < 2:
        return Summary(len(known), float(known[0]) if len(known) else np.nan, np.nan, np.nan, np.nan)
    draws = np.random.default_rng(seed).integers(len(known), size=(replicates, len(known)))
    low, high = _ends(known[draws].mean(axis=1), confidence)
    return Summary(len(known), float(known.mean()), float(known.std(ddof=1)), float(low), float(high))


def rank_correlations(
    rows: Mapping[str, ArrayLike],
    columns: Mapping[str, ArrayLike] | None = None,
    *,
    confidence: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> RankCorrelations:
    """Compute Spearman's rank correlation of every number with every other, over models.

    Ties share their mean rank. The intervals are the percentile bootstrap over models.

    Args:
        rows: by its name each number of the models, (models,); nan where a model does not have it.
        columns: the numbers to correlate them with; rows with rows unless given.
        confidence: the nominal coverage, between 0 and 1.
        replicates: how many times the models are drawn again.
        seed: of the draws.

    Raises:
        TypeError: an argument is of another type.
        ValueError: there is no number, the numbers are of different models, or an argument is out of range.

    Example:
        >>> found = rank_correlations({"mig": [0.1, 0.2, 0.3, 0.4], "kl": [9.0, 7.0, 8.0, 1.0]})
        >>> found.values.round(2).tolist()
        [[1.0, -0.8], [-0.8, 1.0]]
    """
    _check_bootstrap("rank_correlations", confidence, replicates, seed)
    given = [_columns("rank_correlations", "rows", rows)]
    given.append(given[0] if columns is None else _columns("rank_correlations", "columns", columns))
    lengths = {len(column) for side in given for column in side.values()}
    if len(lengths) > 1:
        raise ValueError(
            f"rank_correlations: all numbers must be of the same models, got {sorted(lengths)} of them"
        )
    models = lengths.pop()
    draws = np.random.default_rng(seed).integers(models, size=(replicates, models))
    every = {id(column): column for side in given for column in side.values()}
    ranks = {key: _ranks(column[draws]) for key, column in every.items() if _whole(column)}
    shape = (len(given[0]), len(given[1]))
    values, low, high = (np.full(shape, np.nan) for _ in range(3))
    counts = np.zeros(shape, np.int64)
    for i, one in enumerate(given[0].values()):
        for j, other in enumerate(given[1].values()):
            known = ~(np.isnan(one) | np.isnan(other))
            counts[i, j] = known.sum()
            if counts[i, j] < 3:
                continue
            values[i, j] = _correlation(_ranks(one[known]), _ranks(other[known]))
            if np.isnan(values[i, j]):
                continue
            if known.all():
                drawn = _correlation(ranks[id(one)], ranks[id(other)])
            else:
                among = np.random.default_rng(seed).integers(counts[i, j], size=(replicates, counts[i, j]))
                drawn = _correlation(_ranks(one[known][among]), _ranks(other[known][among]))
            low[i, j], high[i, j] = _ends(drawn, confidence)
    return RankCorrelations(tuple(given[0]), tuple(given[1]), values, low, high, counts)


def explained_variance(values: ArrayLike, labels: Sequence[Hashable]) -> float:
    """Compute the share of the variance of a number that a label of the models explains, in [0, 1].

    R² of the least-squares regression on the one-hot label, as in Locatello et al. 2019, section 5.4: the
    variance between the means of the labels over all variance. With labels of objectives it is what the
    objective explains, with labels of objective and strength what both explain together; what is missing from
    1 then is due to the seed. By chance alone it is (labels - 1) / (models - 1).

    Args:
        values: (models,); models with nan are left out.
        labels: one for each model.

    Returns:
        The share; nan where fewer than two models have the number, or it does not vary.

    Raises:
        ValueError: there is another number of labels than of models.

    Example:
        >>> explained_variance([1.0, 3.0, 5.0, 7.0], ["vae", "vae", "beta-vae", "beta-vae"])
        0.8
    """
    column = _column("explained_variance", "values", values)
    if len(labels) != len(column):
        raise ValueError(
            f"explained_variance: labels must be {len(column)}, one for each model, got {len(labels)}"
        )
    known = ~np.isnan(column)
    groups = {label: k for k, label in enumerate(dict.fromkeys(labels))}
    group, kept = np.array([groups[label] for label in labels], dtype=np.intp)[known], column[known]
    if len(kept) < 2 or np.ptp(kept) == 0:
        return float("nan")
    counts = np.bincount(group, minlength=len(groups))
    means = np.bincount(group, kept, minlength=len(groups)) / np.maximum(counts, 1)
    total = float(((kept - kept.mean()) ** 2).sum())
    return float((counts * (means - kept.mean()) ** 2).sum()) / total


def choice_by(criterion: ArrayLike, score: ArrayLike) -> Choice | None:
    """Choose the model where a criterion is highest, such as UDR, and say what it scores beside the best.

    Args:
        criterion: (models,). score: (models,). Models that lack either, nan, are left out.

    Returns:
        The choice, the first of equals; None where no model has both.

    Raises:
        ValueError: criterion and score are of different numbers of models.

    Example:
        >>> choice = choice_by([0.1, 0.9, 0.5], [0.3, 0.6, 0.7])
        >>> choice.model, choice.score, choice.best, choice.rank
        (1, 0.6, 0.7, 1)
    """
    wanted, scored = _column("choice_by", "criterion", criterion), _column("choice_by", "score", score)
    if len(wanted) != len(scored):
        raise ValueError(
            f"choice_by: criterion and score must be of the same models, got {len(wanted)} and {len(scored)}"
        )
    known = np.flatnonzero(~(np.isnan(wanted) | np.isnan(scored)))
    if not len(known):
        return None
    model, found = int(known[wanted[known].argmax()]), scored[known]
    return Choice(
        model=model,
        score=float(scored[model]),
        best=float(found.max()),
        mean=float(found.mean()),
        rank=int((found > scored[model]).sum()),
        models=len(known),
    )


def _column(function: str, name: str, values: ArrayLike) -> Float:
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1:
        raise ValueError(f"{function}: {name} must have shape (models,), got {column.shape}")
    return column


def _columns(function: str, name: str, values: Mapping[str, ArrayLike]) -> dict[str, Float]:
    if not values:
        raise ValueError(f"{function}: {name} must hold at least 1 number, got none")
    return {key: _column(function, key, column) for key, column in values.items()}


def _check_bootstrap(function: str, confidence: float, replicates: int, seed: int) -> None:
    _checks.number(function, "confidence", confidence, low=0, high=1)
    _checks.integer(function, "replicates", replicates)
    _checks.seed(function, seed)


def _whole(column: Float) -> bool:
    return not bool(np.isnan(column).any())


def _ranks(values: Float) -> Float:
    """Ranks along the last axis, centred and of length 1; nan where all are equal."""
    ranks = rankdata(values, axis=-1)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    length = np.sqrt((ranks**2).sum(axis=-1, keepdims=True))
    unit: Float = np.divide(ranks, length, out=np.full_like(ranks, np.nan), where=length > 0)
    return unit


def _correlation(one: Float, other: Float) -> Float:
    found: Float = np.einsum("...i,...i->...", one, other)
    return found


def _ends(drawn: Float, confidence: float) -> Float:
    """The percentiles of replicates, without those in which a number did not vary."""
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return np.array([np.nan, np.nan])
    ends: Float = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return ends
