"""``fastdis study``: what a user types."""

import sys
from pathlib import Path
from typing import Any

import pytest

from fastdis import cli
from fastdis.studies import names, statuses
from support.studies import images

pytestmark = pytest.mark.usefixtures("_here")


@pytest.fixture
def fastdis_command(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Any:
    """Run the command line in a folder of its own; its exit status, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fastdis.studies.estimate.seconds_per_step", lambda config, threads: 0.1)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fastdis", "study", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capfd.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A study of six lines."""
    path = tmp_path / "mine.toml"
    path.write_text(
        f"""base = {{ dataset = "{images(tmp_path)}", model = "linear", steps = 3, batch_size = 8 }}
evaluate = {{ metrics = ["mig"] }}
[axes]
objective = ["beta-vae", "beta-tcvae"]
learning_rate = [1e-3, 1e25]
seed = [0]
"""
    )
    return str(path)


def test_from_a_file_to_its_report(fastdis_command: Any, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    status, out, err = fastdis_command("run", file, "--out", "runs")
    assert status == 1
    assert out.startswith("2 of 4 runs done, 2 failed: runs; ")
    assert [line.count("is not finite at step") for line in err.splitlines() if "fastdis: " in line] == [1, 1]
    status, out, _ = fastdis_command("status", "runs")
    assert status == 0
    assert "2 of 4 runs done, 2 failed" in out
    assert "is not finite" in " ".join(out.split())
    status, out, _ = fastdis_command("export", "runs", "small.json")
    assert (status, out.startswith("wrote 2 runs, ")) == (0, True)
    seen: list[list[str]] = []

    def report(folder: Path) -> tuple[str, ...]:
        seen.append(sorted(run.state for run in statuses(folder)))
        return ("study.html", "study.csv")

    monkeypatch.setattr("fastdis.studies.study_report", report)
    for command in (("report", "runs"), ("report", "small.json", "--out", "back")):
        status, out, _ = fastdis_command(*command)
        assert (status, out) == (0, f"report: {command[-1]}: study.html, study.csv\n")
    assert seen == [["done", "done", "failed", "failed"], ["done", "done", "waiting", "waiting"]]
    status, out, _ = fastdis_command("run", file, "--dry-run", "--out", "runs")
    assert out.startswith("4 runs, 2 of them done; 6 steps to go")


def test_a_dry_run_trains_nothing(fastdis_command: Any, file: str, tmp_path: Path) -> None:
    status, out, _ = fastdis_command("run", file, "--dry-run")
    assert (status, out[:38]) == (0, "4 runs, 0 of them done; 12 steps to go")
    assert not list(tmp_path.glob("*/"))


def test_the_list(fastdis_command: Any) -> None:
    status, out, _ = fastdis_command("list")
    assert (status, [line.split()[0] for line in out.splitlines()]) == (0, names())


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("run mine.toml", "study: give --out, the folder for the runs"),
        ("run thesis", "study: a study that is not a .toml file must be one of "),
        ("run none.toml --out new", "study: there is no file none.toml"),
        ("run mine.toml --out new --workers 1000", "study: workers x threads must be at most the "),
        ("run mine.toml --out new --workers 0", "study: workers must be at least 1, got 0"),
        ("run mine.toml --out new --known none.json", "study: there is no file none.json"),
        ("run mine.toml --out mine.toml", "cannot write into the folder mine.toml: mine.toml is a file"),
        ("report none", "study_report: folder must hold the folders of runs, none is no folder"),
        ("report mine.toml", "study report: give --out, a folder for the runs of mine.toml"),
        ("report mine.toml --out new", "mine.toml must be a JSON object"),
        ("status none", "none is not the folder of a study: it has no study.json"),
        ("export none new.json", "none is not the folder of a study: it has no study.json"),
    ],
)
def test_what_is_wrong_is_one_line(
    fastdis_command: Any, file: str, tmp_path: Path, command: str, message: str
) -> None:
    status, out, err = fastdis_command(*command.split())
    assert (status, out) == (2, "")
    assert err.startswith(f"fastdis: {message}")
    assert err.count("\n") == 1
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_shipped_studies_pass_a_dry_run(fastdis_command: Any, name: str) -> None:
    status, out, _ = fastdis_command("run", name, "--dry-run")
    assert (status, " runs" in out) == (0, True)
