"""Draws by index: samples to train and test on, and groups of samples that share the value of one factor."""

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from ._errors import NotComputable

Rows = NDArray[np.intp]


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
