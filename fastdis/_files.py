"""Write files that are either whole or not there."""

import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Write a temporary file beside ``path`` that takes its place when it is complete and on the disk.

    Whatever is raised meanwhile, the temporary file goes and ``path`` stays as it was. Several processes may
    write the same path at once: the last one to finish wins.

    Raises:
        OSError: the folder cannot be made or written, or the disk is full.
    """
    with atomic_path(path) as temporary, temporary.open("xb") as file:
        yield file
        file.flush()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give the path of a temporary file to write, for writers that open it themselves; see `atomic_write`.

    Raises:
        OSError: the folder cannot be made or written, or the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            error.filename = str(path)  # a full disk does not say what could not be written
        raise


def write_together(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write several files into a folder; they take their places only when all are complete and on the disk.

    Of the files that were there before all are kept unless all are replaced; the first is replaced last.

    Raises:
        OSError: the folder cannot be made or written, or the disk is full.
    """
    with ExitStack() as stack:  # the first to be opened is the last to take its place
        for name, content in contents.items():
            file = stack.enter_context(atomic_write(folder / name))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def require_writable(folder: Path) -> None:
    """Require that files can be written into a folder, which need not exist yet; nothing is left behind.

    Raises:
        OSError: they cannot; the message names the folder and what stands in the way.
    """
    place = folder
    while not os.path.lexists(place):
        place = place.parent
    if not place.is_dir():
        raise NotADirectoryError(f"cannot write into the folder {folder}: {place} is a file")
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise type(error)(f"cannot write into the folder {folder}: {place}: {error.strerror}") from error
