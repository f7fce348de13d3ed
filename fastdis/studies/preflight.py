"""What is asked of every run before the first one begins."""

from collections.abc import Iterable
from typing import Any

import torch

from ..evaluation.scores import chosen_metrics
from ..training.batches import check_batch_size
from ..training.run_config import RunConfig
from .evaluation import Evaluate
from .settings import described, of_data
from .study import StudyRun


def check_runs(runs: Iterable[StudyRun], evaluate: Evaluate) -> None:
    """Open every data set once and build every objective, without its weights.

    Data sets that are unpacked or drawn into a file are so before several processes want to do it.

    Raises:
        TypeError, ValueError, OSError: a run could not be trained; the message begins with its settings.
    """
    opened: dict[str, Any] = {}
    built: set[str] = set()
    for run in runs:
        config = run.config
        try:
            key = data_key(config)
            if key not in opened:
                opened[key] = config.build_data()
            data = opened[key]
            fitted = config.fitted(data)
            data = config.sides(data)[0]
            chosen_metrics("evaluate", evaluate.metrics, factors=bool(data.factor_names))
            check_batch_size("train", config.batch_size, len(data))
            kind = repr([key, config.objective, config.model, config.latents, config.settings, config.warmup])
            if kind not in built:
                config.training_data(data)
                with torch.device("meta"):
                    fitted.schedules(fitted.build_objective(len(data)))
                    fitted.build_model()
                built.add(kind)
        except (TypeError, ValueError, OSError) as error:
            raise type(error)(f"study: run of {described(run.settings)}: {error}") from error


def data_key(config: RunConfig) -> str:
    """Return the same text for configurations with the same data set."""
    names = of_data(config.dataset, config.settings)
    given = sorted((name, config.settings[name]) for name in names)
    return repr([config.dataset, config.path, config.every, given])
