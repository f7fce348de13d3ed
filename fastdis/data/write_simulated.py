"""Write a simulator's images to a file, for tools that read arrays."""

import shutil
import zipfile
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._files import atomic_path
from .._progress import progress_bar
from .image_dataset import StrPath
from .simulator import Simulator

SUFFIXES = (".npz", ".h5", ".hdf5")
_ROWS = 2048  # images at a time: some 25 MB of 64 x 64 in colour


def write_simulated(data: Simulator, path: StrPath, *, progress: bool = True) -> None:
    """Write the images of a simulator, with their factors, to an npz or an HDF5 file.

    The file holds ``images`` (n, height, width), or (n, height, width, 3) in colour, uint8; ``factors``
    (n, factors), as `Simulator.factors` gives them; and ``factor_names``. Nothing is compressed, so that
    `fastdis.data.load` maps it. The file appears when it is whole; memory holds some 2,000 images at a time.

    Args:
        data: the simulator, or a part of one.
        path: the file to write or to replace; its ending, .npz, .h5 or .hdf5, says which it becomes.
        progress: show a progress bar on standard error.

    Raises:
        TypeError: data is no simulator.
        ValueError: the path has another ending.
        OSError: the file cannot be written, or there is not enough space for it.

    Example:
        >>> import tempfile, fastdis
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_simulated(fastdis.data.scenes(4, length=100), f"{folder}/scenes.npz", progress=False)
        ...     data = fastdis.data.load(f"{folder}/scenes.npz")
        >>> len(data), data.factor_names, data.factor_sizes
        (100, ('x', 'y', 'scale', 'shape'), (None, None, None, 3))
    """
    path = Path(path)
    if not isinstance(data, Simulator):
        raise TypeError(f"write_simulated: data must be a Simulator, got {type(data).__name__}")
    if path.suffix not in SUFFIXES:
        raise ValueError(f"write_simulated: path must end in {', '.join(SUFFIXES)}, got {str(path)!r}")
    channels, height, width = data.image_shape
    shape = (len(data), height, width) if channels == 1 else (len(data), height, width, channels)
    with atomic_path(path) as temporary:
        free = shutil.disk_usage(temporary.parent).free
        if prod(shape) > free:
            raise OSError(
                f"write_simulated: {path} needs {prod(shape) / 1e9:.1f} GB, but {free / 1e9:.1f} GB are free"
            )
        (_npz if path.suffix == ".npz" else _hdf5)(temporary, data, shape, progress)


def _blocks(data: Simulator, shape: tuple[int, ...], progress: bool) -> Iterator[tuple[slice, NDArray[Any]]]:
    with progress_bar("writing", len(data), "images", shown=progress) as update:
        for first in range(0, len(data), _ROWS):
            rows = slice(first, min(first + _ROWS, len(data)))
            images = data.uint8_images(rows).permute(0, 2, 3, 1).contiguous()
            yield rows, images.numpy().reshape(-1, *shape[1:])
            update(rows.stop, "")


def _npz(path: Path, data: Simulator, shape: tuple[int, ...], progress: bool) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("images.npy", "w", force_zip64=True) as member:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(member, header)
            for _, images in _blocks(data, shape, progress):
                member.write(images.data)
        for name, array in (("factors", data.factors(slice(None))), ("factor_names", _names(data))):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _hdf5(path: Path, data: Simulator, shape: tuple[int, ...], progress: bool) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        images = file.create_dataset("images", shape, np.uint8)
        for rows, block in _blocks(data, shape, progress):
            images[rows] = block
        file.create_dataset("factors", data=data.factors(slice(None)))
        file.create_dataset("factor_names", data=list(data.factor_names), dtype=h5py.string_dtype())


def _names(data: Simulator) -> NDArray[np.str_]:
    return np.array(data.factor_names)
