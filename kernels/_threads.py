"""The threads that CPU kernels run on: torch's own OpenMP threads, where they can be reached.

After a parallel region OpenMP's threads wait for the next one by spinning, for milliseconds, and threads of
any other pool have to share the cores with them: a training step whose convolutions are ours took 39 ms with
a pool of Python threads and 28 ms with torch's, on two cores. A forked child has none of its parent's
threads and OpenMP would wait for them for ever; there, and where torch brings no libgomp, it is a Python
pool.
"""

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import torch

_Region = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def _openmp() -> Any:
    """``GOMP_parallel(function, data, threads, flags)`` of the libgomp that torch brought and uses."""
    torch_lib = Path(torch.__file__).parent / "lib"
    found = [*torch_lib.glob("libgomp*.so*"), *torch_lib.parents[1].glob("torch.libs/libgomp*.so*")]
    if len(found) != 1:
        return None
    parallel = ctypes.CDLL(str(found[0])).GOMP_parallel
    parallel.argtypes = (_Region, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
    parallel.restype = None
    return parallel


_parallel: Any = _openmp()
_pool: ThreadPoolExecutor | None = None


def _forget_threads() -> None:
    global _parallel, _pool
    _parallel = _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)


def run(work: Callable[[], None], threads: int) -> None:
    """Call ``work`` on so many threads at once, this one among them, and wait for all.

    Raises:
        BaseException: what ``work`` raised first.
    """
    global _pool
    if _parallel is None:
        if _pool is None:
            _pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="fastdis")
        helpers = [_pool.submit(work) for _ in range(threads - 1)]
        try:
            work()
        finally:
            wait(helpers)
        for helper in helpers:
            helper.result()
        return
    raised: list[BaseException] = []

    def region(_: int | None) -> None:
        try:
            work()
        except BaseException as error:  # ctypes would print it and go on
            raised.append(error)

    _parallel(_Region(region), None, threads, 0)
    if raised:
        raise raised[0]
