"""Threads that sleep instead of spin while others use the cores that they need."""

import os
import threading
import time
from types import TracebackType
from typing import NamedTuple, Self

import torch

from .cores import core_count

_NAME = "fastdis sleeping team"
_LOOK_SECONDS = 1.0
_TAKEN = 0.5  # cores
_BUSY_FIELDS = (1, 2, 3, 6, 7, 8)  # of a line of /proc/stat: all but idle and waiting for a disk


class SharedCores:
    """Watch the cores of a training, and let torch's threads sleep while others want them.

    OpenMP's threads wait for each other by spinning, some 14 ms at the most. As long as each has a core of
    its own that makes a step a third faster. Beside others it delays the thread that is waited for: a
    training step of 40 ms took 130 to 330 ms beside one other job, and 70 when threads slept.

    By its manual (GOMP_SPINCOUNT), libgomp spins 100 times instead of 300,000 where it manages more threads
    than there are cores. So teams are started that do nothing but sleep, and ended when the cores are free.
    No number of threads changes, and so no bit of a result.

    Args:
        threads: how many threads the training has; of a single one nothing is watched.
    """

    def __init__(self, threads: int) -> None:
        self._threads, self._cores = threads, core_count()
        self._end: threading.Event | None = None
        self._used = _used() if threads > 1 else None
        self._next = time.perf_counter() + _LOOK_SECONDS if self._used else float("inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._let_sleep(False)

    def look(self) -> None:
        """Look what others have used of the cores, if the last look was a second ago."""
        if time.perf_counter() < self._next:
            return
        self._next = time.perf_counter() + _LOOK_SECONDS
        before, self._used = self._used, _used()
        if before and self._used:
            seconds, by_all, own = (b - a for a, b in zip(before, self._used, strict=True))
            others = (by_all - own) / seconds
            self._let_sleep(self._threads + others > self._cores + _TAKEN)

    def _let_sleep(self, sleeping: bool) -> None:
        if not sleeping and self._end is not None:
            self._end.set()
            self._end = None
        elif sleeping and self._end is None:
            self._end = threading.Event()
            for _ in range(1 + (self._cores - self._threads) // (self._threads - 1)):
                threading.Thread(target=_keep_team, args=(self._end,), name=_NAME, daemon=True).start()


def _keep_team(end: threading.Event) -> None:
    """Start this thread's own team of OpenMP threads, which ends with it."""
    torch.zeros(2**17).exp_()
    end.wait()


class _Used(NamedTuple):
    """Seconds: by the clock, and of processor time on the cores of this process, by all and by itself."""

    clock: float
    by_all: float
    own: float


def _used() -> _Used | None:
    """Ask Linux; None elsewhere."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    names = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    try:
        with open("/proc/stat") as file:
            rows = [line.split() for line in file if line.startswith("cpu")]
        ticks = sum(int(row[field]) for row in rows if row[0] in names for field in _BUSY_FIELDS)
    except (OSError, ValueError, IndexError):
        return None
    return _Used(time.perf_counter(), ticks / os.sysconf("SC_CLK_TCK"), time.process_time())
