"""Write a comparison: ``compare.html``, ``compare.csv`` and its figures."""

import csv
import io
import shlex
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ... import plots
from ..._files import require_writable, write_together
from ...version import __version__
from ..html import page, png, source_of, source_of_file
from .run_settings import differing, distinct, short_data, strengths_of, text_of
from .table import Comparison, Method, Row, better, compare_runs
from .text import shown

_HEADLINES = ("factor_vae_score", "mig", "dci")  # the first of them that every run has is set against cost


def write_comparison(
    runs: str | Path | Iterable[str | Path], folder: str | Path
) -> tuple[Comparison, tuple[str, ...]]:
    """Compare runs as `compare` does, and write the page, the table and the figures into a folder.

    The folder gets ``compare.html``, one file that needs no other; ``compare.csv``, the table; and
    ``scores_by_method.png`` and ``reconstruction_and_score.png`` where the runs have the numbers.

    Returns:
        The comparison and the names of the files.

    Raises:
        TypeError, FileNotFoundError, ValueError: as for `compare`.
        OSError: the folder cannot be written; an older comparison is then left as it was.
    """
    folder = Path(folder)
    require_writable(folder)
    given = [runs] if isinstance(runs, str | Path) else list(runs)
    comparison = compare_runs(given)
    figures = {name: png(figure) for name, figure in _figures(comparison).items()}
    content = _content(comparison, figures)
    content["command"] = shlex.join(["fastdis", "compare", *map(str, given), "--out", str(folder)])
    files = {
        "compare.html": page("compare.html", content),
        "compare.csv": _csv(comparison),
        **{f"{name}.png": picture for name, picture in figures.items()},
    }
    write_together(folder, files)
    return comparison, tuple(files)


_HEADINGS = {
    "scores_by_method": (
        "Scores by method",
        "A dot is a run, the upright line the mean, the bar a standard deviation either way.",
    ),
    "reconstruction_and_score": (
        "Reconstruction against score",
        "The further left, the better the images are kept; the higher, the better the score. "
        "A faint dot is a run, a large one the mean of a strength.",
    ),
}


def _figures(comparison: Comparison) -> dict[str, Figure]:
    methods = comparison.methods
    note = _note(methods)
    ranked = [name for name in comparison.names if better(name) == "higher" and "(" not in name]
    values = {name: [scores_of(method, name) for method in methods] for name in ranked}
    values = {name: of_methods for name, of_methods in values.items() if any(of_methods)}
    figures = {}
    if values:
        labels = [method.label for method in methods]
        families = [str(method.settings.get("objective")) for method in methods]
        figures["scores_by_method"] = plots.scores_by_method(labels, values, families, note)
    score = next((name for name in (*_HEADLINES, *values) if name in values), None)
    series = [] if score is None else series_of(methods, "reconstruction", score)
    if score is not None and series:
        unit = "reconstruction, nats (negative log-likelihood; low is good)"
        figures["reconstruction_and_score"] = plots.trade_off(series, unit, score, note)
    return figures


def _note(methods: list[Method]) -> str:
    models = sum(len(method.runs) for method in methods)
    data = distinct(short_data(run.data) for method in methods for run in method.runs)
    steps = distinct(run.step for method in methods for run in method.runs if run.step is not None)
    done = " to ".join(f"{step:,}" for step in dict.fromkeys([*steps[:1], *steps[-1:]]))
    return f"{models} models; {'; '.join(data)}; {done or 'unknown'} steps"


def scores_of(method: Method, name: str) -> list[float]:
    """Return the numbers of that name of the runs that have it."""
    values = [run.score(name) for run in method.runs]
    return [value for value in values if value is not None]


def series_of(methods: list[Method], x: str, y: str) -> list[plots.Series]:
    """Put the methods of each objective together, with the runs that have both numbers."""
    series = []
    strengths = strengths_of(method.settings for method in methods)
    for objective, name in strengths.items():
        points = []
        for method in methods:
            pairs = [(run.score(x), run.score(y)) for run in method.runs]
            whole = np.array([pair for pair in pairs if None not in pair], dtype=float)
            if str(method.settings.get("objective")) == objective and len(whole):
                points.append((text_of(method.settings.get(name)) if name else "", whole))
        if points:
            labels, arrays = zip(*points, strict=True)
            columns = [array.T for array in arrays]
            series.append(
                plots.Series(objective, labels, [one[0] for one in columns], [one[1] for one in columns])
            )
    return series


def _content(comparison: Comparison, figures: dict[str, bytes]) -> dict[str, Any]:
    methods = comparison.methods
    varied = [name for name in differing([method.settings for method in methods]) if name != "objective"]
    definitions = _definitions(comparison)
    return {
        "title": f"{len(methods)} method{'s' * (len(methods) > 1)} compared",
        "version": __version__,
        "runs": sum(len(method.runs) for method in methods),
        "methods": methods,
        "notes": comparison.notes,
        "groups": [
            {"name": group, "lines": [_line(list(rows), definitions) for _, rows in _by_number(of_group)]}
            for group, of_group in groupby(comparison.rows, key=lambda row: row["group"])
        ],
        "figures": [
            {"heading": _HEADINGS[name][0], "caption": _HEADINGS[name][1], "source": source_of(picture)}
            for name, picture in figures.items()
        ],
        "traversals": list(_traversals(methods)),
        "settings": varied,
        "about": [
            {
                "label": method.label,
                "seeds": ", ".join(text_of(run.seed) for run in method.runs),
                "steps": method.steps,
                "data": method.data,
                "cells": [text_of(method.settings.get(name)) for name in varied],
            }
            for method in methods
        ],
        "definitions": definitions,
    }


def _by_number(rows: Iterable[Row]) -> Iterable[tuple[str, Iterable[Row]]]:
    return groupby(rows, key=lambda row: row["number"])


def _line(rows: list[Row], definitions: Mapping[str, str]) -> dict[str, Any]:
    samples = distinct(row["samples"] for row in rows if row["samples"])
    counted = " to ".join(f"{count:,}" for count in dict.fromkeys([*samples[:1], *samples[-1:]]))
    unit = rows[0]["unit"]
    name = rows[0]["number"].partition(" ")[0]
    return {
        "name": name,
        "about": ", ".join(filter(None, [unit, f"{counted} samples" if counted else ""])),
        "definition": definitions[name],
        "cells": [
            {
                "mean": shown(row["mean"], unit),
                "sd": "" if row["sd"] is None else shown(row["sd"], unit),
                "interval": "" if row["interval"] is None else shown(row["interval"], unit),
                "best": row["best"],
                "reason": row["reason"],
            }
            for row in rows
        ],
    }


def _definitions(comparison: Comparison) -> dict[str, str]:
    found: dict[str, str] = {}
    for method in comparison.methods:
        for run in method.runs:
            for number in run.numbers.values():
                found.setdefault(number["name"], str(number.get("definition") or ""))
    return {name.partition(" ")[0]: found[name.partition(" ")[0]] for name in comparison.names}


def _traversals(methods: list[Method]) -> Iterator[dict[str, str]]:
    for method in methods:
        path = next((run.folder / "traversals.png" for run in method.runs if _has(run.folder)), None)
        if path is not None:
            yield {"heading": method.label, "caption": str(path.parent), "source": source_of_file(path)}


def _has(folder: Path) -> bool:
    return (folder / "traversals.png").exists()


def _csv(comparison: Comparison) -> bytes:
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, comparison.rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(comparison.rows)
    return table.getvalue().encode()
