"""Train what a run's configuration says."""

from pathlib import Path
from typing import Any

from .batches import check_batch_size
from .distributed import joined, rank
from .loop import fit
from .run_config import RunConfig
from .run_folder import Resume


def train_run(config: RunConfig, run_dir: Path, *, resume: Resume = False, **options: Any) -> bool:
    """Call `fit` for a run's folder, on the GPU if there is one, and under torchrun with the other processes.

    Args:
        config: what to train.
        run_dir: the folder of the run.
        resume: go on from its newest checkpoint, or with "previous" from the one before.
        options: arguments of `fit` that are no settings of the run, such as ``minutes``.

    Returns:
        True in one process, which prints for all of them.
    """
    with joined() as device:
        data = config.build_data()
        config = config.fitted(data)
        data = config.sides(data)[0]
        check_batch_size("train", config.batch_size, len(data))
        objective = config.build_objective(len(data))
        fit(
            config.build_model().to(device),
            objective,
            config.training_data(data),
            steps=config.steps,
            batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            schedules=config.schedules(objective),
            precision=config.precision,
            compile=config.compile,
            seed=config.seed,
            run_dir=run_dir,
            resume=resume,
            config=config.to_dict(),
            evaluate_every=config.evaluate_every,
            keep_checkpoints=config.keep_checkpoints,
            **options,
        )
        return rank() == 0
