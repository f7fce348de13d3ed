"""Every CPU kernel on 1 to 32 threads, whatever the number of cores: the same bits, and an end to every call.

A process of its own does it, which a deadlock would not let end.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..support import cpu_kernels

ROOT = Path(__file__).parents[2]
SETUP = """
import os
from concurrent.futures import ThreadPoolExecutor
import torch
from tests.support.cpu_kernels import CALLS

def wrong(name):
    return not all(map(torch.equal, CALLS[name](), expected[name]))

torch.set_num_threads(1)
expected = {name: call() for name, call in CALLS.items()}
"""
TEAMS = """
for threads in (2, 4, 8, 16, 32, 1, 32):
    torch.set_num_threads(threads)
    print(*filter(wrong, CALLS))
"""
POOL = """
torch.set_num_threads(4)
with ThreadPoolExecutor(8) as pool:   # each call on four threads more
    print(*[name for name, is_wrong in zip(CALLS, pool.map(wrong, CALLS)) if is_wrong])
"""
FORK = """
torch.set_num_threads(4)   # whose threads this one has not started yet: torch's own operations need them
child = os.fork()
if child == 0:
    os._exit(len([*filter(wrong, CALLS)]))
print("" if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 else "the child")
"""
LOADER = """
class Names(torch.utils.data.Dataset):
    def __len__(self):
        return len(CALLS)

    def __getitem__(self, index):
        name = list(CALLS)[index]
        return name if wrong(name) else ""

torch.set_num_threads(4)
print(*filter(wrong, CALLS))
workers = dict(num_workers=2, multiprocessing_context="fork", timeout=60)
print(*[name for batch in torch.utils.data.DataLoader(Names(), 4, **workers) for name in batch if name])
"""


def printed(script: str) -> list[str]:
    command = [sys.executable, "-W", "ignore", "-c", SETUP + script]
    # much of the time may be spent on compiling
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_every_kernel_is_called() -> None:
    """By the folders that have a loop shared between threads."""
    with_threads = {
        path.parent.name for path in (ROOT / "kernels").glob("*/*.py") if "@parallel_for" in path.read_text()
    }
    source = Path(cpu_kernels.__file__).read_text()
    names = {"total_correlation": "tcvae_penalty", "gaussian_kl": "reparameterize_kl"}
    assert {name for name in with_threads if names.get(name, name) not in source} == set()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_teams_of_any_size_pools_and_forked_processes_give_the_same_bits() -> None:
    assert printed(POOL + FORK + TEAMS) == [""] * 9


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_workers_of_a_loader_give_the_same_bits() -> None:
    assert printed(LOADER) == ["", ""]
