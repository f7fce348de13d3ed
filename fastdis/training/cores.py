"""How many cores there are for a training, and whether others are using them."""

import os
import warnings

import torch


def core_count() -> int:
    """Count the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def warn_if_taken(function: str) -> None:
    """Warn that other processes are using the cores that torch's threads need.

    OpenMP's threads wait for each other by spinning: two trainings of two threads each on two cores made 2
    steps a second together, one of them alone 52. One thread waits for nobody.
    """
    threads, cores, busy = torch.get_num_threads(), core_count(), _busy()
    if threads > 1 and threads + busy > cores + 0.5:
        warnings.warn(
            f"{function}: {threads} threads on {cores} cores, of which others use {min(busy, cores):.0f}, "
            "mostly wait for each other; fewer may be faster: --threads, torch.set_num_threads",
            stacklevel=3,
        )


def _busy() -> float:
    """Estimate how many cores others keep busy.

    The mean over the last minute still counts what has just ended, the number of threads that run now counts
    what has just begun: both have to be high.
    """
    if not hasattr(os, "getloadavg"):
        return 0.0
    mean = os.getloadavg()[0]
    try:
        with open("/proc/loadavg") as file:
            now = int(file.read().split()[3].partition("/")[0]) - 1  # this thread is one of them
    except (OSError, ValueError, IndexError):
        return mean
    return min(mean, float(now))
