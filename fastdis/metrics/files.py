"""Codes and factors from the files people keep them in."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .._arrays import named_arrays, npy_array

Pair = tuple[NDArray[np.generic], NDArray[np.generic]]


def read_arrays(
    path: str | Path,
    factors: str | Path | None = None,
    *,
    codes_key: str = "codes",
    factors_key: str = "factors",
) -> Pair:
    """Read codes and factors from one npz or HDF5 file, or from a pair of npy files.

    Args:
        path: an npz or HDF5 file with both arrays, or an npy file of the codes.
        factors: an npy file of the factors; beside an npy file of the codes, and only there.
        codes_key, factors_key: the names of the arrays in the file; in HDF5 also paths such as group/codes.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: a file is of another kind, is damaged or lacks an array, or an array holds no numbers; the
            message names the file.
        TypeError: factors are given or left out where they must not be.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/mine.npz", z=np.zeros((5, 2)), factors=np.zeros((5, 1), int))
        ...     codes, factors = read_arrays(f"{folder}/mine.npz", codes_key="z")
        >>> codes.shape, factors.shape
        ((5, 2), (5, 1))
    """
    path = Path(path)
    if path.suffix == ".npy":
        if factors is None:
            raise TypeError(f"read_arrays: factors must be given as a second npy file beside {path}")
        return npy_array(path), npy_array(Path(factors))
    if factors is not None:
        raise TypeError(f"read_arrays: factors must be left out, {path} is to hold both arrays")
    codes, classes = named_arrays(path, codes_key, factors_key)
    return codes, classes
