"""Draw what the logs of a run say."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .. import plots
from ..training.log import Row, read_log


def curves_of_training(run_dir: Path, title: str) -> dict[str, Callable[[], Figure]]:
    """Return, by the names of their files, what draws the logs that have at least two lines."""
    kinds = {
        "training": ("log", _terms),
        "kl_over_training": ("kl_per_latent", _latents),
        "scores_over_training": ("scores", _scores),
    }
    logs = {name: (read_log(run_dir / f"{file}.jsonl"), draw) for name, (file, draw) in kinds.items()}
    return {name: partial(draw, log, title) for name, (log, draw) in logs.items() if len(log) > 1}


def capacities_of(settings: Mapping[str, Any]) -> NDArray[np.float64] | None:
    """Return the capacity of each latent, (latent,), of a run whose objective sets them, else None."""
    of_objective = settings.get("settings")
    capacities = of_objective.get("capacities") if isinstance(of_objective, Mapping) else None
    return None if capacities is None else np.asarray(capacities, dtype=float)


def _terms(log: list[Row], title: str) -> Figure:
    """Draw the terms of the loss, all in the log that is not step or time."""
    names = [name for name in log[-1] if name not in ("step", "seconds")]
    terms = {name: [row.get(name, np.nan) for row in log] for name in names}
    return plots.training_curves([row["step"] for row in log], terms, title)


def _latents(log: list[Row], title: str) -> Figure:
    """Draw the KL of each latent, with its target where the objective had targets."""
    steps = np.array([row["step"] for row in log])
    kl, targets = (
        np.array([[value for name, value in row.items() if name.startswith(prefix)] for row in log])
        for prefix in ("z", "target_z")
    )
    if targets.size:
        return plots.kl_and_targets(steps, kl, targets, title)
    return plots.kl_over_training(steps, kl, title)


def _scores(log: list[Row], title: str) -> Figure:
    """Draw the scores of a run that was scored while it was trained."""
    columns = {name: [row[name] for row in log] for name in log[0] if name != "seconds"}
    return plots.scores_over_training(columns.pop("step"), columns, title)
