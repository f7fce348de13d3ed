"""The folder of a run: whether training may begin or go on in it. Nothing is written to find that out."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias

from torch import nn

from .. import _checks
from .._files import atomic_write
from . import distributed
from .checkpoint_file import checkpoints, path_at, step_of
from .config_file import NAME, as_json, require_same
from .lock import locked
from .log import Log
from .scoring import Sample, best_step
from .train_state import TrainState

Resume: TypeAlias = bool | Literal["previous"]


class RunFolder:
    """A folder that belongs to one training while it is open; without a path nothing is kept.

    Attributes:
        path: the folder, or None.
        checkpoint: the one to go on from, and later the newest that this training has written.
        log: the loss terms.
        latents: the KL of each latent.
        scores: those while training.
    """

    def __init__(
        self,
        path: Path | None,
        settings: Mapping[str, Any],
        checkpoint: Path | None,
        tensorboard: bool = False,
        evaluate_every: int | None = None,
    ) -> None:
        self.path, self.checkpoint, self._settings = path, checkpoint, settings
        step = step_of(checkpoint) if checkpoint else 0
        self.log = Log(path, step, tensorboard=tensorboard)
        self.latents = Log(path, step, name="kl_per_latent")
        self.scores = Log(path, step, name="scores")
        self._has_scores = evaluate_every is not None or bool(self.scores.rows)
        # the last step has scores, too, which a run that goes on from there leaves out
        self._scored = step - bool(evaluate_every and step % evaluate_every)

    def start(self, step: int, *, ended: bool = False) -> None:
        """Write ``config.json`` and the logs up to a step, once every process has read what was there.

        ended: whether the run has no step left to do.
        """
        distributed.wait()
        path = self.path
        if path is not None:
            distributed.on_first(lambda: self._write_config(path / NAME))
        self.log.start(step)
        self.latents.start(step)
        if self._has_scores:
            self.scores.start(step if ended else self._scored)

    def score(self, sample: Sample, model: nn.Module, state: TrainState) -> bool:
        """Score the sample and write the row; tell whether it is the best one.

        Of several processes the first one scores, and all of them know.
        """
        if distributed.rank() == 0:
            found = sample.score(model)
            self.scores.append({"step": state.step, "seconds": round(state.seconds, 3), **found})
            self.log.show({"step": state.step, **found}, prefix="scores/")
        return distributed.any_of(best_step(self.scores.rows) == state.step)

    def best(self) -> Path | None:
        """Name the checkpoint of the best scores."""
        step = best_step(self.scores.rows)
        return None if self.path is None or step is None else path_at(self.path, step)

    def _write_config(self, path: Path) -> None:
        with atomic_write(path) as file:
            file.write(as_json(self._settings).encode())

    def last_good(self) -> str:
        """Say which checkpoint there is."""
        return (
            f"the last good checkpoint is {self.checkpoint}"
            if self.checkpoint
            else "there is no checkpoint before it"
        )


@contextmanager
def open_run(
    run_dir: str | Path | None,
    settings: Mapping[str, Any],
    resume: Resume,
    tensorboard: bool,
    evaluate_every: int | None = None,
) -> Iterator[RunFolder]:
    """Lock a folder for one training, find the checkpoint to go on from and read the logs up to there.

    Raises:
        ValueError: the folder holds a run and resume is false, that run had other settings, or a file of it
            is not what a run writes.
        FileNotFoundError: resume asks for a checkpoint that is not there.
        RuntimeError: another training uses the folder.
        OSError: the folder cannot be made or written.
    """
    as_json(settings)
    if isinstance(resume, str):
        _checks.choice("fit", "resume", resume, ["previous"])
    if run_dir is None:
        if resume:
            raise ValueError(f"fit: run_dir must be given where resume is {resume!r}, got None")
        yield RunFolder(None, settings, None)
        return
    folder = Path(run_dir)
    with ExitStack() as stack:
        distributed.on_first(lambda: stack.enter_context(locked(folder)))
        checkpoint = _to_resume(folder, settings, resume)
        yield RunFolder(folder, settings, checkpoint, tensorboard, evaluate_every)


def _to_resume(folder: Path, settings: Mapping[str, Any], resume: Resume) -> Path | None:
    found = checkpoints(folder)
    if not resume:
        if found:
            raise ValueError(
                f"fit: run_dir must be new unless the run is resumed, {folder} holds {found[-1].name}"
            )
        return None
    needed = 2 if resume == "previous" else 1
    if len(found) < needed:
        what = (
            "two checkpoints to resume from the previous one"
            if needed == 2
            else "a checkpoint to resume from"
        )
        raise FileNotFoundError(f"fit: run_dir must hold {what}, {folder} has {'one' if found else 'none'}")
    require_same(folder, settings)
    if resume == "previous" and distributed.rank() == 0:
        warnings.warn(
            f"fit: going back to {found[-2].name}, as asked: {found[-1].name} and the lines of the log since "
            "then are given up",
            stacklevel=2,
        )
    return found[-needed]
