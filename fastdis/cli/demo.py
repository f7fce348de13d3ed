"""Train and score a model in minutes: ``fastdis demo``."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from .._files import require_writable
from ..training.run_config import RunConfig
from ._report import show
from ._run import in_one_line

DEMO = RunConfig(steps=3000, learning_rate=1e-3)
QUICK = replace(DEMO, every=11, steps=500)


@in_one_line
def demo(
    quick: Annotated[
        bool, typer.Option("--quick", help="Use one image in 11 and fewer steps: one to two minutes.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the run and the report [default: runs/demo or runs/demo-quick]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Train and score a small model in minutes.

    Render the images of dSprites, train a beta-TCVAE briefly, score all 737,280 images and write the report.
    """
    config, run = (QUICK, Path("runs/demo-quick")) if quick else (DEMO, Path("runs/demo"))
    run = out or run
    require_writable(run)

    from ..evaluation import evaluate_run
    from ..training.checkpoint_file import latest
    from ..training.train import train_run

    print(f"beta-TCVAE, {config.steps:,} steps; then every image{config.subset()} is encoded and scored")
    print("Ctrl-C stops, and the same command goes on")
    train_run(config, run, resume=latest(run) is not None)
    show(evaluate_run(run))
