"""Every score of one representation, from one call."""

import json
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import _checks
from .._progress import progress_bar
from ._arguments import Array
from ._confidence import REPLICATES, check_confidence
from ._errors import NoInterval, NotComputable
from ._result import Result
from .joint_table import JointTable
from .metric import METRICS, Metric

NAMES = tuple(name for name, metric in METRICS.items() if metric.needs != "posteriors")


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """Scores by name, with the reasons of those that are missing. Prints as a table.

    ``evaluation["mig"]`` is the result of one score.

    results: the scores that could be computed, in the order asked for; that of `METRICS` for "all".
    failures: why the others could not.
    no_interval: why a score has no interval although confidence was given.
    seconds: how long each took.
    samples: the rows of the arrays. seed: the seed of the draws.
    """

    results: dict[str, Result]
    failures: dict[str, str]
    no_interval: dict[str, str]
    seconds: dict[str, float]
    samples: int
    seed: int

    def __getitem__(self, name: str) -> Result:
        return self.results[name]

    def __str__(self) -> str:
        width = max(len(name) for name in self.seconds)
        lines = [f"{self.samples:,} samples, seed {self.seed}"]
        for name, seconds in self.seconds.items():
            if name in self.results:
                result = self.results[name]
                interval = f"  {result.interval or self.no_interval.get(name, '')}".rstrip()
                lines.append(f"{name:{width}}  {result.score:8.4f}  {seconds:8.2f} s{interval}")
            else:
                lines.append(f"{name:{width}}  {'-':>8}  {seconds:8.2f} s  {self.failures[name]}")
        notes = [f"{name}: {note}" for name, result in self.results.items() for note in result.notes]
        return "\n".join([*lines, *notes])

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python: samples, seed, and each score's parts and seconds, or why it has none."""
        scores: dict[str, Any] = {}
        for name, seconds in self.seconds.items():
            if name in self.results:
                scores[name] = self.results[name].to_dict() | {"seconds": seconds}
                if name in self.no_interval:
                    scores[name]["no_interval"] = self.no_interval[name]
            else:
                scores[name] = {"score": None, "reason": self.failures[name], "seconds": seconds}
        return {"samples": self.samples, "seed": self.seed, "scores": scores}

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the same as JSON text, and write it to a file where a path is given."""
        text = json.dumps(self.to_dict(), indent=2)
        if path is not None:
            Path(path).write_text(text + "\n", encoding="utf-8")
        return text


def evaluate(
    codes: Array,
    factors: Array,
    metrics: str | Iterable[str] = "all",
    *,
    bins: int = 20,
    confidence: float | None = None,
    seed: int = 0,
    progress: bool | Callable[[int, str], None] | None = None,
) -> Evaluation:
    """Compute many scores of one representation.

    Args:
        codes: (samples, codes), real; posterior means, or samples.
        factors: (samples, factors), classes: whole numbers from 0 to 65,535.
        metrics: "all", or the names of some of `METRICS`. They are the names of the functions, but
            `downstream_gbt` and `downstream_logistic` are `downstream` with that predictor. With 10,000
            samples and 113 classes the boosted trees of `dci` and `downstream_gbt` take some ten seconds of
            one core each. `posterior_mig`, which takes other arrays, is called by itself.
        bins: for the scores that follow from the joint table.
        confidence: e.g. 0.95 for intervals of the scores from the table and of those from votes.
        seed: for the scores that draw samples or fit predictors.
        progress: whether to show a progress bar on standard error; None: if that is a terminal. A function is
            called with the number of scores done and the name of the next.

    Returns:
        The results. Where a score does not exist for these arrays, its row says why, and the others are
        computed; any other error is raised.

    Raises:
        TypeError, ValueError, RuntimeError: the arrays are not fit for any score, or a name is unknown.

    Example:
        >>> import numpy as np, fastdis
        >>> factors = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)
        >>> evaluation = fastdis.metrics.evaluate(factors.astype(np.float32), factors, ["mig", "aam"])
        >>> print(evaluation["mig"])
        mig 1.0000 (96 samples, 2 factors)
    """
    chosen = _chosen(metrics)
    check_confidence("evaluate", confidence)
    seed = _checks.seed("evaluate", seed)
    table: JointTable | None = None
    no_table = ""
    try:
        resampled = confidence is not None and any(metric.needs == "table" for metric in chosen)
        replicates = REPLICATES if resampled else 0
        table = JointTable.of(
            codes, factors, bins=bins, replicates=replicates, seed=seed, function="evaluate"
        )
        table.information(function="evaluate")  # warns of constant factors, for all scores
    except NotComputable as error:
        no_table = str(error)
    results: dict[str, Result] = {}
    failures: dict[str, str] = {}
    no_interval: dict[str, str] = {}
    seconds: dict[str, float] = {}
    shown = sys.stderr.isatty() if progress is None else progress
    bar = (
        nullcontext(shown) if callable(shown) else progress_bar("scoring", len(chosen), "scores", shown=shown)
    )
    with bar as update:
        for done, metric in enumerate(chosen):
            update(done, metric.name)
            start = time.perf_counter()
            if metric.needs == "table" and no_table:
                failures[metric.name] = no_table
            else:
                arrays = (table,) if metric.needs == "table" else (codes, factors)
                try:
                    results[metric.name], reason = _scored(metric, arrays, confidence, seed)
                    if reason:
                        no_interval[metric.name] = reason
                except NotComputable as error:
                    failures[metric.name] = str(error)
            seconds[metric.name] = time.perf_counter() - start
        update(len(chosen), "")
    return Evaluation(
        results=results,
        failures=failures,
        no_interval=no_interval,
        seconds=seconds,
        samples=len(codes),
        seed=seed,
    )


def _scored(
    metric: Metric, arrays: tuple[Any, ...], confidence: float | None, seed: int
) -> tuple[Result, str]:
    """Return the result, and why it has no interval where one was asked for."""
    options = {"seed": seed} if metric.seeded else {}
    if confidence is None:
        return metric.function(*arrays, **options), ""
    if not metric.takes_confidence:
        return metric.function(*arrays, **options), metric.no_interval
    try:
        return metric.function(*arrays, confidence=confidence, **options), ""
    except NoInterval as reason:
        return metric.function(*arrays, **options), str(reason).removeprefix(f"{metric.name}: ")


def _chosen(metrics: str | Iterable[str]) -> list[Metric]:
    """Return the metrics of these names, each once."""
    if isinstance(metrics, str):
        metrics = NAMES if metrics == "all" else (metrics,)
    elif not isinstance(metrics, Iterable):
        raise TypeError(f"evaluate: metrics must be 'all' or names, got {type(metrics).__name__}")
    names = tuple(dict.fromkeys(metrics))
    if not names:
        raise ValueError("evaluate: metrics must hold at least 1 name, got none")
    for name in names:
        _checks.choice("evaluate", "metrics", name, ("all", *NAMES))
    return [METRICS[name] for name in names]
