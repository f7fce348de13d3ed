"""Arrays of an npz, mapped where they are stored as they are, else read some megabytes at a time."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import expected
from .cached import stamp, unpacked
from .image_dataset import StrPath

_BLOCK = 2**24  # bytes of a compressed array at a time
_LOCAL_HEADER = 30  # bytes; the lengths of name and extra fields stand at 26 and 28 (PKWARE's APPNOTE 4.3.7)


class Header(NamedTuple):
    """What the head of a stored array says."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    by_columns: bool
    size: int  # of the head in bytes


def header(archive: zipfile.ZipFile, name: str) -> Header:
    """Read the head of ``name.npy``.

    Raises:
        ValueError: it is not an array as NumPy writes it.
    """
    with archive.open(f"{name}.npy") as member:
        version_1 = np.lib.format.read_magic(member) == (1, 0)
        read = np.lib.format.read_array_header_1_0 if version_1 else np.lib.format.read_array_header_2_0
        shape, by_columns, dtype = read(member)
        return Header(shape, dtype, by_columns, member.tell())


def blocks(archive: zipfile.ZipFile, name: str, head: Header, rows: int) -> Iterator[NDArray[Any]]:
    """Read the array, that many rows at a time.

    Raises:
        EOFError: it is shorter or longer than its head says.
        zipfile.BadZipFile, zlib.error: it is damaged.
    """
    count, row = head.shape[0], head.dtype.itemsize * prod(head.shape[1:])
    with archive.open(f"{name}.npy") as member:
        member.read(head.size)
        for first in range(0, count, rows):
            size = row * min(rows, count - first)
            data = member.read(size)
            if len(data) < size:
                raise EOFError(f"{name} ends early")
            yield np.frombuffer(data, head.dtype).reshape(-1, *head.shape[1:])
        if member.read(1):  # zipfile compares the checksum when it meets the end
            raise EOFError(f"{name} goes on after its last row")


def mapped(path: Path, archive: zipfile.ZipFile, name: str, head: Header) -> NDArray[Any] | None:
    """Map the array in the file itself; give None where it is compressed.

    Raises:
        EOFError: it is shorter or longer than its head says.
    """
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type != zipfile.ZIP_STORED:
        return None
    size = head.dtype.itemsize * prod(head.shape)
    if info.file_size != head.size + size:
        raise EOFError(f"{name} has {info.file_size - head.size:,} bytes, not {size:,}")
    with path.open("rb") as file:
        file.seek(info.header_offset)
        local = file.read(_LOCAL_HEADER)
    lengths = sum(int.from_bytes(local[at : at + 2], "little") for at in (26, 28))
    offset = info.header_offset + _LOCAL_HEADER + lengths + head.size
    return np.memmap(path, head.dtype, "r", offset, head.shape)


@contextmanager
def opened(function: str, path: Path, what: str) -> Iterator[zipfile.ZipFile]:
    """Open the archive for reading.

    Args:
        function: the name that messages begin with.
        path: the file.
        what: what it should be.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is cut short, damaged or not an npz, found now or while it is read.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{function}: path must be a file, {what}; there is none at {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{function}: {path} must be a whole {what}, but is cut short, damaged or not an npz: {error}"
        ) from error


def array(
    function: str, path: Path, archive: zipfile.ZipFile, name: str, cache_dir: StrPath | None
) -> NDArray[Any]:
    """Map an array, or unpack it where it is compressed: from 256 MB of uint8 on into the cache.

    Raises:
        TypeError: it is an array of objects, which are never unpickled.
        ValueError: there is none of that name, it is not as NumPy writes it, empty or in Fortran order.
        OSError: the cache cannot be written.
    """
    names = [member.removesuffix(".npy") for member in archive.namelist()]
    expected.present(function, path, name, names)
    try:
        head = header(archive, name)
    except ValueError as error:
        raise ValueError(
            f"{function}: {name} of {path} must be an array as NumPy writes it: {error}"
        ) from error
    if head.dtype.hasobject:
        raise TypeError(f"{function}: {name} of {path} must be numbers or text, got an object array")
    if head.by_columns and len(head.shape) > 1:
        raise ValueError(f"{function}: {name} of {path} must be in C order, got Fortran order")
    if not head.shape or 0 in head.shape:
        raise ValueError(
            f"{function}: {name} of {path} must have a first axis and no empty one, got shape {head.shape}"
        )
    in_file = mapped(path, archive, name, head)
    if in_file is not None:
        return in_file
    parts = blocks(archive, name, head, max(1, _BLOCK // (head.dtype.itemsize * prod(head.shape[1:]))))
    if head.dtype != np.uint8:
        return np.concatenate(list(parts))
    return unpacked(function, path, [name, *stamp(path)], head.shape, parts, cache_dir)
