"""Train a model on a data set: ``fastdis train``."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from .. import _checks
from .._files import require_writable
from ..training.presets import PRESETS
from ..training.registry import MODELS, OBJECTIVES, require_known
from ..training.run_config import RunConfig
from ._options import pairs, parsed
from ._run import in_one_line


def _names(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Complete a name in the shell."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in known if name.startswith(incomplete)]

    return complete


def _data_sets(incomplete: str) -> list[str]:
    from ..data import DATASETS

    return [name for name in DATASETS if name.startswith(incomplete)]


def _setting(name: str, text: str, default: str | None = None, **options: Any) -> Any:
    """Declare an option for a field of `RunConfig`; it is None unless given: a resumed run keeps its own."""
    shown = getattr(RunConfig, name) if default is None else default
    return typer.Option(help=f"{text} [default: {shown}]", show_default=False, **options)


@in_one_line
def train(
    run: Annotated[Path, typer.Argument(help="Folder of the run: configuration, log and checkpoints.")],
    preset: Annotated[
        str | None,
        typer.Option(
            help=f"Begin with a paper's hyper-parameters: {', '.join(PRESETS)}.",
            autocompletion=_names(PRESETS),
        ),
    ] = None,
    objective: Annotated[
        str | None,
        _setting("objective", f"One of {', '.join(OBJECTIVES)}.", autocompletion=_names(OBJECTIVES)),
    ] = None,
    model: Annotated[
        str | None,
        _setting(
            "model",
            f"One of {', '.join(MODELS)}.",
            "burgess, or what the objective needs",
            autocompletion=_names(MODELS),
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A setting of objective, model or data; may be repeated."
        ),
    ] = None,
    beta: Annotated[float | None, typer.Option(help="Short for --set beta=VALUE.")] = None,
    warmup: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=STEPS",
            help="Let a setting, or learning_rate, rise from 0 over this many steps; may be repeated.",
        ),
    ] = None,
    latents: Annotated[int | None, _setting("latents", "Number of latents.")] = None,
    data: Annotated[
        str | None,
        _setting(
            "dataset",
            "A data set that `fastdis data` lists, or an npz, HDF5 file or folder of pictures of one's own.",
            autocompletion=_data_sets,
        ),
    ] = None,
    path: Annotated[
        str | None,
        _setting("path", "The file or folder that a listed data set is read from.", "none"),
    ] = None,
    every: Annotated[int | None, _setting("every", "Train on one image in this many.")] = None,
    split: Annotated[
        float | None,
        _setting("split", "Train on that fraction of the images, hold out the others.", "all of them"),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FACTOR=CLASS",
            help="Hold out the images that have this class, or one of [0,1,...]; repeated for a combination.",
        ),
    ] = None,
    steps: Annotated[int | None, _setting("steps", "Optimisation steps in all.")] = None,
    batch_size: Annotated[int | None, _setting("batch_size", "Images in a batch.")] = None,
    learning_rate: Annotated[float | None, _setting("learning_rate", "Learning rate of Adam.")] = None,
    precision: Annotated[str | None, _setting("precision", "float32, or bfloat16 forward passes.")] = None,
    compile: Annotated[
        bool | None, typer.Option("--compile", help="Compile the model: CUDA graphs on a GPU.")
    ] = None,
    seed: Annotated[int | None, _setting("seed", "Seed of the weights, the order and the noise.")] = None,
    evaluate_every: Annotated[
        int | None,
        _setting("evaluate_every", "Score 10,000 images after so many steps, into scores.jsonl.", "never"),
    ] = None,
    keep_checkpoints: Annotated[
        str | None,
        _setting("keep_checkpoints", "How many checkpoints stay; all; or best: that of the best score too."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads to compute on [default: one a core]", show_default=False)
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Stop after this time, with a checkpoint to resume from.")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(help="Stop once the loss has not fallen for this many lines of the log.")
    ] = None,
    monitor: Annotated[str, typer.Option(help="The term of the log that --patience watches.")] = "total",
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Log to TensorBoard as well, in the run's folder.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume from the newest checkpoint with the run's own settings.")
    ] = False,
    resume_previous: Annotated[
        bool, typer.Option("--resume-previous", help="Resume from the checkpoint before the newest.")
    ] = False,
) -> None:
    """Train a model on a data set, on the GPU if there is one. Ctrl-C leaves a checkpoint to resume from.

    Under torchrun all processes train one model, each with its share of every batch.
    """
    from ..training.checkpoint_file import latest, step_of
    from ..training.train import train_run

    resume = resume or resume_previous
    if preset is not None:
        if resume:
            raise ValueError("train: --preset goes with a new run; a resumed one has its own settings")
        require_known("preset", preset, PRESETS)
    if seed is not None:
        _checks.seed("train", seed)
    if threads is not None:
        torch.set_num_threads(_checks.integer("train", "threads", threads))
    require_writable(run)
    config = RunConfig.of_run(run) if resume else PRESETS[preset] if preset else RunConfig()
    changed = pairs("train", "--set", settings) | ({} if beta is None else {"beta": beta})
    options: dict[str, Any] = {
        "objective": objective,
        "model": model,
        "settings": {**config.settings, **changed} if changed else None,
        "warmup": {**config.warmup, **pairs("train", "--warmup", warmup)} if warmup else None,
        "latents": latents,
        "dataset": data,
        "path": path,
        "every": every,
        "split": split,
        "without": pairs("train", "--without", without) or None,
        "steps": steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "precision": precision,
        "compile": compile,
        "seed": seed,
        "evaluate_every": evaluate_every,
        "keep_checkpoints": None if keep_checkpoints is None else parsed(keep_checkpoints),
    }
    config = replace(config, **{name: value for name, value in options.items() if value is not None})
    limits = {"minutes": minutes, "patience": patience, "monitor": monitor, "tensorboard": tensorboard}
    if not train_run(config, run, resume="previous" if resume_previous else resume, **limits):
        return
    done = latest(run)
    step = step_of(done) if done else 0
    if step < config.steps:
        print(f"stopped at step {step:,} of {config.steps:,}; resume with: fastdis train {run} --resume")
    else:
        print(f"trained: {run}; score it with: fastdis evaluate {run}")
