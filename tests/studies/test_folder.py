"""What a study's folder says of its runs."""

import json
import time
from pathlib import Path

import pytest

from fastdis.studies import Study, statuses
from fastdis.studies.folder import PROGRESS, write_json, write_study


def study(count: int) -> Study:
    return Study(base={"objective": "beta-vae", "steps": 10}, axes={"seed": list(range(count))})


def begun(folder: Path, step: int) -> None:
    folder.mkdir()
    rows = [{"step": 1, "seconds": 0.1}, {"step": step, "seconds": 2.0}]
    (folder / "log.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows) + '{"step": 9, "sec')


def test_states(tmp_path: Path) -> None:
    runs = study(5).runs()
    write_study(tmp_path, study(5), runs)
    names = [run.name for run in runs]
    begun(tmp_path / names[0], 10)
    write_json(tmp_path / names[0] / "outcome.json", {"state": "done", "seconds": 3.5})
    begun(tmp_path / names[1], 4)
    write_json(tmp_path / names[1] / "outcome.json", {"state": "failed", "error": "fit: too large"})
    begun(tmp_path / names[2], 5)
    begun(tmp_path / names[3], 6)
    progress = {"time": time.time(), "began": time.time(), "steps_before": 0, "running": [names[3]]}
    write_json(tmp_path / PROGRESS, progress)
    found = statuses(tmp_path)
    assert [run.state for run in found] == ["done", "failed", "unfinished", "running", "waiting"]
    assert [run.step for run in found] == [10, 4, 5, 6, 0]
    assert [run.seconds for run in found] == [3.5, 2.0, 2.0, 2.0, 0.0]
    assert found[1].error == "fit: too large"
    write_json(tmp_path / PROGRESS, progress | {"time": time.time() - 60})  # of a study that was killed
    assert statuses(tmp_path)[3].state == "unfinished"


def test_a_thousand_runs_are_listed_in_under_two_seconds(tmp_path: Path) -> None:
    runs = study(1000).runs()
    write_study(tmp_path, study(1000), runs)
    for run in runs:
        begun(tmp_path / run.name, 10)
        (tmp_path / run.name / "outcome.json").write_text('{"state": "done", "seconds": 1.0}')
    began = time.process_time()
    found = statuses(tmp_path)
    assert time.process_time() - began < 2
    assert {run.state for run in found} == {"done"}


def test_folders_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"is not the folder of a study: it has no study\.json"):
        statuses(tmp_path)
    for content, message in {"[]": "got \\[\\]", "{": "must be a JSON object", "{}": "got neither"}.items():
        (tmp_path / "study.json").write_text(content)
        with pytest.raises(ValueError, match=message):
            statuses(tmp_path)
