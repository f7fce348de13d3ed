"""The table of a comparison: every number of every method, its mean over runs that differ in the seed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, TypeAlias

from ...metrics import METRICS
from ..numbers import Number
from .run_settings import distinct, in_order, key_of, labels_of, text_of
from .scored_run import ScoredRun, run_folders

Row: TypeAlias = dict[str, Any]

# of the numbers that are no scores of `fastdis.metrics`; of those absent here neither is better
_BETTER = {"reconstruction": "lower"}
_GROUPS = dict.fromkeys(("kl", "index_code_mi", "total_correlation", "dimwise_kl"), "posterior")


@dataclass(frozen=True)
class Method:
    """Hold the runs that differ in the seed alone, and a name that tells them from the others."""

    label: str
    settings: dict[str, Any]
    runs: list[ScoredRun]

    @property
    def data(self) -> str:
        """What the runs were scored on."""
        return "; ".join(dict.fromkeys(run.data for run in self.runs))

    @property
    def steps(self) -> str:
        """How many steps the runs have done: one number, or the smallest and the largest."""
        done = sorted({run.step for run in self.runs if run.step is not None})
        return " to ".join(f"{step:,}" for step in dict.fromkeys([*done[:1], *done[-1:]])) or "unknown"


@dataclass(frozen=True)
class Comparison:
    """Hold the methods of some runs, the table of their numbers, and what a reader has to know of them."""

    methods: list[Method]
    rows: list[Row]
    notes: list[str]

    @property
    def names(self) -> list[str]:
        """The numbers, group by group."""
        return list(dict.fromkeys(row["number"] for row in self.rows))


def better(name: str) -> str:
    """Say which of two values a comparison prefers: the "higher", the "lower" or "neither".

    The scores declare it. Of the others only the reconstruction has a better side: a KL divergence or a total
    correlation is small where the model has learned nothing, too.

    Example:
        >>> better("mig"), better("mig (10,000)"), better("reconstruction"), better("kl")
        ('higher', 'higher', 'lower', 'neither')
    """
    plain = name.partition(" ")[0]
    return METRICS[plain].result.better if plain in METRICS else _BETTER.get(plain, "neither")


def group_of(name: str, number: Number | None = None) -> str:
    """Return the heading under which a number stands: what it says itself, or what its score declares."""
    plain = name.partition(" ")[0]
    declared = METRICS[plain].group if plain in METRICS else _GROUPS.get(plain, plain)
    return str((number or {}).get("group") or declared)


def methods_of(runs: Sequence[ScoredRun]) -> list[Method]:
    """Put runs together whose settings are equal but for the seed.

    Objectives stand in the order in which they come, their methods in that of the strength.
    """
    together: dict[str, list[ScoredRun]] = {}
    for run in runs:
        together.setdefault(key_of(run.settings), []).append(run)
    groups = in_order(list(together.values()), lambda group: group[0].settings)
    labels = labels_of([group[0].settings for group in groups])
    return [
        Method(label, group[0].settings, group) for label, group in zip(_unique(labels), groups, strict=True)
    ]


def _unique(labels: list[str]) -> list[str]:
    """Number the labels that occur more than once."""
    seen: dict[str, int] = {}
    unique = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        unique.append(f"{label} [{seen[label]}]" if labels.count(label) > 1 else label)
    return unique


def compare_runs(runs: str | Path | Iterable[str | Path]) -> Comparison:
    """Read runs and build the table of their numbers; see `compare`."""
    read = [ScoredRun.read(folder) for folder in run_folders(runs)]
    notes = [
        f"{run.folder} has no metrics.json: score it with `fastdis evaluate {run.folder}`"
        for run in read
        if not run.numbers
    ]
    scored = [run for run in read if run.numbers]
    if not scored:
        raise ValueError(f"compare: runs must hold at least 1 run with a metrics.json; {notes[0]}")
    methods = methods_of(scored)
    rows = [row for name in _ordered(scored) for row in _rows(name, methods)]
    return Comparison(methods, rows, [*notes, *_notes(methods, rows)])


def _ordered(runs: Sequence[ScoredRun]) -> list[str]:
    """The names of all numbers: those of `METRICS` in its order, then the others, each group together."""
    names = dict.fromkeys(name for run in runs for name in run.numbers)
    known = list(METRICS)

    def place(name: str) -> tuple[int, int]:
        plain = name.partition(" ")[0]
        return known.index(plain) if plain in known else len(known), "(" in name

    groups: dict[str, list[str]] = {}
    for name in sorted(names, key=place):
        number = next(run.numbers[name] for run in runs if name in run.numbers)
        groups.setdefault(group_of(name, number), []).append(name)
    return [name for group in groups.values() for name in group]


def _rows(name: str, methods: Sequence[Method]) -> list[Row]:
    """One row a method; the best is marked among those that were scored on the same data."""
    rows = [_row(name, method) for method in methods]
    if (side := better(name)) != "neither":
        for data in {row["data"] for row in rows}:
            ranked = [row for row in rows if row["data"] == data and row["mean"] is not None]
            best = (max if side == "higher" else min)((row["mean"] for row in ranked), default=None)
            for row in ranked:
                row["best"] = len(ranked) > 1 and row["mean"] == best
    return rows


def _row(name: str, method: Method) -> Row:
    numbers = [run.numbers[name] for run in method.runs if name in run.numbers]
    values = [float(number["score"]) for number in numbers if number.get("score") is not None]
    samples = [number["samples"] for number in numbers if number.get("samples") is not None]
    missing = [str(number["reason"]) for number in numbers if number.get("reason")]
    return {
        "method": method.label,
        "number": name,
        "mean": fmean(values) if values else None,
        "sd": stdev(values) if len(values) > 1 else None,
        "runs": len(values),
        "interval": fmean(widths) if (widths := _half_widths(numbers)) else None,
        "best": False,
        "group": group_of(name, numbers[0] if numbers else None),
        "unit": next((number["unit"] for number in numbers if number.get("unit")), ""),
        "samples": min(samples) if samples else None,
        "data": method.data,
        "steps": method.steps,
        "reason": "" if values else (missing or ["not computed"])[0],
    }


def _half_widths(numbers: Iterable[Number]) -> list[float]:
    """Half the widths of the intervals over samples or votes, of the runs that have one."""
    intervals = (number.get("interval") for number in numbers)
    return [(one["high"] - one["low"]) / 2 for one in intervals if isinstance(one, dict)]


def _notes(methods: Sequence[Method], rows: Sequence[Row]) -> list[str]:
    notes = []
    data = distinct(method.data for method in methods)
    if len(data) > 1:
        notes.append(
            f"The runs were scored on {len(data)} data sets, so the best is marked within each: "
            f"{'; '.join(data)}."
        )
    for method in methods:
        unfinished = [run for run in method.runs if not run.finished]
        notes += [
            f"{run.folder} was scored at step {run.step or 0:,} of {run.steps or 0:,}." for run in unfinished
        ]
        seeds = [run.seed for run in method.runs]
        for seed in distinct(seed for seed in seeds if seeds.count(seed) > 1):
            alike = [str(run.folder) for run in method.runs if run.seed == seed]
            notes.append(f"{' and '.join(alike)} have the same settings and the same seed {text_of(seed)}.")
    for name in dict.fromkeys(row["number"] for row in rows):
        counts = distinct(row["samples"] for row in rows if row["number"] == name and row["samples"])
        if len(counts) > 1 and len(data) == 1 and better(name) != "neither":
            notes.append(f"{name} comes from {counts[0]:,} to {counts[-1]:,} samples, by the run.")
    return notes
