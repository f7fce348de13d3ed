"""All that a study has measured, in one small file: scores and logs, never weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._files import atomic_write
from ..metrics.udr import UDRResult
from ..training.config_file import NAME as CONFIG
from ..training.log import read_log
from .folder import OUTCOME, STUDY, read_json, read_study, write_json
from .report import read_models
from .report.udr import udr_of

FORMAT = 1
ROWS = 20  # of each log, at most: the first, the last and what lies evenly between
DIGITS = 5  # significant ones of scores; intervals over seeds are a hundred times wider
MOST = 60  # numbers in a part, such as the information of ten codes on six factors; larger ones are left out
DIGITS_OF_PARTS = 3  # of what scores are made of, in lists
LOGS = ("log", "kl_per_latent", "scores")
METRICS = "metrics.json"


def export(folder: str | Path, path: str | Path) -> int:
    """Write the study of a folder with configuration, scores and thinned logs of every finished run.

    A hundred runs take less than a megabyte. `restore` makes a folder of it again.

    Returns:
        How many runs the file holds.

    Raises:
        FileNotFoundError, ValueError: the folder is not that of a study.
        OSError: the file cannot be written.
    """
    folder = Path(folder)
    study = read_study(folder)
    shared: dict[str, int] = {}
    runs: dict[str, Any] = {}
    similarities = _udr(folder)
    for name in dict.fromkeys(run["name"] for run in study["runs"]):
        outcome = read_json(folder / name / OUTCOME)
        if outcome.get("state") == "done":
            metrics = read_json(folder / name / METRICS)
            if name in similarities:
                metrics["numbers"] = [*metrics["numbers"], similarities[name]]
            runs[name] = {
                "outcome": outcome,
                "config": _config(read_json(folder / name / CONFIG), shared),
                "metrics": _packed(metrics, shared),
                **{log: _columns(folder / name / f"{log}.jsonl") for log in LOGS},
            }
    content = {"format": FORMAT, **study, "shared": list(shared), "done": runs}
    with atomic_write(Path(path)) as file:
        file.write(json.dumps(content, separators=(",", ":")).encode() + b"\n")
    return len(runs)


def restore(path: str | Path, folder: str | Path, *, only: set[str] | None = None) -> int:
    """Write the runs of a file of `export` into a folder, as runs without weights, where it has none yet.

    Args:
        path: the file.
        folder: where the runs go. ``study.json`` is written too unless ``only`` is given.
        only: the names of the runs to write; None for all.

    Returns:
        How many were written.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it was not written by `export`.
        OSError: the folder cannot be written.
    """
    folder, content, written = Path(folder), exported(path), 0
    for name, run in content["done"].items():
        if (only is not None and name not in only) or (folder / name / OUTCOME).exists():
            continue
        for log in LOGS:
            rows = _rows(run[log])
            if not rows:
                continue
            with atomic_write(folder / name / f"{log}.jsonl") as file:
                file.write("".join(f"{json.dumps(row)}\n" for row in rows).encode())
        write_json(folder / name / CONFIG, _whole_config(run["config"], content["shared"]))
        write_json(folder / name / METRICS, _unpacked(run["metrics"], content["shared"]))
        write_json(folder / name / OUTCOME, run["outcome"])
        written += 1
    if only is None:
        write_json(folder / STUDY, {name: content[name] for name in ("fastdis", "study", "runs")})
    return written


def _udr(folder: Path) -> dict[str, dict[str, Any]]:
    """The one score that needs codes, which the file does not hold: UDR among the seeds of each setting."""
    try:
        models = read_models(folder)
    except (FileNotFoundError, ValueError):  # no run has scores yet
        return {}
    return {
        model.run.folder.name: {"name": "udr", "score": float(value), "definition": UDRResult.definition}
        for model, value in zip(models.models, udr_of(models), strict=True)
        if np.isfinite(value) and "udr" not in model.run.numbers
    }


def exported(path: str | Path) -> dict[str, Any]:
    """Read a file of `export`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it was not written by `export`.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"study: there is no file {path}")
    content = read_json(path)
    if content.get("format") != FORMAT or not isinstance(content.get("done"), dict):
        raise ValueError(f"study: {path} must be a file of `fastdis study export`")
    return content


def _columns(path: Path) -> dict[str, list[float]]:
    """The log as columns of so many rows at most, the last among them."""
    rows = read_log(path)
    count = min(ROWS, len(rows))
    kept = sorted({round(part * (len(rows) - 1) / max(1, count - 1)) for part in range(count)})
    chosen = [rows[row] for row in kept]
    return {name: [_short(row.get(name)) for row in chosen] for name in (chosen[-1] if chosen else {})}


def _rows(columns: Mapping[str, list[float]]) -> list[dict[str, float]]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _short(value: Any, digits: int = DIGITS) -> Any:
    if not isinstance(value, float):
        return value
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() else short


def _packed(metrics: Mapping[str, Any], shared: dict[str, int]) -> dict[str, Any]:
    """Round what varies between runs and put what does not, such as definitions, into a table.

    The same in all runs is what holds no fractions: names, definitions, numbers of images.
    """
    numbers = []
    for number in metrics.get("numbers", []):
        alike = {name: value for name, value in number.items() if not _fractional(value)}
        own = {
            name: _rounded(value)
            for name, value in number.items()
            if name not in alike and _count(value) <= MOST
        }
        numbers.append([shared.setdefault(json.dumps(alike), len(shared)), own])
    about = {name: value for name, value in metrics.items() if name != "numbers"}
    return {"about": shared.setdefault(json.dumps(about), len(shared)), "numbers": numbers}


def _count(value: Any) -> int:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 1 if parts is None else sum(map(_count, parts))


def _config(config: Mapping[str, Any], shared: dict[str, int]) -> list[Any]:
    """What a configuration has in common with those of other runs goes into the table."""
    own = {name: config[name] for name in ("seed", "settings", "objective") if name in config}
    alike = {name: None if name in own else value for name, value in config.items()}
    return [shared.setdefault(json.dumps(alike), len(shared)), own]


def _whole_config(packed: list[Any], shared: list[str]) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(shared[packed[0]]) | packed[1]
    return config


def _unpacked(packed: Mapping[str, Any], shared: list[str]) -> dict[str, Any]:
    metrics: dict[str, Any] = json.loads(shared[packed["about"]])
    return metrics | {"numbers": [json.loads(shared[alike]) | own for alike, own in packed["numbers"]]}


def _fractional(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_fractional, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float)


def _rounded(value: Any, digits: int = DIGITS) -> Any:
    """Scores to five digits; what they are made of, in lists, to three."""
    if isinstance(value, dict):
        return {name: _rounded(part, digits) for name, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part, DIGITS_OF_PARTS) for part in value]
    return _short(value, digits)
