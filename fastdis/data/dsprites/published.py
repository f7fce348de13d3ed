"""dSprites as its authors publish it."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import layout
from .npz import read_npz


def read(path: Path, factor_sizes: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read the images of an npz or HDF5 file as (count, 512) packed bits.

    Args:
        path: the file.
        factor_sizes: the grid it must hold, the last factor changing fastest.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is cut short or is not what it should be; the message says in what.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"dsprites: path must be a file, {layout.FILE}.npz or its twin .hdf5; there is none at {path}"
        )
    import h5py

    from .hdf5 import read_hdf5

    with path.open("rb") as file:
        is_npz = file.read(4) == b"PK\3\4"
    if not is_npz and not h5py.is_hdf5(path):
        raise ValueError(
            f"dsprites: {path} must be {layout.FILE}.npz or its twin .hdf5, but is neither npz nor HDF5"
        )
    try:
        return (read_npz if is_npz else read_hdf5)(path, factor_sizes)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"dsprites: {path} must be a whole {layout.FILE} file, but is cut short or damaged: {error}"
        ) from error
