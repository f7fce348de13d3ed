"""A run of ``fastdis train`` with the codes of all its images, which are kept for the next time."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from .._files import atomic_write
from ..data import FactorDataset
from ..models import VAE
from ..training.checkpoint import load_weights
from ..training.checkpoint_file import step_of
from ..training.run_config import RunConfig
from .encode import Codes, encode


@dataclass(frozen=True)
class EncodedRun:
    """Model and data set of a run, mean and logvar of every image, and what to say of them."""

    model: VAE
    data: FactorDataset
    codes: tuple[Codes, Codes]
    about: dict[str, Any]
    title: str

    @classmethod
    def of(cls, run_dir: Path, *, progress: bool = True) -> "EncodedRun":
        """Encode every image, or read ``codes.npz`` if the same checkpoint and data made it.

        Raises:
            FileNotFoundError: the folder is no run's, or has no checkpoint yet.
            ValueError: the checkpoint is damaged or of another architecture, or the model is not known.
            OSError: ``codes.npz`` cannot be written.
        """
        recipe = RunConfig.of_run(run_dir)
        model = recipe.build_model()
        checkpoint = load_weights(run_dir, model)
        data = recipe.build_data()
        digest = hashlib.sha256(checkpoint.read_bytes())
        digest.update(f"{recipe.dataset} {recipe.every} {len(data)}".encode())
        path, key = run_dir / "codes.npz", digest.hexdigest()
        codes = _kept(path, key)
        if codes is None:
            mean, logvar = codes = encode(model, data, progress=progress)
            with atomic_write(path) as file:
                np.savez(file, mean=mean, logvar=logvar, key=np.array(key))
        return cls(
            model,
            data,
            codes,
            about={"checkpoint": checkpoint.name, "data": f"{data.source}{recipe.subset()}"},
            title=f"{recipe.title()}, {step_of(checkpoint):,} steps, {len(data):,} images{recipe.subset()}",
        )


def _kept(path: Path, key: str) -> tuple[Codes, Codes] | None:
    """The codes, if they were made from the same checkpoint and data."""
    try:
        with np.load(path) as file:
            if str(file["key"]) == key:
                return file["mean"], file["logvar"]
    except (FileNotFoundError, BadZipFile, EOFError, KeyError, ValueError):
        pass  # absent or damaged: they are made anew
    return None
