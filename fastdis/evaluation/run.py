"""The report on a run of ``fastdis train``, from its folder alone."""

from pathlib import Path

import numpy as np

from .. import plots
from ..training.log import read_log
from .encoded_run import EncodedRun
from .report import Report, evaluate


def evaluate_run(run_dir: str | Path, *, seed: int = 0, progress: bool = True) -> Report:
    """Score the newest checkpoint of a run on its data set and write the report into the run's folder.

    Besides what `evaluate` writes the folder gets ``codes.npz``, mean and logvar of every image; they are
    read from there when the same checkpoint is evaluated again; and ``kl_over_training.png``, from the log.

    Args:
        run_dir: the folder of a run that `fastdis train` made.
        seed: of the sample of 10,000 images, and of the noise for the aggregated posterior.
        progress: show a progress bar on standard error.

    Raises:
        FileNotFoundError: the folder is no run's, or has no checkpoint yet.
        ValueError: the checkpoint is damaged or of another architecture, the model is not known, or its codes
            are not finite.
        OSError: a file cannot be written.
    """
    run = EncodedRun.of(Path(run_dir), progress=progress)
    log = read_log(Path(run_dir) / "kl_per_latent.jsonl")
    values = np.array([list(row.values()) for row in log])  # the step, then a column each latent
    more = {}
    if len(log) > 1:
        more["kl_over_training"] = plots.kl_over_training(values[:, 0], values[:, 1:], run.title)
    return evaluate(
        run.model,
        run.data,
        run_dir,
        codes=run.codes,
        seed=seed,
        about=run.about,
        title=run.title,
        more=more,
        progress=progress,
    )
