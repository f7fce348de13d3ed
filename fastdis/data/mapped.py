"""Arrays that lie in a mapped file are pickled by name: a spawned worker maps the file again."""

import mmap
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class _InFile(NamedTuple):
    filename: str
    dtype: np.dtype[Any]
    offset: int
    shape: tuple[int, ...]


class PickledByName:
    """Base of objects whose mapped arrays are not sent to another process, but mapped there.

    Example:
        >>> import pickle, tempfile
        >>> class Holder(PickledByName):
        ...     def __init__(self, array):
        ...         self.array = array
        >>> file = tempfile.NamedTemporaryFile()
        >>> array = np.memmap(file.name, np.uint8, "w+", shape=(1000, 100))
        >>> Holder(array[500:]).__getstate__()["array"].shape
        (500, 100)
        >>> type(Holder(array[500:]).__getstate__()["array"]).__name__
        '_InFile'
    """

    def __getstate__(self) -> dict[str, Any]:
        return {
            name: _by_name(value) if isinstance(value, np.ndarray) else value
            for name, value in self.__dict__.items()
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            if isinstance(value, _InFile):
                value = np.memmap(value.filename, value.dtype, "r", value.offset, value.shape)
            self.__dict__[name] = value


def _by_name(array: NDArray[Any]) -> NDArray[Any] | _InFile:
    """Where a mapped array lies, or the array itself where it is not one piece of a file."""
    root: Any = array
    while isinstance(root, np.ndarray) and not isinstance(root.base, mmap.mmap):
        root = root.base
    if not isinstance(root, np.memmap) or root.filename is None or not array.flags.c_contiguous:
        return array
    offset = root.offset + array.ctypes.data - root.ctypes.data
    return _InFile(str(root.filename), array.dtype, offset, array.shape)
