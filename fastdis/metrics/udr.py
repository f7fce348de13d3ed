"""The unsupervised disentanglement ranking: do models of one setting agree on their codes?"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np

from .. import _checks
from ._arguments import Array, checked_codes, stack_of_numbers
from ._errors import NotComputable
from ._fits import Fits
from ._result import Result
from ._scale import rescaled
from .joint_table import Float

SIMILARITIES = ("spearman", "lasso")


@dataclass(frozen=True, kw_only=True, eq=False)
class UDRResult(Result):
    """The ranking of several models; the score is that of the best.

    per_model: (models,), the median over its partners. pairwise: (models, models), NaN on the diagonal.
    best: which model scores highest. informative: how many codes of each model were compared.
    """

    title: ClassVar[str] = "udr"
    definition: ClassVar[str] = (
        "Unsupervised disentanglement ranking (Duan 2020): median over the other models of how nearly the "
        "informative codes of two models are each other's, one by one; the best model's."
    )
    no_interval: ClassVar[str] = "it varies with the models compared, not with the samples"

    per_model: Float
    pairwise: Float
    best: int
    informative: tuple[int, ...]
    similarity: str
    threshold: float

    def _line(self) -> str:
        ranks = ", ".join(f"{value:.4f}" for value in self.per_model)
        return f"udr ({self.similarity}) {ranks}: best is model {self.best} ({self.samples:,} samples)"


def udr(
    codes: Sequence[Array],
    kl: Sequence[Array],
    *,
    similarity: str = "spearman",
    threshold: float = 0.01,
) -> UDRResult:
    """Rank models trained alike, from other seeds, without labels (Duan et al. 2020, equation 4), in [0, 1].

    For two models R_ab is the similarity over the same images of code a of the one and code b of the other,
    among the codes whose KL from the prior is above the threshold. With r_a = max_b R_ab, r_b = max_a R_ab,

        UDR_ij = (sum_b r_b² / sum_a R_ab + sum_a r_a² / sum_b R_ab) / (d_i + d_j),

    d the numbers of those codes: 1 where they are the same up to order, sign and unit. A model's score is the
    median over its partners. Models that share the same entangled solution score high too: it ranks models by
    how alike they come out, and rests on disentangled ones being more alike.

    Nothing changes when codes of a model change places, or are shifted, scaled or reflected.

    Args:
        codes: of each model, at least two, (samples, codes): the posterior means of the same images in the
            same order. Models may have different numbers of codes.
        kl: for each model (codes,), the KL of each code from the prior in nats, mean over images.
        similarity: "spearman", absolute rank correlations; "lasso", absolute weights of a lasso (its penalty
            0.1) that predicts each standardised code of one model from all of the other, in both directions.
        threshold: nats above which a code is informative.

    Raises:
        TypeError: codes or kl is no sequence of arrays of real numbers.
        ValueError: fewer than 2 models, other numbers of samples or codes, NaN or infinity.
        NotComputable: there are fewer than 2 samples.

    Example:
        >>> import numpy as np, fastdis
        >>> z = np.random.default_rng(0).standard_normal((500, 2))
        >>> turned = z @ [[0.6, -0.8], [0.8, 0.6]]
        >>> found = fastdis.metrics.udr([z, -z[:, ::-1], 3 * z, turned], [[1.0, 1.0]] * 4)
        >>> found.per_model.round(1).tolist()
        [1.0, 1.0, 1.0, 0.5]
    """
    _checks.choice("udr", "similarity", similarity, SIMILARITIES)
    threshold = _checks.number("udr", "threshold", threshold, low=0)
    models = _models(codes, kl, threshold)
    fits = Fits()
    pairwise = np.full((len(models), len(models)), np.nan)
    prepared = [(_ranks if similarity == "spearman" else _standard)(model) for model in models]
    for i, j in combinations(range(len(models)), 2):
        if similarity == "spearman":
            both = _agreement(np.abs(prepared[i].T @ prepared[j]) / len(prepared[i]))
            pairwise[i, j] = pairwise[j, i] = both
        else:
            pairwise[i, j] = _agreement(_weights(prepared[i], prepared[j], fits))
            pairwise[j, i] = _agreement(_weights(prepared[j], prepared[i], fits))
    per_model = np.nanmedian(pairwise if similarity == "spearman" else (pairwise + pairwise.T) / 2, axis=1)
    return UDRResult(
        score=float(per_model.max()),
        samples=len(models[0]),
        notes=fits.notes,
        per_model=per_model,
        pairwise=pairwise,
        best=int(per_model.argmax()),
        informative=tuple(model.shape[1] for model in models),
        similarity=similarity,
        threshold=threshold,
    )


def _models(codes: Any, kl: Any, threshold: float) -> list[Float]:
    """Return the informative codes of each model that vary, checked."""
    given, divergences = (
        _checks.sequence("udr", name, value) for name, value in (("codes", codes), ("kl", kl))
    )
    if len(given) < 2:
        raise ValueError(f"udr: codes must hold at least 2 models, got {len(given)}")
    if len(divergences) != len(given):
        raise ValueError(f"udr: kl must hold {len(given)} models like codes, got {len(divergences)}")
    models: list[Float] = []
    for i, (values, divergence) in enumerate(zip(given, divergences, strict=True)):
        tensor, low, high = checked_codes("udr", values, name=f"codes[{i}]")
        nats = stack_of_numbers("udr", f"kl[{i}]", np.asarray(divergence), ("codes",))
        if len(nats) != tensor.shape[1]:
            raise ValueError(f"udr: kl[{i}] must have {tensor.shape[1]} values like codes, got {len(nats)}")
        if models and len(tensor) != len(models[0]):
            raise ValueError(
                f"udr: codes[{i}] must have {len(models[0]):,} rows like codes[0], got {len(tensor):,}"
            )
        varies = (high > low).cpu().numpy()
        models.append(rescaled(tensor, low, high)[0][:, (nats > threshold) & varies].astype(np.float64))
    if len(models[0]) < 2:
        raise NotComputable(f"udr: codes must have at least 2 rows, got {len(models[0])}")
    return models


def _standard(values: Float) -> Float:
    """Return columns of mean 0 and deviation 1."""
    return np.asarray((values - values.mean(axis=0)) / values.std(axis=0))


def _ranks(values: Float) -> Float:
    """Return the ranks of each column, of mean 0 and deviation 1."""
    from scipy.stats import rankdata

    return _standard(rankdata(values, axis=0)) if values.size else values


def _weights(x: Float, y: Float, fits: Fits) -> Float:
    """Return |W| of a lasso from each code of the one to each of the other, (codes of x, codes of y)."""
    from sklearn.linear_model import Lasso

    matrix = np.zeros((x.shape[1], y.shape[1]))
    if x.size:
        for b in range(y.shape[1]):
            matrix[:, b] = np.abs(fits.fit(Lasso(alpha=0.1), x, y[:, b]).coef_)
    return matrix


def _agreement(matrix: Float) -> float:
    """Return the mean over rows and columns of their squared maximum over their sum; 0 of an empty one."""
    if not matrix.size:
        return 0.0
    terms = 0.0
    for axis in (0, 1):
        total, largest = matrix.sum(axis=axis), matrix.max(axis=axis)
        terms += float(np.divide(largest**2, total, out=np.zeros_like(total), where=total > 0).sum())
    return terms / sum(matrix.shape)
