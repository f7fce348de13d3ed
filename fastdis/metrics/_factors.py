"""Which factors are scored: a constant one is left out with a warning, a continuous one is refused."""

import sys
import warnings
from collections.abc import Sequence
from types import FrameType

import numpy as np
from numpy.typing import NDArray

from ._errors import NotComputable

_warned: set[tuple[str, int, str]] = set()  # file, line and text of the warnings of this process


def scored_factors(
    function: str, counts: list[NDArray[np.int64]], *, classes: bool | Sequence[bool] = True
) -> list[int]:
    """Return the columns of the factors that vary; warn of the others, once for each line that calls.

    Args:
        function: the name that messages begin with.
        counts: for each factor, how often each of its values occurs.
        classes: whether the score needs classes, of all factors or one by one. A factor that has more than
            half as many values as there are samples then has too few samples of each.

    Raises:
        NotComputable: no factor varies, or one has too many values.
    """
    values = [int(np.count_nonzero(count)) for count in counts]
    samples = int(counts[0].sum())
    needed = [classes] * len(counts) if isinstance(classes, bool) else classes
    for k, found in enumerate(values):
        if needed[k] and found > 1 and 2 * found > samples:
            raise NotComputable(
                f"{function}: factors must have at most half as many values as samples, got {found:,} values "
                f"in {samples:,} samples in column {k}: a continuous factor has no classes to score"
            )
    keep = [k for k, found in enumerate(values) if found > 1]
    if not keep:
        raise NotComputable(
            f"{function}: factors must have a column with at least 2 values, got constant ones only"
        )
    if len(keep) < len(values):
        constant = ", ".join(str(k) for k in range(len(values)) if k not in keep)
        _warn_once(function, f"factors column {constant} is constant and left out")
    return keep


def _warn_once(function: str, text: str) -> None:
    """Warn at the first line outside this package, unless the same was said there before.

    Python itself warns once for each place, but forgets that it did whenever a library uses
    ``warnings.catch_warnings``, as every fit of scikit-learn does.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "fastdis":
        frame = frame.f_back
    place = ("fastdis", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)
    if (*place, text) not in _warned:
        warnings.warn_explicit(f"{function}: {text}", UserWarning, *place)
        _warned.add((*place, text))  # but not if the warning was turned into an error
