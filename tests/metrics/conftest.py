"""Warnings are given once for each place of a process: every test begins as if it were the first."""

import pytest

from fastdis.metrics import _factors


@pytest.fixture(autouse=True)
def nothing_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_factors, "_warned", set())
