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
from ..training.config_file import read_config
from ..training.run_config import RunConfig
from ..training.saved_run import SavedRun
from ..version import __version__
from .baselines import data_of_baseline, is_baseline, read_baseline
from .encode import Codes, encode

SIMULATED = 100_000  # images of a simulator that are encoded
_SIDES = (("mean", "logvar"), ("held_out_mean", "held_out_logvar"))  # in codes.npz

Data = TypeVar("Data", bound=Images | Tensor)


@dataclass(frozen=True)
class EncodedRun(Generic[Data]):
    """Hold model and data set of a run, mean and logvar of every image, and what a report says of them.

    settings: its ``config.json``.
    config: the configuration, if it is a run of `fastdis train`.
    codes: mean and logvar; logvar is None for a representation without posteriors.
    held_out: images that the run was not trained on, with their mean and logvar; None where there are none.
    """

    settings: Mapping[str, Any]
    config: RunConfig | None
    model: VAE
    data: Data
    codes: tuple[Codes, Codes | None]
    held_out: tuple[Data, tuple[Codes, Codes]] | None
    likelihood: str
    about: dict[str, Any]
    title: str


def encoded_run(
    run_dir: Path, *, model: VAE | None = None, data: Any = None, progress: bool = True
) -> EncodedRun[Any]:
    """Encode every image, or read ``codes.npz`` if the same checkpoint and data made it.

    Images that the run held out are encoded as well.

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
    config = read_config(run_dir)
    if is_baseline(config):
        if model is not None:
            raise ValueError(
                f"evaluate_run: model must be left out, {run_dir} has the codes of {config['objective']}"
            )
        return _encoded_baseline(run_dir, config, data)
    run = SavedRun.read(run_dir)
    require_writable(run_dir)
    # of a model or data given in Python the folder cannot tell whether they made the codes that it holds
    kept = model is None and data is None
    subset = run.subset() if data is None else ""
    trained, checkpoint = _loaded(run, model)
    held_out, part = [], ""
    if data is None:
        whole = run.build_data()
        data, *held_out = map(to_encode, run.sides(whole))
        part = f" ({len(data):,} of {len(whole):,} images)" if len(data) < len(whole) else ""
    digest = hashlib.sha256(checkpoint.read_bytes())
    made_by = [run.settings, len(data), _stamps(run.settings)]
    digest.update(json.dumps(made_by, sort_keys=True).encode() if kept else b"given")
    path, key = run_dir / "codes.npz", digest.hexdigest()
    codes = _kept(path, key, 1 + len(held_out)) if kept else None
    if codes is None:
        codes = [encode(trained, side, progress=progress) for side in (data, *held_out)]
        arrays: dict[str, Any] = {"key": np.array(key)}
        for names, side in zip(_SIDES, codes, strict=False):
            arrays |= zip(names, side, strict=True)
        with atomic_write(path) as file:
            np.savez(file, **arrays)
    source = getattr(data, "source", type(data).__name__)
    return EncodedRun(
        run.settings,
        run.config,
        trained,
        data,
        codes[0],
        held_out=(held_out[0], codes[1]) if held_out else None,
        likelihood=run.likelihood,
        about={
            "checkpoint": checkpoint.name,
            "data": f"{source}{subset}{part}",
            **({"held_out": f"{run.held_out}: {len(held_out[0]):,} images"} if held_out else {}),
        },
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


def _encoded_baseline(run_dir: Path, config: Mapping[str, Any], data: Any) -> EncodedRun[Any]:
    """Read a run of `baseline`, whose codes were made with it."""
    whole = to_encode(data_of_baseline(run_dir, config)) if data is None else data
    decoder, codes = read_baseline(run_dir, whole)
    every = config.get("every", 1) if data is None else 1
    subset = f" (1 image in {every})" if every > 1 else ""
    return EncodedRun(
        config,
        None,
        decoder,
        whole,
        (codes, None),
        held_out=None,
        likelihood="gaussian",
        about={"data": f"{whole.source}{subset}"},
        title=f"{config['objective']}, {codes.shape[1]} latents, {len(whole):,} images{subset}",
    )


def _stamps(settings: Mapping[str, Any]) -> list[Any]:
    """Size and time of the files that the data set is read from."""
    paths = (Path(str(settings.get(name))) for name in ("dataset", "path"))
    return [stamp(path) for path in paths if path.is_absolute() and path.exists()]


def to_encode(data: FactorData) -> FactorData:
    """Take as many images of a simulator as exact scores need, at random where it has them in order."""
    if not isinstance(data, Simulator) or len(data) <= SIMULATED:
        return data
    if not data.ordered:
        return data.subset(slice(0, SIMULATED))
    chosen = np.random.default_rng(0).choice(len(data), SIMULATED, replace=False)
    return data.subset(np.sort(chosen))


def _kept(path: Path, key: str, sides: int) -> list[tuple[Codes, Codes]] | None:
    """Read the codes of both sides, if they were made from the same checkpoint and data."""
    try:
        with np.load(path) as file:
            if str(file["key"]) == key:
                return [(file[mean], file[logvar]) for mean, logvar in _SIDES[:sides]]
    except (FileNotFoundError, BadZipFile, EOFError, KeyError, ValueError):
        pass  # absent or damaged: they are made again
    return None
