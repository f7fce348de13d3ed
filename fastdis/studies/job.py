"""One run of a study, to be performed by some process on some machine."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ..training.checkpoint_file import latest
from ..training.log import read_log
from ..training.run_config import RunConfig
from ..training.train import train_run
from .disk import tidy
from .evaluation import Evaluate
from .folder import OUTCOME, read_json, write_json
from .scores import score_run

ERRORS = (TypeError, ValueError, OSError, RuntimeError, FloatingPointError, MemoryError)


@dataclass(frozen=True)
class Job:
    """Hold what a process has to know; all of it can be written as JSON.

    folder: of the run. config: fields of `RunConfig`. evaluate: fields of `Evaluate`. keep: as in `Study`.
    threads: how many the process computes on.
    """

    folder: str
    config: Mapping[str, Any]
    evaluate: Mapping[str, Any]
    keep: str
    threads: int

    def to_json(self) -> str:
        """Write the job in one line."""
        return json.dumps(asdict(self))

    @property
    def checkpoint_every(self) -> int:
        """Steps between two checkpoints: a run that is killed loses a tenth at most."""
        return max(1, min(5000, int(self.config["steps"]) // 10))


def is_done(folder: Path, evaluate: Mapping[str, Any]) -> bool:
    """Tell whether a run was trained and scored, with these settings of the scores."""
    outcome = read_json(folder / OUTCOME)
    return outcome.get("state") == "done" and outcome.get("evaluate") == dict(evaluate)


def perform(job: Job) -> None:
    """Train, or continue from the newest checkpoint, then score, and write ``outcome.json``.

    What a user can correct, or a loss that is not finite, is an outcome too: the run has failed, and the
    file says why.
    """
    folder = Path(job.folder)
    torch.set_num_threads(job.threads)
    try:
        seconds = _train(job, folder)
        began = time.perf_counter()
        score_run(folder, Evaluate(**job.evaluate))
        scoring = round(time.perf_counter() - began, 3)
        tidy(folder, job.keep)
        outcome = {
            "state": "done",
            "evaluate": dict(job.evaluate),
            "threads": job.threads,
            "seconds": seconds,
            "seconds_scoring": scoring,
        }
    except ERRORS as error:
        outcome = failure(str(error) or type(error).__name__)
    write_json(folder / OUTCOME, outcome)


def _train(job: Job, folder: Path) -> float:
    """Train unless that was done before; return the seconds spent in steps."""
    before = read_json(folder / OUTCOME)
    newest = latest(folder)
    if before.get("state") == "done":  # with other scores: the weights may have been reduced to the model's
        if newest is None:
            raise ValueError(
                "study: the scores asked for have changed since this run was scored, and its weights were "
                f"not kept; remove {folder} to train it again"
            )
        return float(before["seconds"])
    config = RunConfig(**job.config)
    train_run(
        config,
        folder,
        resume=newest is not None,
        checkpoint_every=job.checkpoint_every,
        progress=False,
    )
    return read_log(folder / "log.jsonl")[-1]["seconds"]


def failure(message: str) -> dict[str, Any]:
    """Make the outcome of a run that failed."""
    return {"state": "failed", "error": " ".join(message.split())}
