"""Classical representations as runs: PCA, ICA, sparse coding, k-means and NMF of the pixels.

Each learns from minibatches, so that a data set of any size will do, and gives an image x the code z from
which it is decoded linearly, x = z A + b. A run folder holds the codes of all images and the decoder; the
report on it leaves out what needs posteriors.
"""

import io
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .. import _checks
from .._arrays import named_arrays
from .._files import require_writable, write_together
from .._progress import progress_bar
from ..data import open_data
from ..data.protocols import FactorData
from ..models import VAE
from ..training.config_file import NAME, as_json
from ..version import __version__
from .classical import METHODS, Matrix
from .pictures import require_factors

_BATCHES = 100  # that a method learns from at least, by going through few images more than once


def baseline(
    method: str,
    data: FactorData,
    run_dir: str | Path,
    *,
    latents: int = 10,
    batch_size: int = 256,
    seed: int = 0,
    config: dict[str, Any] | None = None,
    progress: bool = True,
) -> Path:
    """Learn a classical representation of images, and write it with the codes of all images as a run.

    `evaluate_run` and `fastdis compare` then read the folder as that of any run. The methods, by the
    estimators of scikit-learn that learn them:

    - "pca": principal components (``IncrementalPCA``), z = (x - mean) V, most variance first.
    - "ica": independent components (``FastICA``, Hyvärinen & Oja 2000) of the principal components, whitened.
    - "sparse-coding": a dictionary of atoms of norm 1 (``MiniBatchDictionaryLearning``, Mairal et al. 2009);
      z minimises 1/2 |x - z A|^2 + |z|_1.
    - "k-means": z has a 1 for the nearest of the centres (``MiniBatchKMeans``), else 0.
    - "nmf": non-negative parts (``MiniBatchNMF``, Lee & Seung 1999) of norm 1, z and A at least 0.

    Args:
        method: one of those names.
        data: images and, where they are known, their factors, as the data sets of `fastdis.data`.
        run_dir: the folder of the run, which must not hold one yet; made if need be.
        latents: the width of the codes: components, atoms or centres.
        batch_size: images that are held as floats at a time, at least ``latents``.
        seed: seeds the order of the images and where a method begins.
        config: what ``config.json`` shall say besides, such as where the data came from.
        progress: show a progress bar on standard error.

    Returns:
        The folder. It holds ``config.json``, ``codes.npz`` (``mean``, the codes) and ``decoder.npz``
        (``components``, ``offset``).

    Raises:
        TypeError: data lacks images or factors, or a number is of the wrong type.
        ValueError: the method is unknown, run_dir holds a run, or a number is out of range.
        OSError: the folder cannot be written.

    Example:
        >>> import tempfile, fastdis
        >>> data = fastdis.data.dsprites().subset(slice(0, None, 4000))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = baseline("pca", data, folder, latents=3, progress=False)
        ...     sorted(path.name for path in run.iterdir())
        ['codes.npz', 'config.json', 'decoder.npz']
    """
    _checks.choice("baseline", "method", method, METHODS)
    require_factors("baseline", data)
    pixels = math.prod(data.image_shape)
    latents = _checks.integer("baseline", "latents", latents, high=min(len(data), pixels))
    batch_size = _checks.integer("baseline", "batch_size", batch_size, low=latents)
    seed = _checks.seed("baseline", seed)
    folder = Path(run_dir)
    if (folder / NAME).exists():
        raise ValueError(f"baseline: run_dir must be new, {folder} holds the {NAME} of a run")
    require_writable(folder)
    rng = np.random.default_rng(seed)

    def batches(once: bool = False) -> Iterator[Matrix]:
        times = 1 if once else math.ceil(_BATCHES * batch_size / len(data))
        done = 0
        with progress_bar("learning", times * len(data), "images", shown=progress) as update:
            for _ in range(times):
                order = rng.permutation(len(data))
                for part in np.array_split(order, max(1, len(data) // batch_size)):
                    yield _flat(data, part)
                    done += len(part)
                    update(done, "")

    learned = METHODS[method](batches, latents, seed)
    codes = np.empty((len(data), latents), np.float32)
    with progress_bar("encoding", len(data), "images", shown=progress) as update:
        for start in range(0, len(data), batch_size):
            rows = np.arange(start, min(start + batch_size, len(data)))
            codes[rows] = learned.encode(_flat(data, rows))
            update(int(rows[-1]) + 1, "")
    settings = {
        "fastdis": __version__,
        "objective": method,
        "likelihood": "gaussian",
        "latents": latents,
        "batch_size": batch_size,
        "seed": seed,
        "data": {"type": type(data).__name__, "source": data.source, "images": len(data)},
    }
    contents = {
        NAME: as_json(settings | (config or {})).encode(),
        "codes.npz": _npz(mean=codes),
        "decoder.npz": _npz(
            components=learned.components.astype(np.float32), offset=learned.offset.astype(np.float32)
        ),
    }
    write_together(folder, contents)
    return folder


def is_baseline(config: Mapping[str, Any]) -> bool:
    """Tell from its ``config.json`` whether a run is one of `baseline`."""
    return config.get("objective") in METHODS


def data_of_baseline(folder: Path, config: Mapping[str, Any]) -> FactorData:
    """Open the data set that ``config.json`` names, as `fastdis baseline` writes it.

    Raises:
        ValueError: it names none, or the data set cannot be read.
        FileNotFoundError: the file of the data set is not there.
    """
    if "dataset" not in config:
        raise ValueError(
            f"{folder / NAME} does not say how its data set can be read; give the data: "
            "evaluate_run(run_dir, data=...)"
        )
    return open_every(config["dataset"], config["path"], config["every"], config["settings"])


def open_every(dataset: str, path: str | None, every: int, settings: Mapping[str, Any]) -> FactorData:
    """Open a data set by its name or file, and take one image in ``every`` of it.

    Raises:
        TypeError, ValueError, FileNotFoundError: as for `fastdis.data.open_data`.
    """
    data = open_data(dataset, path, **settings)
    every = _checks.integer("baseline", "every", every, high=len(data))
    return data if every == 1 else data.subset(np.arange(0, len(data), every))


def read_baseline(folder: Path, data: FactorData) -> tuple[VAE, Matrix]:
    """Read the decoder of a baseline, as a model that decodes alone, and the codes of all images of its data.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged, or holds the codes of another number of images.
    """
    (codes,) = named_arrays(folder / "codes.npz", "mean")
    components, offset = named_arrays(folder / "decoder.npz", "components", "offset")
    pixels = math.prod(data.image_shape)
    if codes.ndim != 2 or len(codes) != len(data):
        raise ValueError(
            f"{folder / 'codes.npz'} must hold the codes of the {len(data):,} images of the data, got shape "
            f"{codes.shape}; make the baseline again"
        )
    if components.shape != (codes.shape[1], pixels) or offset.shape != (pixels,):
        raise ValueError(
            f"{folder / 'decoder.npz'} must decode {codes.shape[1]} latents to {pixels} pixels, got "
            f"components of shape {components.shape}"
        )
    decoder = LinearDecoder(torch.from_numpy(components), torch.from_numpy(offset), data.image_shape)
    return VAE(nn.Identity(), decoder), codes.astype(np.float32)


class LinearDecoder(nn.Module):
    """Decode x = z A + b.

    Shape:
        z (batch, latents) -> images (batch, channels, height, width).
    """

    components: Tensor
    offset: Tensor

    def __init__(self, components: Tensor, offset: Tensor, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.register_buffer("components", components.float())
        self.register_buffer("offset", offset.float())

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = (z @ self.components + self.offset).unflatten(1, self.image_shape)
        return images


def _flat(data: FactorData, rows: NDArray[np.int64]) -> Matrix:
    images: Matrix = data.images(rows).flatten(1).numpy(force=True)
    return images


def _npz(**arrays: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]  # NumPy has an option among its names
    return file.getvalue()
