"""Seconds, bytes, and what the device could do at most."""

import torch
import triton
import triton.language as tl
from replay import Step


@triton.jit
def _exponentials(out, rounds, BLOCK: tl.constexpr):
    x = tl.arange(0, BLOCK).to(tl.float32) / -BLOCK
    for _ in range(rounds):
        x = -tl.exp2(x)
    tl.store(out + tl.program_id(0) * BLOCK + tl.arange(0, BLOCK), x)


def quantiles(step: Step) -> tuple[float, float, float]:
    """Median, p20 and p80 in seconds, the cache emptied before every call."""
    found = triton.testing.do_bench(step, warmup=100, rep=400, quantiles=[0.5, 0.2, 0.8])
    median, low, high = (milliseconds / 1e3 for milliseconds in found)
    return median, low, high


def ceilings() -> dict[str, float]:
    """Bytes a second of a copy, read and written; exponentials a second, measured and counted."""
    source = torch.randn(2**28, device="cuda")
    target = torch.empty_like(source)
    copy = 2 * source.nbytes / quantiles(lambda: target.copy_(source))[0]
    properties = triton.runtime.driver.active.utils.get_device_properties(torch.cuda.current_device())
    multiprocessors, clock = properties["multiprocessor_count"], properties["sm_clock_rate"] * 1e3
    programs, rounds = 16 * multiprocessors, 4096
    out = torch.empty(programs * 1024, device="cuda")
    seconds = quantiles(lambda: _exponentials[programs,](out, rounds, 1024, num_warps=4))[0]
    return {
        "copy_bytes": copy,
        "exponentials": programs * 1024 * rounds / seconds,
        "exponentials_counted": 16 * multiprocessors * clock,  # 16 units on every NVIDIA multiprocessor
        "instructions_counted": 128 * multiprocessors * clock,  # of float32
    }


def memory_of(step: Step) -> int:
    """Bytes that a call holds at most besides what was there before."""
    step()
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    step()
    return torch.cuda.max_memory_allocated() - before
