"""Which lines the log has: of the first step, every few steps and the last; also after a resumption."""

import csv
import itertools
import json
import time
from pathlib import Path

import pytest

from fastdis.training.log import read_log
from support.run_folders import run, without_seconds


def steps(rows: list[dict[str, float]]) -> list[float]:
    return [row["step"] for row in rows]


def on_disk(folder: Path, name: str = "log") -> list[dict[str, float]]:
    """Of the two files, which must agree."""
    rows = read_log(folder / f"{name}.jsonl")
    with (folder / f"{name}.csv").open(newline="") as file:
        table = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    assert table == rows
    return rows


@pytest.mark.parametrize(
    ("count", "lines"), [(1, [1]), (2, [1, 2]), (3, [1, 3]), (5, [1, 3, 5]), (6, [1, 3, 6])]
)
def test_the_last_step_has_a_line(tmp_path: Path, count: int, lines: list[int]) -> None:
    _, rows = run(tmp_path, steps=count)
    assert steps(rows) == lines
    assert on_disk(tmp_path) == rows
    assert steps(on_disk(tmp_path, "kl_per_latent")) == lines
    _, in_memory = run(None, steps=count)
    assert without_seconds(in_memory) == without_seconds(rows)


def test_a_line_is_the_mean_over_the_steps_since_the_line_before() -> None:
    _, each = run(None, steps=8, log_every=1)
    _, rows = run(None, steps=8)
    assert steps(rows) == [1, 3, 6, 8]
    for (before, row), name in itertools.product(itertools.pairwise(rows), ("total", "kl")):
        since = [line[name] for line in each if before["step"] < line["step"] <= row["step"]]
        assert row[name] == pytest.approx(sum(since) / len(since), rel=1e-6)


@pytest.mark.parametrize("stops", [(2, 8), (4, 8), (4, 5, 8), (3, 7, 8), (6, 8), (7, 7, 8)])
def test_a_resumed_run_has_the_log_of_one_that_was_never_stopped(
    tmp_path: Path, stops: tuple[int, ...]
) -> None:
    """Each part ends with a line of its own, which the next part drops: its steps count for the next line."""
    _, expected = run(tmp_path / "whole", steps=8)
    for stop, resume in zip(stops, (False, True, True), strict=False):
        _, rows = run(tmp_path / "parts", steps=stop, resume=resume)
        assert rows[-1]["step"] == stop
        assert on_disk(tmp_path / "parts") == rows
    assert without_seconds(rows) == without_seconds(expected)
    latents = [on_disk(tmp_path / folder, "kl_per_latent") for folder in ("whole", "parts")]
    assert latents[0] == latents[1]


def test_a_finished_run_keeps_its_last_line_when_it_is_resumed_for_nothing(tmp_path: Path) -> None:
    _, rows = run(tmp_path, steps=5)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 8, "total": 1.0}\n{"step": 9, "tot')  # of a run killed after its last checkpoint
    _, again = run(tmp_path, steps=5, resume=True)
    assert again == rows == on_disk(tmp_path)


def test_a_run_out_of_time_has_a_line_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        clock = itertools.count(0.0, 15.0)  # each look is a quarter of a minute after the one before
        patch.setattr(time, "monotonic", lambda: next(clock))
        _, rows = run(tmp_path, steps=9, minutes=1)
    assert steps(rows) == [1, 3, 4]
    _, rows = run(tmp_path, steps=9, resume=True)
    _, expected = run(None, steps=9)
    assert without_seconds(rows) == without_seconds(expected)


def test_the_seconds_go_on(tmp_path: Path) -> None:
    _, first = run(tmp_path, steps=4)
    _, rows = run(tmp_path, steps=9, resume=True)
    seconds = [row["seconds"] for row in rows]
    assert seconds == sorted(seconds)
    assert seconds[2] >= first[-1]["seconds"]


def test_rows_are_plain_json(tmp_path: Path) -> None:
    run(tmp_path, steps=2)
    for line in (tmp_path / "log.jsonl").read_text().splitlines():
        assert list(json.loads(line)) == ["step", "seconds", "total", "reconstruction", "kl"]
