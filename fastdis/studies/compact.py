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
DIGITS = 5  # significant ones; intervals over seeds are a hundred times wider
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
    texts: dict[str, int] = {}
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
                "config": _packed(read_json(folder / name / CONFIG), texts, short=False),
                "metrics": _packed(metrics, texts),
                **{log: _columns(folder / name / f"{log}.jsonl") for log in LOGS},
            }
    content = {"format": FORMAT, **study, "texts": list(texts), "done": runs}
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
        write_json(folder / name / CONFIG, _unpacked(run["config"], content["texts"]))
        write_json(folder / name / METRICS, _unpacked(run["metrics"], content["texts"]))
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


def _short(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() else short


def _packed(value: Any, texts: dict[str, int], *, short: bool = True) -> Any:
    """Put long texts, which are the same in every run, into a table, and round numbers."""
    if isinstance(value, dict):
        return {name: _packed(part, texts, short=short) for name, part in value.items()}
    if isinstance(value, list):
        return [_packed(part, texts, short=short) for part in value]
    if isinstance(value, str) and len(value) > 20:
        return {"text": texts.setdefault(value, len(texts))}
    return _short(value) if short else value


def _unpacked(value: Any, texts: list[str]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"text"}:
            return texts[value["text"]]
        return {name: _unpacked(part, texts) for name, part in value.items()}
    if isinstance(value, list):
        return [_unpacked(part, texts) for part in value]
    return value
