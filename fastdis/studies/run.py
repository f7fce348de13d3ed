"""Run a study: what is missing of it, on this machine or on a Ray cluster."""

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import torch

from .. import _checks
from .._files import require_writable
from .._progress import progress_bar
from ..training.cores import core_count
from ..training.lock import locked
from ..training.signals import TrainingInterrupted, deferred_signals
from .compact import exported, restore
from .folder import OUTCOME, PROGRESS, RunStatus, read_json, statuses, write_json, write_study
from .job import Job, is_done
from .pool import run_in_processes
from .preflight import check_runs
from .study import Study, unique

A_GPU = 4  # processes that share one, unless told otherwise
SAVED = 2.0  # seconds between two states of progress.json


def run_study(
    study: Study,
    folder: str | Path,
    *,
    workers: int | None = None,
    threads: int | None = None,
    ray: str | None = None,
    known: str | Path | None = None,
    progress: bool = True,
) -> list[RunStatus]:
    """Train and score every run of a study that its folder does not hold yet.

    Every run is checked before the first one begins. Finished runs are kept, others go on from their newest
    checkpoints, also after kill -9; one that fails does not stop the others, and is tried again the next
    time. Runs of an earlier form of the study stay in the folder.

    Args:
        study: what is run.
        folder: for ``study.json`` and a folder for each run, named by its settings; made if need be.
        workers: runs at a time; by default as many as there are cores, on a GPU four for each.
        threads: torch's threads in each; by default the cores are shared out. The product must not exceed
            the cores.
        ray: the address of a Ray cluster, or "local" for one on this machine; None for processes without Ray.
        known: a file of `export`: the runs of this study that it holds come from there.
        progress: show a progress bar on standard error.

    Returns:
        The state of every run.

    Raises:
        TypeError, ValueError, OSError: a run cannot be trained as it is described, the folder cannot be
            written, or workers and threads exceed the cores.
        RuntimeError: another process runs a study in this folder, or Ray is asked for and not installed.
        TrainingInterrupted: a KeyboardInterrupt, raised once every run has written its checkpoint.

    Example:
        >>> import tempfile, fastdis, numpy as np
        >>> folder = tempfile.mkdtemp()
        >>> np.savez(f"{folder}/mine.npz", images=np.zeros((8, 64, 64), np.uint8))
        >>> study = fastdis.studies.Study(
        ...     base={"dataset": f"{folder}/mine.npz", "model": "linear", "steps": 2, "batch_size": 4},
        ...     axes={"beta": [1, 4]},
        ... )
        >>> [run.state for run in run_study(study, f"{folder}/study", progress=False)]  # doctest: +SKIP
        ['done', 'done']
    """
    folder = Path(folder)
    runs = study.runs()
    workers, threads = shares(workers, threads)
    require_writable(folder)
    if known is not None:
        exported(known)
    check_runs(unique(runs), study.evaluate)
    with locked(folder, "study: --out", "study"):
        write_study(folder, study, runs)
        if known is not None:
            restore(known, folder, only={run.name for run in runs})
        jobs = []
        for run in unique(runs):
            job = Job(
                folder=str(folder / run.name),
                config=asdict(run.config),
                evaluate=study.evaluate.to_dict(),
                keep=study.keep,
                threads=threads,
            )
            if not is_done(folder / run.name, job.evaluate):
                outcome = folder / run.name / OUTCOME
                if read_json(outcome).get("state") == "failed":
                    outcome.unlink()
                jobs.append(job)
        jobs.sort(key=lambda job: int(job.config["seed"]))  # one seed of everything before the next
        steps = {run.name: run.config.steps for run in unique(runs)}
        with _watching(folder, steps, workers, threads, progress) as watch, deferred_signals(True) as stopped:
            if ray is None:
                run_in_processes(jobs, workers, stopped, watch)
            else:
                from .on_ray import run_on_ray

                run_on_ray(jobs, ray, stopped, watch)
        if stopped:
            raise TrainingInterrupted(f"stopped; run it again to go on from the checkpoints in {folder}")
        return statuses(folder)


def shares(workers: int | None, threads: int | None) -> tuple[int, int]:
    """Share out the cores: runs at a time, and threads for each.

    Raises:
        TypeError: one is not an integer.
        ValueError: one is below 1, or their product exceeds the cores.
    """
    cores = core_count()
    if workers is not None:
        workers = _checks.integer("study", "workers", workers)
    if threads is not None:
        threads = _checks.integer("study", "threads", threads)
    if workers is None:
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        most = max(1, cores // (threads or 1))
        workers = min(most, A_GPU * gpus) if gpus else most
    threads = threads or max(1, cores // workers)
    if workers * threads > cores:
        raise ValueError(
            f"study: workers x threads must be at most the {cores} cores, got {workers} x {threads}; threads "
            "that share a core wait for each other"
        )
    return workers, threads


@contextmanager
def _watching(
    folder: Path, steps: Mapping[str, int], workers: int, threads: int, shown: bool
) -> Iterator[Callable[[list[str]], None]]:
    """Yield a function of the names of the running runs that keeps ``progress.json`` and a bar up to date."""
    began, before = time.time(), sum(run.step for run in statuses(folder))
    about = {"process": os.getpid(), "host": socket.gethostname(), "workers": workers, "threads": threads}
    saved = 0.0

    def watch(running: list[str]) -> None:
        nonlocal saved
        now = time.time()
        if now - saved < SAVED:
            return
        saved = now
        state = {"time": now, "began": began, "steps_before": before, "running": running}
        write_json(folder / PROGRESS, about | state)
        found = statuses(folder)
        update(sum(run.step for run in found), summary(found))

    with progress_bar("study", sum(steps.values()), "steps", done=before, shown=shown) as update:
        try:
            yield watch
        finally:
            (folder / PROGRESS).unlink(missing_ok=True)
            found = statuses(folder)
            update(sum(run.step for run in found), summary(found))


def summary(found: Sequence[RunStatus]) -> str:
    """Count runs by their state: ``12 of 54 runs done, 2 running, 1 failed``."""
    counts = {
        state: sum(run.state == state for run in found) for state in ("running", "failed", "unfinished")
    }
    done = f"{sum(run.state == 'done' for run in found)} of {len(found)} runs done"
    return ", ".join([done, *(f"{count} {state}" for state, count in counts.items() if count)])
