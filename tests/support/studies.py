"""Studies of tiny runs: 64 images, a linear model, a few steps."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from fastdis.studies.job import Job, perform
from fastdis.training.checkpoint_file import checkpoints


def images(folder: Path) -> str:
    """Write 64 images of three factors; the path."""
    path = folder / "mine.npz"
    if not path.exists():
        factors = np.stack(np.unravel_index(np.arange(64), (4, 4, 4)), axis=1)
        pixels = np.zeros((64, 64, 64), np.uint8)
        for image, (row, column, size) in zip(pixels, factors, strict=True):
            image[12 * row : 12 * row + 8 + 4 * size, 12 * column : 12 * column + 8] = 255
        np.savez(path, images=pixels, factors=factors)
    return str(path)


def base(folder: Path, **changed: Any) -> dict[str, Any]:
    """The settings of a tiny run."""
    settings = {"objective": "beta-vae", "dataset": images(folder), "model": "linear"}
    return settings | {"latents": 2, "steps": 3, "batch_size": 8} | changed


EVALUATE = {"metrics": ["mig"]}


def in_this_process(
    jobs: Sequence[Job], workers: int, stopped: list[int], watch: Callable[[list[str]], None]
) -> None:
    """Perform jobs one after the other, for tests of what is around them."""
    for job in jobs:
        watch([Path(job.folder).name])
        perform(job)


def trainer(run_dir: Path) -> int:
    """The process that trains in a folder, 0 if there is none."""
    with suppress(FileNotFoundError):
        found = re.match("process ([0-9]+)", (run_dir / "training.lock").read_text())
        return int(found[1]) if found else 0
    return 0


def trained_a_while(run_dir: Path) -> int:
    """The same, once there is a checkpoint."""
    return trainer(run_dir) if checkpoints(run_dir) else 0
