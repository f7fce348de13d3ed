"""A continuous factor as classes: bins of equal width, or of equal counts."""

import numpy as np
from numpy.typing import NDArray

from .joint_table import Float

BINNINGS = ("width", "quantile")


def bin_edges(values: Float, bins: int, binning: str) -> Float:
    """Return the ascending ends of the bins of finite values, (bins + 1,), or fewer.

    Args:
        values: (samples,), at least one.
        bins: how many, at least 2; a constant has one.
        binning: "width", equal widths over the range; "quantile", equal counts, as far as equal values allow.

    Example:
        >>> bin_edges(np.array([0.0, 1.0, 2.0, 8.0]), 2, "width").tolist()
        [0.0, 4.0, 8.0]
        >>> bin_edges(np.array([0.0, 1.0, 2.0, 8.0]), 2, "quantile").tolist()
        [0.0, 1.5, 8.0]
    """
    if values.min() == values.max():
        return np.array([values[0], values[0]])
    if binning == "width":
        return np.linspace(values.min(), values.max(), bins + 1)
    return np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)))


def bin_numbers(values: Float, edges: Float) -> NDArray[np.int64]:
    """Return the bin of each value; the largest lies in the last one.

    Example:
        >>> bin_numbers(np.array([0.0, 3.9, 4.0, 8.0]), np.array([0.0, 4.0, 8.0])).tolist()
        [0, 0, 1, 1]
    """
    return np.searchsorted(edges[1:-1], values, side="right").astype(np.int64)
