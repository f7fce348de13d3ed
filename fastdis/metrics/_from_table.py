"""What the scores of the joint table share: where the table comes from, and the interval of a score."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from .. import _checks
from ._arguments import Array
from ._confidence import REPLICATES, check_confidence, check_covers, interval
from ._result import Interval, Result
from .joint_table import Information, JointTable

Scored = TypeVar("Scored", bound=Result)


def from_table(
    function: str,
    score: Callable[[Information], Scored],
    codes: Array | JointTable,
    factors: Array | None,
    bins: int,
    confidence: float | None,
    seed: int,
) -> Scored:
    """Score the table given, or that of the two arrays, with an interval where one is asked for.

    Raises:
        TypeError: both a table and factors are given, or codes without factors.
        ValueError: an interval is asked of a table without replicates.
        NotComputable: the score does not exist for this table.
        NoInterval: the interval would not cover.
    """
    check_confidence(function, confidence)
    _checks.seed(function, seed)
    if isinstance(codes, JointTable):
        if factors is not None:
            raise TypeError(f"{function}: factors must be left out where a JointTable is given")
        table = codes
    elif factors is None:
        raise TypeError(f"{function}: factors must be given beside codes")
    else:
        replicates = REPLICATES if confidence else 0
        table = JointTable.of(codes, factors, bins=bins, replicates=replicates, seed=seed, function=function)
    information = table.information(function=function)
    result = score(information)
    if confidence is None:
        return result
    if table.complete:
        exact = Interval(low=result.score, high=result.score, confidence=confidence, replicates=0, exact=True)
        return replace(result, interval=exact)
    check_covers(function, type(result), information)
    if not table.replicates:
        raise ValueError(
            f"{function}: confidence needs a JointTable with replicates: JointTable.of(..., replicates=1000)"
        )
    scores = np.array([score(replicate).score for replicate in table.replicates])
    return replace(result, interval=interval(result.score, scores, confidence, largest=result.largest))
