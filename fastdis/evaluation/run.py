"""The report on a run of ``fastdis train``, from its folder alone; codes are kept for the next time."""

import hashlib
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ..data.atomic import atomic_write
from ..training.checkpoint import load_weights
from ..training.recipe import Recipe
from .encode import Codes, encode
from .report import Report, evaluate


def evaluate_run(run_dir: str | Path, *, seed: int = 0, progress: bool = True) -> Report:
    """Score the newest checkpoint of a run on its data set and write the report into the run's folder.

    Besides what `evaluate` writes the folder gets ``codes.npz``, mean and logvar of every image; they are
    read from there when the same checkpoint is evaluated again.

    Args:
        run_dir: the folder of a run that `fastdis train` made.
        seed: of the sample of 10,000 images.
        progress: show a progress bar on standard error.

    Raises:
        FileNotFoundError: the folder is no run's, or has no checkpoint yet.
        ValueError: the checkpoint is damaged or of another architecture, or the model is not known.
        OSError: a file cannot be written.
    """
    run_dir = Path(run_dir)
    recipe = Recipe.of_run(run_dir)
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
    step = int(checkpoint.stem.split("-")[1])
    beta = "" if recipe.beta is None else f" β = {recipe.beta:g},"
    return evaluate(
        model,
        data,
        run_dir,
        codes=codes,
        seed=seed,
        about={"checkpoint": checkpoint.name, "data": f"{data.source}{recipe.subset()}"},
        title=f"{recipe.objective},{beta} {step:,} steps, {len(data):,} images{recipe.subset()}",
        progress=progress,
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
