"""Runs of a few steps of a tiny model, and what their folders hold."""

from pathlib import Path
from typing import Any

from torch import nn

from fastdis.losses import BetaVAE
from fastdis.training import fit
from support.small_training import bars, small_vae

SETTINGS = {"batch_size": 8, "log_every": 3, "progress": False}


def run(folder: Path | None, steps: int = 4, **changed: Any) -> tuple[nn.Module, list[dict[str, float]]]:
    """Train a tiny model on 64 images: the model and the log."""
    settings = SETTINGS | {"run_dir": folder, "steps": steps} | changed
    model = settings.pop("model", None) or small_vae()
    objective = settings.pop("objective", None) or BetaVAE()
    data = settings.pop("data", None)
    return model, fit(model, objective, bars() if data is None else data, **settings)


def contents(folder: Path) -> dict[str, bytes] | None:
    """The bytes of every file, None if there is no folder."""
    if not folder.exists():
        return None
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def without_seconds(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]
