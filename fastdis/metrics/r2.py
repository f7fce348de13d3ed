"""How much of the variance of each factor a regression predicts from all codes."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import _checks
from ._arguments import Array
from ._boosting import BoostedRegression
from ._errors import NotComputable
from ._mixed import mixed_arrays
from ._regression import r_squared
from ._result import Result
from ._sampling import Train, check_split, split
from ._scale import narrowed, standardised
from .joint_table import Float

PREDICTORS = ("linear", "gbt", "hist_gbt")


@dataclass(frozen=True, kw_only=True, eq=False)
class R2Result(Result):
    """The score, per_factor (factors,), and train_score: the same on the training rows."""

    title: ClassVar[str] = "r2"
    definition: ClassVar[str] = (
        "R²: mean over factors of the share of the factor's variance that a regression on all codes predicts "
        "on rows it did not learn from; classes count by their numbers."
    )
    no_interval: ClassVar[str] = "every resample would need predictors of its own"

    per_factor: Float
    train_score: float
    predictor: str
    train: int
    test: int
    seed: int


def r2(
    codes: Array,
    factors: Array,
    *,
    predictor: str = "linear",
    train: Train = 10_000,
    test: int = 5_000,
    seed: int = 0,
) -> R2Result:
    """Measure how well the factors, as numbers, are predicted from all codes, at most 1, which is best.

    R² = 1 - sum (v - found)² / sum (v - mean v)² on the test rows, mean over factors: the coefficient of
    determination, informativeness of Eastwood & Williams 2018 (section 2) for numbers. Predicting the mean
    gives 0; a regression that overfits comes out below, which counts as 0 in the score and not in
    ``per_factor``. It says nothing of disentanglement: a rotation of the codes does not change the linear
    form.

    The score does not change when codes or factors change places, or a code is shifted, scaled or, in the
    linear form, reflected. It depends on how classes are numbered: leave out a factor whose values have no
    order.

    Of 737,280 samples with ten codes and five factors it takes 0.1 s of one core with "linear".

    Args:
        codes: (samples, codes), real.
        factors: (samples, factors), numbers, continuous or of classes; a constant one is left out with a
            warning.
        predictor: "linear", least squares; "gbt", boosted regression trees with scikit-learn's defaults;
            "hist_gbt", the same on 256 bins of a code, for as many samples as there are.
        train, test: rows drawn to learn from and to score on, disjoint; of fewer rows, the same proportion.
            train="all" uses every row, two thirds of them to learn from.
        seed: of the draw and of the trees.

    Raises:
        TypeError: codes or factors hold no real numbers, are masked or sparse; train or test is no integer.
        ValueError: a wrong shape, NaN or infinity, an unknown predictor.
        NotComputable: no factor varies, or one does not in the training rows; there are fewer than 3 rows.

    Example:
        >>> import numpy as np, fastdis
        >>> angle = np.linspace(0, 3, 300)
        >>> factors = np.stack([angle, np.arange(300) % 5 / 5], axis=1)
        >>> fastdis.metrics.r2(factors @ [[1.0, 2.0], [-1.0, 3.0]], factors).per_factor.round(4).tolist()
        [1.0, 1.0]
    """
    _checks.choice("r2", "predictor", predictor, PREDICTORS)
    check_split("r2", train, test)
    seed = _checks.seed("r2", seed)
    data = mixed_arrays("r2", codes, factors, True)
    learn, score = split("r2", len(data.codes), train, test, np.random.default_rng(seed))
    prepare = standardised if predictor == "linear" else narrowed
    learned, scored = prepare(data.codes[learn], data.codes[score])
    quality = np.empty((2, len(data.factors)))
    for k, factor in enumerate(data.factors):
        known = factor.values[learn]
        if np.ptp(known) == 0:
            raise NotComputable(
                f"r2: factors column {factor.column} must have 2 values in the {len(learn)} training rows, "
                "got 1"
            )
        mean, deviation = known.mean(), known.std()
        target, truth = (known - mean) / deviation, (factor.values[score] - mean) / deviation
        predict = _fitted(predictor, learned, target, seed)
        quality[:, k] = r_squared(target, predict(learned)), r_squared(truth, predict(scored))
    return R2Result(
        score=float(np.maximum(quality[1], 0).mean()),
        samples=len(data.codes),
        factors=data.columns,
        per_factor=quality[1],
        train_score=float(np.maximum(quality[0], 0).mean()),
        predictor=predictor,
        train=len(learn),
        test=len(score),
        seed=seed,
    )


def _fitted(predictor: str, codes: Any, target: Float, seed: int) -> Any:
    """Return the function that predicts the target, learned from codes."""
    if predictor != "linear":
        return BoostedRegression(seed, binned=predictor == "hist_gbt").fit(codes, target).predict
    weights = np.linalg.lstsq(codes, target, rcond=None)[0]
    return lambda rows: rows @ weights
