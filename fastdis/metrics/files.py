"""Codes and factors from the files people keep them in."""

from pathlib import Path
from zipfile import BadZipFile, is_zipfile

import numpy as np
from numpy.typing import NDArray

Arrays = tuple[NDArray[np.generic], NDArray[np.generic]]


def read_arrays(path: str | Path, factors: str | Path | None = None) -> Arrays:
    """The arrays ``codes`` and ``factors`` of a file: npz, HDF5, or codes and factors as a pair of npy files.

    Args:
        path: an npz or HDF5 file with both arrays, or an npy file of the codes.
        factors: an npy file of the factors; beside an npy file of the codes, and only there.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: a file is of another kind, is cut short or lacks an array; the message names the file.
        TypeError: factors are given or left out where they must not be.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/mine.npz", codes=np.zeros((5, 2)), factors=np.zeros((5, 1), int))
        ...     codes, factors = read_arrays(f"{folder}/mine.npz")
        >>> codes.shape, factors.shape
        ((5, 2), (5, 1))
    """
    path = Path(path)
    if path.suffix == ".npy":
        if factors is None:
            raise TypeError(f"read_arrays: factors must be given as a second npy file beside {path}")
        return _npy(path), _npy(Path(factors))
    if factors is not None:
        raise TypeError(f"read_arrays: factors must be left out, {path} is to hold both arrays")
    codes, classes = named_arrays(path, "codes", "factors")
    return codes, classes


def named_arrays(path: Path, *names: str) -> list[NDArray[np.generic]]:
    """The arrays of these names in an npz or HDF5 file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is of another kind, is cut short or lacks an array, or one holds no numbers.
    """
    with path.open("rb") as stream:
        zipped, head = is_zipfile(stream), stream.seek(0) or stream.read(8)
    if zipped:
        return _npz(path, names)
    if head == b"\x89HDF\r\n\x1a\n":
        return _hdf5(path, names)
    raise ValueError(f"{path} must be a complete npz or HDF5 file; it is of another kind or cut short")


def _npy(path: Path) -> NDArray[np.generic]:
    try:
        array: NDArray[np.generic] = np.load(path)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} must be a complete npy file ({error})") from error
    return array


def _npz(path: Path, names: tuple[str, ...]) -> list[NDArray[np.generic]]:
    try:
        with np.load(path) as file:
            _check_names(path, names, list(file))
            try:
                return [np.asarray(file[name]) for name in names]
            except ValueError as error:
                raise ValueError(f"{path} must hold arrays of numbers ({error})") from error
    except (BadZipFile, EOFError) as error:
        raise ValueError(f"{path} must be a complete npz file ({error})") from error


def _hdf5(path: Path, names: tuple[str, ...]) -> list[NDArray[np.generic]]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            _check_names(path, names, [name for name in file if isinstance(file.get(name), h5py.Dataset)])
            return [np.asarray(file[name][()]) for name in names]
    except OSError as error:
        raise ValueError(f"{path} must be a complete HDF5 file ({error})") from error


def _check_names(path: Path, names: tuple[str, ...], found: list[str]) -> None:
    if not set(names) <= set(found):
        raise ValueError(
            f"{path} must hold the arrays {' and '.join(names)}, got {', '.join(found) or 'none'}"
        )
