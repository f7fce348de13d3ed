"""Train what a recipe says."""

from pathlib import Path
from typing import Any

from .distributed import joined, rank
from .loop import fit
from .run_config import RunConfig


def train_recipe(recipe: RunConfig, run_dir: Path, *, resume: bool = False, **limits: Any) -> bool:
    """Run `fit` in a run's folder, on the GPU if there is one, and under torchrun with the other processes.

    Args:
        recipe: what to train.
        run_dir: the folder of the run.
        resume: go on from its newest checkpoint.
        limits: what else `fit` takes that is no part of a run's settings, as ``minutes``.

    Returns:
        Whether this process is the one that speaks for all.
    """
    with joined() as device:
        data = recipe.build_data()
        objective = recipe.build_objective(len(data))
        fit(
            recipe.build_model().to(device),
            objective,
            recipe.training_data(data),
            steps=recipe.steps,
            batch_size=recipe.batch_size,
            learning_rate=recipe.learning_rate,
            schedules=recipe.schedules(objective),
            precision=recipe.precision,
            compile=recipe.compile,
            seed=recipe.seed,
            run_dir=run_dir,
            resume=resume,
            config=recipe.to_dict(),
            **limits,
        )
        return rank() == 0
