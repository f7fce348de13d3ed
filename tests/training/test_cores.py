"""A training that would share its cores says so once."""

import pytest
import torch

from fastdis.training import cores
from support.run_folders import run


@pytest.fixture(autouse=True)
def _two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(cores, "core_count", lambda: 2)


def test_taken_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "_busy", lambda: 1.9)
    with pytest.warns(UserWarning, match="fit: 2 threads on 2 cores, of which others use 2, mostly wait"):
        run(None)


@pytest.mark.parametrize(("threads", "busy"), [(2, 0.3), (1, 8.0)])
def test_free_cores(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder, threads: int, busy: float
) -> None:
    monkeypatch.setattr(cores, "_busy", lambda: busy)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    cores.warn_if_taken("fit")
    assert not recwarn


def test_what_has_just_ended_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (50.0, 50.0, 50.0))
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1}, raising=False)
    assert cores._busy() < 50
