"""Where compiled code is kept: a folder for each version of each operation's text.

Numba tells old code from new by the file of the one function, and does not see that a file it imports has
changed. So the name of a folder holds a digest of all files that code in it may come from: those beside the
kernel, those of `_cpu`, and those of the folders that any of these imports from. An edit of one kernel leaves
the code of the others as it is.

Folders that nobody has used for 30 days are removed. A process locks those that it uses until it ends, and
the lock goes with its owner, however that dies.
"""

import contextlib
import functools
import hashlib
import os
import re
import shutil
import time
from pathlib import Path

import platformdirs

try:
    import fcntl
except ImportError:  # Windows: nothing is removed there
    fcntl = None

UNUSED_DAYS = 30
_FROM_ANOTHER_FOLDER = re.compile(r"^from \.\.(\w+)", re.MULTILINE)
_LOCK = "in-use"  # in each folder; its time is when the folder was last taken into use


@functools.cache
def compiled_folder(sources: Path, parent: str) -> str:
    """Return the folder for code compiled from the files in `sources`, in use until this process ends.

    parent: where the user wants compiled code to be kept; "" for the user's cache directory.

    Returns:
        "" where no folder can be written, as in a read-only container: nothing is kept then.
    """
    if not any(sources.glob("*.py")):
        return ""
    root = (Path(parent) / "fastdis" if parent else platformdirs.user_cache_path("fastdis")) / "compiled"
    folder = root / f"{sources.name}-{digest_of(sources)}"
    try:
        take_into_use(folder)
        _remove_unused_once(root)
    except OSError:
        return ""
    return str(folder) if os.access(folder, os.W_OK) else ""


def digest_of(sources: Path) -> str:
    """Return a digest of all files that code compiled from a function in `sources` can come from."""
    digest = hashlib.sha256()
    for path in _files(sources):
        text = path.read_bytes()
        digest.update(f"{path.parent.name}/{path.name} {len(text)}\n".encode() + text)
    return digest.hexdigest()[:16]


def _files(sources: Path) -> list[Path]:
    """Follow ``from ..name import`` from folder to folder."""
    folders, ahead = {sources, sources.parent / "_cpu", Path(__file__).parent}, [sources]
    while ahead:
        for path in ahead.pop().glob("*.py"):
            for name in _FROM_ANOTHER_FOLDER.findall(path.read_text()):
                folder = sources.parent / name
                if folder.is_dir() and folder not in folders:
                    folders.add(folder)
                    ahead.append(folder)
    found = {path for folder in folders for path in folder.glob("*.py")}
    for home in (sources.parent, Path(__file__).parents[1]):
        found.update(home.glob("_private.py"))  # which writes down code, too
    return sorted(found)


def take_into_use(folder: Path) -> int:
    """Make the folder, if need be, and lock it; the open descriptor, which holds the lock.

    Raises:
        OSError: the folder cannot be made or written.
    """
    path = folder / _LOCK
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # removed a moment ago
            continue
        if fcntl is not None:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(lock, fcntl.LOCK_SH)
        if _is_at(lock, path):
            os.utime(path)
            return lock
        os.close(lock)  # of a folder that was removed while we waited for its lock


def remove_unused(root: Path) -> None:
    """Remove the folders that no process uses, and that none has taken into use for 30 days."""
    latest = time.time() - UNUSED_DAYS * 24 * 3600
    for path in root.glob(f"*/{_LOCK}"):
        with contextlib.suppress(OSError):  # in use (BlockingIOError), or removed by another process
            if path.stat().st_mtime < latest:
                _remove(path, latest)


_remove_unused_once = functools.cache(remove_unused)


def _remove(path: Path, latest: float) -> None:
    """Remove the folder of a lock, unless somebody holds it."""
    if fcntl is None:
        return
    lock = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(lock, path) and os.fstat(lock).st_mtime < latest:
            # renamed first: who wants the folder from now on makes a new one
            shutil.rmtree(path.parent.rename(f"{path.parent}.{os.getpid()}"), ignore_errors=True)
    finally:
        os.close(lock)


def _is_at(lock: int, path: Path) -> bool:
    """Tell whether the file that is open still lies there."""
    try:
        return os.path.samestat(os.fstat(lock), path.stat())
    except FileNotFoundError:
        return False
