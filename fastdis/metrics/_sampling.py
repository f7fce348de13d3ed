"""Draws by index: samples to train and test on, and groups of samples that share the value of one factor."""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from ._arguments import Arrays
from ._errors import NotComputable

Codes = NDArray[np.floating]
Rows = NDArray[np.intp]
# the column of a factor, groups, samples in each, to the codes (groups, samples, codes) of new samples that
# share its value within each group
Draw: TypeAlias = Callable[[int, int, int], NDArray[Any]]


Train: TypeAlias = int | Literal["all"]


def check_split(function: str, train: Any, test: Any) -> None:
    """Require numbers of rows to train and to test on, the first of which may be "all"."""
    if isinstance(train, str):
        _checks.choice(function, "train", train, ("all",))
    else:
        _checks.integer(function, "train", train)
    _checks.integer(function, "test", test)


def split(
    function: str, samples: int, train: Train, test: int, generator: np.random.Generator
) -> tuple[Rows, Rows]:
    """Draw rows to train on and rows to test on, without replacement, no row in both.

    Of fewer samples than both numbers together, all are used, in the same proportion. Where train is "all" so
    are all samples, two thirds of them to train on, whatever test is.

    Raises:
        NotComputable: fewer than 2 rows to train on or none to test on.
    """
    if train == "all":
        train, test = 2 * samples, samples
    if samples < train + test:
        train = samples * train // (train + test)
        test = samples - train
    if train < 2 or test < 1:
        raise NotComputable(
            f"{function}: codes must have at least 3 rows to train and test on, got {samples}"
        )
    rows = generator.choice(samples, train + test, replace=False)
    return rows[:train], rows[train:]


def random_state(seed: int) -> int:
    """Return the seed as scikit-learn and LightGBM take it: below 2**31, the same for seeds below that."""
    return seed % 2**31


class Groups:
    """Keep the rows of each value of each factor, sorted once: a draw costs its indices and no search.

    A value that one row alone has cannot be shared; such rows are never drawn.

    Raises:
        NotComputable: no two rows share a value of some factor.
    """

    def __init__(self, function: str, classes: NDArray[np.integer]) -> None:
        self._classes = classes
        self._order: list[Rows] = []
        self._counts: list[NDArray[np.intp]] = []
        self._starts: list[NDArray[np.intp]] = []
        self._shared: list[Rows] = []  # rows that may be drawn; empty where all may
        for k, column in enumerate(classes.T):
            counts = np.bincount(column)
            order = np.argsort(column, kind="stable")
            if counts.max() < 2:
                raise NotComputable(
                    f"{function}: factors must repeat a value in column {k}, got all different"
                )
            self._order.append(order)
            self._counts.append(counts)
            self._starts.append(np.cumsum(counts) - counts)
            alone = counts[column] == 1
            self._shared.append(np.flatnonzero(~alone) if alone.any() else np.empty(0, np.intp))

    def rows(self, factor: int, shape: tuple[int, ...], generator: np.random.Generator) -> Rows:
        """Draw rows uniformly, with replacement, among those whose value of the factor others share."""
        shared = self._shared[factor]
        if shared.size:
            return np.asarray(shared[generator.integers(shared.size, size=shape)])
        return generator.integers(len(self._classes), size=shape)

    def sharing(self, factor: int, rows: Rows, generator: np.random.Generator) -> Rows:
        """Draw for each given row one uniformly among those with the same value of the factor."""
        value = self._classes[rows, factor]
        place = self._starts[factor][value] + generator.integers(self._counts[factor][value])
        return np.asarray(self._order[factor][place])


class RowGroups:
    """Give the codes of groups and pairs that share the value of one factor: rows of the arrays.

    Raises:
        NotComputable: no two rows share a value of some factor.
    """

    def __init__(self, function: str, data: Arrays) -> None:
        self._rows, self._codes = Groups(function, data.classes), data.codes

    def codes(self, factor: int, groups: int, size: int, generator: np.random.Generator) -> Codes:
        """Return (groups, size, codes), a value of the factor in each group."""
        anchor = self._rows.rows(factor, (groups, 1), generator)
        return self._codes[self._rows.sharing(factor, np.repeat(anchor, size, axis=1), generator)]

    def pairs(
        self, factor: int, groups: int, size: int, generator: np.random.Generator
    ) -> tuple[Codes, Codes]:
        """Return (groups, size, codes) twice: pairs, each with its own value of the factor."""
        one = self._rows.rows(factor, (groups, size), generator)
        return self._codes[one], self._codes[self._rows.sharing(factor, one, generator)]


class DrawnGroups:
    """Give the same of samples that are drawn, as a simulator can, which holds a factor fixed exactly.

    Raises:
        TypeError, ValueError: what was drawn are no codes, or has another shape.
    """

    def __init__(self, function: str, data: Arrays, draw: Draw) -> None:
        self._function, self._data, self._draw = function, data, draw

    def codes(self, factor: int, groups: int, size: int, generator: np.random.Generator) -> Codes:
        """Return (groups, size, codes)."""
        shape = (int(groups), size, self._data.codes.shape[1])
        drawn = np.asarray(self._draw(self._data.factors[factor], *shape[:2]))
        if drawn.dtype.kind != "f" or drawn.shape != shape or not np.isfinite(drawn).all():
            raise ValueError(
                f"{self._function}: draw must give finite floats of shape {shape}, "
                f"got {drawn.dtype} of shape {drawn.shape}"
            )
        return np.ldexp(drawn, -self._data.exponent) if self._data.exponent.any() else drawn

    def pairs(
        self, factor: int, groups: int, size: int, generator: np.random.Generator
    ) -> tuple[Codes, Codes]:
        """Return (groups, size, codes) twice."""
        pairs = self.codes(factor, groups * size, 2, generator).reshape(groups, size, 2, -1)
        return pairs[:, :, 0], pairs[:, :, 1]


def groups_of(function: str, data: Arrays, draw: Draw | None) -> RowGroups | DrawnGroups:
    """Choose groups of rows, or drawn ones where somebody draws them."""
    return RowGroups(function, data) if draw is None else DrawnGroups(function, data, draw)
