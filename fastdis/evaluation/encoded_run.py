"""Read a run from its folder, with the codes of all its images, which are kept for the next time."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar
from zipfile import BadZipFile

import numpy as np
from torch import Tensor

from .._files import atomic_write, require_writable
from ..models import VAE
from ..training.batches import Images
from ..training.checkpoint import load_weights
from ..training.run_config import RunConfig
from .encode import Codes, encode

Data = TypeVar("Data", bound=Images | Tensor)


@dataclass(frozen=True)
class EncodedRun(Generic[Data]):
    """Hold model and data set of a run, mean and logvar of every image, and what a report says of them."""

    model: VAE
    data: Data
    codes: tuple[Codes, Codes]
    likelihood: str
    about: dict[str, Any]
    title: str


def encoded_run(
    run_dir: Path, *, model: VAE | None = None, data: Any = None, progress: bool = True
) -> EncodedRun[Any]:
    """Encode every image, or read ``codes.npz`` if the same checkpoint and data made it.

    Args:
        run_dir: the folder of a run.
        model: the model whose weights the run holds, where ``config.json`` does not say how to build it.
        data: the data set to encode, where ``config.json`` does not name it, or another one.
        progress: show a progress bar on standard error.

    Raises:
        FileNotFoundError: the folder is no run's, or has no checkpoint yet.
        ValueError: model or data is neither given nor named by ``config.json``, or the checkpoint is damaged
            or of another architecture.
        OSError: the folder cannot be written.
    """
    recipe = _configuration(run_dir, [n for n, v in {"model": model, "data": data}.items() if v is None])
    require_writable(run_dir)
    # of a model or data given in Python the folder cannot tell whether they made the codes that it holds
    kept = model is None and data is None
    if recipe is not None:
        model = recipe.build_model() if model is None else model
        data = recipe.build_data() if data is None else data
    assert model is not None, "checked with the configuration"
    checkpoint = load_weights(run_dir, model)
    subset = recipe.subset() if recipe and kept else ""
    digest = hashlib.sha256(checkpoint.read_bytes())
    digest.update(f"{recipe.dataset} {recipe.every} {len(data)}".encode() if recipe and kept else b"given")
    path, key = run_dir / "codes.npz", digest.hexdigest()
    codes = _kept(path, key) if kept else None
    if codes is None:
        mean, logvar = codes = encode(model, data, progress=progress)
        with atomic_write(path) as file:
            np.savez(file, mean=mean, logvar=logvar, key=np.array(key))
    step = int(checkpoint.stem.split("-")[1])
    name = recipe.title() if recipe else type(model).__name__
    return EncodedRun(
        model,
        data,
        codes,
        likelihood=recipe.to_dict()["settings"].get("likelihood", "bernoulli") if recipe else "bernoulli",
        about={
            "checkpoint": checkpoint.name,
            "data": f"{getattr(data, 'source', type(data).__name__)}{subset}",
        },
        title=f"{name}, {step:,} steps, {len(data):,} images{subset}",
    )


def _configuration(run_dir: Path, missing: list[str]) -> RunConfig | None:
    """Read the configuration; None where the run is not one of `fastdis train` and nothing is missing."""
    path = run_dir / "config.json"
    if path.exists():
        try:
            known = "settings" in json.loads(path.read_text())
        except (ValueError, TypeError):
            known = True  # `of_run` says what is wrong with it
        if not known:
            if not missing:
                return None
            raise ValueError(
                f"{path} does not say how to build the {' and the '.join(missing)}, as that of a run of "
                "`fastdis train` does; give what is missing in Python: fastdis.evaluation.evaluate_run("
                f"{', '.join([repr(str(run_dir)), *(f'{name}=...' for name in missing)])})"
            )
    return RunConfig.of_run(run_dir)


def _kept(path: Path, key: str) -> tuple[Codes, Codes] | None:
    """Read the codes, if they were made from the same checkpoint and data."""
    try:
        with np.load(path) as file:
            if str(file["key"]) == key:
                return file["mean"], file["logvar"]
    except (FileNotFoundError, BadZipFile, EOFError, KeyError, ValueError):
        pass  # absent or damaged: they are made again
    return None
