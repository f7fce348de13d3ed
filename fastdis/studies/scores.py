"""The scores of one run of a study, in its ``metrics.json``."""

from pathlib import Path
from typing import Any

import numpy as np

from ..data import Simulator
from ..evaluation import evaluate_run
from ..evaluation.encoded_run import SIMULATED
from ..training.saved_run import SavedRun
from .evaluation import Evaluate


def score_run(run_dir: Path, chosen: Evaluate) -> None:
    """Score the newest checkpoint of a run and write ``metrics.json``, with pictures where they are wanted.

    There are no intervals over samples: what a study asks for is the spread over seeds, which dwarfs them.

    Raises:
        FileNotFoundError, ValueError, OSError: as `fastdis.evaluation.evaluate_run`.
    """
    evaluate_run(
        run_dir,
        data=None if chosen.every == 1 else scored_part(SavedRun.read(run_dir), chosen.every),
        metrics=chosen.metrics,
        confidence=None,
        draw=chosen.pictures,
        progress=False,
    )


def scored_part(run: SavedRun, every: int) -> Any:
    """Return one in so many of the images that a run was trained on; of a simulator's at most 100,000."""
    data: Any = run.sides(run.build_data())[0]
    step = every
    if isinstance(data, Simulator):
        step *= -(-len(data) // SIMULATED) if data.ordered else 1
        data = data if data.ordered else data.subset(slice(0, SIMULATED))
    return data.subset(np.arange(0, len(data), step))
