"""Run the command line, ``fastdis train | evaluate | compare | ...``: a file for each command."""

import warnings
from typing import Annotated

import typer

from ..version import __version__
from . import baseline, compare, data, demo, evaluate, posterior, study, train
from ._options import PLAIN, help_unless_given
from ._run import run

app = typer.Typer(help="Train and score disentangled representations.", **PLAIN)
app.command()(train.train)
app.command()(baseline.baseline)
app.command()(evaluate.evaluate)
app.command()(compare.compare)
app.command()(posterior.posterior)
app.command()(demo.demo)
app.add_typer(data.app, name="data")
app.add_typer(study.app, name="study")


def main() -> None:
    """Run the command line: what the user can correct is one line on standard error and exit status 2."""
    warnings.formatwarning = lambda message, *_: f"fastdis: {message}\n"
    run(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"fastdis {__version__}")
        raise typer.Exit


@app.callback()
def _fastdis(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    help_unless_given(context)
