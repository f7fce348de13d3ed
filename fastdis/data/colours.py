"""Hues as red, green and blue."""

import numpy as np
from numpy.typing import NDArray


def saturated(hue: NDArray[np.float64]) -> NDArray[np.float64]:
    """HSV(hue, 1, 1) as (..., 3) of red, green and blue; hues 0 and 1 are both red.

    Example:
        >>> saturated(np.array([0, 1 / 6, 1 / 3, 0.5, 2 / 3, 5 / 6])).round(6).tolist()[:3]
        [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
    """
    wheel = (6 * hue[..., None] + np.array([0, 4, 2])) % 6
    colours: NDArray[np.float64] = np.clip(np.abs(wheel - 3) - 1, 0, 1)
    return colours
