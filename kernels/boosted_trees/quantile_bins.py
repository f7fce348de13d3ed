"""Features in bins of equal counts: where to cut them, and the bin of every value."""

import numpy as np
from numpy.typing import NDArray

MOST = 256  # bins that a uint8 can number

Cuts = list[NDArray[np.float64]]


def quantile_cuts(x: NDArray[np.float32], bins: int) -> Cuts:
    """Return for each feature of x, (samples, features), at most bins - 1 ascending cuts.

    A cut lies halfway between two neighbouring values, so a value of x is never a cut. A feature of no more
    values than bins has a bin for each value; otherwise each bin takes samples / bins of the samples, as far
    as equal values, which are not parted, allow.
    """
    return [_cuts(column, bins) for column in x.T]


def bin_numbers(x: NDArray[np.float32], cuts: Cuts) -> NDArray[np.uint8]:
    """Return the bin of each value, (samples, features): how many cuts of its feature lie below it."""
    numbers = np.empty(x.shape, np.uint8)
    for f, places in enumerate(cuts):
        numbers[:, f] = np.searchsorted(places, x[:, f], side="left")
    return numbers


def _cuts(column: NDArray[np.float32], bins: int) -> NDArray[np.float64]:
    values, counts = np.unique(column, return_counts=True)
    last = np.arange(len(values) - 1)  # the last value of each bin
    if len(values) > bins:
        wanted = len(column) * np.arange(1, bins) / bins
        last = np.unique(np.searchsorted(np.cumsum(counts), wanted))
        last = last[last < len(values) - 1]
    return values[last].astype(np.float64) / 2 + values[last + 1].astype(np.float64) / 2
