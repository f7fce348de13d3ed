"""Confidence intervals from bootstrap replicates of a score."""

import numpy as np

from ._result import Interval
from .table import Float

REPLICATES = 1000


def check_confidence(function: str, confidence: float | None) -> None:
    """Require a probability strictly between 0 and 1, or None for no interval."""
    if confidence is not None and not 0 < confidence < 1:
        raise ValueError(f"{function}: confidence must lie between 0 and 1, both excluded, got {confidence}")


def interval(score: float, replicates: Float, confidence: float) -> Interval:
    """The basic bootstrap interval, 2 score - quantiles of the replicates, within [0, 1].

    Replicates of an estimate that is too high are too high once more; reflecting them at the score takes that
    bias off both ends instead of adding it.
    """
    tail = (1 - confidence) / 2
    high, low = 2 * score - np.quantile(replicates, [tail, 1 - tail])
    low, high = np.clip([low, high], 0.0, 1.0)
    return Interval(low=float(low), high=float(high), confidence=confidence, replicates=len(replicates))
