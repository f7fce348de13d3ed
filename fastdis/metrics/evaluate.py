"""Every score of one representation, from one call."""

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._arguments import Array
from ._confidence import REPLICATES, NoInterval, check_confidence
from ._result import Result
from .aam import aam
from .beta_vae_score import beta_vae_score
from .dci import dci
from .dcimig import dcimig
from .downstream import downstream
from .explicitness import explicitness
from .factor_vae_score import factor_vae_score
from .irs import irs
from .jemmig import jemmig
from .mig import mig
from .mig_sup import mig_sup
from .modularity import modularity
from .robust_mig import robust_mig
from .sap import sap
from .table import JointTable
from .unsupervised import unsupervised

if TYPE_CHECKING:
    from rich.progress import Progress

_FROM_TABLE: dict[str, Callable[..., Result]] = {
    "mig": mig,
    "modularity": modularity,
    "mig_sup": mig_sup,
    "dcimig": dcimig,
    "jemmig": jemmig,
    "robust_mig": robust_mig,
    "aam": aam,
}
_DETERMINISTIC: dict[str, Callable[..., Result]] = {"irs": irs, "unsupervised": unsupervised}
_VOTING: dict[str, Callable[..., Result]] = {
    "factor_vae_score": factor_vae_score,
    "beta_vae_score": beta_vae_score,
}
_SEEDED: dict[str, Callable[..., Result]] = {
    "sap": sap,
    "explicitness": explicitness,
    "downstream_logistic": partial(downstream, predictor="logistic"),
    "dci": dci,
    "downstream_gbt": partial(downstream, predictor="gbt"),
}
TABLE_METRICS = tuple(_FROM_TABLE)
METRICS = (*TABLE_METRICS, *_DETERMINISTIC, *_VOTING, *_SEEDED)


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """Scores by name, the reasons of those that could not be computed, and the seconds each took.

    Prints as a table; ``evaluation["mig"]`` is the result of one score. no_interval says of which scores, and
    why, an interval was asked for that would not cover.
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
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain Python: samples, seed, and of each score its parts and seconds, or why it has none."""
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
        """The same as JSON text, also written to a file where a path is given."""
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
    progress: bool | None = None,
) -> Evaluation:
    """Compute many scores of one representation.

    Args:
        codes: (samples, codes), real; posterior means, or samples.
        factors: (samples, factors), integer classes.
        metrics: "all", or the names of some, as the functions are called; `downstream_gbt` and
            `downstream_logistic` are `downstream` with that predictor. Of 10,000 samples and 113 classes the
            boosted trees of `dci` and `downstream_gbt` take some ten seconds of one core each.
        bins: for the scores that follow from the joint table.
        confidence: e.g. 0.95 for intervals of the scores from the table and of those from votes.
        seed: for the scores that draw samples or fit predictors.
        progress: whether to show a progress bar on standard error; where it is a terminal if None.

    Returns:
        The results. A score that cannot be computed from these arrays says why there and stops no other.

    Raises:
        TypeError, ValueError, RuntimeError: the arrays are not fit for any score, or a name is unknown.

    Example:
        >>> import numpy as np, fastdis
        >>> factors = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)
        >>> evaluation = fastdis.metrics.evaluate(factors.astype(np.float32), factors, ["mig", "aam"])
        >>> print(evaluation["mig"])
        mig 1.0000 (96 samples, 2 factors)
    """
    names = _names(metrics)
    check_confidence("evaluate", confidence)
    replicates = REPLICATES if confidence else 0
    table = JointTable.of(codes, factors, bins=bins, replicates=replicates, seed=seed, function="evaluate")
    table.information(function="evaluate")  # warns of constant factors once, for all scores
    results: dict[str, Result] = {}
    failures: dict[str, str] = {}
    no_interval: dict[str, str] = {}
    seconds: dict[str, float] = {}
    with _bar(progress) as bar, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*constant and left out")
        task = bar.add_task("", total=len(names))
        for name in names:
            bar.update(task, description=name)
            start = time.perf_counter()
            try:
                if name in _FROM_TABLE:
                    try:
                        results[name] = _FROM_TABLE[name](table, confidence=confidence)
                    except NoInterval as reason:
                        no_interval[name] = str(reason)
                        results[name] = _FROM_TABLE[name](table)
                elif name in _DETERMINISTIC:
                    results[name] = _DETERMINISTIC[name](codes, factors)
                elif name in _VOTING:
                    results[name] = _VOTING[name](codes, factors, confidence=confidence, seed=seed)
                else:
                    results[name] = _SEEDED[name](codes, factors, seed=seed)
            except ValueError as reason:
                failures[name] = str(reason)
            seconds[name] = time.perf_counter() - start
            bar.advance(task)
    return Evaluation(
        results=results,
        failures=failures,
        no_interval=no_interval,
        seconds=seconds,
        samples=table.samples,
        seed=seed,
    )


def _names(metrics: str | Iterable[str]) -> tuple[str, ...]:
    if metrics == "all":
        return METRICS
    names = tuple(metrics) if not isinstance(metrics, str) else (metrics,)
    unknown = [name for name in names if name not in METRICS]
    if unknown or not names:
        raise ValueError(
            f"evaluate: metrics must be 'all' or among {', '.join(METRICS)}, got {unknown or names}"
        )
    return names


def _bar(progress: bool | None) -> "Progress":
    from rich.console import Console
    from rich.progress import Progress

    shown = sys.stderr.isatty() if progress is None else progress
    return Progress(console=Console(stderr=True), transient=True, disable=not shown)
