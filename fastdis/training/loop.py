"""The training loop."""

import math
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from .. import _checks
from .._memory import keep_freed_memory
from .._progress import progress_bar
from ..models.device import device_of
from ..version import __version__
from . import distributed
from .batches import Data, batches
from .checkpoint import Checkpoint, write_checkpoint
from .cores import warn_if_taken
from .inputs import model_inputs
from .latents import kl_per_latent, target_per_latent
from .log import Row, require_tensorboard
from .origin import described_run
from .run_folder import Resume, RunFolder, open_run
from .schedules import Schedule, check_schedules, described, scheduled
from .scoring import Sample
from .shared_cores import SharedCores
from .signals import TrainingInterrupted, deferred_signals
from .train_state import TrainState
from .turns import optimizers_of, play, turns_of

PRECISIONS = ("float32", "bfloat16")


def fit(
    model: nn.Module,
    objective: nn.Module,
    data: Data,
    *,
    # what is done
    steps: int,
    batch_size: int = 64,
    learning_rate: float = 1e-4,
    schedules: Mapping[str, Schedule] | None = None,
    seed: int = 0,
    # how it is computed
    precision: str = "float32",
    compile: bool = False,
    # an end before the last step
    minutes: float | None = None,
    patience: int | None = None,
    monitor: str = "total",
    # the folder of the run
    run_dir: str | Path | None = None,
    resume: Resume = False,
    checkpoint_every: int = 5000,
    keep_checkpoints: int | Literal["best", "all"] = 2,
    config: Mapping[str, Any] | None = None,
    # what is reported
    log_every: int = 100,
    evaluate_every: int | None = None,
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

    Where torch.distributed is initialised, as under torchrun, each process takes its share of every batch
    and gradients are averaged. Terms that couple the samples of a batch (the total correlation, the
    covariance of DIP-VAE, permute_dims) then see batch_size / processes of them.

    Nothing is written to ``run_dir`` before the first step has succeeded: a run that is refused leaves the
    folder as it was. While it trains, no other training may use the folder.

    Args:
        model: maps images to an object with ``reconstruction``, ``z``, ``mean`` and ``logvar``, as
            `fastdis.models.VAE` does. Training runs where its parameters are; the objective is moved there.
        objective: a module called as those of `fastdis.losses` are, or with ``turns``.
        data: a data set with ``images(indices)``, as those of `fastdis.data`; a tensor or NumPy array (a
            memory map, say) of images, a torch ``Dataset`` with a length, or an iterable of batches such as a
            DataLoader. Of tuples the first item is the image. uint8 is divided by 255 and everything else
            converted to the model's dtype, batch by batch. A data set with a method ``to`` is moved to the
            model's device, as bits or uint8; one whose ``images`` takes a ``visit`` is given the epoch.
        steps: optimisation steps in all, those before a resumption included.
        batch_size: images a step, over all processes; an iterable brings its own.
        learning_rate: that of Adam.
        schedules: functions of the step (from 0), by the name of what they set: "learning_rate" or a number
            of the objective, as in ``{"beta": LinearSchedule(0.0, 4.0, steps=10_000)}``.
        seed: of the images' order and of the noise.
        precision: "float32", or "bfloat16" for forward passes under autocast.
        compile: run the model through ``torch.compile(mode="reduce-overhead")``: CUDA graphs on a GPU.
        minutes: stop after this time, with a checkpoint to resume from.
        patience: stop once the monitored term has not fallen for this many lines of the log.
        monitor: the name of that term.
        run_dir: folder for ``config.json``, ``log.csv``, ``log.jsonl``, the same two of ``kl_per_latent``
            (of the last batch at each line of the log, with targets if the objective has them) and the
            checkpoints. With it Ctrl-C and SIGTERM leave a checkpoint.
        resume: go on from the newest checkpoint in run_dir; with "previous" from the one before it, should
            the newest be damaged. ``steps`` may then be larger than before.
        checkpoint_every: steps between two checkpoints; there is always one at the end.
        keep_checkpoints: how many of the newest stay in run_dir, or "all"; with "best" the newest two, and
            the one with the highest FactorVAE score so far, which is written where it is scored and needs
            evaluate_every and known factors. With 1 there is none to go back to should it be damaged.
        config: what else ``config.json`` shall contain; a resumed run must agree with all of it.
        log_every: steps between two lines of the log, each the mean over the steps since the line before.
            The first and the last step have lines too; a resumed run drops the line it had stopped with, and
            its log is that of a run that was never stopped.
        evaluate_every: steps between two rows of ``scores.jsonl`` and ``scores.csv`` in run_dir; the last
            step has one, too. A row has the scores of the joint table and the FactorVAE score of a fixed
            sample of 10,000 images, its ``kl``, and the exact ``index_code_mi``, ``total_correlation``
            and ``dimwise_kl`` with q(z) over the sample, in nats. A continuous factor is cut into 20 bins;
            where no factors are known a row has the KL alone. The training is the same with and without.
        tensorboard: log to TensorBoard as well, in run_dir; needs ``pip install fastdis[tensorboard]``.
        progress: show a progress bar on standard error.

    Returns:
        The lines of the log: ``step``, ``seconds``, ``total`` and the objective's terms; those of a player
        other than the model as ``player/term``, with ``player/loss`` for their sum.

    Raises:
        TypeError: an argument or the data is of another kind.
        ValueError: an argument is out of range; images do not fit the model or the likelihood; run_dir holds
            a run and resume is false; a resumed run has other settings, another architecture or a damaged
            checkpoint.
        FileNotFoundError: resume is true and run_dir has no checkpoint.
        FloatingPointError: the loss is no longer finite; the message names the step and the term. It is
            looked at when a line of the log or a checkpoint is due.
        OSError: run_dir or a checkpoint cannot be written; the checkpoint before it is kept.
        RuntimeError: another training uses run_dir, or TensorBoard is asked for and not installed.
        TrainingInterrupted: a KeyboardInterrupt, raised once the checkpoint is written.

    Example:
        >>> import torch, fastdis
        >>> model, images = fastdis.models.burgess_vae(latents=2), torch.rand(8, 1, 64, 64)
        >>> log = fastdis.training.fit(
        ...     model, fastdis.losses.BetaVAE(), images, steps=2, batch_size=4, progress=False
        ... )
        >>> [row["step"] for row in log], list(log[0])
        ([1, 2], ['step', 'seconds', 'total', 'reconstruction', 'kl'])
    """
    steps, batch_size = _count("steps", steps), _count("batch_size", batch_size)
    log_every, checkpoint_every = _count("log_every", log_every), _count("checkpoint_every", checkpoint_every)
    patience = None if patience is None else _count("patience", patience)
    learning_rate = _checks.number("fit", "learning_rate", learning_rate, above=0)
    minutes = None if minutes is None else _checks.number("fit", "minutes", minutes, above=0)
    seed = _checks.seed("fit", seed)
    _checks.choice("fit", "precision", precision, PRECISIONS)
    sample = _sample(model, data, run_dir, evaluate_every, keep_checkpoints)
    schedules = schedules or {}
    check_schedules(schedules, objective)
    if tensorboard:
        require_tensorboard(run_dir)
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
        **({} if run_dir is None else described_run(model, objective, data)),
        **(config or {}),
    }
    keep_freed_memory()
    device = device_of(model)
    if device.type == "cpu":
        warn_if_taken("fit")
    optimizers = optimizers_of(model, objective.to(device), learning_rate)
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
    # what torch.compile makes of a module is one, though its type says any callable
    called = cast(nn.Module, torch.compile(model, mode="reduce-overhead")) if compile else model
    until = math.inf if minutes is None else time.monotonic() + 60 * minutes
    with (
        open_run(run_dir, settings, resume, tensorboard, evaluate_every) as run,
        torch.random.fork_rng([] if device.type == "cpu" else [device], device_type=device.type),
        deferred_signals(run.path is not None) as received,
    ):
        torch.manual_seed(seed + distributed.rank())
        saved = Checkpoint.read(run.checkpoint) if run.checkpoint else None
        state = saved.state if saved else TrainState()
        if state.step > steps:
            raise ValueError(f"fit: steps must be at least the {state.step} already done, got {steps}")
        stream = batches(data, batch_size, seed, start=state.drawn, device=device)
        stream = model_inputs("fit", stream, model, [objective])
        if saved:
            state = saved.restore(model, objective, optimizers)
        del saved
        distributed.broadcast(model, objective)
        model.train()
        images = torch.empty(0)

        def draw() -> Tensor:
            nonlocal images
            state.drawn += 1
            images = next(stream)
            return images

        started = ended = state.step == steps
        if ended:
            run.start(state.step, ended=True)
        shown = progress and distributed.rank() == 0
        with (
            SharedCores(torch.get_num_threads() if device.type == "cpu" else 1) as cores,
            progress_bar("training", steps, "steps", done=state.step, shown=shown) as update,
            scheduled(schedules, objective, optimizers["model"]) as set_schedules,
        ):
            while not ended:
                began = time.perf_counter()
                if compile:
                    torch.compiler.cudagraph_mark_step_begin()
                set_schedules(state.step)
                state.advance(play(turns_of(called, objective, draw, state.step), optimizers, autocast))
                line_due, stopped = state.step == 1 or state.step % log_every == 0, False
                if line_due or distributed.world() == 1:  # where several processes meet
                    stopped = distributed.any_of(bool(received))
                    ended = stopped or distributed.any_of(time.monotonic() >= until)
                settled = state.step == steps
                ended |= settled
                if line_due or ended:  # waits for what a GPU still has to do
                    _require_finite(state, model, run)
                state.seconds += time.perf_counter() - began

                if not started:
                    _checks.choice("fit", "monitor", monitor, state.names)
                    run.start(state.logged)
                    started = True
                if line_due or ended:
                    run.log.append(state.row())
                    if run.path is not None and (kl := kl_per_latent(model, images)):
                        targets = target_per_latent(objective, state.step)
                        run.latents.append({"step": state.step, **kl, **targets})
                if line_due:
                    state.next_line()
                    settled |= patience is not None and run.log.lines_since_best(monitor) >= patience
                    ended |= settled
                update(state.step, run.log.summary())
                cores.look()
                is_best = False
                if sample is not None and (settled or state.step % (evaluate_every or 1) == 0):
                    _require_finite(state, model, run)
                    is_best = run.score(sample, model, state) and keep_checkpoints == "best"
                if run.path is not None and (ended or is_best or state.step % checkpoint_every == 0):
                    _require_finite(state, model, run)
                    run.checkpoint = write_checkpoint(
                        run.path,
                        state,
                        model,
                        objective,
                        optimizers,
                        before=run.checkpoint,
                        keep=2 if keep_checkpoints == "best" else keep_checkpoints,
                        best=run.best() if keep_checkpoints == "best" else None,
                    )
                if stopped:
                    raise TrainingInterrupted(
                        f"stopped at step {state.step}; checkpoint {run.checkpoint}; resume to go on"
                    )
    return run.log.rows


def _sample(
    model: nn.Module,
    data: Data,
    run_dir: str | Path | None,
    evaluate_every: int | None,
    keep_checkpoints: int | str,
) -> Sample | None:
    """Check how a run is scored and which checkpoints it keeps; return what is scored."""
    if isinstance(keep_checkpoints, str):
        _checks.choice("fit", "keep_checkpoints", keep_checkpoints, ("best", "all"))
    else:
        _count("keep_checkpoints", keep_checkpoints)
    if evaluate_every is None:
        if keep_checkpoints == "best":
            raise ValueError("fit: evaluate_every must be given where keep_checkpoints is 'best', got None")
        return None
    _count("evaluate_every", evaluate_every)
    if run_dir is None:
        raise ValueError("fit: run_dir must be given where evaluate_every is, got None")
    sample = Sample.of(model, data)
    if not sample.has_scores:
        if keep_checkpoints == "best":
            raise ValueError(
                "fit: data must have known factors where keep_checkpoints is 'best', "
                f"got {type(data).__name__} without"
            )
        if distributed.rank() == 0:
            warnings.warn(
                "fit: data has no known factors, so evaluate_every records the KL alone", stacklevel=3
            )
    return sample


def _count(name: str, value: int) -> int:
    return _checks.integer("fit", name, value)


def _require_finite(state: TrainState, model: nn.Module, run: RunFolder) -> None:
    found, hint = state.not_finite(), "a smaller learning_rate may help"
    if found is None:
        broken = (name for name, value in model.named_parameters() if not value.isfinite().all())
        found = next(((name, state.step) for name in broken), None)
    elif found[1] == 1:
        hint = "no step was taken before it: look at the range of the data and at the model's initial weights"
    if found is not None:
        name, step = found
        raise FloatingPointError(f"fit: {name} is not finite at step {step}; {run.last_good()}; {hint}")
