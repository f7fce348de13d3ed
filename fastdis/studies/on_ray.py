"""Runs on a Ray cluster: one task per run, on whichever node has the cores or the GPU for it."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..training.cores import core_count
from .folder import OUTCOME, write_json
from .job import Job, failure, perform

LOCAL = "local"
RETRIES = 3  # of a task whose worker or node is lost
STORE = 100 * 2**20  # bytes of the object store of a cluster on this machine
WAIT = 0.5  # seconds between two looks at the tasks
LEFT = ("training.lock", "codes.npz")  # files of a run on a node of its own that need not travel


def run_on_ray(
    jobs: Sequence[Job],
    address: str,
    stopped: list[int],
    watch: Callable[[list[str]], None],
) -> None:
    """Perform jobs as Ray's tasks; each leaves an ``outcome.json`` in its folder.

    Where the study's folder is one that the nodes share, a task that is lost with its worker or node goes on
    from the last checkpoint. Where a node does not see it, the run is made in a temporary folder there, begun
    again if it is lost, and its files come back through Ray.

    Args:
        jobs: what is to be done.
        address: of a cluster; "local" for one on this machine, without dashboard, for itself alone.
        stopped: once something is in this list, tasks are cancelled: those that train write a checkpoint.
        watch: called twice a second with the names of the runs that have been handed to Ray.

    Raises:
        RuntimeError: Ray is not installed, or there is no cluster at the address.
    """
    if find_spec("ray") is None:
        raise RuntimeError("study: --ray needs the package ray: pip install fastdis[ray]")
    if address == LOCAL:
        # the one way to keep a cluster of one machine to the loopback address: no argument of ray.init does
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    import ray

    _connect(ray, address)
    try:
        _perform_all(ray, jobs, stopped, watch)
    finally:
        ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    quiet = {"logging_level": "error", "log_to_driver": False}
    if address == LOCAL:
        ray.init(num_cpus=core_count(), include_dashboard=False, object_store_memory=STORE, **quiet)
        return
    try:
        ray.init(address=address, **quiet)
    except (ConnectionError, ValueError) as error:
        raise RuntimeError(f"study: there is no Ray cluster at {address}: {error}") from error


def _perform_all(
    ray: Any, jobs: Sequence[Job], stopped: list[int], watch: Callable[[list[str]], None]
) -> None:
    gpus = 1 if ray.cluster_resources().get("GPU") else 0
    token = secrets.token_hex(8)
    waiting: dict[Any, Job] = {}
    for job in jobs:
        folder = Path(job.folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f".{token}").touch()  # what a node must see to share the folder
        task = ray.remote(_task).options(
            num_cpus=job.threads, num_gpus=gpus, max_retries=RETRIES, name=folder.name
        )
        waiting[task.remote(job, token)] = job
    try:
        while waiting and not stopped:
            ready, _ = ray.wait(list(waiting), num_returns=1, timeout=WAIT)
            for done in ready:
                _bring_back(ray, done, waiting.pop(done))
            watch([Path(job.folder).name for job in waiting.values()])
        if stopped:
            for task in waiting:
                ray.cancel(task)
            ray.wait(list(waiting), num_returns=len(waiting), timeout=60)
    finally:
        for job in jobs:
            (Path(job.folder) / f".{token}").unlink(missing_ok=True)


def _bring_back(ray: Any, done: Any, job: Job) -> None:
    """Write the files that came through Ray, if any; a task that was lost too often is a run that failed."""
    folder = Path(job.folder)
    try:
        files = ray.get(done)
    except ray.exceptions.RayError as error:
        write_json(folder / OUTCOME, failure(f"Ray lost it: {str(error).strip().splitlines()[-1]}"))
        return
    for name in sorted(
        files, key=lambda name: name == OUTCOME
    ):  # the outcome last: it says that all is there
        (folder / name).write_bytes(files[name])


def _task(job: Job, token: str) -> dict[str, bytes]:
    """Perform a job where it was sent; return the files of its folder, none if the folder is shared."""
    if (Path(job.folder) / f".{token}").exists():
        perform(job)
        return {}
    folder = Path(tempfile.mkdtemp(prefix="fastdis-"))
    try:
        perform(replace(job, folder=str(folder)))
        return {
            path.name: path.read_bytes()
            for path in folder.iterdir()
            if path.is_file() and path.name not in LEFT
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)
