"""InfoMEC: modularity, explicitness and compactness from normalised information."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from ._arguments import Array, arrays
from ._errors import NotComputable
from ._fits import Fits
from ._result import Result
from ._sampling import Train, check_split, split
from ._scale import standardised
from .joint_table import Float, JointTable

_ACTIVE = 1 / 20  # of the largest range, as in the authors' code
_FREE = 1e6  # scikit-learn's C: next to no penalty


@dataclass(frozen=True, kw_only=True, eq=False)
class InfoMECResult(Result):
    """InfoM, which is the score, InfoC, InfoE, and what they are computed from.

    per_factor: (factors,), the share of each factor's entropy that a linear classifier removes.
    infoe_train: InfoE on the rows learned from.
    nmi: (codes, factors), mutual information over the entropy of the factor.
    active_codes: those whose range is above 1/20 of the largest.
    """

    title: ClassVar[str] = "infomec"
    definition: ClassVar[str] = (
        "InfoM of InfoMEC (Hsu 2023): mean over active codes of the largest share of the code's information, "
        "normalised by the factors' entropies, that is about one factor, from chance 0 to 1; also InfoC, the "
        "same over codes, and InfoE, the share of entropy that linear classifiers take off."
    )
    no_interval: ClassVar[str] = "codes without information make it vary more than resampling shows"

    infom: float
    infoc: float
    infoe: float
    infoe_train: float
    per_factor: Float
    nmi: Float
    active_codes: tuple[int, ...]
    bins: int
    train: int
    test: int
    seed: int

    def _line(self) -> str:
        return (
            f"infomec InfoM {self.infom:.4f}, InfoC {self.infoc:.4f}, InfoE {self.infoe:.4f} "
            f"({self.samples:,} samples, {len(self.factors)} factors)"
        )


def infomec(
    codes: Array,
    factors: Array,
    *,
    bins: int = 20,
    train: Train = 10_000,
    test: int = 5_000,
    seed: int = 0,
) -> InfoMECResult:
    """Compute InfoM, InfoC and InfoE (Hsu et al. 2023, "Disentanglement via latent quantization", section 4).

    With N_jk = I(z_j; v_k) / H(v_k) over the active codes, those whose range is above 1/20 of the largest:

    - InfoM, modularity: the mean over codes of max_k N_jk / sum_k N_jk, less 1/K, over 1 - 1/K;
    - InfoC, compactness: the mean over factors of max_j N_jk / sum_j N_jk, less 1/D, over 1 - 1/D;
    - InfoE, explicitness: the mean over factors of 1 - H(v_k | z) / H(v_k), where both are entropies that
      logistic regressions without a penalty reach, from all codes and from none: predictive information.

    All lie in [0, 1], 1 best. A code or a factor without information counts as 0; so does InfoC where one
    code is active. What differs from the authors' code: mutual information is the plug-in estimate of
    :func:`mig` over all samples, not that of nearest neighbours; the entropies of InfoE are those of rows
    that were not learned from, and classes are weighted as often as they occur.

    The scores do not change when codes or factors change places, values of a factor are numbered differently,
    or a code is shifted or reflected. All codes may be scaled alike: which of them are active depends on the
    ratios of their ranges.

    Of 737,280 samples with ten codes and five factors it takes 2.5 s of one core, most of it for InfoE.

    Args:
        codes: (samples, codes), real.
        factors: (samples, factors), classes; a constant factor is left out with a warning.
        bins: how many bins a code is put into.
        train, test: rows drawn for InfoE to learn from and to score on, disjoint; of fewer rows, the same
            proportion.
        seed: of the draw.

    Raises:
        TypeError: codes or factors hold no real numbers, are masked or sparse; train or test is no integer.
        ValueError: a wrong shape, NaN or infinity, a factor that is not a class.
        NotComputable: fewer than 2 codes, or fewer than 2 factors that vary; one looks continuous; there are
            fewer samples than bins; the training rows hold one value of a factor only.

    Example:
        >>> import numpy as np, fastdis
        >>> factors = np.stack([np.arange(960) % 2, np.arange(960) // 480], axis=1)
        >>> print(fastdis.metrics.infomec(factors.astype(np.float32), factors))
        infomec InfoM 1.0000, InfoC 1.0000, InfoE 0.9999 (960 samples, 2 factors)
    """
    check_split("infomec", train, test)
    seed = _checks.seed("infomec", seed)
    data = arrays("infomec", codes, factors)
    if data.codes.shape[1] < 2 or len(data.factors) < 2:
        raise NotComputable(
            "infomec: codes and factors must have at least 2 columns that vary, "
            f"got {data.codes.shape[1]} and {len(data.factors)}"
        )
    information = JointTable.of(codes, data.classes, bins=bins, function="infomec").information()
    nmi = information.mutual_information / information.factor_entropy
    unit = data.exponent - data.exponent.max()
    ranges = np.ldexp(np.ptp(data.codes, axis=0).astype(np.float64), unit)
    active = np.flatnonzero((ranges > _ACTIVE * ranges.max()) & (ranges > 0))
    learn, score = split("infomec", len(data.codes), train, test, np.random.default_rng(seed))
    learned, scored = standardised(data.codes[learn], data.codes[score])
    fits = Fits()
    explained = np.array(
        [
            _explained(fits, learned, labels[learn], scored, labels[score], column)
            for labels, column in zip(data.classes.T, data.factors, strict=True)
        ]
    )
    modularity = _concentration(nmi[active])
    return InfoMECResult(
        score=modularity,
        samples=len(data.codes),
        notes=fits.notes,
        factors=data.factors,
        infom=modularity,
        infoc=_concentration(nmi[active].T),
        infoe=float(explained[:, 1].mean()),
        infoe_train=float(explained[:, 0].mean()),
        per_factor=explained[:, 1],
        nmi=nmi,
        active_codes=tuple(int(d) for d in active),
        bins=bins,
        train=len(learn),
        test=len(score),
        seed=seed,
    )


def _concentration(matrix: Float) -> float:
    """Return the mean over rows of their largest share, from 0 for equal shares to 1; 0 of an empty row."""
    rows, columns = matrix.shape
    if not rows or columns < 2:
        return 0.0
    total = matrix.sum(axis=1)
    share = np.divide(matrix.max(axis=1), total, out=np.full(rows, 1 / columns), where=total > 0)
    return float(((share - 1 / columns) / (1 - 1 / columns)).mean())


def _explained(
    fits: Fits,
    learned: Float,
    labels: NDArray[np.integer],
    scored: Float,
    truth: NDArray[np.integer],
    column: int,
) -> tuple[float, float]:
    """Return the share of a factor's entropy that the codes explain, on training and on test rows."""
    from sklearn.linear_model import LogisticRegression

    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) < 2:
        raise NotComputable(
            f"infomec: factors column {column} must have 2 values in the {len(labels)} training rows, got 1"
        )
    known = np.isin(truth, classes)  # a class that was not learned has no probability
    model = fits.fit(LogisticRegression(C=_FREE, max_iter=300), learned, labels)
    null = np.log(counts / counts.sum())
    shares = []
    for x, y in ((learned, labels), (scored[known], truth[known])):
        if not len(y):
            shares.append(0.0)
            continue
        place = np.searchsorted(classes, y)
        with_codes = _log_probabilities(model, x)[np.arange(len(y)), place].mean()
        shares.append(max(0.0, 1 - float(with_codes / null[place].mean())))
    return shares[0], shares[1]


def _log_probabilities(model: Any, x: Float) -> Float:
    """Return log p of each class without the rounding to 0 that predict_log_proba has."""
    raw = model.decision_function(x)
    if raw.ndim == 1:
        return np.stack([-np.logaddexp(0, raw), -np.logaddexp(0, -raw)], axis=1)
    return np.asarray(raw - np.logaddexp.reduce(raw, axis=1, keepdims=True))
