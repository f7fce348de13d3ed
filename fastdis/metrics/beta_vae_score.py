"""The β-VAE score: can a linear classifier tell which factor two samples share?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from ._arguments import Array, Arrays
from ._confidence import REPLICATES, check_confidence, interval_of_votes
from ._errors import NotComputable
from ._fits import Fits
from ._mixed import Continuous, binned_arrays
from ._result import Result
from ._sampling import Draw, DrawnGroups, RowGroups, groups_of, random_state
from ._scale import limited
from .joint_table import Float

_CHUNK = 500  # votes gathered at once: 500 groups of 64 pairs of 10 codes are 5 MB in float64


@dataclass(frozen=True, kw_only=True, eq=False)
class BetaVAEResult(Result):
    """Test accuracy as the score, train_accuracy, and the active_codes: those that vary at all.

    factor_bins: into how many bins each continuous factor was cut, by its column.
    """

    title: ClassVar[str] = "beta_vae_score"
    definition: ClassVar[str] = (
        "β-VAE score (Higgins 2017): test accuracy of a logistic regression that names the factor shared "
        "by the pairs of a group from their mean absolute difference in each code."
    )

    train_accuracy: float
    active_codes: tuple[int, ...]
    train_votes: int
    test_votes: int
    group: int
    factor_bins: dict[int, int]
    seed: int


def beta_vae_score(
    codes: Array,
    factors: Array,
    *,
    train_votes: int = 10_000,
    test_votes: int = 5_000,
    group: int = 64,
    continuous: Continuous = None,
    factor_bins: int = 20,
    binning: str = "quantile",
    draw: Draw | None = None,
    confidence: float | None = None,
    seed: int = 0,
) -> BetaVAEResult:
    """Compute the β-VAE score (Higgins et al. 2017, section 3), in [0, 1], 1 best; chance is 1 / factors.

    A vote: draw a factor k, then pairs of samples that have the same value of it (each pair its own value);
    the vote is mean |z1 - z2| over the pairs, a number for each code. Scikit-learn's logistic regression
    learns k from the training votes; the score is its accuracy on the test votes.

    The score does not change when codes change places, values of a factor are numbered differently, or a code
    is shifted or reflected. It depends, as in the literature, on the scale of the codes, since the classifier
    is regularised: small codes bring it down to chance. A code whose differences go beyond 1,000 is scaled to
    that, where the classifier hardly notices its penalty.

    Of 737,280 samples with ten codes and five factors it takes 0.3 s of one core.

    Args:
        codes: (samples, codes), real.
        factors: (samples, factors), classes, or numbers where they are continuous; a constant factor is left
            out with a warning. The first of a pair is any sample, the second any with the same value; a value
            that only one sample has is not drawn.
        train_votes: votes to learn from.
        test_votes: votes to score on.
        group: pairs a vote.
        continuous: which factors are numbers, whose bins are held fixed instead of their values: True for
            all, False for none, or their columns; None for those with a value that is not a whole number.
        factor_bins, binning: into how many bins a continuous factor is cut: of equal counts ("quantile") or
            of equal "width". Within a bin the factor still varies, and the more the fewer there are.
        draw: gives the codes of new samples that share the value of one factor, where the samples can be
            simulated: called with the factor's column, a number of groups and their size, it returns
            (groups, size, codes). Votes are then on those, which share a continuous factor exactly; the rows
            of codes only show how much each code varies.
        confidence: e.g. 0.95 for an interval by the bootstrap over the test votes, the classifier given.
        seed: of the draws.

    Raises:
        TypeError: codes or factors hold no real numbers, are masked or sparse; a count is no integer.
        ValueError: a wrong shape, NaN or infinity, a factor that is neither a class nor continuous, or an
            unknown binning; or draw gives something else than such codes.
        NotComputable: fewer than 2 factors vary, one has too many classes, or all training votes are for
            one.

    Example:
        >>> import numpy as np, fastdis
        >>> factors = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)
        >>> print(fastdis.metrics.beta_vae_score(factors.astype(np.float32), factors))
        beta_vae_score 1.0000 (96 samples, 2 factors)
    """
    from sklearn.linear_model import LogisticRegression

    _checks.integers("beta_vae_score", train_votes=train_votes, test_votes=test_votes, group=group)
    seed = _checks.seed("beta_vae_score", seed)
    check_confidence("beta_vae_score", confidence)
    data, bins = binned_arrays("beta_vae_score", codes, factors, continuous, factor_bins, binning)
    if len(data.factors) < 2:
        raise NotComputable(
            f"beta_vae_score: factors must have at least 2 columns that vary, got {len(data.factors)}"
        )
    groups = groups_of("beta_vae_score", data, draw)
    generator = np.random.default_rng(seed)
    train_points, train_labels = _votes(data, groups, train_votes, group, generator)
    test_points, test_labels = _votes(data, groups, test_votes, group, generator)
    if len(np.unique(train_labels)) < 2:
        raise NotComputable(
            f"beta_vae_score: train_votes must meet 2 factors, got {train_votes} votes for one"
        )
    learned, scored = limited(train_points, test_points, data.exponent)
    fits = Fits()
    model = fits.fit(LogisticRegression(random_state=random_state(seed)), learned, train_labels)
    right = model.predict(scored) == test_labels
    score = float(right.mean())
    return BetaVAEResult(
        score=score,
        samples=len(data.codes),
        notes=fits.notes,
        factors=data.factors,
        interval=interval_of_votes(score, _replicates(right, generator), confidence, len(right))
        if confidence
        else None,
        train_accuracy=float(model.score(learned, train_labels)),
        active_codes=tuple(int(d) for d in np.flatnonzero(np.ptp(data.codes, axis=0) > 0)),
        train_votes=train_votes,
        test_votes=test_votes,
        group=group,
        factor_bins=bins,
        seed=seed,
    )


def _votes(
    data: Arrays, groups: RowGroups | DrawnGroups, votes: int, group: int, generator: np.random.Generator
) -> tuple[Float, NDArray[np.intp]]:
    """Return mean absolute differences (votes, codes), and the factor shared in each vote."""
    factor = np.sort(generator.integers(len(data.factors), size=votes))
    points = np.empty((votes, data.codes.shape[1]))
    for k in range(len(data.factors)):
        first, last = np.searchsorted(factor, [k, k + 1])
        for start in range(first, last, _CHUNK):
            at = slice(start, min(start + _CHUNK, last))
            one, other = groups.pairs(k, at.stop - at.start, group, generator)
            points[at] = np.abs(one - other).mean(axis=1, dtype=np.float64)
    return points, factor


def _replicates(right: NDArray[np.bool_], generator: np.random.Generator) -> Float:
    """Return the accuracy of resampled votes."""
    return generator.binomial(len(right), right.mean(), size=REPLICATES) / len(right)
