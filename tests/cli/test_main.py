"""What all commands share: help, errors in one line, and how they are started."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastdis
from fastdis import cli
from fastdis.data import DATASETS
from fastdis.training.run_config import RunConfig
from support.toys import squares


def test_version(fastdis_command: Any) -> None:
    assert fastdis_command("--version") == (0, f"fastdis {fastdis.__version__}\n", "")


@pytest.mark.parametrize("command", ["", "train", "evaluate", "posterior", "demo", "data", "data dsprites"])
def test_help(fastdis_command: Any, command: str) -> None:
    status, out, err = fastdis_command(*command.split(), "--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"Usage: fastdis {command}".rstrip())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("evaluate", "--codes", "z.npy"), "factors must be given as a second npy file beside z.npy"),
        (("evaluate", "--codes", "none.npy", "--factors", "v.npy"), "No such file or directory: 'none.npy'"),
        (("evaluate", "run", "--factors", "v.npy"), "--factors goes with --codes"),
        (("train",), "Missing argument 'run'"),
        (("train", "run", "--stepz", "3"), "No such option: --stepz"),
        (("train", "run", "--steps", "many"), "Invalid value for '--steps'"),
        (("train", "run", "--steps", "0"), "steps must be at least 1, got 0"),
        (("train", "run", "--batch-size", "97"), "batch_size must be between 1 and the 96 images, got 97"),
        (("train", "run", "--objective", "beta-tcva"), "did you mean beta-tcvae or beta-vae"),
        (("train", "run", "--objective", "quux"), "infogan, got 'quux'\n"),
        (("train", "run", "--preset", "factorvae"), "got 'factorvae'; did you mean factor-vae"),
        (("train", "run", "--model", "burges"), "got 'burges'; did you mean burgess"),
        (
            ("train", "run", "--objective", "ae", "--model", "chen"),
            "must suit objective 'ae', as 'burgess-ae'",
        ),
        (("train", "run", "--objective", "hfvae"), "objective 'hfvae' needs the setting groups"),
        (("train", "run", "--set", "gama=2"), "got 'gama'; did you mean gamma"),
        (("train", "run", "--set", "gamma"), "--set must be NAME=VALUE, got 'gamma'"),
        (("train", "run", "--warmup", "betas=3"), "got 'betas'; did you mean beta"),
        (("train", "run", "--warmup", "channels=3"), "warmup of beta-tcvae must be one of learning_rate"),
        (("train", "run", "--warmup", "beta=soon"), "warmup of beta must be an integer, got str 'soon'"),
        (("train", "run", "--resume", "--preset", "vae"), "--preset goes with a new run"),
        (
            ("train", "run", "--precision", "half"),
            "precision must be one of 'float32', 'bfloat16', got 'half'",
        ),
        (("train", "run", "--minutes", "0"), "minutes must be finite and above 0, got 0\n"),
        (
            ("train", "run", "--objective", "vae", "--beta", "2"),
            "must be one of channels, likelihood, got 'beta'",
        ),
        (("train", "run", "--learning-rate", "-1"), "learning_rate must be finite and above 0, got -1\n"),
        (("train", "run", "--every", "0"), "every must be at least 1, got 0"),
        (("train", "run", "--set", "beta=nan"), "beta must be finite and at least 0, got nan"),
        (("train", "run", "--set", "beta=-inf"), "beta must be finite and at least 0, got -inf"),
        (("train", "run", "--set", "beta=Infinity"), "beta must be finite and at least 0, got inf"),
        (("train", "run", "--set", "beta=much"), "beta must be a number, got str"),
        (("train", "run", "--resume-previous"), "run is not the folder of a run: it has no config.json"),
        (("train", "run", "--resume"), "run is not the folder of a run: it has no config.json"),
        (("evaluate", "run"), "run is not the folder of a run"),
        (("evaluate",), "give either the folder of a run or --codes"),
        (("evaluate", "run", "--codes", "codes.npz"), "give either the folder of a run or --codes"),
        (("evaluate", "run", "--out", "folder"), "--out goes with --codes"),
        (("posterior",), "give either the folder of a run or --codes"),
        (("posterior", "run"), "run is not the folder of a run"),
        (("posterior", "run", "--out", "folder"), "--out goes with --codes"),
        (("posterior", "--codes", "none.npz"), "No such file or directory: 'none.npz'"),
        (("evaluate", "--codes", "none.npz"), "No such file or directory: 'none.npz'"),
        (("data", "dsprites", "--path", "none.npz", "--out", "new.npz"), "none.npz"),
        (("paint",), "No such command 'paint'"),
    ],
)
def test_what_the_user_can_correct_is_one_line(
    fastdis_command: Any, arguments: tuple[str, ...], message: str
) -> None:
    status, out, err = fastdis_command(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("fastdis: ")
    assert message.lower() in err.lower()  # versions of typer write arguments in either case
    assert err.count("\n") == 1


def test_a_mistake_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: RunConfig) -> None:
        raise KeyError("ours")

    monkeypatch.setattr(RunConfig, "build_data", broken)
    monkeypatch.setattr(sys, "argv", ["fastdis", "train", "run"])
    with pytest.raises(KeyError):
        cli.main()


def test_without_a_command_there_is_help(fastdis_command: Any) -> None:
    status, out, err = fastdis_command()
    assert (status, err) == (2, "")
    assert out == fastdis_command("--help")[1]


def test_data_lists_the_data_sets(fastdis_command: Any) -> None:
    status, out, err = fastdis_command("data")
    assert (status, err) == (0, "")
    for name, entry in DATASETS.items():
        assert f"\n{name} " in f"\n{out}"
        assert all(text in out for text in (entry.file, entry.where, entry.paper))


def test_traceback_shows_where_an_error_came_from(fastdis_command: Any) -> None:
    for command in (("evaluate", "nowhere"), ("posterior", "nowhere"), ("train", "run", "--resume")):
        status, out, err = fastdis_command(*command, "--traceback")
        assert (status, out) == (2, "")
        assert err.startswith("Traceback (most recent call last)")
        assert "config_file.py" in err
        assert err.splitlines()[-1].startswith(f"fastdis: {command[1]} is not the folder of a run")
    for command in ("train", "evaluate", "posterior", "demo", "data dsprites"):
        assert "--traceback" in fastdis_command(*command.split(), "--help")[1]


def test_the_shell_completes_names(monkeypatch: pytest.MonkeyPatch, fastdis_command: Any) -> None:
    # which shell runs the tests is not the question: make's is sh, which has no completion
    monkeypatch.setattr("shellingham.detect_shell", lambda: ("bash", "/bin/bash"))
    status, out, _ = fastdis_command("--show-completion")
    assert status == 0
    assert "_FASTDIS_COMPLETE" in out
    monkeypatch.setenv("_FASTDIS_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "fastdis train run --objective beta")
    monkeypatch.setenv("COMP_CWORD", "4")
    assert fastdis_command()[1].split() == ["beta-vae", "beta-tcvae"]


def installed(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("fastdis")
    return subprocess.run([command, *arguments], capture_output=True, text=True)


def test_the_command_is_installed() -> None:
    result = installed("evaluate", "nowhere")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "fastdis: nowhere is not the folder of a run: it has no config.json\n"


def test_a_constant_factor_is_mentioned_in_one_line() -> None:
    factors = squares().factors(slice(None))
    np.savez("codes.npz", codes=factors.astype(np.float32), factors=factors)
    result = installed("evaluate", "--codes", "codes.npz", "--metrics", "mig")
    assert result.returncode == 0
    assert result.stderr == "fastdis: evaluate: factors column 0 is constant and left out\n"


def test_python_runs_the_package_as_the_command() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "fastdis", "evaluate", "nowhere"], capture_output=True, text=True
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "fastdis: nowhere is not the folder of a run: it has no config.json\n"


def test_a_reader_that_stops_reading_is_no_error() -> None:
    command = Path(sys.executable).with_name("fastdis")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        result = subprocess.run([command, "--version"], stdout=closed, stderr=subprocess.PIPE, text=True)
    assert (result.returncode, result.stderr) == (1, "")


def test_importing_the_command_line_loads_no_compiler() -> None:
    code = "import sys, fastdis.cli; print(*{name.split('.')[0] for name in sys.modules})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(result.stdout.split()) & {"numba", "triton", "sklearn", "matplotlib", "h5py"}
