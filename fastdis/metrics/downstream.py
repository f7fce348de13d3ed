"""How well, and from how few labels, a predictor learns the factors from the codes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from ._arguments import Array, arrays
from ._boosting import BoostedTrees
from ._errors import NotComputable
from ._fits import Fits
from ._result import Result
from ._scale import limited, narrowed, near_zero
from .joint_table import Float

PREDICTORS = ("logistic", "logistic_cv", "gbt", "hist_gbt")


@dataclass(frozen=True, kw_only=True, eq=False)
class DownstreamResult(Result):
    """Mean test accuracy with the most labels as the score, and the same for every number of labels.

    labels: the numbers of labels. accuracy, train_accuracy: (labels,), mean over factors.
    per_factor: (labels, factors), test accuracy.
    efficiency: accuracy at 100 labels / at 10,000, None where either was not measured.
    relative_accuracy: (labels,), accuracy / accuracy at 10,000 labels, None where that was not measured.
    """

    title: ClassVar[str] = "downstream"
    definition: ClassVar[str] = (
        "Downstream accuracy (Locatello 2019): mean over factors of the test accuracy of a classifier "
        "learned from the codes of a number of labelled samples; efficiency: accuracy at 100 labels / at "
        "10,000."
    )
    no_interval: ClassVar[str] = "every resample would need classifiers of its own"

    labels: tuple[int, ...]
    accuracy: Float
    train_accuracy: Float
    per_factor: Float
    efficiency: float | None
    relative_accuracy: Float | None
    predictor: str
    test: int
    seed: int

    def _line(self) -> str:
        accuracy = ", ".join(f"{a:.4f} at {n:,}" for n, a in zip(self.labels, self.accuracy, strict=True))
        return f"downstream ({self.predictor}) accuracy {accuracy} labels ({self.samples:,} samples)"


def downstream(
    codes: Array,
    factors: Array,
    *,
    predictor: str = "gbt",
    labels: Iterable[int | str] = (10, 100, 1_000, 10_000),
    test: int = 5_000,
    seed: int = 0,
) -> DownstreamResult:
    """Measure the accuracy of a predictor for several numbers of labels (Locatello 2019, section 5.5).

    For each number of labels a classifier of each factor learns from that many samples and is scored on
    others; its accuracies are averaged over factors. Range [0, 1], 1 best; an efficiency near 1 says that 100
    labels are enough.

    The score does not change when factors change places or a code is shifted: one further than 16 of its
    ranges from zero is centred. Trees do not change with a positive scale either: for them, which compare
    float32, such a code and one with a range below 1/1000 is centred and divided by its range. Logistic
    regression depends on the scale, since it is regularised, up to values of 1,000: a code that goes beyond
    is scaled to that.

    Of 737,280 samples with ten codes and five factors it takes 14 s of one core with "gbt", 0.6 s with
    "logistic".

    Args:
        codes: (samples, codes), real.
        factors: (samples, factors), classes; a constant factor is left out with a warning.
        predictor: "gbt", boosted trees with scikit-learn's defaults; "hist_gbt", the same trees split between
            256 bins of a code, for as many samples as there are; "logistic", its logistic regression;
            "logistic_cv", the same with its strength chosen among 10 by 5-fold cross-validation, as
            disentanglement_lib does, which takes many minutes at 10,000 labels.
        labels: how many samples to learn from; the literature goes up to 10,000. "all" are those that the
            test rows leave. Numbers that leave fewer test rows than asked for, or than a third of all, are
            left out.
        test: rows to score on, at most a third of all.
        seed: of the draws and of the trees.

    Raises:
        TypeError: codes or factors hold no real numbers, are masked or sparse; a number is no integer.
        ValueError: a wrong shape, NaN or infinity, a factor that is not a class, an unknown predictor.
        NotComputable: no factor varies, or one looks continuous; there are too few rows for the smallest
            number of labels.

    Example:
        >>> import numpy as np, fastdis
        >>> factors = np.stack([np.arange(960) % 2, np.arange(960) // 480], axis=1)
        >>> codes = factors * 8.0 - 4.0
        >>> print(fastdis.metrics.downstream(codes, factors, predictor="logistic", labels=[10, 100]))
        downstream (logistic) accuracy 1.0000 at 10, 1.0000 at 100 labels (960 samples)
    """
    _checks.choice("downstream", "predictor", predictor, PREDICTORS)
    asked = _counts(labels)
    _checks.integers("downstream", test=test)
    seed = _checks.seed("downstream", seed)
    data = arrays("downstream", codes, factors)
    samples = len(data.codes)
    test = min(test, samples // 3)
    counts = tuple(samples - test if count is None else count for count in asked)
    used = tuple(count for count in counts if count + test <= samples)
    if not used or test < 1:
        raise NotComputable(
            f"downstream: codes must have at least {max(min(counts), 1)} rows to learn from and one in "
            f"three to score on, got {samples}"
        )
    generator = np.random.default_rng(seed)
    fits = Fits()
    accuracies = np.empty((len(used), 2, len(data.factors)))
    for i, count in enumerate(used):
        rows = generator.choice(samples, count + test, replace=False)
        learn, score = rows[:count], rows[count:]
        learned, scored = data.codes[learn], data.codes[score]
        if predictor in ("gbt", "hist_gbt"):
            learned, scored = narrowed(learned, scored)
        else:
            learned, scored = limited(*near_zero(learned, scored), data.exponent)
        for k, column in enumerate(data.classes.T):
            accuracies[i, :, k] = _accuracy(
                _model(predictor, seed), fits, learned, column[learn], scored, column[score]
            )
    train_accuracy, accuracy = accuracies.mean(axis=2).T
    at = dict(zip(used, accuracy.tolist(), strict=True))
    return DownstreamResult(
        score=float(accuracy[-1]),
        samples=samples,
        notes=fits.notes,
        factors=data.factors,
        labels=used,
        accuracy=accuracy,
        train_accuracy=train_accuracy,
        per_factor=accuracies[:, 1],
        efficiency=at[100] / at[10_000] if 100 in at and at.get(10_000, 0.0) > 0 else None,
        relative_accuracy=accuracy / at[10_000] if at.get(10_000, 0.0) > 0 else None,
        predictor=predictor,
        test=test,
        seed=seed,
    )


def _counts(labels: Any) -> tuple[int | None, ...]:
    """Require some integers of at least 1, or "all", which becomes None."""
    if isinstance(labels, str) or not isinstance(labels, Iterable):
        raise TypeError(f"downstream: labels must be several integers or 'all', got {type(labels).__name__}")
    counts = tuple(
        None if n == "all" else _checks.integer("downstream", f"labels[{i}]", n) for i, n in enumerate(labels)
    )
    if not counts:
        raise ValueError("downstream: labels must hold at least 1 integer, got none")
    return counts


def _accuracy(
    model: Any,
    fits: Fits,
    learned: NDArray[np.floating],
    labels: NDArray[np.integer],
    scored: NDArray[np.floating],
    truth: NDArray[np.integer],
) -> tuple[float, float]:
    """Return the accuracy on the rows learned from and on the others; a class alone is always predicted."""
    if (labels == labels[0]).all():
        return 1.0, float((truth == labels[0]).mean())
    if isinstance(model, BoostedTrees):
        model.fit(learned, labels)
    else:
        fits.fit(model, learned, labels)
    return float((model.predict(learned) == labels).mean()), float((model.predict(scored) == truth).mean())


def _model(predictor: str, seed: int) -> Any:
    """Make a classifier with scikit-learn's fit and predict."""
    if predictor in ("gbt", "hist_gbt"):
        return BoostedTrees(seed, binned=predictor == "hist_gbt")
    from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
    from sklearn.model_selection import KFold

    if predictor == "logistic":
        return LogisticRegression()
    return LogisticRegressionCV(Cs=10, cv=KFold(n_splits=5))
