"""What every score returns: a frozen result that prints as a line and turns into plain Python."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

Better: TypeAlias = Literal["higher", "lower", "neither"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Interval:
    """A confidence interval of a score, by the bootstrap over samples or over votes.

    low, high: its ends. confidence: the nominal coverage. replicates: how many were drawn.
    exact: the samples are every combination of the factors, equally often, so there is no sampling error and
        both ends are the score.
    """

    low: float
    high: float
    confidence: float
    replicates: int
    exact: bool = False

    def __str__(self) -> str:
        if self.exact:
            return "exact: the complete grid has no sampling error"
        return f"{self.confidence:.0%} interval {self.low:.4f} to {self.high:.4f}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """A score and what it was computed from.

    score: the number.
    samples: the rows of the arrays; a score that draws some of them says how many in ``train`` and ``test``.
    factors: the columns of the factors that were scored; a constant one is left out.
    interval: the confidence interval, where one was asked for.
    notes: what a reader of the score should know, such as predictors that did not converge.
    """

    title: ClassVar[str]
    definition: ClassVar[str]
    largest: ClassVar[float] = 1.0  # what the score can be at most
    better: ClassVar[Better] = "higher"  # which of two models a comparison prefers
    no_interval: ClassVar[str] = ""  # why there is no interval by resampling, if there is none

    score: float
    samples: int
    factors: tuple[int, ...] = ()
    interval: Interval | None = None
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "; ".join([self._line(), *self.notes])

    def _line(self) -> str:
        interval = f", {self.interval}" if self.interval else ""
        factors = f", {len(self.factors)} factors" if self.factors else ""
        return f"{self.title} {self.score:.4f} ({self.samples:,} samples{factors}{interval})"

    def to_dict(self) -> dict[str, Any]:
        """Return every part as plain numbers, lists and dictionaries, with the definition: ready for JSON."""
        parts: dict[str, Any] = plain(self)
        return parts | {"definition": self.definition}


def plain(value: Any) -> Any:
    """Return a part of a result as plain Python; None for a number that is not finite, as JSON has none."""
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [plain(part) for part in value]
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value
