"""Disentanglement, completeness and informativeness, from the importance of each code for each factor."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from ._arguments import Array, arrays
from ._boosting import BoostedTrees
from ._errors import NotComputable
from ._result import Result
from ._sampling import random_state, split
from ._scale import narrowed, standardised
from .table import Float

Codes = NDArray[np.floating]
Labels = NDArray[np.integer]
Fitted = tuple[Float, float, float]  # importances (codes,), quality on training rows and on test rows

PREDICTORS = ("gbt", "lightgbm", "linear")


@dataclass(frozen=True, kw_only=True, eq=False)
class DCIResult(Result):
    """Disentanglement, which is the score, completeness, informativeness, and what they are computed from.

    informativeness: test accuracy, mean over factors; R² of a linear predictor.
    informativeness_train: the same on the training rows.
    importance: (codes, factors).
    per_code: (codes,), disentanglement of each. per_factor: (factors,), completeness of each.
    """

    title: ClassVar[str] = "dci"
    definition: ClassVar[str] = (
        "DCI disentanglement (Eastwood & Williams 2018): 1 - entropy of the importances of a code over "
        "factors, log base the number of factors, averaged by the codes' share of importance."
    )

    no_interval: ClassVar[str] = "every resample would need predictors of its own"

    disentanglement: float
    completeness: float
    informativeness: float
    informativeness_train: float
    importance: Float
    per_code: Float
    per_factor: Float
    predictor: str
    train: int
    test: int
    seed: int

    def _line(self) -> str:
        return (
            f"dci disentanglement {self.disentanglement:.4f}, completeness {self.completeness:.4f}, "
            f"informativeness {self.informativeness:.4f} "
            f"({self.samples:,} samples, {len(self.factors)} factors)"
        )


def dci(
    codes: Array,
    factors: Array,
    *,
    predictor: str = "gbt",
    completeness: str = "weighted",
    train: int = 10_000,
    test: int = 5_000,
    seed: int = 0,
) -> DCIResult:
    """Compute disentanglement, completeness and informativeness (Eastwood & Williams 2018, section 2).

    A predictor learns each factor from all codes; R is the matrix of importances. With P_dk = R_dk / sum_k
    R_dk, D_d = 1 + sum_k P_dk log_K P_dk; disentanglement is the mean of D_d weighted by code d's share of
    R. Completeness is the same over codes: P'_dk = R_dk / sum_d R_dk, C_k = 1 + sum_d P'_dk log_D P'_dk,
    weighted by factor k's share. Informativeness is the test accuracy (or R²), mean over factors. All three
    lie in [0, 1], 1 best.

    The scores do not change when factors change places, or a code is shifted or scaled by a positive number:
    trees compare float32, so a code further than 16 of its ranges from zero, or with a range below 1/1000, is
    centred and divided by its range first. When codes change places or are reflected, or values of a factor
    are numbered differently, other trees may be chosen among equally good ones; with "linear" the scores do
    not change with order, scale, offset or sign of the codes, but they depend on the numbers of the classes.

    Args:
        codes: (samples, codes), real.
        factors: (samples, factors), classes; a constant factor is left out with a warning.
        predictor: "gbt", gradient-boosted trees with scikit-learn's defaults (100 stages of trees of depth
            3), with importances by the mean decrease in impurity. "lightgbm" (installed separately), as many
            trees of the same rate and depth on binned codes, with importances by gain: with ten codes and
            five factors, informativeness came out the same to 0.002, disentanglement 0.04 and completeness
            0.05 higher. "linear", the form of the original: R = |W| of the least squares regression of the
            standardised class numbers on the standardised codes.
        completeness: "weighted", or "mean" for the plain mean over factors.
        train, test: rows drawn to learn from and to score on, disjoint; of fewer rows, the same proportion.
        seed: of the draw and of the trees.

    Raises:
        TypeError: codes or factors hold no real numbers, are masked or sparse; train or test is no integer.
        ValueError: a wrong shape, NaN or infinity, a factor that is not a class, an unknown predictor.
        NotComputable: fewer than 2 codes or factors vary; there are fewer than 3 rows; a factor looks
            continuous (for trees); the training rows hold one value of a factor only.
        RuntimeError: LightGBM is asked for and not installed.

    Example:
        >>> import numpy as np, fastdis
        >>> factors = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)
        >>> print(fastdis.metrics.dci(factors.astype(np.float32), factors))
        dci disentanglement 1.0000, completeness 1.0000, informativeness 1.0000 (96 samples, 2 factors)
    """
    _checks.choice("dci", "predictor", predictor, PREDICTORS)
    _checks.choice("dci", "completeness", completeness, ("weighted", "mean"))
    _checks.integers("dci", train=train, test=test)
    seed = _checks.seed("dci", seed)
    fit = {"gbt": _boosted, "lightgbm": _lightgbm, "linear": _linear}[predictor]
    if predictor == "lightgbm" and find_spec("lightgbm") is None:
        raise RuntimeError("dci: predictor='lightgbm' needs the package lightgbm: pip install lightgbm")
    data = arrays("dci", codes, factors, needs_classes=predictor != "linear")
    if data.codes.shape[1] < 2 or len(data.factors) < 2:
        raise NotComputable(
            "dci: codes and factors must have at least 2 columns that vary, "
            f"got {data.codes.shape[1]} and {len(data.factors)}"
        )
    learn, score = split("dci", len(data.codes), train, test, np.random.default_rng(seed))
    prepare = standardised if predictor == "linear" else narrowed
    learned, scored = prepare(data.codes[learn], data.codes[score])
    fitted: list[Fitted] = []
    for k, labels in enumerate(data.classes.T):
        if len(np.unique(labels[learn])) < 2:
            raise NotComputable(
                f"dci: factors column {data.factors[k]} must have 2 values in {len(learn)} training rows, "
                "got 1"
            )
        fitted.append(fit(learned, labels[learn], scored, labels[score], seed))
    matrix = np.stack([importance for importance, _, _ in fitted], axis=1)
    per_code, per_factor = _concentration(matrix), _concentration(matrix.T)
    share = matrix / matrix.sum() if matrix.sum() > 0 else np.full_like(matrix, 1 / matrix.size)
    disentanglement = float(per_code @ share.sum(axis=1))
    return DCIResult(
        score=disentanglement,
        samples=len(data.codes),
        factors=data.factors,
        disentanglement=disentanglement,
        completeness=float(
            per_factor @ share.sum(axis=0) if completeness == "weighted" else per_factor.mean()
        ),
        informativeness=float(np.mean([quality for _, _, quality in fitted])),
        informativeness_train=float(np.mean([quality for _, quality, _ in fitted])),
        importance=matrix,
        per_code=per_code,
        per_factor=per_factor,
        predictor=predictor,
        train=len(learn),
        test=len(score),
        seed=seed,
    )


def _concentration(matrix: Float) -> Float:
    """Return 1 - the entropy of each row, log base its length; the field's 1e-11 puts empty rows at 0."""
    p = matrix + 1e-11
    p = p / p.sum(axis=1, keepdims=True)
    return np.asarray(1 + (p * np.log(p)).sum(axis=1) / np.log(p.shape[1]))


def _boosted(codes: Codes, labels: Labels, test_codes: Codes, test_labels: Labels, seed: int) -> Fitted:
    """Fit boosted trees: mean decrease in impurity; accuracy."""
    model = BoostedTrees(seed).fit(codes, labels)
    return (
        model.feature_importances_,
        float((model.predict(codes) == labels).mean()),
        float((model.predict(test_codes) == test_labels).mean()),
    )


def _lightgbm(codes: Codes, labels: Labels, test_codes: Codes, test_labels: Labels, seed: int) -> Fitted:
    """Fit LightGBM: total gain; accuracy."""
    from lightgbm import LGBMClassifier

    model = LGBMClassifier(
        n_estimators=100,
        learning_rate=0.1,
        max_depth=3,
        num_leaves=8,
        min_child_samples=1,
        importance_type="gain",
        deterministic=True,
        force_row_wise=True,
        random_state=random_state(seed),
        n_jobs=1,  # trees this small are slower on two threads
        verbosity=-1,
    ).fit(codes, labels)
    gain = model.feature_importances_.astype(np.float64)
    return (
        gain / gain.sum() if gain.sum() > 0 else gain,
        float(np.mean(model.predict(codes) == labels)),
        float(np.mean(model.predict(test_codes) == test_labels)),
    )


def _linear(codes: Codes, labels: Labels, test_codes: Codes, test_labels: Labels, seed: int) -> Fitted:
    """Fit standardised class numbers on standardised codes by least squares (no seed is needed): |W|; R²."""
    target, test_target = ((y - labels.mean()) / labels.std() for y in (labels, test_labels))
    weights = np.linalg.lstsq(codes, target, rcond=None)[0]
    quality = [
        1 - float(((y - x @ weights) ** 2).sum() / ((y - y.mean()) ** 2).sum()) if np.ptp(y) > 0 else 0.0
        for x, y in ((codes, target), (test_codes, test_target))
    ]
    return np.abs(weights), quality[0], quality[1]
