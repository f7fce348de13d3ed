"""Read a folder of run folders: models that were scored, axes in which they differ, what is missing."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ...evaluation.comparison.run_settings import (
    differing,
    distinct,
    in_order,
    key_of,
    labels_of,
    short_data,
    strengths_of,
)
from ...evaluation.comparison.scored_run import ScoredRun
from ...training.config_file import NAME as CONFIG
from ...training.log import read_log


@dataclass(frozen=True)
class Model:
    """Hold a run that was scored, and the settings by which a report knows it, without the seed."""

    run: ScoredRun
    settings: dict[str, Any]

    @cached_property
    def best(self) -> dict[str, float]:
        """The largest value of each score while training, where there are such."""
        rows = read_log(self.run.folder / "scores.jsonl")
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: max(row[name] for row in rows if name in row) for name in names if name != "step"}


@dataclass(frozen=True)
class Models:
    """Hold the models of a study and the axes in which they differ.

    title: of the study, or the name of the folder.
    models: those that were scored, sorted by their settings.
    axes: the values of each axis: a setting that differs between models of one objective, or the objective.
    notes: what is missing or wrong, in a sentence each.
    """

    title: str
    models: list[Model]
    axes: dict[str, list[Any]]
    notes: list[str]

    def key(self, model: Model) -> str:
        """Return a text that models which differ in the seed alone share."""
        return key_of({name: model.settings.get(name) for name in self.axes})

    @cached_property
    def settings(self) -> dict[str, list[Model]]:
        """The models of each setting by its label, in order."""
        groups: dict[str, list[Model]] = {}
        for model in self.models:
            groups.setdefault(self.key(model), []).append(model)
        firsts = [group[0].settings for group in groups.values()]
        shown = [{name: one[name] for name in ("objective", *self.axes) if name in one} for one in firsts]
        return dict(zip(labels_of(shown), groups.values(), strict=True))

    @cached_property
    def strengths(self) -> list[Any]:
        """The strength of each model: the axis of that name, or its objective's own; None if it has none."""
        if "strength" in self.axes:
            return [model.settings.get("strength") for model in self.models]
        names = strengths_of(model.settings for model in self.models)
        of_models = [(model, names[str(model.settings.get("objective"))]) for model in self.models]
        return [model.settings.get(name) if name else None for model, name in of_models]

    @cached_property
    def by_objective(self) -> dict[str, list[int]]:
        """The places of the models of each objective."""
        groups: dict[str, list[int]] = {}
        for k, model in enumerate(self.models):
            groups.setdefault(str(model.settings.get("objective")), []).append(k)
        return groups

    def by_data(self) -> dict[str, list[int]]:
        """Return the places of the models of each data set: what they share is a matter of one data set."""
        groups: dict[str, list[int]] = {}
        for k, model in enumerate(self.models):
            groups.setdefault(short_data(model.run.data), []).append(k)
        return groups

    def part(self, places: list[int]) -> "Models":
        """Return the study of some of the models alone."""
        return replace(self, models=[self.models[k] for k in places])

    @cached_property
    def data(self) -> str:
        """What the models were scored on."""
        return "; ".join(distinct(short_data(model.run.data) for model in self.models))

    @cached_property
    def note(self) -> str:
        """The number of models, the data and the steps, for every figure."""
        done = distinct(model.run.step for model in self.models if model.run.step is not None)
        steps = " to ".join(f"{step:,}" for step in dict.fromkeys([*done[:1], *done[-1:]])) or "unknown"
        return f"{len(self.models)} models; {self.data}; {steps} steps"


def run_folders_in(folder: Path) -> Iterator[Path]:
    """Find the folders of runs within a folder, at any depth but not within each other."""
    for path, names, files in os.walk(folder):
        if CONFIG in files:
            names.clear()
            yield Path(path)
        names.sort()


def read_models(folder: Path) -> Models:
    """Read all runs in a folder; those of `fastdis study` with the labels of the study, too.

    Raises:
        FileNotFoundError: there is no run in the folder.
        ValueError: none of the runs was scored.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"study_report: folder must hold the folders of runs, {folder} is no folder")
    study = _study(folder)
    points: dict[str, list[dict[str, Any]]] = {}
    for entry in study.get("runs", []):
        points.setdefault(entry["name"], []).append(entry["settings"])
    models, notes, unscored, unfinished = [], [], [], []
    folders = list(run_folders_in(folder))
    for path in folders:
        try:
            run = ScoredRun.read(path)
        except ValueError as error:
            notes.append(f"A run could not be read: {error}.")
            continue
        name = str(path.relative_to(folder))
        if not run.numbers:
            unscored.append(name)
            continue
        if not run.finished:
            unfinished.append(f"{name} (step {run.step or 0:,} of {run.steps or 0:,})")
        listed = [{k: v for k, v in point.items() if k != "seed"} for point in points.get(name, [])]
        models += [Model(run, settings) for settings in listed or [run.settings]]
    absent = [name for name in points if not (folder / name / CONFIG).exists()]
    notes = [
        *_counted("has no scores yet and is left out", "have no scores yet and are left out", unscored),
        *_counted("is unfinished and counted as it is", "are unfinished and counted as they are", unfinished),
        *_counted("has not begun", "have not begun", absent),
        *notes,
    ]
    if not folders:
        raise FileNotFoundError(f"study_report: folder must hold the folders of runs, {folder} has none")
    if not models:
        raise ValueError(f"study_report: folder must hold a run with scores, {folder} has none; {notes[0]}")
    models = in_order(models, lambda model: model.settings)
    return Models(
        title=str(study.get("study", {}).get("title") or folder.resolve().name),
        models=models,
        axes=_axes([model.settings for model in models], _computed(study.get("study", {}))),
        notes=notes,
    )


def _study(folder: Path) -> dict[str, Any]:
    """Read what `fastdis study` says of its runs; {} where the runs are of no study."""
    path = folder / "study.json"
    if not path.exists():
        return {}
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def _counted(one: str, many: str, names: list[str]) -> list[str]:
    if not names:
        return []
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return [f"{len(names)} run{'' if len(names) == 1 else 's'} {one if len(names) == 1 else many}: {shown}."]


def _computed(study: Mapping[str, Any]) -> set[str]:
    """The settings that follow from others, such as ``beta = "= strength * latents / 10"``."""
    tables = [study.get("base", {}), *study.get("methods", [])]
    return {
        name
        for table in tables
        for name, value in table.items()
        if isinstance(value, str) and value.startswith("=")
    }


def _axes(settings: list[dict[str, Any]], computed: set[str]) -> dict[str, list[Any]]:
    """Find what differs: the objective, and what differs between models of one objective."""
    objectives = distinct(one.get("objective") for one in settings)
    groups = [[one for one in settings if one.get("objective") == name] for name in objectives]
    within = dict.fromkeys(name for group in groups for name in differing(group))
    names = [*(["objective"] if len(objectives) > 1 else []), *within]
    return {
        name: [value for value in distinct(one.get(name) for one in settings) if value is not None]
        for name in names
        if name not in computed
    }
