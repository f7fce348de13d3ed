"""Threads of the CPU kernels: so many as asked, what they raise comes back, a forked child has its own."""

import os
import threading
from typing import Any

import pytest

from fastdis.kernels import _threads


@pytest.fixture(params=["openmp", "python"])
def pool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "python":
        monkeypatch.setattr(_threads, "_parallel", None)
    elif _threads._parallel is None:
        pytest.skip("this torch brings no libgomp")


def test_so_many_threads_work_at_once(pool: None) -> None:
    together = threading.Barrier(3, timeout=60)
    seen = []

    def work() -> None:
        together.wait()
        seen.append(threading.get_ident())

    _threads.run(work, 3)
    assert len(set(seen)) == 3
    assert threading.get_ident() in seen


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("here", [False, True])
def test_what_a_thread_raises_comes_back(pool: None, error: type[BaseException], here: bool) -> None:
    caller = threading.get_ident()

    def work() -> None:
        if (threading.get_ident() == caller) == here:
            raise error("from a thread")

    with pytest.raises(error, match="from a thread"):
        _threads.run(work, 2)
    _threads.run(lambda: None, 2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_does_not_wait_for_its_parents_threads(pool: None) -> None:
    def count() -> int:
        calls: list[Any] = []
        _threads.run(lambda: calls.append(None), 2)
        return len(calls)

    assert count() == 2
    child = os.fork()
    if child == 0:
        os._exit(count())
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 2
