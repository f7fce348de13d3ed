"""Runs on one machine: one process per run, with no more threads than cores."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import torch

from .folder import OUTCOME, write_json
from .job import Job, failure

ATTEMPTS = 3  # of a run whose process is killed, such as for lack of memory
WAIT = 0.2  # seconds between two looks at the processes
PATIENCE = 120  # seconds that processes have for their last checkpoint


@dataclass
class _Running:
    job: Job
    process: subprocess.Popen[bytes]
    errors: IO[bytes]
    slot: int


def run_in_processes(
    jobs: Sequence[Job], workers: int, stopped: list[int], watch: Callable[[list[str]], None]
) -> None:
    """Perform jobs, ``workers`` at a time; each leaves an ``outcome.json`` in its folder.

    A process that is killed by a signal is started again, and its run goes on from the last checkpoint;
    after the third time the run has failed.

    Args:
        jobs: what is to be done.
        workers: processes at a time. On machines with several GPUs they take turns in using them.
        stopped: once something is in this list, processes are asked to write a checkpoint and end.
        watch: called several times a second with the names of the runs that are being performed.
    """
    waiting = [(job, 1) for job in jobs]
    running: dict[int, tuple[_Running, int]] = {}
    free = list(range(workers))
    try:
        while (waiting or running) and not stopped:
            while waiting and free:
                job, attempt = waiting.pop(0)
                started = _start(job, free.pop(0))
                running[started.process.pid] = started, attempt
            watch([Path(each.job.folder).name for each, _ in running.values()])
            time.sleep(WAIT)
            for pid, (each, attempt) in list(running.items()):
                status = each.process.poll()
                if status is None:
                    continue
                del running[pid]
                free.append(each.slot)
                if _again(each, status, attempt):
                    waiting.insert(0, (each.job, attempt + 1))
    finally:
        _stop([each for each, _ in running.values()])
        watch([])


def _start(job: Job, slot: int) -> _Running:
    threads = str(job.threads)
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    if torch.cuda.is_available() and torch.cuda.device_count() > 1:
        environment["CUDA_VISIBLE_DEVICES"] = _device(slot)
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process has ended
    process = subprocess.Popen(
        [sys.executable, "-m", "fastdis.studies.worker"],
        stdin=subprocess.PIPE,
        stdout=errors,
        stderr=errors,
        env=environment,
        start_new_session=True,  # Ctrl-C reaches this process alone, which asks the others to end
    )
    assert process.stdin is not None
    process.stdin.write(job.to_json().encode() + b"\n")
    process.stdin.flush()
    return _Running(job, process, errors, slot)


def _device(slot: int) -> str:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    devices = visible.split(",") if visible else [str(number) for number in range(torch.cuda.device_count())]
    return devices[slot % len(devices)]


def _again(each: _Running, status: int, attempt: int) -> bool:
    """Tell whether a run whose process has ended must be started again; if not, it has an outcome."""
    _close(each)
    if status == 0:
        return False
    if status < 0 and attempt < ATTEMPTS:
        return True
    path = Path(each.job.folder) / OUTCOME
    how = f"its process ended with status {status}: {_last_line(each.errors)}"
    if status < 0:
        how = f"its process was killed {ATTEMPTS} times, at last by {signal.Signals(-status).name}"
    write_json(path, failure(how))
    each.errors.close()
    return False


def _close(each: _Running) -> None:
    if each.process.stdin is not None:
        each.process.stdin.close()


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _stop(running: Sequence[_Running]) -> None:
    """Let processes write a checkpoint and end."""
    for each in running:
        each.process.terminate()
    until = time.monotonic() + PATIENCE
    for each in running:
        try:
            each.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            each.process.kill()
            each.process.wait()
        _close(each)
        each.errors.close()
