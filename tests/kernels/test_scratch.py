"""What 32 threads work in: how much more the process needs for a call with them than with one."""

import subprocess
import sys
from pathlib import Path

import pytest

if not Path("/proc/self/clear_refs").exists():
    pytest.skip("Linux alone lets a process forget how large it has been", allow_module_level=True)

SETUP = """
import torch

def needed(threads):  # bytes, beyond what the process holds before
    torch.set_num_threads(threads)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = largest()
    call(737_280)
    return largest() - before

def largest():
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith("VmHWM"))
"""
CALLS = {
    # of every latent its posteriors are sorted; few points are read, or the test would take long
    "marginals of decompose": """
from fastdis.kernels.marginal_density import marginal_log_density
def call(images):
    mean, logvar = torch.randn(images // 2, 32), torch.full((images // 2, 32), -4.0)
    marginal_log_density(mean[:8], mean, logvar)
""",
    # 32 threads with 128 queries each, none of which may leave out a posterior
    "joint of decompose": """
from fastdis.kernels.aggregated_posterior import log_density
def call(images):
    mean, logvar = torch.randn(images, 2), torch.zeros(images, 2)
    log_density(mean[:4096], mean, logvar)
""",
    # more cells than fit into the cache, of more codes than dSprites asks for
    "joint table": """
from fastdis.kernels.joint_histogram import joint_histogram
def call(images):
    codes, classes = torch.rand(images // 10, 64), torch.randint(0, 300, (images // 10, 5)).to(torch.uint16)
    edges = torch.linspace(0, 1, 51).expand(64, -1)
    joint_histogram(codes, classes, edges, [300] * 5)
""",
}


@pytest.mark.parametrize("name", CALLS)
def test_32_threads_work_in_less_than_100_MB(name: str) -> None:
    script = f"{SETUP}{CALLS[name]}\ncall(5000)  # compiles\nprint(needed(1), needed(32))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    alone, together = map(int, result.stdout.split())
    assert together - alone < 100e6
