"""The separated attribute predictability: does one code alone predict each factor?"""

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ._arguments import Array, arrays, positive
from ._result import Result
from ._sampling import split
from .mig import gap
from .table import Float


@dataclass(frozen=True, kw_only=True, eq=False)
class SAPResult(Result):
    """The score, per_factor gaps (factors,), and matrix (codes, factors): test accuracy, or R²."""

    title: ClassVar[str] = "sap"
    definition: ClassVar[str] = (
        "Separated attribute predictability (Kumar 2018): mean over factors of the largest minus the second "
        "largest test accuracy of a linear SVM (C = 0.01, balanced classes) on one code; R² if continuous."
    )

    per_factor: Float
    matrix: Float
    train: int
    test: int
    seed: int


def sap(
    codes: Array,
    factors: Array,
    *,
    continuous: bool = False,
    train: int = 10_000,
    test: int = 5_000,
    seed: int = 0,
) -> SAPResult:
    """Separated attribute predictability (Kumar et al. 2018, section 3), in [0, 1], 1 best.

    For every code and factor scikit-learn's LinearSVC(C=0.01, class_weight="balanced") learns the factor from
    the code alone; the score is the gap between the two best test accuracies, averaged over factors.

    Args:
        codes: (samples, codes), real.
        factors: (samples, factors), integer classes; a constant one is left out with a warning.
        continuous: take the squared correlation of code and class number on the training rows instead.
        train, test: rows drawn to learn from and to score on, disjoint; of fewer rows, the same proportion.
        seed: of the draw and of the classifiers.

    Raises:
        TypeError: codes are not real, factors not integers, train or test not an int.
        ValueError: a wrong shape, NaN or infinity, no factor that varies, fewer than 2 codes, fewer than 3
            rows, a factor of which the training rows hold one value only.

    Example:
        >>> import numpy as np, fastdis
        >>> factors = np.stack([np.arange(96) % 2, np.arange(96) // 48], axis=1)
        >>> fastdis.metrics.sap(factors * 2.0 - 1.0, factors, continuous=True).matrix.round(1).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    positive("sap", train=train, test=test)
    data = arrays("sap", codes, factors)
    generator = np.random.default_rng(seed)
    learn, score = split("sap", len(data.codes), train, test, generator)
    matrix = np.zeros((data.codes.shape[1], len(data.factors)))
    for k, labels in enumerate(data.classes.T):
        if len(np.unique(labels[learn])) < 2:
            raise ValueError(
                f"sap: factors column {data.factors[k]} must have 2 values in the {len(learn)} training "
                "rows, got 1"
            )
        for d, code in enumerate(data.codes.T):
            if continuous:
                matrix[d, k] = _squared_correlation(code[learn], labels[learn])
                continue
            model = LinearSVC(C=0.01, class_weight="balanced", random_state=seed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # the field's score stops there too
                model.fit(code[learn, None], labels[learn])
            matrix[d, k] = model.score(code[score, None], labels[score])
    per_factor = gap("sap", matrix, axis=0)
    return SAPResult(
        score=float(per_factor.mean()),
        samples=len(data.codes),
        factors=data.factors,
        per_factor=per_factor,
        matrix=matrix,
        train=len(learn),
        test=len(score),
        seed=seed,
    )


def _squared_correlation(code: np.ndarray, label: np.ndarray) -> float:
    """R² of the linear regression of one on the other; 0 for a code whose variance is at most 1e-12."""
    covariance = np.cov(code.astype(np.float64), label.astype(np.float64))
    if covariance[0, 0] <= 1e-12:
        return 0.0
    return float(covariance[0, 1] ** 2 / (covariance[0, 0] * covariance[1, 1]))
