"""Commands see a small model and a small data set, in a folder of their own."""

import sys
from pathlib import Path
from typing import Any

import pytest

from fastdis import cli
from fastdis.training.run_config import RunConfig
from support.toys import small_vae, squares


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands see a small model and a small data set, in a folder of their own."""
    monkeypatch.setattr(RunConfig, "build_data", lambda self: squares())
    monkeypatch.setattr(RunConfig, "build_model", lambda self: small_vae(self.seed))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def fastdis_command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    """Run the command line; its exit status, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fastdis", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capfd.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return run
