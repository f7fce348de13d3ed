"""What every benchmark shares: two threads, flushed denormals for all, rounds by time, memory beside time."""

import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _same_conditions() -> None:
    torch.set_num_threads(2)
    torch.set_flush_denormal(True)  # helps eager PyTorch most


def peak_extra_memory(function: Callable[[], Any]) -> int:
    """Bytes by which the resident set grew at most during one call, sampled every half millisecond."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return 0
    pages: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.0005):
            pages.append(int(statm.read_text().split()[1]))

    before = int(statm.read_text().split()[1])
    watcher = threading.Thread(target=watch)
    watcher.start()
    function()
    done.set()
    watcher.join()
    return max([before, *pages]) * 4096 - before * 4096


@pytest.fixture
def measure(benchmark: Any) -> Callable[..., None]:
    """Time function() over some two seconds, at least three rounds, and note what it costs besides.

    What takes more than a second is timed once, at its third call.

    group and column place the figure in RESULTS.md; counts are what one call needs at least (bytes,
    exponentials), from which the rates there follow.
    """

    def run(function: Callable[[], Any], *, group: str, column: str, **counts: float) -> None:
        function()
        start = perf_counter()
        memory = peak_extra_memory(function)
        once = perf_counter() - start
        benchmark.group = group
        benchmark.extra_info.update(column=column, memory=memory, **counts)
        if once > 1:
            benchmark.pedantic(function, rounds=1, iterations=1)
            return
        once = _seconds(function)
        calls = max(1, int(2e-3 / once))
        rounds = min(max(3, int(2.0 / (once * calls))), 200)
        benchmark.pedantic(function, rounds=rounds, iterations=calls, warmup_rounds=1)

    return run


def _seconds(function: Callable[[], Any]) -> float:
    start = perf_counter()
    function()
    return perf_counter() - start
