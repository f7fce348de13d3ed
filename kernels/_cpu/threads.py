"""The threads that CPU kernels run on: torch's own OpenMP threads, where they can be reached.

After a parallel region OpenMP's threads wait for the next one by spinning, for milliseconds, and threads of
any other pool have to share the cores with them: a training step whose convolutions are ours took 39 ms with
a pool of Python threads and 28 ms with torch's, on two cores. Such a region costs 2 microseconds while the
threads still spin (40 once they sleep); one whose threads have to take Python's lock costs 40 always, which
is why the loop over chunks is compiled too. A forked child has none of its parent's threads and OpenMP would
wait for them for ever; there, and where torch brings no libgomp, it is a Python pool.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import torch

from .. import _private

SCRATCH = 96 * 2**20  # bytes that the threads of one kernel may work in together
_MOST = 64  # threads of the Python pool, made when they are needed


_openmp = _private.gomp_parallel() if _private.subroutines_known() else 0
_pool: ThreadPoolExecutor | None = None


def _forget_threads() -> None:
    global _openmp, _pool
    _openmp, _pool = 0, None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)


def thread_count(nanoseconds: float) -> int:
    """Return how many threads that much single-thread work is worth: one below 30 microseconds.

    Else all of torch's, whatever the number of chunks: OpenMP ends and makes threads where it changes.
    """
    return 1 if nanoseconds < 30_000 else torch.get_num_threads()


def run(loop: Callable[..., bool], threads: int, *arguments: Any) -> None:
    """Run ``loop(openmp, threads, *arguments)`` on so many threads at once, this one among them.

    loop: a compiled loop of `parallel_for`; True where a chunk raised.

    Raises:
        MemoryError: a chunk raised, which in compiled code without bounds or zero checks means just that.
    """
    global _pool
    if threads == 1 or _openmp:
        failed = loop(_openmp if threads > 1 else 0, threads, *arguments)
    else:
        if _pool is None:
            _pool = ThreadPoolExecutor(_MOST, thread_name_prefix="fastdis")
        helpers = [_pool.submit(loop, 0, 1, *arguments) for _ in range(threads - 1)]
        try:
            failed = loop(0, 1, *arguments)
        finally:
            wait(helpers)
        failed = True in [failed, *(helper.result() for helper in helpers)]
    if failed:
        raise MemoryError("a CPU kernel of fastdis found no memory")
