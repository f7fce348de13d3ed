"""Run a study, many runs from one file: ``fastdis study run | status | report | export | list``."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from ._options import PLAIN, help_unless_given
from ._report import show_files
from ._run import in_one_line

app = typer.Typer(help="Train and score many models that one file describes.", **PLAIN)

Folder = Annotated[Path, typer.Argument(help="Folder of a study.")]
Name = Annotated[str, typer.Argument(metavar="STUDY", help="A TOML file, or a name that `list` shows.")]


@app.callback()
def _study(context: typer.Context) -> None:
    help_unless_given(context)


@app.command("run")
@in_one_line
def run(
    study: Name,
    out: Annotated[Path | None, typer.Option(help="Folder for the runs; may exist, to go on.")] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check every run, count them and their steps, time a few of these."),
    ] = False,
    workers: Annotated[
        int | None, typer.Option(help="Runs at a time [default: one a core; four a GPU]", show_default=False)
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads of each [default: the cores, shared out]", show_default=False)
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Run on a Ray cluster; `local` starts one on this machine."),
    ] = None,
    known: Annotated[
        Path | None,
        typer.Option(help="A file of `export`: the runs that it holds are not trained again."),
    ] = None,
) -> None:
    """Train and score what is missing of a study. Ctrl-C leaves checkpoints; the same command continues."""
    from .. import studies
    from ..studies.estimate import estimate
    from ..studies.preflight import check_runs
    from ..studies.run import shares, summary

    chosen = studies.find(study)
    if dry_run:
        runs = chosen.runs()
        check_runs(runs, chosen.evaluate)
        at_once, of_each = shares(workers, threads)
        print(estimate(runs, out, workers=at_once, threads=of_each))
        print(f"{at_once} at a time, of {of_each} threads each")
        return
    if out is None:
        raise ValueError("study: give --out, the folder for the runs")
    found = studies.run_study(chosen, out, workers=workers, threads=threads, ray=ray, known=known)
    print(f"{summary(found)}: {out}; see them with: fastdis study report {out}")
    failed = [each for each in found if each.state == "failed"]
    for each in failed:
        print(f"fastdis: {each.name}: {each.error}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)


@app.command("status")
@in_one_line
def status(folder: Folder) -> None:
    """Show how far a study has got. On a terminal the table is live for as long as the study runs."""
    from rich.console import Console
    from rich.live import Live

    from ..studies.folder import running
    from ..studies.table import status_table

    console = Console()
    if not (console.is_terminal and running(folder)):
        console.print(status_table(folder))
        return
    with Live(status_table(folder), console=console, auto_refresh=False) as live:
        while running(folder):
            time.sleep(1)
            live.update(status_table(folder), refresh=True)


@app.command("list")
@in_one_line
def list_studies() -> None:
    """List the studies that come with the package."""
    from .. import studies

    for name in studies.names():
        print(f"{name:32} {studies.find(name).title}")


@app.command("export")
@in_one_line
def export(folder: Folder, file: Annotated[Path, typer.Argument(help="The JSON file to write.")]) -> None:
    """Write scores and logs of all finished runs into one small file, without weights."""
    from ..studies.compact import export as write

    print(f"wrote {write(folder, file)} runs, {file.stat().st_size / 1000:,.0f} kB: {file}")


@app.command("report")
@in_one_line
def report(
    study: Annotated[Path, typer.Argument(help="Folder of a study or of runs, or a file of `export`.")],
    out: Annotated[
        Path | None, typer.Option(help="With a file: a new folder for its runs and the report.")
    ] = None,
) -> None:
    """Write tables, figures and the page study.html about all runs of a study."""
    from ..studies import study_report
    from ..studies.compact import restore

    folder = study
    if study.is_file():
        if out is None:
            raise ValueError(f"study report: give --out, a folder for the runs of {study}")
        restore(study, out)
        folder = out
    elif out is not None:
        raise ValueError("study report: --out goes with a file; the report on a folder is written into it")
    show_files(folder, study_report(folder))
