"""Read a run from its folder, with the codes of all its images, which are kept for the next time."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar
from zipfile import BadZipFile

import numpy as np
from torch import Tensor

from .._files import atomic_write, require_writable
from ..data import Simulator
from ..data.cached import stamp
from ..data.protocols import FactorData, Images
from ..models import VAE
from ..training.checkpoint_file import step_of
from ..training.saved_run import SavedRun
from ..version import __version__
from .encode import Codes, encode

SIMULATED = 100_000  # images of a simulator that are encoded

Data = TypeVar("Data", bound=Images | Tensor)


@dataclass(frozen=True)
class EncodedRun(Generic[Data]):
    """Hold model and data set of a run, mean and logvar of every image, and what a report says of them."""

    saved: SavedRun
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
    run = SavedRun.read(run_dir)
    require_writable(run_dir)
    # of a model or data given in Python the folder cannot tell whether they made the codes that it holds
    kept = model is None and data is None
    subset = run.subset() if data is None else ""
    trained, checkpoint = _loaded(run, model)
    if data is None:
        whole = run.build_data()
        data = _part(whole)
        subset += f" ({len(data):,} of {len(whole):,} images)" if len(data) < len(whole) else ""
    digest = hashlib.sha256(checkpoint.read_bytes())
    made_by = [run.settings, len(data), _stamps(run.settings)]
    digest.update(json.dumps(made_by, sort_keys=True).encode() if kept else b"given")
    path, key = run_dir / "codes.npz", digest.hexdigest()
    codes = _kept(path, key) if kept else None
    if codes is None:
        mean, logvar = codes = encode(trained, data, progress=progress)
        with atomic_write(path) as file:
            np.savez(file, mean=mean, logvar=logvar, key=np.array(key))
    source = getattr(data, "source", type(data).__name__)
    return EncodedRun(
        run,
        trained,
        data,
        codes,
        likelihood=run.likelihood,
        about={"checkpoint": checkpoint.name, "data": f"{source}{subset}"},
        title=f"{run.title()}, {step_of(checkpoint):,} steps, {len(data):,} images{subset}",
    )


def _loaded(run: SavedRun, model: VAE | None) -> tuple[VAE, Path]:
    """Load the newest weights; where that fails, say whether another version wrote them."""
    try:
        return run.load_model(model)
    except ValueError as error:
        version = run.settings.get("fastdis", __version__)
        if version == __version__:
            raise
        raise ValueError(
            f"{error} (the run was written by fastdis {version}, and this is {__version__})"
        ) from error


def _stamps(settings: Mapping[str, Any]) -> list[Any]:
    """Size and time of the files that the data set is read from."""
    paths = (Path(str(settings.get(name))) for name in ("dataset", "path"))
    return [stamp(path) for path in paths if path.is_absolute() and path.exists()]


def _part(data: FactorData) -> FactorData:
    """Of a simulator so many images that scores are exact enough, drawn at random where they are in order."""
    if not isinstance(data, Simulator) or len(data) <= SIMULATED:
        return data
    if not data.ordered:
        return data.subset(slice(0, SIMULATED))
    chosen = np.random.default_rng(0).choice(len(data), SIMULATED, replace=False)
    return data.subset(np.sort(chosen))


def _kept(path: Path, key: str) -> tuple[Codes, Codes] | None:
    """Read the codes, if they were made from the same checkpoint and data."""
    try:
        with np.load(path) as file:
            if str(file["key"]) == key:
                return file["mean"], file["logvar"]
    except (FileNotFoundError, BadZipFile, EOFError, KeyError, ValueError):
        pass  # absent or damaged: they are made again
    return None
