"""The tables of a study: by model, by setting and number, and what UDR chooses."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...evaluation.comparison.run_settings import text_of
from ...evaluation.comparison.text import shown
from ..statistics import Summary, choice_by, summarise
from .columns import Column, column, ranked_scores
from .models import Models

Row = dict[str, Any]


def numbers_of(study: Models) -> list[str]:
    """Name all numbers that a model has."""
    return list(dict.fromkeys(name for model in study.models for name in model.run.numbers))


def model_rows(study: Models, udr: Column) -> list[Row]:
    """Make a row for each model: its folder, settings, seed, steps and numbers."""
    names = numbers_of(study)
    return [
        {
            "run": model.run.folder.name,
            **{axis: model.settings.get(axis) for axis in study.axes},
            "seed": model.run.seed,
            "steps": model.run.step,
            "data": model.run.data,
            **{name: model.run.score(name) for name in names},
            "udr": _known(value),
        }
        for model, value in zip(study.models, udr, strict=True)
    ]


def setting_rows(study: Models) -> list[Row]:
    """Make a row for each setting and number: mean, standard deviation and interval over seeds."""
    rows = []
    for name in numbers_of(study):
        for label, models in study.settings.items():
            found = summarise(column(models, name))
            rows.append(
                {
                    "setting": label,
                    "number": name,
                    "models": found.count,
                    "mean": _known(found.mean),
                    "sd": _known(found.sd),
                    "low": _known(found.low),
                    "high": _known(found.high),
                }
            )
    return rows


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def as_csv(rows: Sequence[Row]) -> bytes:
    """Write rows with a header."""
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue().encode()


def shown_rows(study: Models, names: Iterable[str]) -> list[Row]:
    """Make the rows of the page: a setting with its models and a cell for each score."""
    names = list(names)
    found = {
        label: [summarise(column(models, name)) for name in names] for label, models in study.settings.items()
    }
    means = np.array([[one.mean for one in of_setting] for of_setting in found.values()])
    known = np.where(np.isfinite(means), means, -np.inf)
    best = known.max(axis=0) if len(names) else np.array([])
    return [
        {
            "label": label,
            "count": len(study.settings[label]),
            "cells": [
                _cell(one, best=len(found) > 1 and one.mean == best[k]) for k, one in enumerate(of_setting)
            ],
        }
        for label, of_setting in found.items()
    ]


def _cell(found: Summary, *, best: bool) -> Row:
    several = found.count > 1
    return {
        "mean": shown(_known(found.mean), ""),
        "sd": shown(found.sd, "") if several else "",
        "interval": f"{found.low:.3f} .. {found.high:.3f}" if several else "",
        "best": best,
    }


def choices(study: Models, udr: Column) -> list[Row]:
    """Say what comes of choosing the model with the highest UDR, by each score."""
    rows = []
    for score in ranked_scores(study):
        choice = choice_by(udr, column(study.models, score))
        if choice is None or choice.models < 2:
            continue
        model = study.models[choice.model]
        rows.append(
            {
                "score": score,
                "chosen": f"{choice.score:.3f}",
                "best": f"{choice.best:.3f}",
                "mean": f"{choice.mean:.3f}",
                "rank": choice.rank,
                "models": choice.models,
                "setting": ", ".join(
                    f"{name} {text_of(model.settings.get(name))}"
                    for name in study.axes
                    if model.settings.get(name) is not None
                ),
            }
        )
    return rows
