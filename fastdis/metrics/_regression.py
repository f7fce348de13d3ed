"""How much of the variance of numbers a prediction explains."""

import numpy as np

from .joint_table import Float


def r_squared(truth: Float, found: Float) -> float:
    """Return 1 - the squared error over the squared deviations from the mean; 0 of a constant truth."""
    deviation = float(((truth - truth.mean()) ** 2).sum())
    return 1 - float(((truth - found) ** 2).sum()) / deviation if np.ptp(truth) > 0 else 0.0
