"""The command line: ``fastdis train | evaluate | posterior | demo | data``."""

import json
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from .posterior import MAX_PAIRS
from .training.presets import PRESETS
from .training.registry import MODELS, OBJECTIVES, require_known
from .training.run_config import RunConfig
from .version import __version__

if TYPE_CHECKING:
    from .evaluation import Report

DEMO = RunConfig(steps=3000, learning_rate=1e-3)
QUICK = replace(DEMO, every=11, steps=500)

# what the parser raises; the module it lives in differs between versions of typer
USAGE_ERRORS = cast(tuple[type[typer.BadParameter], ...], typer.BadParameter.__bases__)

_PLAIN: dict[str, Any] = {
    "no_args_is_help": True,
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
app = typer.Typer(help="Train and score disentangled representations.", add_completion=False, **_PLAIN)
data = typer.Typer(help="Write data sets to files that other tools read.", **_PLAIN)
app.add_typer(data, name="data")


def main() -> None:
    """Run the command line: what the user can correct is one line on standard error and exit status 2."""
    warnings.formatwarning = lambda message, *_: f"fastdis: {message}\n"
    try:
        status = app(standalone_mode=False)
    except USAGE_ERRORS as error:
        status = _fail(error.format_message(), 2)
    sys.exit(status)


def _in_one_line(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with the errors that the library documents turned into a line and an exit status."""

    @wraps(command)
    def run(**options: Any) -> None:
        try:
            command(**options)
        except (TypeError, ValueError, OSError, RuntimeError, FloatingPointError) as error:
            raise typer.Exit(_fail(str(error), 2)) from None
        except KeyboardInterrupt as stop:
            raise typer.Exit(_fail(str(stop) or "interrupted", 130)) from None

    return run


def _fail(message: str, status: int) -> int:
    print("fastdis:", " ".join(message.split()), file=sys.stderr)
    return status


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"fastdis {__version__}")
        raise typer.Exit


@app.callback()
def _fastdis(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    pass


def _setting(name: str, text: str, default: str | None = None) -> Any:
    """An option for a field of `RunConfig`: absent unless given, so that a resumed run keeps its own."""
    shown = getattr(RunConfig, name) if default is None else default
    return typer.Option(help=f"{text} [default: {shown}]", show_default=False)


@app.command()
@_in_one_line
def train(
    run: Annotated[Path, typer.Argument(help="Folder of the run: configuration, log and checkpoints.")],
    preset: Annotated[
        str | None, typer.Option(help=f"Begin with a paper's hyper-parameters: {', '.join(PRESETS)}.")
    ] = None,
    objective: Annotated[str | None, _setting("objective", f"One of {', '.join(OBJECTIVES)}.")] = None,
    model: Annotated[
        str | None, _setting("model", f"One of {', '.join(MODELS)}.", "burgess, or what the objective needs")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of objective or model; may be repeated."),
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
    dataset: Annotated[
        str | None, _setting("dataset", "The official dSprites npz or HDF5 file.", "regenerated images")
    ] = None,
    every: Annotated[int | None, _setting("every", "Train on one image in this many.")] = None,
    steps: Annotated[int | None, _setting("steps", "Optimisation steps in all.")] = None,
    batch_size: Annotated[int | None, _setting("batch_size", "Images a step.")] = None,
    learning_rate: Annotated[float | None, _setting("learning_rate", "Learning rate of Adam.")] = None,
    precision: Annotated[str | None, _setting("precision", "float32 or bfloat16, of forward passes.")] = None,
    compile: Annotated[
        bool | None, typer.Option("--compile", help="Compile the model: CUDA graphs on a GPU.")
    ] = None,
    seed: Annotated[int | None, _setting("seed", "Of the weights, the order and the noise.")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Stop after this time, with a checkpoint to resume from.")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(help="Stop once the loss has not fallen for this many lines of the log.")
    ] = None,
    monitor: Annotated[str, typer.Option(help="Another term of the log for --patience.")] = "total",
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Log to TensorBoard as well, in the run's folder.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest checkpoint with the run's own settings.")
    ] = False,
    resume_previous: Annotated[
        bool, typer.Option("--resume-previous", help="The same from the checkpoint before the newest.")
    ] = False,
) -> None:
    """Train a model on dSprites, on the GPU if there is one. Ctrl-C leaves a checkpoint to resume from.

    Under torchrun all processes train one model, each with its share of every batch.
    """
    from .training.checkpoint_file import latest, step_of
    from .training.train import train_run

    resume = resume or resume_previous
    if preset is not None:
        if resume:
            raise ValueError("train: --preset goes with a new run; a resumed one has its own settings")
        require_known("preset", preset, PRESETS)
    config = RunConfig.of_run(run) if resume else PRESETS[preset] if preset else RunConfig()
    changed = _pairs("--set", settings) | ({} if beta is None else {"beta": beta})
    options: dict[str, Any] = {
        "objective": objective,
        "model": model,
        "settings": {**config.settings, **changed} if changed else None,
        "warmup": {**config.warmup, **_pairs("--warmup", warmup)} if warmup else None,
        "latents": latents,
        "dataset": dataset,
        "every": every,
        "steps": steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "precision": precision,
        "compile": compile,
        "seed": seed,
    }
    config = replace(config, **{name: value for name, value in options.items() if value is not None})
    limits = {"minutes": minutes, "patience": patience, "monitor": monitor, "tensorboard": tensorboard}
    if not train_run(config, run, resume="previous" if resume_previous else resume, **limits):
        return
    done = latest(run)
    step = step_of(done) if done else 0
    if step < config.steps:
        print(f"stopped at step {step:,} of {config.steps:,}; go on with: fastdis train {run} --resume")
    else:
        print(f"trained: {run}; score it with: fastdis evaluate {run}")


def _pairs(option: str, texts: list[str] | None) -> dict[str, Any]:
    """Split NAME=VALUE; the value is read as JSON or a number (nan and inf too), else taken as text."""
    pairs = {}
    for text in texts or []:
        name, separator, value = text.partition("=")
        if not (name and separator):
            raise ValueError(f"train: {option} must be NAME=VALUE, got {text!r}")
        pairs[name] = _value(value)
    return pairs


def _value(text: str) -> Any:
    for parse in (json.loads, float):
        try:
            return parse(text)
        except ValueError:
            continue
    return text


@app.command()
@_in_one_line
def evaluate(
    run: Annotated[Path | None, typer.Argument(help="Folder of a run of `fastdis train`.")] = None,
    codes: Annotated[
        Path | None,
        typer.Option(
            help="Instead of a run: an npz or HDF5 file with codes and factors, or an npy of the codes."
        ),
    ] = None,
    factors: Annotated[
        Path | None, typer.Option(help="With --codes FILE.npy: an npy of the factors.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="With --codes: a folder for metrics.json and a picture.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the sample of 10,000 images.")] = 0,
) -> None:
    """Score a trained model on every image and write the report into its folder."""
    from . import evaluation

    if (run is None) == (codes is None):
        raise ValueError("evaluate: give either the folder of a run or --codes FILE")
    if out is not None and codes is None:
        raise ValueError("evaluate: --out goes with --codes; the report on a run is written into its folder")
    if factors is not None and codes is None:
        raise ValueError("evaluate: --factors goes with --codes; a run brings its own")
    if codes is not None:
        _show(evaluation.evaluate_codes(codes, factors, folder=out, seed=seed))
    elif run is not None:
        _show(evaluation.evaluate_run(run, seed=seed))


def _show(report: "Report") -> None:
    print(report)
    if report.folder is not None:
        print(f"report: {report.folder}: {', '.join(report.files)}")


@app.command()
@_in_one_line
def posterior(
    run: Annotated[Path | None, typer.Argument(help="Folder of a run of `fastdis train`.")] = None,
    codes: Annotated[
        Path | None,
        typer.Option(help="Instead of a run: an npz or HDF5 file with arrays mean and logvar."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="With --codes: a folder for posterior.json and a picture.")
    ] = None,
    samples: Annotated[int, typer.Option(help="Samples of the posterior of each image.")] = 1,
    tolerance: Annotated[float, typer.Option(help="Largest error of a log density, in nats.")] = 1e-4,
    max_pairs: Annotated[
        float,
        typer.Option(
            help="Of a sample and an image; where more would be needed, images are drawn at random."
        ),
    ] = MAX_PAIRS,
    seed: Annotated[int, typer.Option(help="Of the samples.")] = 0,
) -> None:
    """Mutual information, total correlation and dimension-wise KL, with q(z) over all images."""
    from . import evaluation

    if (run is None) == (codes is None):
        raise ValueError("posterior: give either the folder of a run or --codes FILE")
    if out is not None and codes is None:
        raise ValueError("posterior: --out goes with --codes; that of a run is written into its folder")
    options: dict[str, Any] = {
        "samples": samples,
        "tolerance": tolerance,
        "max_pairs": max_pairs,
        "seed": seed,
    }
    if codes is not None:
        print(evaluation.decompose_codes(codes, folder=out, **options))
    elif run is not None:
        print(evaluation.decompose_run(run, **options))
    folder = out or run
    if folder is not None:
        print(f"report: {folder}: {', '.join(evaluation.posterior.FILES)}")


@app.command()
@_in_one_line
def demo(
    quick: Annotated[
        bool, typer.Option("--quick", help="On one image in 11 and with fewer steps, in under 90 seconds.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the run and the report, runs/demo unless given.")
    ] = None,
) -> None:
    """Draw dSprites, train a beta-TCVAE briefly, score all 737,280 images, write the report."""
    from .evaluation import evaluate_run
    from .training.checkpoint_file import latest
    from .training.train import train_run

    recipe, run = (QUICK, Path("runs/demo-quick")) if quick else (DEMO, Path("runs/demo"))
    run = out or run
    print(f"beta-TCVAE, {recipe.steps:,} steps; then every image{recipe.subset()} is encoded and scored")
    train_run(recipe, run, resume=latest(run) is not None)
    _show(evaluate_run(run))


@data.command()
@_in_one_line
def dsprites(
    out: Annotated[Path, typer.Option(help="The npz to write, in the layout of the official file.")],
    dataset: Annotated[
        Path | None, typer.Option(help="An official npz or HDF5 to convert; drawn anew unless given.")
    ] = None,
) -> None:
    """Write all 737,280 images of dSprites in the official layout."""
    from .data import dsprites, write_npz

    write_npz(dsprites(dataset), out)
    print(f"wrote {out}")
