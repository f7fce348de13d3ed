"""One training per folder: a lock that the operating system releases when its owner ends, however it ends."""

import errno
import os
import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = "training.lock"

# Descriptors of the locks of this process. A forked child (a DataLoader's worker, say) shares the open file
# and with it the lock, which would outlive a killed owner for as long as the child lives; so children close
# theirs at once. Children that execute another program never have it: os.open makes no inheritable files.
_held: set[int] = set()


def _close_in_child() -> None:
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)


@contextmanager
def locked(folder: Path, argument: str = "fit: run_dir", user: str = "training") -> Iterator[None]:
    """Keep every other training out of a folder, which is made if need be.

    What the lock needs (its file, and the folder where there was none) goes with it, so that a refused run
    leaves no trace. A file left by a process that was killed locks nothing.

    Args:
        folder: the folder.
        argument: what messages call it, after the name of the function.
        user: what else may use the folder, if not a training.

    Raises:
        RuntimeError: another training holds the lock.
        OSError: the folder cannot be made or written.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    path = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = _open_locked(path, argument, user)
    except OSError as error:
        _remove_empty(missing)
        raise type(error)(
            f"{argument} must be a folder that can be written, got {folder} ({error.strerror})"
        ) from error
    _held.add(descriptor)
    try:
        yield
    finally:
        if descriptor in _held:  # not so in a forked child that comes here
            with suppress(OSError):
                path.unlink()  # before the lock goes: afterwards the file could be another training's
            _held.discard(descriptor)
            os.close(descriptor)
            _remove_empty(missing)


def _open_locked(path: Path, argument: str, user: str) -> int:
    """Open and lock the file; its text says who holds it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _lock(descriptor, path):
                owner = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
                raise RuntimeError(
                    f"{argument} must be a folder that no other {user} uses, "
                    f"but {owner} uses {path.parent}; wait for it, stop it or choose another folder"
                )
            # the owner before may have removed the file after we opened it: then we hold a lock of no use
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


if sys.platform == "win32":

    def _lock(descriptor: int, path: Path) -> bool:
        """Say yes: Windows has no flock, and two trainings in one folder go unnoticed there."""
        return True

else:
    import fcntl

    def _lock(descriptor: int, path: Path) -> bool:
        """Lock the file for this process; False if another open file has the lock.

        flock rather than lockf: it also holds between the threads of one process, and is not released when
        another descriptor of the file is closed. On NFS, Linux turns it into a byte-range lock at the server,
        which holds between machines, asks for a file that is open for writing (as here) and ends with the
        client's lease when its machine dies. Mounted with nolock or local_lock it holds within one machine.
        """
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            warnings.warn(
                f"fit: the file system of {path.parent} has no locks ({error.strerror}): nothing keeps a "
                "second training out of this folder",
                stacklevel=2,
            )
        return True


def _remove_empty(folders: list[Path]) -> None:
    """Remove folders, the innermost first, up to one with something in it."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()
