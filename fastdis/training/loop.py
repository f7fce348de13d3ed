"""The training loop."""

import json
import math
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .._memory import keep_freed_memory
from .._progress import progress_bar
from ..data.atomic import atomic_write
from ..losses import LossTerms
from ..version import __version__
from .batches import Images, batches
from .checkpoint import Position, device_of, latest, read_checkpoint, write_checkpoint
from .interrupt import TrainingInterrupted, signals_kept
from .log import Log, Row


def fit(
    model: nn.Module,
    objective: nn.Module,
    data: Images | Tensor | Iterable[Any],
    *,
    steps: int,
    batch_size: int = 64,
    learning_rate: float = 1e-4,
    seed: int = 0,
    run_dir: str | Path | None = None,
    resume: bool = False,
    config: Mapping[str, Any] | None = None,
    log_every: int = 100,
    checkpoint_every: int = 5000,
    progress: bool = True,
) -> list[Row]:
    """Train a model with Adam, in place.

    The order of the images and all noise follow from ``seed``: two runs from the same weights give the same
    bits, and so does a run that was stopped and resumed. The caller's random state is left as it was.

    Args:
        model: maps images to an object with ``reconstruction``, ``z``, ``mean`` and ``logvar``, as
            `fastdis.models.VAE` does.
        objective: a module called as those of `fastdis.losses` are.
        data: a data set with ``images(indices)``, a tensor of images, or an iterable of batches (a
            DataLoader, say), of which tuples count by their first item.
        steps: optimisation steps in all, those before a resumption included.
        batch_size: images a step; an iterable brings its own.
        learning_rate: Adam's.
        seed: of the images' order and of the noise.
        run_dir: folder for ``config.json``, ``log.csv``, ``log.jsonl`` and the newest two checkpoints. With
            it Ctrl-C and SIGTERM leave a checkpoint.
        resume: go on from the newest checkpoint in run_dir. ``steps`` may then be larger than before.
        config: what else ``config.json`` shall say; a resumed run must agree with all of it.
        log_every: steps between two lines of the log, each the mean over those steps; step 1 has its own.
        checkpoint_every: steps between two checkpoints; there is always one at the end.
        progress: show a progress bar on standard error.

    Returns:
        The lines of the log: ``step``, ``seconds``, ``total`` and the objective's terms.

    Raises:
        TypeError: data is of another kind.
        ValueError: an argument is out of range, run_dir holds a run and resume is false, or a resumed run
            has other settings or another architecture.
        FileNotFoundError: resume is true and run_dir has no checkpoint.
        FloatingPointError: the loss is no longer finite; the message names the step and the term.
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
    for name, value in {"steps": steps, "log_every": log_every, "checkpoint_every": checkpoint_every}.items():
        if value < 1:
            raise ValueError(f"fit: {name} must be at least 1, got {value}")
    if not 0 < learning_rate < math.inf:
        raise ValueError(f"fit: learning_rate must be finite and above 0, got {learning_rate}")
    settings = {
        "fastdis": __version__,
        "model": type(model).__name__,
        "objective": repr(objective),
        "steps": steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seed": seed,
        **(config or {}),
    }
    folder = None if run_dir is None else Path(run_dir)
    checkpoint = _open_run(folder, settings, resume)
    keep_freed_memory()
    device = device_of(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    with (
        torch.random.fork_rng([] if device.type == "cpu" else [device], device_type=device.type),
        signals_kept(folder is not None) as received,
    ):
        torch.manual_seed(seed)
        position = read_checkpoint(checkpoint, model, objective, optimizer) if checkpoint else Position()
        if position.step > steps:
            raise ValueError(f"fit: steps must be at least the {position.step} already done, got {steps}")
        stream = batches(data, batch_size, seed, start=position.step)
        log = Log(folder, position.step)
        model.train()
        with progress_bar("training", steps, "steps", done=position.step, shown=progress) as update:
            while position.step < steps:
                began = time.perf_counter()
                images = next(stream).to(device)
                output = model(images)
                terms: LossTerms = objective(
                    output.reconstruction, images, output.z, output.mean, output.logvar, step=position.step
                )
                if not terms.total.isfinite():
                    raise _diverged(_not_finite(terms.to_dict()), position.step + 1, checkpoint)
                optimizer.zero_grad()
                terms.total.backward()
                optimizer.step()
                position.advance(terms.to_dict(), time.perf_counter() - began)

                if position.step == 1 or position.step % log_every == 0:
                    log.append(position.means())
                update(position.step, _summary(log.rows))
                stop = bool(received)
                due = stop or position.step == steps or position.step % checkpoint_every == 0
                if folder is not None and due:
                    if unfit := _not_finite(dict(model.named_parameters())):
                        raise _diverged(unfit, position.step, checkpoint)
                    checkpoint = write_checkpoint(folder, position, model, objective, optimizer)
                if stop:
                    raise TrainingInterrupted(
                        f"stopped at step {position.step}; checkpoint {checkpoint}; resume to go on"
                    )
    return log.rows


def _open_run(folder: Path | None, settings: dict[str, Any], resume: bool) -> Path | None:
    """Write ``config.json``; the checkpoint to go on from, if any."""
    if folder is None:
        if resume:
            raise ValueError("fit: run_dir must be given where resume is true, got None")
        return None
    checkpoint = latest(folder)
    if resume and checkpoint is None:
        raise FileNotFoundError(f"fit: run_dir must hold a checkpoint to resume from, {folder} has none")
    if checkpoint is not None:
        if not resume:
            raise ValueError(
                f"fit: run_dir must be new unless the run is resumed, {folder} holds {checkpoint.name}"
            )
        _require_same(folder / "config.json", json.loads(json.dumps(settings)))
    with atomic_write(folder / "config.json") as file:
        file.write(f"{json.dumps(settings, indent=2)}\n".encode())
    return checkpoint


def _require_same(path: Path, settings: dict[str, Any]) -> None:
    before = json.loads(path.read_text())
    changed = [
        f"{name} was {before.get(name)!r}, got {settings.get(name)!r}"
        for name in before | settings
        if name not in ("fastdis", "steps") and before.get(name) != settings.get(name)
    ]
    if changed:
        raise ValueError(f"fit: a resumed run must keep the settings of {path}: {'; '.join(changed)}")


def _not_finite(tensors: dict[str, Tensor]) -> str:
    """The name of the first tensor with a value that is not finite, the sum of all terms last; "" if none."""
    names = sorted(tensors, key=lambda name: name == "total")
    return next((name for name in names if not tensors[name].isfinite().all()), "")


def _diverged(name: str, step: int, checkpoint: Path | None) -> FloatingPointError:
    kept = f"the last good checkpoint is {checkpoint}" if checkpoint else "there is no checkpoint before it"
    return FloatingPointError(
        f"fit: {name} is not finite at step {step}; {kept}; a smaller learning_rate may help"
    )


def _summary(rows: list[Row]) -> str:
    return "  ".join(f"{name} {value:.1f}" for name, value in list(rows[-1].items())[2:]) if rows else ""
