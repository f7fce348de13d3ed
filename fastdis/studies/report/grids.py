"""The grids of settings over which a study's scores are drawn."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...evaluation.comparison.run_settings import STRENGTHS, distinct, is_number, text_of
from ...plots import Grid
from .columns import Column
from .models import Models

RANKED = "strength"  # an axis of ranks, where objectives have strengths of their own
_SMALLEST, _LARGEST = 2, 12  # values of an axis that make a picture
MOST_FACETS = 8  # in a picture


@dataclass(frozen=True)
class Plane:
    """Hold two axes with the place of every model on them, and what sets other planes of the study apart.

    rows, columns: name and values of each axis, as text. of_row, of_column: (models,), the place of each
    model, -1 for one that lies elsewhere.
    facets: the other settings that differ, as text, with the models that have them.
    """

    rows: tuple[str, list[str]]
    columns: tuple[str, list[str]]
    of_row: list[int]
    of_column: list[int]
    facets: dict[str, list[int]]

    def grid(self, name: str, values: Column, models: list[int]) -> Grid:
        """Compute mean and standard deviation of a number in every cell, over some of the models."""
        shape = (len(self.rows[1]), len(self.columns[1]))
        mean, sd = np.full(shape, np.nan), np.full(shape, np.nan)
        cells: dict[tuple[int, int], list[float]] = {}
        for k in models:
            if np.isfinite(values[k]):
                cells.setdefault((self.of_row[k], self.of_column[k]), []).append(float(values[k]))
        for cell, found in cells.items():
            mean[cell] = np.mean(found)
            sd[cell] = np.std(found, ddof=1) if len(found) > 1 else np.nan
        return Grid(name, mean, sd)

    @property
    def name(self) -> str:
        """A name for files."""
        across = self.columns[0].partition(",")[0]
        return "_".join(filter(None, [across, self.rows[0]])).replace(" ", "_").replace(".", "_")


def planes(study: Models) -> list[Plane]:
    """Choose the axes to draw: each numeric one across, with lines of the strength or of the objective.

    The strengths of several objectives, which have other names and sizes, become ranks: the weakest of each
    objective stands at 1.
    """
    axes = {name: [model.settings.get(name) for model in study.models] for name in study.axes}
    strengths = [name for name in axes if name == RANKED or name in STRENGTHS.values()]
    if len(strengths) > 1 and "objective" in axes:
        axes = {name: values for name, values in axes.items() if name not in strengths} | {
            RANKED: _ranks(study)
        }
        strengths = [RANKED]
    across = [name for name, values in axes.items() if _is_across(values)]
    lines = [name for name in ("objective", *strengths) if name in axes]
    chosen: list[tuple[str, str]] = []
    for x in across:
        if x not in strengths:
            chosen += [(x, next((name for name in reversed(lines) if name != x), ""))]
    for x in strengths:
        if x in across and (not chosen or "objective" in axes):
            chosen.append((x, "objective" if "objective" in axes else ""))
    return [_plane(axes, x, y) for x, y in chosen]


def _is_across(values: list[Any]) -> bool:
    known = distinct(value for value in values if value is not None)
    return _SMALLEST <= len(known) <= _LARGEST and all(map(is_number, known))


def _ranks(study: Models) -> list[int | None]:
    """The place of each model's strength among those of its objective, from 1."""
    found: list[int | None] = [None] * len(study.models)
    for members in study.by_objective.values():
        values = distinct(study.strengths[k] for k in members)
        for k in members:
            if study.strengths[k] is not None:
                found[k] = values.index(study.strengths[k]) + 1
    return found


def _plane(axes: dict[str, list[Any]], x: str, y: str) -> Plane:
    count = len(axes[x])
    of_axis = {
        name: [value for value in distinct(axes[name]) if value is not None] for name in (x, y) if name
    }
    places = {
        name: [known.index(value) if value in known else -1 for value in axes[name]]
        for name, known in of_axis.items()
    }
    of_row = places[y] if y else [0] * count
    others = [name for name in axes if name not in (x, y)]
    facets: dict[str, list[int]] = {}
    for k in range(count):
        if of_row[k] >= 0 and places[x][k] >= 0:
            words = (f"{name} {text_of(axes[name][k])}" for name in others if axes[name][k] is not None)
            facets.setdefault(", ".join(words), []).append(k)
    name = f"{x}, from the weakest" if x == RANKED else x
    return Plane(
        (y, [text_of(value) for value in of_axis[y]] if y else [""]),
        (name, [text_of(value) for value in of_axis[x]]),
        of_row,
        places[x],
        dict(sorted(facets.items())),
    )
