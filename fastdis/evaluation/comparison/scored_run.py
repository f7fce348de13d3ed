"""Read a run's folder for comparisons: its settings and its numbers, without its model."""

import glob
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...training.config_file import read_config
from ..numbers import Number
from .run_settings import flat_settings

_STEP = re.compile(r"checkpoint-(\d+)")


@dataclass(frozen=True)
class ScoredRun:
    """Hold what a run's folder says of it.

    folder: where it lies.
    settings: what was trained and how, without the seed; see `flat_settings`.
    seed: that of the run; None where ``config.json`` has none.
    steps: how many were asked for. step: how many were done when it was scored, or by its log.
    data: what was scored, or else what was trained on.
    images: how many were scored.
    numbers: the numbers of ``metrics.json`` by name; empty without that file. Of two by one name, the one
        over 10,000 images is called ``mig (10,000)``, and one of images that were not trained on ``mig (held
        out)``.
    """

    folder: Path
    settings: dict[str, Any]
    seed: int | None
    steps: int | None
    step: int | None
    data: str
    images: int | None
    numbers: dict[str, Number]

    @classmethod
    def read(cls, folder: Path) -> "ScoredRun":
        """Read ``config.json``, ``metrics.json`` and how far the log goes.

        Raises:
            FileNotFoundError: the folder has no ``config.json``.
            ValueError: a file is not what a run writes.
        """
        config = read_config(folder)
        content = _metrics(folder / "metrics.json")
        steps = config.get("steps")
        described = config.get("data")
        source = described.get("source") or described.get("type") if isinstance(described, dict) else None
        scored = _STEP.match(str(content.get("checkpoint")))
        return cls(
            folder,
            flat_settings(config),
            seed=config.get("seed"),
            steps=steps if isinstance(steps, int) else None,
            step=int(scored[1]) if scored else _last_step(folder / "log.jsonl"),
            data=str(content.get("data") or source or config.get("dataset") or "unknown data"),
            images=content.get("images"),
            numbers=_by_name(content.get("numbers", [])),
        )

    @property
    def finished(self) -> bool:
        """Whether all steps that were asked for are done."""
        return self.step is not None and (self.steps is None or self.step >= self.steps)

    def score(self, name: str) -> float | None:
        """Return a number, None where there is none."""
        value = self.numbers.get(name, {}).get("score")
        return None if value is None else float(value)


def run_folders(runs: str | Path | Iterable[str | Path]) -> list[Path]:
    """Return the folders of runs, each once; a path with ``*``, ``?`` or ``[`` stands for all that fit it.

    Raises:
        TypeError: runs are not paths.
        ValueError: there is none.
        FileNotFoundError: nothing fits a path.
    """
    given = [runs] if isinstance(runs, str | Path) else list(runs)
    found: dict[Path, Path] = {}
    for run in given:
        if not isinstance(run, str | Path):
            raise TypeError(f"compare: runs must be paths, got {type(run).__name__}")
        paths = [Path(run)] if Path(run).exists() else sorted(map(Path, glob.glob(str(run))))
        if not paths:
            raise FileNotFoundError(f"compare: runs must be folders of runs, nothing is at {run}")
        for path in paths:
            if path.is_dir():  # beside the runs that a glob finds there may be files
                found.setdefault(path.resolve(), path)
    if not found:
        raise ValueError(f"compare: runs must hold at least 1 folder, got {', '.join(map(str, given))}")
    return list(found.values())


def _metrics(path: Path) -> dict[str, Any]:
    """Read ``metrics.json``; an empty dictionary where there is none.

    Raises:
        ValueError: it is not a JSON object with a list of numbers.
    """
    if not path.exists():
        return {}
    try:
        content: Any = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} must be a JSON object ({error})") from error
    metrics: dict[str, Any] = content if isinstance(content, dict) else {}
    numbers = metrics.get("numbers")
    if not isinstance(numbers, list) or not all(_is_a_number(number) for number in numbers):
        raise ValueError(f"{path} must hold a list of numbers, each with a name and a score")
    return metrics


def _is_a_number(number: object) -> bool:
    score = number.get("score") if isinstance(number, dict) else False
    known = score is None or (isinstance(score, int | float) and not isinstance(score, bool))
    return known and isinstance(number, dict) and isinstance(number.get("name"), str)


def _by_name(numbers: Iterable[Number]) -> dict[str, Number]:
    return dict(_named(numbers))


def _named(numbers: Iterable[Number]) -> Iterator[tuple[str, Number]]:
    seen: set[tuple[str, str]] = set()
    for number in numbers:
        name, part, samples = number["name"], number.get("part") or "", number.get("samples")
        again = (name, part) in seen and isinstance(samples, int)
        words = ", ".join(filter(None, [part, f"{samples:,}" if again else ""]))
        yield (f"{name} ({words})" if words else name), number
        seen.add((name, part))


def _last_step(path: Path) -> int | None:
    """Read the step of the last whole line of a log, without reading all of it."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 8192))
        lines = file.read().split(b"\n")[:-1]  # what follows the last line end was cut short
    for line in reversed(lines):
        try:
            return int(json.loads(line)["step"])
        except (ValueError, KeyError, TypeError):
            continue
    return None
