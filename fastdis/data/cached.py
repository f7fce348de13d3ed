"""Images in the user's cache directory: a file is complete or absent, and standard error says so."""

import hashlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from math import prod
from os import PathLike
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from .._files import atomic_write
from .._progress import progress_bar

IN_MEMORY = 2**28  # bytes; more than that are kept in a file and mapped


def cache_folder(cache_dir: str | PathLike[str] | None) -> Path:
    """Choose the folder that was asked for, or the user's cache directory."""
    return Path(cache_dir) if cache_dir is not None else platformdirs.user_cache_path("fastdis")


def keep(function: str, path: Path, parts: Iterable[NDArray[np.uint8]], size: int, what: str) -> None:
    """Write the parts, ``size`` bytes in all, one after the other into a file that appears when it is whole.

    Raises:
        OSError: the file cannot be written, for example because the disk is full.
    """
    try:
        with atomic_write(path) as file:
            for part in parts:
                file.write(np.ascontiguousarray(part).data)
    except OSError as error:
        raise OSError(
            error.errno,
            f"{function}: cannot keep {size:,} bytes of {what} in {path.parent}: {error.strerror}",
        ) from error


def unpacked(
    function: str,
    source: Path,
    version: Iterable[object],
    shape: tuple[int, ...],
    parts: Iterable[NDArray[np.uint8]],
    cache_dir: str | PathLike[str] | None,
) -> NDArray[np.uint8]:
    """Gather images (count, ...) from ``parts``, in memory or, from 256 MB on, in a file that is mapped.

    The file is used again until the source or what is asked of it changes, and then replaced.

    Args:
        function: the name that messages begin with.
        source: the file or folder that they come from.
        version: what they depend on: options, sizes and times of files.
        shape: of all of them.
        parts: (n, ...) uint8, each after the other; raises ValueError for what cannot be read.
        cache_dir: where the file goes.

    Raises:
        OSError: the file cannot be written.
    """
    size = prod(shape)
    if size <= IN_MEMORY:
        images = np.empty(shape, np.uint8)
        first = 0
        for part in parts:
            images[first : first + len(part)] = part
            first += len(part)
        return images
    folder = cache_folder(cache_dir)
    stem = f"{function}-{_digest([source.absolute(), shape[1:]])}"
    path = folder / f"{stem}-{_digest([shape, *version])}.images"
    if not path.is_file() or path.stat().st_size != size:
        say(f"unpacking {shape[0]:,} images of {source} into {path} ({size // 10**6:,} MB)")
        with progress_bar("unpacking", shape[0], "images") as update:

            def counted() -> Iterator[NDArray[np.uint8]]:
                done = 0
                for part in parts:
                    yield part
                    done += len(part)
                    update(done, "")

            keep(function, path, counted(), size, "unpacked images")
        for other in folder.glob(f"{stem}-*.images"):
            if other != path:
                with suppress(OSError):  # another process may hold it
                    other.unlink()
    return np.memmap(path, np.uint8, "r", shape=shape)


def stamp(path: Path) -> tuple[str, int, int]:
    """Note what changes when a file does: its name, size and time."""
    status = path.stat()
    return path.name, status.st_size, status.st_mtime_ns


def say(text: str) -> None:
    """Print a line on standard error."""
    print(f"fastdis: {text}", file=sys.stderr)


def _digest(parts: Iterable[object]) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:12]
