"""The folder of a run: whether it may be begun or gone on with, and ``config.json``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._files import atomic_write
from .checkpoint import latest
from .distributed import rank

_MAY_CHANGE = ("fastdis", "steps")


def open_run(folder: Path | None, settings: dict[str, Any], resume: bool) -> Path | None:
    """Write ``config.json``; the checkpoint to go on from, if any.

    Raises:
        ValueError: the folder holds a run and resume is false, or that run had other settings.
        FileNotFoundError: resume is true and there is no checkpoint.
    """
    if folder is None:
        if resume:
            raise ValueError("fit: run_dir must be given where resume is true, got None")
        return None
    checkpoint = latest(folder)
    if resume and checkpoint is None:
        raise FileNotFoundError(f"fit: run_dir must hold a checkpoint to resume from, {folder} has none")
    if checkpoint is not None:
        if not resume:
            raise ValueError(
                f"fit: run_dir must be new unless the run is resumed, {folder} holds {checkpoint.name}"
            )
        _require_same(folder / "config.json", json.loads(json.dumps(settings)))
    if rank() == 0:
        with atomic_write(folder / "config.json") as file:
            file.write(f"{json.dumps(settings, indent=2)}\n".encode())
    return checkpoint


def _require_same(path: Path, settings: dict[str, Any]) -> None:
    before, now = _flat(json.loads(path.read_text())), _flat(settings)
    changed = [
        f"{name} was {before.get(name)!r}, got {now.get(name)!r}"
        for name in before | now
        if name not in _MAY_CHANGE and before.get(name) != now.get(name)
    ]
    if changed:
        raise ValueError(f"fit: a resumed run must keep the settings of {path}: {'; '.join(changed)}")


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings within settings by their own names: ``settings.beta``."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": item for key, item in _flat(value).items()}
        else:
            flat[name] = value
    return flat
