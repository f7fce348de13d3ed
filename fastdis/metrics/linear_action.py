"""Linear action: does a fixed move of one factor act on the codes as one matrix?"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from .. import _checks
from ._arguments import Array, arrays
from ._confidence import REPLICATES, check_confidence, interval
from ._errors import NotComputable
from ._result import Interval, Result
from ._scale import in_one_unit
from .joint_table import Float

Rows = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearActionResult(Result):
    """The score, and for each factor how linearly it acts and the eigenvalues of its matrix.

    residual: (factors,), squared error over half the squared movement on held-out pairs; NaN of a factor that
        moves no code.
    intervals: of each residual that is a number, where confidence was given.
    angles, moduli: (factors, active codes), of the eigenvalues of A, the angles in radians from 0 to π and
        largest first; conjugate pairs stand twice. An eigenvalue of modulus far below 1 is of noise.
    movement: (factors, active codes), the share of each code in the squared movement.
    matrices: (factors, active codes, active codes), A.
    active_codes: those that vary. pairs: (factors,), how many were compared.
    """

    title: ClassVar[str] = "linear_action"
    definition: ClassVar[str] = (
        "Linear action (ours, after Higgins 2018): mean over factors of 1 - squared error of z' = A z + b "
        "over half the squared distance of z' and z, on held-out pairs of samples that differ by a fixed "
        "step of the factor alone."
    )

    residual: Float
    intervals: tuple[Interval | None, ...] | None
    angles: Float
    moduli: Float
    movement: Float
    matrices: Float
    active_codes: tuple[int, ...]
    pairs: tuple[int, ...]
    step: int
    periodic: tuple[int, ...]
    seed: int


def linear_action(
    codes: Array,
    factors: Array,
    *,
    step: int = 1,
    periodic: Iterable[int] = (),
    pairs: int = 10_000,
    confidence: float | None = None,
    seed: int = 0,
) -> LinearActionResult:
    """Measure how linearly each factor acts on the codes, in [0, 1], 1 best. A score of this library.

    Higgins et al. 2018 (section 3) call a representation linearly disentangled if the group that changes a
    factor acts on the codes by a linear map, on a subspace of its own. Here a factor's move by a fixed number
    of its values is such a map: over pairs (z, z') of samples that differ by that step in this factor and in
    no other, z' = A z + b is fitted by least squares to one half, and what it misses is taken on the other:

        residual = sum |z' - A z - b|² / (1/2 sum |z' - z|²).

    It is 0 where the move is linear, and 1 for a code of noise, as half the squared distance of two unrelated
    samples is the variance; codes that do not move count for nothing. The score is the mean over factors of
    1 - residual, or 0 where that is negative or no code moves. A rotation by a step has eigenvalues on the
    unit circle, at plus and minus its angle; a translation has angles 0, and b is the shift.

    It does not ask that the subspaces of two factors be different: a rotation of all codes changes nothing.
    Small steps move little, and noise of the codes then counts for more.

    The score does not change when codes or factors change places, a code is shifted or reflected, or all
    codes are scaled alike or rotated. It depends on the order of the values: a factor without one has no
    step.

    Of 737,280 samples with ten codes and five factors it takes 1.5 s of one core.

    Args:
        codes: (samples, codes), real.
        factors: (samples, factors), classes; a constant factor is left out with a warning. They need not be
            complete, but pairs must occur.
        step: how many values further the second of a pair is, in the order of the values that occur.
        periodic: the columns of the factors whose last value is followed by the first.
        pairs: how many are drawn for each factor, at most; half of them to fit.
        confidence: e.g. 0.95 for intervals of the residuals, and of the score, by the bootstrap over the
            pairs that were held out.
        seed: of the draws.

    Raises:
        TypeError: codes or factors hold no real numbers, are masked or sparse; a number is no integer.
        ValueError: a wrong shape, NaN or infinity, a factor that is not a class, a column that does not
            exist.
        NotComputable: no factor varies, or one looks continuous; a factor has fewer than 4 pairs for each
            code that varies.

    Example:
        >>> import numpy as np, fastdis
        >>> factors = np.stack(np.unravel_index(np.arange(240), (12, 20)), axis=1)
        >>> angle = 2 * np.pi * factors[:, 0] / 12
        >>> codes = np.column_stack([np.cos(angle), np.sin(angle), factors[:, 1]])
        >>> found = fastdis.metrics.linear_action(codes, factors, step=2, periodic=[0])
        >>> round(found.score, 6), np.rad2deg(found.angles[0]).round(4).tolist()
        (1.0, [60.0, 60.0, 0.0])
    """
    _checks.integers("linear_action", step=step, pairs=pairs)
    seed = _checks.seed("linear_action", seed)
    check_confidence("linear_action", confidence)
    data = arrays("linear_action", codes, factors)
    circles = _columns(periodic, factors.shape[1])
    active = np.flatnonzero(np.ptp(data.codes, axis=0) > 0)
    z = in_one_unit(data.codes[:, active], data.exponent[active])
    ranks = np.stack([np.unique(column, return_inverse=True)[1] for column in data.classes.T], axis=1)
    generator = np.random.default_rng(seed)
    found = []
    for k, column in enumerate(data.factors):
        first, second = _pairs(ranks, k, step, column in circles, generator, pairs)
        if len(first) < max(4, 4 * len(active)):
            raise NotComputable(
                f"linear_action: factors column {column} must have at least {max(4, 4 * len(active))} pairs "
                f"that differ by {step} values and in no other factor, got {len(first)}"
            )
        found.append(_Action(z[first], z[second]))
    residual = np.array([action.residual(np.ones((1, action.held_out)))[0] for action in found])
    intervals, of_score = _intervals(found, residual, confidence, generator)
    return LinearActionResult(
        score=float(_scores(residual)),
        samples=len(data.codes),
        factors=data.factors,
        interval=of_score,
        residual=residual,
        intervals=intervals,
        angles=np.stack([action.angles for action in found]),
        moduli=np.stack([action.moduli for action in found]),
        movement=np.stack([action.movement for action in found]),
        matrices=np.stack([action.matrix for action in found]),
        active_codes=tuple(int(d) for d in active),
        pairs=tuple(action.pairs for action in found),
        step=step,
        periodic=tuple(sorted(circles)),
        seed=seed,
    )


class _Action:
    """Fit the move to every other pair, and keep how far the others move and are missed."""

    def __init__(self, before: Float, after: Float) -> None:
        self.pairs = len(before)
        fitted, held = slice(0, None, 2), slice(1, None, 2)
        with_one = np.column_stack([before, np.ones(len(before))])
        with threadpool_limits(1):  # as in _fits.py: five thousand rows are too few to share
            weights = np.linalg.lstsq(with_one[fitted], after[fitted], rcond=None)[0]
        self.matrix = weights[:-1].T
        eigenvalues = np.linalg.eigvals(self.matrix)
        angles = np.abs(np.angle(eigenvalues))
        order = np.argsort(-angles, kind="stable")
        self.angles, self.moduli = angles[order], np.abs(eigenvalues)[order]
        squared = (after - before) ** 2
        total = squared.sum()
        self.movement = squared.sum(axis=0) / total if total > 0 else np.zeros(before.shape[1])
        missed = ((after[held] - with_one[held] @ weights) ** 2).sum(axis=1)
        self._parts = np.stack([missed, squared[held].sum(axis=1) / 2], axis=1)
        self.held_out = len(missed)

    def residual(self, multiplicity: Float) -> Float:
        """Return the residual where each held-out pair counts so often; NaN if no code moves."""
        missed, moved = (multiplicity @ self._parts).T
        return np.asarray(np.divide(missed, moved, out=np.full(len(moved), np.nan), where=moved > 0))


def _columns(periodic: Any, count: int) -> set[int]:
    if isinstance(periodic, str) or not isinstance(periodic, Iterable):
        raise TypeError(
            f"linear_action: periodic must be columns of the factors, got {type(periodic).__name__}"
        )
    return {_checks.integer("linear_action", "periodic", k, low=0, high=count - 1) for k in periodic}


def _pairs(
    ranks: NDArray[np.intp], k: int, step: int, circle: bool, generator: np.random.Generator, most: int
) -> tuple[Rows, Rows]:
    """Draw pairs of rows of which the second is a step further in factor k and the same in all others."""
    sizes = ranks.max(axis=0) + 1
    place = np.concatenate([[1], np.cumprod(sizes[:-1], dtype=np.float64)])
    if place[-1] * sizes[-1] > 2**62:
        raise NotComputable("linear_action: factors must have fewer than 2**62 combinations of values")
    place = place.astype(np.int64)
    key = ranks @ place
    moved = ranks[:, k] + step
    inside = np.full(len(ranks), True) if circle and step % sizes[k] else moved < sizes[k]
    target = key + (moved % sizes[k] - ranks[:, k]) * place[k]
    order = np.argsort(key, kind="stable")
    ordered, wanted = key[order], target[order]  # both rise, so that the search stays in the cache
    start, end = np.empty_like(order), np.empty_like(order)
    start[order], end[order] = (np.searchsorted(ordered, wanted, side=side) for side in ("left", "right"))
    first = np.flatnonzero(inside & (end > start))
    if len(first) > most:
        first = generator.choice(first, most, replace=False)
    else:
        first = generator.permutation(first)
    return first, order[start[first] + generator.integers(end[first] - start[first])]


def _intervals(
    found: list[_Action], residual: Float, confidence: float | None, generator: np.random.Generator
) -> tuple[tuple[Interval | None, ...] | None, Interval | None]:
    """Return the intervals of the residuals and of the score."""
    if confidence is None:
        return None, None
    replicates = np.stack([_resampled(action, generator) for action in found])
    intervals = tuple(
        None if np.isnan(value) else interval(float(value), drawn, confidence, largest=np.inf)
        for value, drawn in zip(residual, replicates, strict=True)
    )
    return intervals, interval(float(_scores(residual)), _scores(replicates), confidence)


def _scores(residual: Float) -> Float:
    """Return the mean over factors, the first axis, of the part that is linear."""
    return np.asarray(np.nan_to_num(np.maximum(1 - residual, 0)).mean(axis=0))


def _resampled(action: _Action, generator: np.random.Generator) -> Float:
    """Return residuals of resampled pairs: each counts as often as a Poisson draw of mean 1 says."""
    drawn = []
    for _ in range(10):
        weights = generator.poisson(size=(REPLICATES // 10, action.held_out)).astype(np.float64)
        weights[weights.sum(axis=1) == 0, 0] = 1.0
        drawn.append(action.residual(weights))
    return np.concatenate(drawn)
