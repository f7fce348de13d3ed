"""Studies are run in this process unless a test is about the processes."""

from collections.abc import Iterator

import pytest
import torch

from fastdis.studies import run
from support.studies import in_this_process


@pytest.fixture
def _here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    threads = torch.get_num_threads()
    monkeypatch.setattr(run, "run_in_processes", in_this_process)
    yield
    torch.set_num_threads(threads)
