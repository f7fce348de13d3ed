"""Processes, one a run: killed at any moment, the study ends with the bits of one that was not."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from fastdis.studies import Study, run_study
from fastdis.studies.folder import read_json
from fastdis.studies.job import Job, perform
from fastdis.studies.pool import run_in_processes
from fastdis.training.checkpoint_file import checkpoints, read_file
from support.studies import EVALUATE, base, trained_a_while, trainer

STEPS = 800  # seconds


def waited_for(condition: Callable[[], Any], seconds: float = 120) -> Any:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def tensors(run_dir: Path) -> dict[str, torch.Tensor]:
    return read_file(checkpoints(run_dir)[-1])[0]


@pytest.mark.slow
def test_killed_workers_and_a_killed_study(tmp_path: Path) -> None:
    settings, out = base(tmp_path, steps=STEPS), tmp_path / "out"
    content = {"base": settings, "axes": {"seed": [0, 1]}, "evaluate": EVALUATE, "keep": "checkpoints"}
    study = Study.from_dict(content)
    first = out / study.runs()[0].name
    code = (
        "import json, sys; from fastdis.studies import Study, run_study; "
        "run_study(Study.from_dict(json.loads(sys.argv[1])), sys.argv[2], threads=1, progress=False)"
    )
    command = [sys.executable, "-c", code, json.dumps(content), str(out)]
    with subprocess.Popen(command) as process:
        worker = waited_for(lambda: trained_a_while(first))
        os.kill(worker, signal.SIGKILL)
        again = waited_for(lambda: trainer(first) not in (0, worker) and trainer(first))
        with pytest.raises(RuntimeError, match=f"but process {process.pid} on .* uses {out}"):
            run_study(study, out, threads=1, progress=False)
        process.kill()
    waited_for(lambda: not Path(f"/proc/{again}").exists(), seconds=10)  # no orphan goes on writing
    assert read_json(first / "outcome.json") == {}
    found = run_study(study, out, threads=1, progress=False)
    assert [(run.state, run.step) for run in found] == [("done", STEPS)] * 2
    whole = tmp_path / "whole"
    threads = torch.get_num_threads()
    try:
        perform(Job(str(whole), settings | {"seed": 0}, EVALUATE, "checkpoints", 1))
    finally:
        torch.set_num_threads(threads)
    one, other = tensors(first), tensors(whole)
    assert one.keys() == other.keys()
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_a_process_that_cannot_start_is_a_run_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [Job(str(tmp_path / name), base(tmp_path), EVALUATE, "weights", 1) for name in "ab"]
    quick = [sys.executable, "-c", "import sys; sys.exit('no such luck')"]
    started: list[str] = []

    def popen(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        started.append(command[-1])
        return popen_itself(quick, **options)

    popen_itself = subprocess.Popen
    monkeypatch.setattr("fastdis.studies.pool.subprocess.Popen", popen)
    run_in_processes(jobs, 1, [], lambda names: None)
    assert started == ["fastdis.studies.worker"] * 2
    for job in jobs:
        outcome = read_json(Path(job.folder) / "outcome.json")
        assert outcome == {
            "state": "failed",
            "error": "its process ended with status 1: no such luck",
        }


def test_a_process_that_is_killed_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(str(tmp_path / "a"), base(tmp_path), EVALUATE, "weights", 1)
    quick = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    popen_itself = subprocess.Popen
    monkeypatch.setattr(
        "fastdis.studies.pool.subprocess.Popen", lambda command, **options: popen_itself(quick, **options)
    )
    run_in_processes([job], 1, [], lambda names: None)
    assert read_json(tmp_path / "a" / "outcome.json")["error"] == (
        "its process was killed 3 times, at last by SIGKILL"
    )
