"""A study on Ray's local cluster, with a worker killed in the middle of a run."""

import os
import signal
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from fastdis.studies import Study, run_study
from fastdis.studies.folder import read_json
from fastdis.studies.job import Job, perform
from fastdis.studies.on_ray import _bring_back, _task
from fastdis.training.checkpoint_file import checkpoints, read_file
from fastdis.training.run_config import RunConfig
from support.studies import EVALUATE, base, trained_a_while

STEPS = 800  # seconds


def kill_the_worker_of(run_dir: Path, killed: list[int]) -> None:
    """Wait for the first checkpoint of a run, and kill the process that trains it."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if process := trained_a_while(run_dir):
            os.kill(process, signal.SIGKILL)
            killed.append(process)
            return
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed: pip install fastdis[ray]")
def test_a_killed_worker(tmp_path: Path) -> None:
    settings, out = base(tmp_path, steps=STEPS), tmp_path / "out"
    content = {"base": settings, "axes": {"seed": [0, 1]}, "evaluate": EVALUATE, "keep": "checkpoints"}
    study = Study.from_dict(content)
    first, killed = out / study.runs()[0].name, list[int]()
    killer = threading.Thread(target=kill_the_worker_of, args=(first, killed))
    killer.start()
    found = run_study(study, out, threads=1, ray="local", progress=False)
    killer.join()
    assert len(killed) == 1
    assert [(run.state, run.step) for run in found] == [("done", STEPS)] * 2
    assert not [path for path in out.rglob(".*")]
    whole = tmp_path / "whole"
    threads = torch.get_num_threads()
    try:
        perform(Job(str(whole), settings | {"seed": 0}, EVALUATE, "checkpoints", 1))
    finally:
        torch.set_num_threads(threads)
    one, other = (read_file(checkpoints(folder)[-1])[0] for folder in (first, whole))
    assert one.keys() == other.keys()
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    scores = [
        {number["name"]: number["score"] for number in read_json(folder / "metrics.json")["numbers"]}
        for folder in (first, whole)
    ]
    assert scores[0] == scores[1]


@pytest.mark.usefixtures("_here")
def test_a_node_without_the_folder_sends_the_files(tmp_path: Path) -> None:
    job = Job(str(tmp_path / "run"), base(tmp_path), EVALUATE, "weights", 1)
    files = _task(job, "what only nodes that share the folder see")
    assert not Path(job.folder).exists()
    Path(job.folder).mkdir()
    _bring_back(SimpleNamespace(get=lambda done: files), None, job)
    assert read_json(Path(job.folder) / "outcome.json")["state"] == "done"
    assert RunConfig.of_run(Path(job.folder)).steps == 3
    assert len(checkpoints(Path(job.folder))) == 1


def test_without_ray(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("fastdis.studies.on_ray.find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match=r"--ray needs the package ray: pip install fastdis\[ray\]"):
        run_study(Study(base=base(tmp_path)), tmp_path / "out", ray="local", progress=False)
