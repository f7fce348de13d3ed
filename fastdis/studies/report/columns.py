"""The numbers of the models of a study as columns, by their names."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ...evaluation.comparison.table import better
from ...evaluation.numbers import Number
from ...metrics import METRICS
from .models import Model, Models

Column = NDArray[np.float64]

HEADLINES = ("factor_vae_score", "mig", "dci", "sap", "beta_vae_score", "modularity")
_BESIDE = ("total_correlation", "index_code_mi", "dimwise_kl", "kl", "reconstruction")
_SHORT = {"downstream_logistic": "LR", "downstream_gbt": "GBT"}


def column(models: Sequence[Model], name: str) -> Column:
    """Return a number of every model, nan where it has none."""
    return _array(model.run.score(name) for model in models)


def best_while_training(models: Sequence[Model], name: str) -> Column:
    """Return the largest value of a score while training, nan where there is none."""
    return _array(model.best.get(name) for model in models)


def ranked_scores(study: Models) -> list[str]:
    """Name the scores of which a higher one is better, the headlines first."""
    there = dict.fromkeys(name for model in study.models for name in model.run.numbers)
    scores = [name for name in there if better(name) == "higher" and "(" not in name]
    scores = [name for name in scores if np.isfinite(column(study.models, name)).any()]
    known = list(METRICS)
    others = sorted(
        (name for name in scores if name not in HEADLINES),
        key=lambda name: known.index(name) if name in known else len(known),
    )
    return [*(name for name in HEADLINES if name in scores), *others]


def other_numbers(study: Models, udr: Column) -> dict[str, Column]:
    """Return what scores are correlated with: downstream accuracy and efficiency, parts of the KL, UDR."""
    models = study.models
    found: dict[str, Column] = {}
    for name, short in _SHORT.items():
        measured = [model.run.numbers.get(name, {}) for model in models]
        for count in sorted({int(count) for number in measured for count in number.get("labels", [])}):
            found[f"{short} {count:,}"] = _array([_accuracy(number, count) for number in measured])
        found[f"efficiency {short}"] = _array([number.get("efficiency") for number in measured])
    found |= {name: column(models, name) for name in _BESIDE} | {"UDR": udr}
    return {name: values for name, values in found.items() if np.isfinite(values).any()}


def _accuracy(number: Number, labels: int) -> float | None:
    return dict(zip(number.get("labels", []), number.get("accuracy", []), strict=False)).get(labels)


def _array(values: Iterable[float | None]) -> Column:
    return np.array([np.nan if value is None else float(value) for value in values])
