"""Draws by index: samples to train and test on, and groups of samples that share the value of one factor."""

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]


def split(
    function: str, samples: int, train: int, test: int, generator: np.random.Generator
) -> tuple[Rows, Rows]:
    """Rows to train on and rows to test on, drawn without replacement, no row in both.

    Of fewer samples than both numbers together, all are used, in the same proportion.

    Raises:
        ValueError: fewer than 2 rows to train on or none to test on.
    """
    if samples < train + test:
        train, test = samples * train // (train + test), samples - samples * train // (train + test)
    if train < 2 or test < 1:
        raise ValueError(f"{function}: codes must have at least 3 rows to train and test on, got {samples}")
    rows = generator.choice(samples, train + test, replace=False)
    return rows[:train], rows[train:]


class Groups:
    """The rows of each value of each factor, sorted once: a draw costs its indices and no search.

    A value that one row alone has cannot be shared; such rows are never drawn.

    Raises:
        ValueError: no two rows share a value of some factor.
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
                raise ValueError(f"{function}: factors must repeat a value in column {k}, got all different")
            self._order.append(order)
            self._counts.append(counts)
            self._starts.append(np.cumsum(counts) - counts)
            alone = counts[column] == 1
            self._shared.append(np.flatnonzero(~alone) if alone.any() else np.empty(0, np.intp))

    def rows(self, factor: int, shape: tuple[int, ...], generator: np.random.Generator) -> Rows:
        """Rows drawn uniformly, with replacement, among those whose value of the factor others share."""
        shared = self._shared[factor]
        if shared.size:
            return np.asarray(shared[generator.integers(shared.size, size=shape)])
        return generator.integers(len(self._classes), size=shape)

    def sharing(self, factor: int, rows: Rows, generator: np.random.Generator) -> Rows:
        """For each given row one drawn uniformly among those with the same value of the factor."""
        value = self._classes[rows, factor]
        place = self._starts[factor][value] + generator.integers(self._counts[factor][value])
        return np.asarray(self._order[factor][place])
