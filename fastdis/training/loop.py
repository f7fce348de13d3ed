"""The training loop."""

import math
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from .._memory import keep_freed_memory
from .._progress import progress_bar
from ..version import __version__
from . import distributed
from .batches import Images, batches
from .checkpoint import device_of, read_checkpoint, write_checkpoint
from .interrupt import TrainingInterrupted, signals_kept
from .latents import kl_per_latent
from .log import Log, Row
from .run_folder import open_run
from .schedules import Schedule, check_schedules, described, scheduled
from .train_state import TrainState
from .turns import optimizers_of, play, turns_of

PRECISIONS = ("float32", "bfloat16")


def fit(
    model: nn.Module,
    objective: nn.Module,
    data: Images | Tensor | Iterable[Any],
    *,
    steps: int,
    batch_size: int = 64,
    learning_rate: float = 1e-4,
    schedules: Mapping[str, Schedule] | None = None,
    precision: str = "float32",
    compile: bool = False,
    seed: int = 0,
    minutes: float | None = None,
    patience: int | None = None,
    monitor: str = "total",
    run_dir: str | Path | None = None,
    resume: bool = False,
    config: Mapping[str, Any] | None = None,
    log_every: int = 100,
    checkpoint_every: int = 5000,
    tensorboard: bool = False,
    progress: bool = True,
) -> list[Row]:
    """Train a model with Adam, in place.

    The order of the images and all noise follow from ``seed``: two runs from the same weights give the same
    bits, and so does a run that was stopped and resumed. The caller's random state is left as it was.

    An objective with a method ``turns(model, draw, step)`` performs a step itself: a generator that calls
    ``draw()`` for each batch it needs and yields ``(player, LossTerms)``; the loop then takes one step of
    that player's optimiser. Player "model" has Adam over the model's parameters; others come, by name, from
    the objective's ``optimizers(model, learning_rate)``.

    Where torch.distributed is initialised, as under torchrun, each process takes its slice of every batch
    and gradients are averaged. Terms that couple the samples of a batch (the total correlation, the
    covariance of DIP-VAE, permute_dims) then see batch_size / processes of them.

    Args:
        model: maps images to an object with ``reconstruction``, ``z``, ``mean`` and ``logvar``, as
            `fastdis.models.VAE` does. Training runs where its parameters lie; the objective is moved there.
        objective: a module called as those of `fastdis.losses` are, or with ``turns``.
        data: a data set with ``images(indices)``, a tensor of images, or an iterable of batches (a
            DataLoader, say), of which tuples count by their first item. A `fastdis.data.FactorDataset` is
            copied to the model's device, still packed, and its batches are unpacked there.
        steps: optimisation steps in all, those before a resumption included.
        batch_size: images a step, over all processes; an iterable brings its own.
        learning_rate: Adam's.
        schedules: functions of the step (from 0), by the name of what they set: "learning_rate" or a number
            of the objective, as in ``{"beta": LinearSchedule(0.0, 4.0, steps=10_000)}``.
        precision: "float32", or "bfloat16" for forward passes under autocast.
        compile: run the model through ``torch.compile(mode="reduce-overhead")``: CUDA graphs on a GPU.
        seed: of the images' order and of the noise.
        minutes: end after so much time, with a checkpoint to go on from.
        patience: end once the monitored term has not fallen for so many lines of the log.
        monitor: the name of that term.
        run_dir: folder for ``config.json``, ``log.csv``, ``log.jsonl``, the same two of ``kl_per_latent``
            (of the last batch at each line of the log) and the newest two checkpoints. With it Ctrl-C and
            SIGTERM leave a checkpoint.
        resume: go on from the newest checkpoint in run_dir. ``steps`` may then be larger than before.
        config: what else ``config.json`` shall say; a resumed run must agree with all of it.
        log_every: steps between two lines of the log, each the mean over those steps; step 1 has its own.
        checkpoint_every: steps between two checkpoints; there is always one at the end.
        tensorboard: log to TensorBoard as well, in run_dir; needs ``pip install fastdis[tensorboard]``.
        progress: show a progress bar on standard error.

    Returns:
        The lines of the log: ``step``, ``seconds``, ``total`` and the objective's terms; those of a player
        other than the model as ``player/term``, with ``player/loss`` for their sum.

    Raises:
        TypeError: data is of another kind.
        ValueError: an argument is out of range, run_dir holds a run and resume is false, a resumed run has
            other settings or another architecture, or images do not fit the model.
        FileNotFoundError: resume is true and run_dir has no checkpoint.
        FloatingPointError: the loss is no longer finite; the message names the step and the term. It is
            looked at when a line of the log or a checkpoint is due.
        OSError: a checkpoint cannot be written; the one before it is kept.
        RuntimeError: TensorBoard is asked for and not installed.
        TrainingInterrupted: a KeyboardInterrupt, raised once the checkpoint is written.

    Example:
        >>> import torch, fastdis
        >>> model, images = fastdis.models.burgess_vae(latents=2), torch.rand(8, 1, 64, 64)
        >>> log = fastdis.training.fit(
        ...     model, fastdis.losses.BetaVAE(), images, steps=2, batch_size=4, log_every=1, progress=False
        ... )
        >>> [row["step"] for row in log], list(log[0])
        ([1, 2], ['step', 'seconds', 'total', 'reconstruction', 'kl'])
    """
    _check(steps, learning_rate, precision, minutes, patience, log_every, checkpoint_every)
    schedules = schedules or {}
    check_schedules(schedules, objective)
    settings = {
        "fastdis": __version__,
        "model": type(model).__name__,
        "objective": repr(objective),
        "steps": steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "schedules": described(schedules),
        "seed": seed,
        "precision": precision,
        "compile": compile,
        "processes": distributed.world(),
        **(config or {}),
    }
    folder = None if run_dir is None else Path(run_dir)
    checkpoint = open_run(folder, settings, resume)
    keep_freed_memory()
    device = device_of(model)
    optimizers = optimizers_of(model, objective.to(device), learning_rate)
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
    called = cast(nn.Module, torch.compile(model, mode="reduce-overhead")) if compile else model
    until = math.inf if minutes is None else time.monotonic() + 60 * minutes
    with (
        torch.random.fork_rng([] if device.type == "cpu" else [device], device_type=device.type),
        signals_kept(folder is not None) as received,
    ):
        torch.manual_seed(seed + distributed.rank())
        position = read_checkpoint(checkpoint, model, objective, optimizers) if checkpoint else TrainState()
        if position.step > steps:
            raise ValueError(f"fit: steps must be at least the {position.step} already done, got {steps}")
        distributed.broadcast(model, objective)
        stream = batches(data, batch_size, seed, start=position.drawn, device=device)
        log = Log(folder, position.step, tensorboard)
        latents = Log(folder, position.step, name="kl_per_latent")
        model.train()
        images = torch.empty(0)

        def draw() -> Tensor:
            nonlocal images
            position.drawn += 1
            images = next(stream)
            return images

        shown = progress and distributed.rank() == 0
        with (
            progress_bar("training", steps, "steps", done=position.step, shown=shown) as update,
            scheduled(schedules, objective, optimizers["model"]) as set_schedules,
        ):
            ended, stopped = position.step == steps, False
            while not ended:
                began = time.perf_counter()
                if compile:
                    torch.compiler.cudagraph_mark_step_begin()
                set_schedules(position.step)
                terms = play(turns_of(called, objective, draw, position.step), optimizers, autocast)
                position.advance(terms)
                line_due = position.step == 1 or position.step % log_every == 0
                if line_due:  # waits for what a GPU still has to do
                    _require_finite(position, model, checkpoint)
                position.seconds += time.perf_counter() - began

                if line_due or distributed.world() == 1:  # where several processes meet
                    stopped = distributed.any_of(bool(received))
                    ended = stopped or distributed.any_of(time.monotonic() >= until)
                ended |= position.step == steps
                if line_due:
                    log.append(position.line())
                    if folder is not None and (kl := kl_per_latent(model, images)):
                        latents.append({"step": position.step, **kl})
                    ended |= patience is not None and log.lines_since_best(monitor) >= patience
                update(position.step, log.summary())
                if folder is not None and (ended or position.step % checkpoint_every == 0):
                    _require_finite(position, model, checkpoint)
                    checkpoint = write_checkpoint(folder, position, model, objective, optimizers)
                if stopped:
                    raise TrainingInterrupted(
                        f"stopped at step {position.step}; checkpoint {checkpoint}; resume to go on"
                    )
    return log.rows


def _check(
    steps: int,
    learning_rate: float,
    precision: str,
    minutes: float | None,
    patience: int | None,
    log_every: int,
    checkpoint_every: int,
) -> None:
    counts = {"steps": steps, "patience": patience, "log_every": log_every}
    for name, count in (counts | {"checkpoint_every": checkpoint_every}).items():
        if count is not None and count < 1:
            raise ValueError(f"fit: {name} must be at least 1, got {count}")
    for name, value in {"learning_rate": learning_rate, "minutes": minutes}.items():
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"fit: {name} must be finite and above 0, got {value}")
    if precision not in PRECISIONS:
        raise ValueError(f"fit: precision must be {' or '.join(map(repr, PRECISIONS))}, got {precision!r}")


def _require_finite(position: TrainState, model: nn.Module, checkpoint: Path | None) -> None:
    found = position.not_finite()
    if found is None:
        broken = (name for name, value in model.named_parameters() if not value.isfinite().all())
        found = next(((name, position.step) for name in broken), None)
    if found is not None:
        name, step = found
        kept = (
            f"the last good checkpoint is {checkpoint}" if checkpoint else "there is no checkpoint before it"
        )
        raise FloatingPointError(
            f"fit: {name} is not finite at step {step}; {kept}; a smaller learning_rate may help"
        )
