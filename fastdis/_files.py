"""Files that are either complete or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; its file takes the place of ``path`` when the block ends without an error.

    Raises:
        OSError: the file cannot be written; what stood at ``path`` before is untouched.
    """
    temporary = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())  # else a crash could leave the new name with no content
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
