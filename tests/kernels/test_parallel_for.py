"""Kernels on threads: as many as asked, every chunk once, failures come back, forked children."""

import ctypes
import os
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from fastdis.kernels._cpu import threads
from fastdis.kernels._cpu.parallel_for import parallel_for

if os.name == "nt":
    pytest.skip("asks the C library of a Unix which thread it runs on", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore:Cannot cache compiled function:numba.NumbaWarning")


@pytest.fixture(params=["openmp", "python"])
def pool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "python":
        monkeypatch.setattr(threads, "_openmp", 0)
    elif not threads._openmp:
        pytest.skip("this torch brings no libgomp")


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


_this_thread = ctypes.CDLL(None).pthread_self
_this_thread.restype, _this_thread.argtypes = ctypes.c_size_t, ()
_sleep = ctypes.CDLL(None).usleep
_sleep.restype, _sleep.argtypes = ctypes.c_int, (ctypes.c_uint,)


@parallel_for
def _work(first, last, counts, taken_by):
    _sleep(1000)  # so that no thread has taken all before the others began
    counts[first:last] += 1
    taken_by[first:last] = _this_thread()


@parallel_for
def _fail(first, last, here):
    if first <= here < last:
        raise ValueError


def work_done() -> tuple[int, int]:
    """How many chunks ran, and on how many threads."""
    counts, taken_by = np.zeros(100, int), np.zeros(100, np.uint64)
    _work(100, 100 * 1e4, counts, taken_by)
    assert (counts == 1).all()
    return len(counts), len(np.unique(taken_by))


def test_so_many_threads_take_every_chunk_once(pool: None, three_threads: None) -> None:
    assert work_done() == (100, 3)


@pytest.mark.parametrize("chunks", [1, 40])
def test_what_a_chunk_raises_comes_back(pool: None, chunks: int) -> None:
    with pytest.raises(MemoryError):
        _fail(chunks, 1e9, chunks - 1)
    _fail(chunks, 1e9, chunks)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_does_not_wait_for_its_parents_threads(pool: None, three_threads: None) -> None:
    assert work_done() == (100, 3)
    child = os.fork()
    if child == 0:
        used = 0
        try:
            used = work_done()[1]
        finally:
            os._exit(used)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 3


def test_threads_follow_torch_and_the_amount_of_work() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert threads.thread_count(1e9) == 1
        torch.set_num_threads(2)
        assert threads.thread_count(1e9) == 2
        assert threads.thread_count(1e3) == 1
    finally:
        torch.set_num_threads(before)


def test_a_kernel_must_stand_alone() -> None:
    free = 3

    def kernel(first, last, out):
        out[first:last] = free

    with pytest.raises(TypeError, match=r"parallel_for: .*kernel must not use variables of another function"):
        parallel_for(kernel)
