"""Every score of a representation, each from as many images as its definition allows."""

import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from .._progress import progress_bar
from ..metrics import METRICS, Metric, NotComputable
from ..metrics import evaluate as evaluate_arrays
from ..metrics._confidence import check_confidence
from ..metrics.joint_table import is_complete
from .notes import AS_NUMBERS
from .numbers import NOT_ASKED, SAMPLE, Number, number, sampled

Array = NDArray[Any]

LEARNED = 15_000  # images of a score that learns: the literature's 10,000, and 5,000 to test on

_NEEDS = ("table", "classes", "votes", "codes", "posteriors")  # what a report has to give
NAMES = tuple(name for name, metric in METRICS.items() if metric.needs in _NEEDS)


def sizes(metric: Metric) -> tuple[int | None, ...]:
    """Say from how many samples a report computes a score; None stands for all of them.

    - A score that learns predictors: from 15,000, of which it learns from 10,000 and is tested on 5,000, as
      the papers do. DCI of all 737,280 images of dSprites takes 230 s of one core:
      ``fastdis.metrics.dci(codes, factors, predictor="hist_gbt", train="all")``.
    - A score of the posteriors themselves: from 10,000, as its paper does. All images of dSprites take 8 s of
      one core and change it by 0.001.
    - All others, which read every sample once: from all samples, and from 10,000 beside it. Mutual
      information is estimated too high from few samples, so the two differ.
    """
    if metric.needs == "posteriors":
        return (SAMPLE,)
    learns = metric.seeded and metric.needs == "classes" and metric.group != "interventions"
    return (LEARNED,) if learns else (None, SAMPLE)


def score(
    codes: Array,
    factors: Array | None = None,
    *,
    logvar: Array | None = None,
    numbers: Array | None = None,
    metrics: str | Iterable[str] = "all",
    confidence: float | None = 0.95,
    seed: int = 0,
    progress: bool = False,
) -> list[Number]:
    """Compute the scores of a representation, from all samples and from the 10,000 that the literature takes.

    `sizes` says which score comes from how many samples, and each number says how many those were.

    Args:
        codes: (samples, codes), real; the means where there are posteriors.
        factors: (samples, factors), classes; a constant factor is left out with a warning. None for the
            scores that need none.
        logvar: (samples, codes), log variances of the posteriors, for the scores that need them.
        numbers: (samples, factors), the factors with numbers where they are continuous, for the scores that
            have a rule for those; None where none is.
        metrics: "all", or the names of some of `fastdis.metrics.METRICS`.
        confidence: of the intervals, for the scores that can have one; None for no intervals.
        seed: of the draws of samples and votes, and of the predictors.
        progress: show a progress bar on standard error that names the score being computed, if that is a
            terminal.

    Returns:
        One dictionary for each number, in the form that `fastdis.evaluation.numbers` describes and in the
        order of `METRICS`. A score that does not exist for these arrays says why: its ``score`` is None.

    Raises:
        TypeError: codes or factors hold no real numbers, or seed is no integer.
        ValueError: the arrays do not fit together, a factor is not a class, a name, confidence or seed is out
            of range, or the scores asked for need factors or log variances that are not given.

    Example:
        >>> import numpy as np
        >>> factors = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)
        >>> mig = score(factors.astype(np.float32), factors, metrics=["mig"])[0]
        >>> mig["name"], mig["score"], mig["samples"], mig["interval"]["exact"]
        ('mig', 1.0, 96, True)
    """
    seed = _checks.seed("score", seed)
    check_confidence("score", confidence)
    chosen = chosen_metrics("score", metrics, factors=factors is not None, logvar=logvar is not None)
    count = len(codes)
    found: dict[str, list[Number]] = {metric.name: [] for metric in chosen}
    parts = [size for size in (None, SAMPLE, LEARNED) if size is None or size < count]
    plan = {size: [metric for metric in chosen if size in _used(metric, count)] for size in parts}
    with progress_bar(
        "scoring",
        sum(map(len, plan.values())),
        "scores",
        shown=progress and bool(chosen) and sys.stderr.isatty(),
    ) as update:
        done = 0
        for size, metrics_of_part in plan.items():
            rows = slice(None) if size is None else sampled(count, seed, size)
            arrays = [None if array is None else array[rows] for array in (codes, factors, logvar, numbers)]
            drawn = None if size is None else seed

            def tell(now: int, name: str, done: int = done, images: int = size or count) -> None:
                update(done + now, f"{name}, {images:,} images" if name else "")

            for result in _numbers(metrics_of_part, arrays, confidence, seed, drawn, tell):
                found[result["name"]].append(result)
            done += len(metrics_of_part)
        update(done, "")
    return [result for metric in chosen for result in found[metric.name]]


def chosen_metrics(
    function: str, metrics: str | Iterable[str], *, factors: bool = True, logvar: bool = True
) -> list[Metric]:
    """Return the metrics of these names, each once, in the order of the table.

    Args:
        function: the name that messages begin with.
        metrics: "all" for those that can be computed, or names.
        factors, logvar: whether there are factors and log variances.

    Raises:
        TypeError: metrics is neither "all" nor names.
        ValueError: a name is unknown, and close ones are given; there is none; or what a score needs is not
            there.
    """
    if isinstance(metrics, str):
        metrics = (metrics,)
    names = _checks.sequence(function, "metrics", metrics)
    for name in names:
        _checks.choice(function, "metrics", name, ("all", *NAMES))
    chosen = []
    for name in NAMES:
        needs = METRICS[name].needs
        lacking = "factors" if needs != "codes" and not factors else ""
        lacking = "log variances" if needs == "posteriors" and not logvar else lacking
        if name in names and lacking:
            raise ValueError(
                f"{function}: metrics must be scores without {lacking}, which are not known, got {name!r}"
            )
        if name in names or ("all" in names and not lacking):
            chosen.append(METRICS[name])
    return chosen


def _used(metric: Metric, count: int) -> list[int | None]:
    """The sizes of a score's samples, of so many in all; all of them where there are no more."""
    return list(dict.fromkeys(None if size is None or size >= count else size for size in sizes(metric)))


def _numbers(
    metrics: list[Metric],
    arrays: list[Any],
    confidence: float | None,
    seed: int,
    drawn: int | None,
    tell: Callable[[int, str], None],
) -> list[Number]:
    """Compute scores of one set of samples."""
    codes, factors, logvar, continuous = arrays
    by_rows = [metric for metric in metrics if metric.needs != "posteriors" and factors is not None]
    others = [metric for metric in metrics if metric not in by_rows]
    numbers: list[Number] = []
    by_numbers = [metric for metric in by_rows if continuous is not None and metric.name in AS_NUMBERS]
    by_classes = [metric for metric in by_rows if metric not in by_numbers]
    for some, values in ((by_classes, factors), (by_numbers, continuous)):
        if not some:
            continue
        names, before = [metric.name for metric in some], len(numbers)
        evaluation = evaluate_arrays(
            *(codes, values, names),
            confidence=confidence,
            seed=seed,
            progress=partial(_tell_from, before, tell),
        )
        exact = confidence is not None and is_complete(np.asarray(factors))
        for metric in some:
            result, failure = evaluation.results.get(metric.name), evaluation.failures.get(metric.name)
            why = metric.no_interval or evaluation.no_interval.get(metric.name)
            seconds = evaluation.seconds[metric.name]
            numbers.append(number_of(metric, result, len(codes), drawn, confidence, why, failure, seconds))
            if exact and result is not None and not metric.seeded:
                ends = {"low": result.score, "high": result.score}
                numbers[-1] |= {
                    "interval": {**ends, "confidence": confidence, "exact": True},
                    "no_interval": None,
                }
    for done, metric in enumerate(others, len(by_rows)):
        tell(done, metric.name)
        start = time.perf_counter()
        result, failure = None, None
        try:
            given = (codes, logvar, factors) if metric.needs == "posteriors" else (codes,)
            result = metric.function(*given)
        except NotComputable as error:
            failure = str(error)
        seconds = time.perf_counter() - start
        numbers.append(
            number_of(metric, result, len(codes), drawn, confidence, metric.no_interval, failure, seconds)
        )
    return numbers


def _tell_from(before: int, tell: Callable[[int, str], None], now: int, name: str) -> None:
    """Say how many scores are done, of which some were before these."""
    tell(before + now, name)


def number_of(
    metric: Metric,
    result: Any,
    samples: int,
    drawn: int | None,
    confidence: float | None,
    no_interval: str | None,
    failure: str | None,
    seconds: float,
) -> Number:
    """Turn a result, or the reason that there is none, into a number."""
    parts = {"samples": samples, "seed": drawn} | (result.to_dict() if result is not None else {})
    if "group" in parts:  # the samples of a vote; `group` is the heading here
        parts["group_size"] = parts.pop("group")
    return number(
        metric.name,
        metric.group,
        None if result is None else result.score,
        no_interval=NOT_ASKED if confidence is None else no_interval,
        reason=failure,
        seconds=seconds,
        definition=metric.result.definition,
        **{name: value for name, value in parts.items() if name not in ("score", "definition")},
    )
