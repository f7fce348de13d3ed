"""``fastdis compare``."""

from pathlib import Path
from typing import Any

from support.scored_runs import config, number, write_run


def test_runs_are_compared_and_the_files_named(fastdis_command: Any, tmp_path: Path) -> None:
    for seed in range(2):
        write_run(tmp_path / f"runs/{seed}", config(seed=seed), [number("mig", 0.25 + seed / 2)])
    status, out, err = fastdis_command("compare", "runs/0", "runs/1", "--out", "both")
    assert (status, err) == (0, "")
    assert "mig" in out
    assert "0.500 ± 0.354" in out
    assert "comparison: both: compare.html, compare.csv" in out
    assert (tmp_path / "both" / "compare.html").exists()


def test_what_cannot_be_compared_is_one_line(fastdis_command: Any, tmp_path: Path) -> None:
    bare = write_run(tmp_path / "bare", config(), None)
    for arguments in (["absent"], [str(bare)], [str(bare), "--out", str(bare / "config.json")]):
        status, out, err = fastdis_command("compare", *arguments)
        assert (status, out) == (2, "")
        assert err.startswith("fastdis: ")
        assert err.count("\n") == 1
    assert not (tmp_path / "comparison").exists()
