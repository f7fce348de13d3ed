"""What every test of a score begins with."""

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits

from fastdis.metrics import _factors


@pytest.fixture(autouse=True)
def nothing_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Warnings are given once for each place of a process: every test is as if it were the first."""
    monkeypatch.setattr(_factors, "_warned", set())


@pytest.fixture(autouse=True, scope="module")
def one_thread_for_small_matrices() -> Iterator[None]:
    """Thousands of fits to some hundred rows: threads of BLAS would mostly wait for each other."""
    with threadpool_limits(1, user_api="blas"):
        yield
