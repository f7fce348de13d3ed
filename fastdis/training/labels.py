"""The factors of a data set as classes: continuous ones are cut into bins, missing labels are counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from ..data import Simulator
from ..metrics.binning import BINNINGS, bin_edges, bin_numbers

MISSING = -1


class Labelled(Protocol):
    """What labels are read from: a data set whose factors are known, or a table of them alone."""

    @property
    def factor_names(self) -> tuple[str, ...]: ...

    @property
    def factor_values(self) -> Mapping[str, NDArray[Any] | None]: ...

    def __len__(self) -> int: ...

    def factors(self, indices: Any, /) -> NDArray[Any]: ...


@dataclass(frozen=True)
class Labels:
    """Hold the class of each image in each factor, and how it came about.

    classes: (images, factors) int64, -1 where a label is missing.
    values: of each factor by name the values of its classes; of a continuous one the middles of its bins.
    edges: (bins + 1,) the ends of the bins of each continuous factor, by name.
    binning: "width" for bins of equal width, "quantile" for bins of equal counts.
    """

    classes: NDArray[np.int64]
    values: Mapping[str, NDArray[Any]]
    edges: Mapping[str, NDArray[np.float64]]
    binning: str = "width"
    read: NDArray[np.float64] | None = None

    @property
    def bins(self) -> dict[str, int]:
        """The number of bins of each continuous factor, by name."""
        return {name: len(edges) - 1 for name, edges in self.edges.items()}

    @property
    def varying(self) -> list[int]:
        """The columns of the factors that take at least two values."""
        return [k for k, column in enumerate(self.classes.T) if len(np.unique(column[column != MISSING])) > 1]

    def numbers(self, rows: Any, columns: Any = slice(None)) -> NDArray[np.float64] | None:
        """Return the factors of some images as they were read, for scores that take numbers.

        None where no factor among those columns is continuous; 0 where a label is missing.
        """
        names = np.array(list(self.values))[columns]
        if self.read is None or not set(names) & set(self.bins):
            return None
        found: NDArray[np.float64] = np.nan_to_num(self.read[rows][:, columns])
        return found

    def scored(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the images of which every varying factor is known, and those factors' classes."""
        columns = self.classes[:, self.varying]
        rows = np.flatnonzero((columns != MISSING).all(axis=1))
        return rows, columns[rows]


def labels(
    data: Labelled,
    factor_bins: int = 20,
    binning: str = "width",
    *,
    rows: NDArray[np.int64] | None = None,
    like: Labels | None = None,
) -> Labels:
    """Read the factors of images as classes.

    Args:
        data: images with factors, or without: the result then has no columns.
        factor_bins: the number of bins that a continuous factor is cut into.
        binning: "width", bins of equal width over the range that its labels span, or that a
            `fastdis.data.Simulator` draws it from; "quantile", bins of equal counts: fewer than asked for
            where labels repeat.
        rows: which images, all of them by default.
        like: the labels of other images with the same factors, whose bins are taken instead; what lies
            outside them is in the first or the last.

    Raises:
        TypeError: factor_bins is not an integer.
        ValueError: factor_bins is below 2, or binning is unknown.

    Example:
        >>> import fastdis
        >>> images = np.zeros((4, 8, 8), np.uint8)
        >>> data = fastdis.data.arrays(images, {"shape": [0, 1, 1, 0], "angle": [0.5, 1.5, np.nan, 4.5]})
        >>> found = labels(data, factor_bins=4)
        >>> found.classes.tolist(), found.values["angle"].tolist(), dict(found.bins)
        ([[0, 0], [1, 1], [1, -1], [0, 3]], [1.0, 2.0, 3.0, 4.0], {'angle': 4})
    """
    factor_bins = _checks.integer("evaluate", "factor_bins", factor_bins, low=2)
    _checks.choice("evaluate", "binning", binning, BINNINGS)
    read = np.asarray(data.factors(np.arange(len(data)) if rows is None else rows))
    classes = np.full(read.shape, MISSING, np.int64)
    values: dict[str, NDArray[Any]] = {}
    edges: dict[str, NDArray[np.float64]] = {}
    for k, (name, of_classes) in enumerate(data.factor_values.items()):
        known = ~np.isnan(read[:, k])
        if of_classes is not None:
            classes[known, k], values[name] = read[known, k], np.asarray(of_classes)
            continue
        ends = _edges(data, name, read[known, k], factor_bins, binning) if like is None else like.edges[name]
        classes[known, k] = bin_numbers(read[known, k], ends)
        values[name] = (ends[:-1] + ends[1:]) / 2
        edges[name] = ends
    return Labels(classes, values, edges, binning, read)


def _edges(
    data: Labelled, name: str, known: NDArray[np.float64], bins: int, binning: str
) -> NDArray[np.float64]:
    if isinstance(data, Simulator) and binning == "width":
        return np.linspace(data.known[name].low, data.known[name].high, bins + 1)
    return bin_edges(known if len(known) else np.array([0.0, 1.0]), bins, binning)
