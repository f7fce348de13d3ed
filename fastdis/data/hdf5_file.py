"""Images of an HDF5 file: mapped where they lie in one piece, read chunk by chunk, or unpacked once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import expected
from .cached import stamp, unpacked

if TYPE_CHECKING:
    import h5py

_FEW = 32  # images of a chunk; one that holds more is not decompressed for the sake of a few of them
_CHUNKS = 2**26  # bytes of decompressed chunks that HDF5 keeps
_BLOCK = 2**27  # bytes that are unpacked at once


class HDF5Rows:
    """An array of an HDF5 file that stays there: rows are read when they are asked for.

    Each process opens the file for itself, so that forked and spawned workers can read it.
    """

    def __init__(self, path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.shape, self.dtype = shape, dtype
        self.nbytes = dtype.itemsize * prod(shape)
        self._path, self._name = path, name
        self._opened: tuple[int, Any] = (0, None)

    def with_channel(self) -> HDF5Rows:
        """View (count, height, width) as (count, 1, height, width)."""
        return HDF5Rows(self._path, self._name, (len(self), 1, *self.shape[1:]), self.dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> NDArray[Any]:
        """The rows that a slice or integers name, in that order."""
        if isinstance(rows, slice):
            return self._read(rows)
        wanted, places = np.unique(rows, return_inverse=True)
        out = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        ends = [*(np.flatnonzero(np.diff(wanted) != 1) + 1), len(wanted)]  # of runs of neighbours
        first = 0
        for last in ends if len(wanted) else []:
            out[first:last] = self._read(slice(int(wanted[first]), int(wanted[last - 1]) + 1))
            first = last
        return out[places]

    def _read(self, rows: slice) -> NDArray[Any]:
        try:
            part: NDArray[Any] = self._dataset()[rows]
        except OSError as error:
            raise OSError(
                f"{self._path}: {self._name} cannot be read at row {rows.start}: {error}"
            ) from error
        return part.reshape(-1, *self.shape[1:])

    def _dataset(self) -> Any:
        process, dataset = self._opened
        if process != os.getpid():
            import h5py

            file = h5py.File(self._path, "r", rdcc_nbytes=_CHUNKS, rdcc_nslots=10_007)
            dataset = file[self._name]
            self._opened = os.getpid(), dataset
        return dataset

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": (0, None)}


@contextmanager
def opened(function: str, path: Path, what: str) -> Iterator[h5py.File]:
    """Open the file for reading.

    Args:
        function: the name that messages begin with.
        path: the file.
        what: what it should be.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is cut short, damaged or not HDF5.
    """
    import h5py

    if not path.is_file():
        raise FileNotFoundError(f"{function}: path must be a file, {what}; there is none at {path}")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(
            f"{function}: {path} must be a whole {what}, but is cut short, damaged or not HDF5: {error}"
        ) from error
    with file:
        yield file


def dataset(function: str, path: Path, file: h5py.File, name: str) -> h5py.Dataset:
    """Find the array of that name.

    Raises:
        ValueError: there is none, or it links to nothing.
    """
    import h5py

    expected.present(function, path, name, [key for key in file if isinstance(file.get(key), h5py.Dataset)])
    return file[name]


def images(
    function: str, path: Path, found: h5py.Dataset, cache_dir: str | os.PathLike[str] | None
) -> NDArray[Any] | HDF5Rows:
    """Give access to the images, however they are stored.

    They are mapped if they lie in one piece and are not compressed. In chunks of a few images they are read
    as they are asked for. In chunks that hold pieces of many images, all of which would have to be
    decompressed for one, they are unpacked once.
    """
    name, shape, dtype, chunk = found.name, found.shape, found.dtype, found.chunks
    offset = found.id.get_offset()
    if offset is not None and chunk is None and found.external is None:
        return np.memmap(path, dtype, "r", offset, shape)
    if dtype != np.uint8 or chunk is None or chunk[0] <= _FEW:
        return HDF5Rows(path, name, shape, dtype)
    step = max(1, _BLOCK // prod(shape[1:]))
    if chunk[0] <= 4 * step:  # whole chunks, so that each is decompressed once
        step = chunk[0] * max(1, step // chunk[0])

    def parts() -> Iterator[NDArray[np.uint8]]:
        for first in range(0, shape[0], step):
            try:
                yield found[first : first + step]
            except OSError as error:
                raise ValueError(
                    f"{function}: {path} must be a whole HDF5 file, but is damaged: {error}"
                ) from error

    return unpacked(function, path, [name, *stamp(path)], shape, parts(), cache_dir)
