"""Named arrays of numbers from the files people keep them in: npz, HDF5, npy."""

import tokenize
import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, is_zipfile

import numpy as np
from numpy.typing import NDArray

# what readers raise of files that are cut short, damaged, hold objects or need a filter that is not installed
_DAMAGED = (
    *(ValueError, OSError, EOFError, KeyError, RuntimeError, MemoryError, TypeError, SyntaxError),
    *(BadZipFile, zlib.error, tokenize.TokenError),
)


def named_arrays(path: Path, *names: str) -> list[NDArray[np.generic]]:
    """Read the arrays of these names from an npz or HDF5 file; in HDF5 a name may be a path, group/name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is of another kind, is damaged or lacks an array, or an array holds no numbers.
            The message names the file.
    """
    with path.open("rb") as stream:
        zipped, head = is_zipfile(stream), stream.seek(0) or stream.read(8)
    if zipped:
        arrays, found = _npz(path, names)
    elif head == b"\x89HDF\r\n\x1a\n":
        arrays, found = _hdf5(path, names)
    else:
        raise ValueError(f"{path} must be a complete npz or HDF5 file; it is of another kind or cut short")
    if not set(names) <= set(arrays):
        raise ValueError(
            f"{path} must hold the arrays {' and '.join(names)}, got {', '.join(found) or 'none'}"
        )
    return [_numbers(path, name, arrays[name]) for name in names]


def npy_array(path: Path) -> NDArray[np.generic]:
    """Read the array of an npy file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is of another kind, is damaged, or holds no numbers; the message names it.
    """
    with path.open("rb") as stream:
        try:
            array = np.lib.format.read_array(stream, allow_pickle=False)
        except _DAMAGED as error:
            raise ValueError(f"{path} must be a complete npy file of numbers ({_line(error)})") from error
    return _numbers(path, "the array", array)


def _npz(path: Path, names: tuple[str, ...]) -> tuple[dict[str, Any], list[str]]:
    """Return the arrays that are there, and the names of all."""
    try:
        with np.load(path) as file:
            return {name: file[name] for name in names if name in file}, list(file)
    except ValueError as error:  # of objects, which are never unpickled, and of damaged headers
        raise ValueError(f"{path} must hold arrays of numbers ({_line(error)})") from error
    except _DAMAGED as error:
        raise ValueError(f"{path} must be a complete npz file ({_line(error)})") from error


def _hdf5(path: Path, names: tuple[str, ...]) -> tuple[dict[str, Any], list[str]]:
    """Return the arrays that are there, under this name or a link of this name, and the names of all."""
    import h5py

    found: list[str] = []

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found.append(f"{name}")  # bytes where a damaged name is no text

    try:
        with h5py.File(path, "r") as file:
            file.visititems(note)
            items = {name: file.get(name) for name in names}  # None at the end of a link that leads nowhere
            arrays = {name: item[()] for name, item in items.items() if isinstance(item, h5py.Dataset)}
    except _DAMAGED as error:
        raise ValueError(f"{path} must be a complete HDF5 file ({_line(error)})") from error
    return arrays, found


def _numbers(path: Path, name: str, array: Any) -> NDArray[np.generic]:
    kind = array.dtype if isinstance(array, np.ndarray | np.generic) else np.dtype(object)
    if kind.kind not in "buifc":
        raise ValueError(f"{path} must hold arrays of numbers, got dtype {kind} for {name}")
    return np.asarray(array)


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
