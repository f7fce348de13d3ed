"""Which scores each run of a study gets, and when they were computed with the same settings."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .. import _checks
from ..evaluation.scores import NAMES


@dataclass(frozen=True)
class Evaluate:
    """State how each run is scored: the table ``[evaluate]`` of a study.

    Args:
        metrics: "all", or names of `fastdis.metrics.METRICS`.
        every: score one image in this many, from the first.
        pictures: draw traversals, reconstructions and the other pictures of a report too.

    Raises:
        TypeError: a value is of another type.
        ValueError: a name is unknown (close matches are named), or every is below 1.

    Example:
        >>> Evaluate(metrics=["mig", "sap"], every=9).to_dict()
        {'metrics': ['mig', 'sap'], 'every': 9, 'pictures': False}
    """

    metrics: str | Sequence[str] = "all"
    every: int = 1
    pictures: bool = False

    def __post_init__(self) -> None:
        names = ["all"] if self.metrics == "all" else _checks.sequence("study", "metrics", self.metrics)
        for name in names:
            _checks.choice("study", "metrics", name, ("all", *NAMES))
        object.__setattr__(self, "metrics", "all" if "all" in names else tuple(dict.fromkeys(names)))
        object.__setattr__(self, "every", _checks.integer("study", "every", self.every))
        if not isinstance(self.pictures, bool):
            raise TypeError(f"study: pictures must be of type bool, got {type(self.pictures).__name__}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python, as JSON keeps it."""
        return asdict(self) | {"metrics": self.metrics if self.metrics == "all" else list(self.metrics)}
