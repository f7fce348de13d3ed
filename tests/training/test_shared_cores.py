"""Threads sleep as long as others use the cores, and no longer."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from fastdis.training import shared_cores
from fastdis.training.shared_cores import SharedCores
from support.run_folders import run

TASKS = Path("/proc/self/task")
pytestmark = pytest.mark.skipif(not TASKS.exists(), reason="counts threads as Linux shows them")


class Machine:
    """Two cores, of which `others` are used by others and all else by this process, a second at a time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.others, self.seconds = 0.0, 0.0
        monkeypatch.setattr(shared_cores, "core_count", lambda: 2)
        monkeypatch.setattr(shared_cores, "_LOOK_SECONDS", 0.0)
        monkeypatch.setattr(shared_cores, "_used", self.used)

    def used(self) -> shared_cores._Used:
        self.seconds += 1
        own = self.seconds * (2 - self.others)
        return shared_cores._Used(self.seconds, 2 * self.seconds, own)

    def become(self, others: float) -> None:
        self.others, self.seconds = others, 0.0


def asleep() -> int:
    """Count Python's threads that keep a team."""
    return sum(thread.name == shared_cores._NAME for thread in threading.enumerate())


def none_is_asleep() -> bool:
    """Wait for threads that end."""
    end = time.monotonic() + 10
    while asleep() and time.monotonic() < end:
        time.sleep(0.01)
    return asleep() == 0


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.zeros(2**20).exp_()  # they are there
    yield
    torch.set_num_threads(before)


def looked(cores: SharedCores, machine: Machine, others: float) -> None:
    machine.become(others)
    cores._used = None
    for _ in range(3):
        cores.look()


def test_sleeping_teams_come_and_go(monkeypatch: pytest.MonkeyPatch, two_threads: None) -> None:
    machine = Machine(monkeypatch)
    with SharedCores(2) as cores:
        looked(cores, machine, 0.3)
        assert asleep() == 0
        looked(cores, machine, 1.0)
        assert asleep() == 1
        looked(cores, machine, 1.0)
        assert asleep() == 1
        looked(cores, machine, 0.0)
        assert none_is_asleep()
        looked(cores, machine, 1.0)
        assert asleep() == 1
    assert none_is_asleep()


def test_there_are_more_threads_than_cores_then(monkeypatch: pytest.MonkeyPatch, two_threads: None) -> None:
    machine = Machine(monkeypatch)
    monkeypatch.setattr(shared_cores, "core_count", lambda: 6)
    with SharedCores(2) as cores:
        looked(cores, machine, 1.0)
        assert asleep() == 0  # three are free
        before = len(os.listdir(TASKS))
        looked(cores, machine, 5.0)
        assert asleep() == 5  # with a team of two each: seven threads
        end = time.monotonic() + 10
        while len(os.listdir(TASKS)) < before + 10 and time.monotonic() < end:
            time.sleep(0.01)
        assert len(os.listdir(TASKS)) >= before + 10
    assert none_is_asleep()


def test_nothing_is_watched_for_one_thread() -> None:
    with SharedCores(1) as cores:
        assert cores._next == float("inf")


def test_what_others_use_is_what_this_process_does_not() -> None:
    before = shared_cores._used()
    assert before is not None
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        pass
    after = shared_cores._used()
    assert after is not None
    assert after.own > before.own
    assert after.by_all - before.by_all >= after.own - before.own - 0.05  # ticks of a hundredth
    assert after.clock - before.clock >= 0.2


def test_fit_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[SharedCores] = []
    monkeypatch.setattr(SharedCores, "look", lambda self: looks.append(self))
    run(None)
    assert looks
