"""The state of a study as a table for the terminal."""

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .folder import RunStatus, read_study, running, statuses
from .run import summary

WAITING = ("waiting", "done")  # states that the summary counts and the table leaves out


def status_table(folder: str | Path) -> RenderableType:
    """Show how far a study is: its counts, what is running, what failed and why, and the time left.

    Raises:
        FileNotFoundError, ValueError: the folder is not that of a study.
    """
    folder = Path(folder)
    found, now = statuses(folder), running(folder)
    title = read_study(folder)["study"].get("title") or folder.name
    lines = [f"{title}: {summary(found)}"]
    if now:
        lines.append(_pace(found, now["began"], now["steps_before"]))
    elif any(run.state != "done" for run in found):
        lines.append("not running; go on with: fastdis study run")
    rows = [run for run in found if run.state not in WAITING]
    return Group(*map(Text, lines), *([_table(rows)] if rows else []))


def _pace(found: Sequence[RunStatus], began: float, before: int) -> str:
    """Steps a second since the study was started, and how long the rest takes at that rate."""
    done, total = sum(run.step for run in found), sum(run.steps for run in found)
    rate = (done - before) / max(1e-9, time.time() - began)
    line = f"{done:,} of {total:,} steps, {rate:.3g} steps/s"
    return f"{line}, {_hours((total - done) / rate)} left" if rate > 0 else line


def _hours(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def _table(rows: Sequence[RunStatus]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("state", "steps", "steps/s", "run"):
        table.add_column(name, justify="right" if name.startswith("steps") else "left", overflow="fold")
    for run in rows:
        rate = f"{run.step / run.seconds:.3g}" if run.seconds else ""
        name = f"{run.name}\n{run.error}" if run.error else run.name
        table.add_row(run.state, f"{run.step:,} / {run.steps:,}", rate, Text(name))
    return table
