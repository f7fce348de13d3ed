"""What stays of a finished run: its weights, its checkpoints, or its log and scores alone."""

from pathlib import Path

import numpy as np

from .._files import atomic_write
from ..training.checkpoint_file import checkpoints, latest, read_file, write_file

CODES = "codes.npz"
SAMPLE = 10_000  # images of which codes stay, to compare the models of a study


def tidy(run_dir: Path, keep: str) -> None:
    """Drop what a finished run of a study need not keep.

    Args:
        run_dir: the folder of the run.
        keep: "checkpoints" keeps everything: for Burgess's model of dSprites two files of 6 MB, with
            FactorVAE's discriminator of 60, and the codes of all images. "weights" keeps the newest
            checkpoint with the model alone, 2 MB, which can be scored and drawn but not trained further, and
            the codes of 10,000 images, 0.8 MB. "nothing" keeps log, scores and configuration.

    Raises:
        OSError: a file cannot be written or removed.
    """
    if keep == "checkpoints":
        return
    if keep == "nothing":
        for path in (run_dir / CODES, *checkpoints(run_dir)):
            path.unlink(missing_ok=True)
        return
    _sample_codes(run_dir / CODES)
    newest = latest(run_dir)
    if newest is not None:
        tensors, values = read_file(newest)
        weights = {name: tensor for name, tensor in tensors.items() if name.startswith("model.")}
        # without groups of parameters `fit` refuses to go on from it: there are no states for its optimisers
        write_file(newest, None, weights, values | {"param_groups": {}, "terms": []}, keep=1)


def _sample_codes(path: Path) -> None:
    """Keep the codes of a random part of the images, the same in every run on the same images."""
    if not path.exists():
        return
    with np.load(path) as file:
        arrays = {name: file[name] for name in ("mean", "logvar") if name in file}
    count = len(arrays.get("mean", ()))
    rows = np.sort(np.random.default_rng(0).choice(count, min(SAMPLE, count), replace=False))
    with atomic_write(
        path
    ) as file:  # under a key that no checkpoint has: it is not all that an evaluation needs
        np.savez(file, key=np.array("sample"), **{name: array[rows] for name, array in arrays.items()})
