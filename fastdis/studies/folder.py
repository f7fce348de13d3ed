"""The folder of a study: what it says of its runs, without opening any model.

``study.json`` holds the study and its runs, each run a folder of its own as `fastdis train` makes it.
Once a run has ended, its folder holds ``outcome.json``; while a study is being run, ``progress.json`` says
which runs are.
"""

import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from .._files import atomic_write
from ..version import __version__
from .study import Study, StudyRun

STUDY, OUTCOME, PROGRESS = "study.json", "outcome.json", "progress.json"
FRESH = 30  # seconds after which progress.json is what a killed process left
State: TypeAlias = Literal["done", "failed", "running", "unfinished", "waiting"]


@dataclass(frozen=True)
class RunStatus:
    """How far one run of a study is.

    name: of its folder within the study's.
    settings: every point of the study that this run stands for, labels included.
    state: "unfinished" of one that was stopped and can be resumed, "waiting" of one that has not begun.
    step: optimisation steps done, of ``steps``; seconds: spent in them.
    error: why it failed.
    """

    name: str
    settings: tuple[dict[str, Any], ...]
    state: State
    step: int
    steps: int
    seconds: float
    error: str = ""


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file of JSON, whole or not at all."""
    with atomic_write(path) as file:
        file.write(f"{json.dumps(content, indent=1)}\n".encode())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; {} where there is no file.

    Raises:
        ValueError: the file is not a JSON object.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ValueError(f"{path} must be a JSON object ({error})") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must be a JSON object, got {json.dumps(content)[:40]}")
    return content


def write_study(folder: Path, study: Study, runs: Iterable[StudyRun]) -> None:
    """Write ``study.json``: the study, and name, settings and steps of every run."""
    listed = [{"name": run.name, "settings": run.settings, "steps": run.config.steps} for run in runs]
    write_json(folder / STUDY, {"fastdis": __version__, "study": study.to_dict(), "runs": listed})


def read_study(folder: str | Path) -> dict[str, Any]:
    """Read ``study.json``: "study" is `Study.to_dict`, "runs" a list of "name", "settings" and "steps".

    Raises:
        FileNotFoundError: the folder has none.
        ValueError: it is not what a study writes.
    """
    path = Path(folder) / STUDY
    if not path.is_file():
        raise FileNotFoundError(f"{folder} is not the folder of a study: it has no {STUDY}")
    content = read_json(path)
    if not {"study", "runs"} <= content.keys():
        raise ValueError(f"{path} must hold a study and its runs, got {', '.join(content) or 'neither'}")
    return content


def running(folder: Path) -> dict[str, Any]:
    """Read ``progress.json`` of a study that is being run now; {} of one that is not."""
    found = read_json(folder / PROGRESS)
    return found if time.time() - found.get("time", 0) < FRESH else {}


def statuses(folder: str | Path) -> list[RunStatus]:
    """List every run of a study with its state, in the study's order.

    Raises:
        FileNotFoundError, ValueError: as `read_study`.
    """
    folder = Path(folder)
    points: dict[str, list[dict[str, Any]]] = {}
    steps: dict[str, int] = {}
    for run in read_study(folder)["runs"]:
        points.setdefault(run["name"], []).append(run["settings"])
        steps[run["name"]] = run["steps"]
    now = set(running(folder).get("running", ()))
    begun = {entry.name for entry in os.scandir(folder) if entry.is_dir()}
    return [
        _status(folder / name, tuple(of_run), steps[name], name in now)
        if name in begun
        else RunStatus(name, tuple(of_run), "running" if name in now else "waiting", 0, steps[name], 0.0)
        for name, of_run in points.items()
    ]


def _status(folder: Path, settings: tuple[dict[str, Any], ...], steps: int, now: bool) -> RunStatus:
    outcome = {} if now else read_json(folder / OUTCOME)
    if outcome.get("state") == "done":
        return RunStatus(folder.name, settings, "done", steps, steps, outcome.get("seconds", 0.0))
    step, seconds = _last_line(folder / "log.jsonl")
    state: State = "running" if now else "failed" if outcome else "unfinished" if step else "waiting"
    return RunStatus(folder.name, settings, state, step, steps, seconds, outcome.get("error", ""))


def _last_line(path: Path) -> tuple[int, float]:
    """Step and seconds of the last whole line of a log, without reading the rest of it."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            lines = file.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return 0, 0.0
    if not lines:
        return 0, 0.0
    try:
        row = json.loads(lines[-1])
        return int(row["step"]), float(row["seconds"])
    except (ValueError, KeyError, TypeError):
        return 0, 0.0
