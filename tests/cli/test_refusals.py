"""Hostile input is one line and leaves nothing behind; an older report survives."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from fastdis.evaluation import files

SHORT = ("--steps", "3", "--batch-size", "8")


@pytest.fixture
def run(fastdis_command: Any) -> str:
    """A run of three steps."""
    assert fastdis_command("train", "run", *SHORT)[0] == 0
    return "run"


@pytest.fixture(autouse=True)
def _codes() -> None:
    factors = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)
    np.savez("codes.npz", codes=factors.astype("f4"), factors=factors)
    np.savez("posterior.npz", mean=np.eye(3), logvar=np.zeros((3, 3)))
    Path("file").write_text("no folder")


def contents(folder: str = ".") -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def refused(result: tuple[int, str, str]) -> str:
    status, out, err = result
    assert (status, out) == (2, "")
    assert err.startswith("fastdis: ")
    assert err.count("\n") == 1
    return err.removeprefix("fastdis: ").rstrip("\n")


@pytest.mark.parametrize("patience", [(), ("--patience", "2")])
def test_a_term_that_does_not_exist(fastdis_command: Any, patience: tuple[str, ...]) -> None:
    status, _, err = fastdis_command("train", "new", *SHORT, "--monitor", "nix", *patience)
    assert status == 2
    assert err.splitlines()[-1].startswith("fastdis: fit: monitor must be one of 'total', 'reconstruction', ")
    assert not Path("new").exists()


def test_out_of_memory(fastdis_command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def on_a_gpu(*arguments: Any, **options: Any) -> None:
        raise torch.OutOfMemoryError(
            "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 79.10 GiB of "
            "which 1.00 GiB is free. Of the allocated memory 70.00 GiB is allocated by PyTorch."
        )

    def on_the_cpu(*arguments: Any, **options: Any) -> None:
        torch.empty(10**15)

    for train_run, size in ((on_a_gpu, "2.50 GiB"), (on_the_cpu, "4000000000000000 bytes")):
        monkeypatch.setattr("fastdis.training.train.train_run", train_run)
        message = refused(fastdis_command("train", "new", *SHORT))
        assert message == f"out of memory, {size} were asked for; a smaller --batch-size takes less"


@pytest.mark.parametrize("seed", ["-1", "9223372036854775808", "99999999999999999999999999"])
@pytest.mark.parametrize(
    "command",
    [
        ("evaluate", "run"),
        ("evaluate", "--codes", "codes.npz"),
        ("posterior", "run"),
        ("posterior", "--codes", "posterior.npz"),
        ("train", "new", *SHORT),
    ],
)
def test_seeds_out_of_range(fastdis_command: Any, run: str, command: tuple[str, ...], seed: str) -> None:
    before = contents()
    message = refused(fastdis_command(*command, "--seed", seed))
    assert message.split(": ", 1)[1] == (
        f"seed must be between 0 and 9,223,372,036,854,775,807, got {int(seed):,}"
    )
    assert contents() == before


@pytest.mark.parametrize(
    "command",
    [
        "evaluate --codes codes.npz --out {}",
        "posterior --codes posterior.npz --out {}",
        "demo --quick --out {}",
        "train {} --steps 3 --batch-size 8",
        "data dsprites --out {}/new.npz",
    ],
)
def test_folders_that_cannot_be_written(fastdis_command: Any, command: str) -> None:
    before = contents()
    for folder, reason in {
        "file": "file is a file",
        "file/below/it": "file is a file",
        "/proc/new": "/proc: No such file or directory",  # not even for root
    }.items():
        message = refused(fastdis_command(*command.format(folder).split()))
        assert message == f"cannot write into the folder {folder}: {reason}"
    assert contents() == before


def test_a_file_is_not_written_over_a_folder(fastdis_command: Any) -> None:
    Path("folder").mkdir()
    message = refused(fastdis_command("data", "dsprites", "--out", "folder"))
    assert message == "data dsprites: --out must be a file to write, folder is a folder"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--samples", "0"), "decompose_run: samples must be at least 1, got 0"),
        (("--samples", "-5"), "decompose_run: samples must be at least 1, got -5"),
        (("--tolerance", "0"), "decompose_run: tolerance must be between 1e-15 and 1, got 0"),
        (("--tolerance", "nan"), "decompose_run: tolerance must be between 1e-15 and 1, got nan"),
        (("--tolerance", "inf"), "decompose_run: tolerance must be between 1e-15 and 1, got inf"),
        (("--max-pairs", "nan"), "decompose_run: max_pairs must be finite and above 0, got nan"),
        (("--max-pairs", "0"), "decompose_run: max_pairs must be finite and above 0, got 0"),
    ],
)
def test_numbers_out_of_range(fastdis_command: Any, run: str, options: tuple[str, ...], message: str) -> None:
    assert refused(fastdis_command("posterior", run, *options)).endswith(message)
    assert not Path("run/posterior.json").exists()


@pytest.mark.parametrize("content", [b"[]", b"null", b"3", b'"text"', b"{", b"\xff\xfe", b""])
def test_configurations_that_are_none(fastdis_command: Any, run: str, content: bytes) -> None:
    Path("run/config.json").write_bytes(content)
    before = contents()
    for command in (("evaluate", run), ("posterior", run), ("train", run, "--resume")):
        refused(fastdis_command(*command))
    assert contents() == before


@pytest.mark.parametrize("command", ["evaluate", "posterior"])
def test_damaged_checkpoints(fastdis_command: Any, run: str, command: str) -> None:
    path = Path("run/checkpoint-00000003.safetensors")
    whole = path.read_bytes()
    for damaged in (whole[:100], whole[:-100], b"", b"{}"):
        path.write_bytes(damaged)
        assert str(path) in refused(fastdis_command(command, run))
    path.unlink()
    assert "must hold a checkpoint" in refused(fastdis_command(command, run))


@pytest.mark.parametrize(
    ("command", "names"),
    [("evaluate", ("codes", "factors")), ("posterior", ("mean", "logvar"))],
)
def test_damaged_files_of_codes(fastdis_command: Any, command: str, names: tuple[str, str]) -> None:
    first = np.random.default_rng(0).standard_normal((500, 3))
    second = np.arange(1500).reshape(500, 3) % 7
    np.savez_compressed("mine.npz", **dict(zip(names, (first, second), strict=True)))
    with h5py.File("mine.h5", "w") as file:
        file[names[0]], file[names[1]] = first, second
    for path in (Path("mine.npz"), Path("mine.h5")):
        whole = path.read_bytes()
        spoilt = whole[:1000] + bytes(255 - byte for byte in whole[1000:1100]) + whole[1100:]
        for damaged in (whole[:-200], whole[: len(whole) // 2], whole[:10], b"", spoilt):
            path.write_bytes(damaged)
            status, _, err = fastdis_command(command, "--codes", str(path), "--out", "new")
            if damaged is spoilt and path.suffix == ".h5":
                continue  # HDF5 has no checksum over what an array holds
            assert status == 2
            assert err.startswith(f"fastdis: {path} must ")
            assert err.count("\n") == 1
            assert not Path("new").exists()


@pytest.mark.parametrize(
    ("command", "names"),
    [("evaluate", ("codes", "factors")), ("posterior", ("mean", "logvar"))],
)
def test_dangling_links(fastdis_command: Any, command: str, names: tuple[str, str]) -> None:
    with h5py.File("mine.h5", "w") as file:
        file[names[0]] = np.zeros((4, 2))
        file[names[1]] = h5py.SoftLink("/nowhere")
    message = refused(fastdis_command(command, "--codes", "mine.h5"))
    assert message.startswith(f"mine.h5 must hold the arrays {names[0]} and {names[1]}, got {names[0]}")
    with h5py.File("mine.h5", "a") as file:
        del file[names[1]]
        file[names[1]] = h5py.ExternalLink("elsewhere.h5", "/array")
    assert refused(fastdis_command(command, "--codes", "mine.h5")).startswith("mine.h5 must hold the arrays")


@pytest.mark.parametrize(
    "command",
    [
        ("evaluate", "run", "--metrics", "mig"),
        ("posterior", "run"),
        ("evaluate", "--codes", "codes.npz", "--out", "run", "--metrics", "mig"),
    ],
)
def test_an_older_report_survives_a_newer_one_that_fails(
    fastdis_command: Any, run: str, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fastdis_command(*command)[0] == 0
    before = contents("run")

    def broken(picture: files.Picture) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_encoded", broken)
    assert refused(fastdis_command(*command, "--seed", "1")) == "No space left on device"
    assert contents("run") == before


def test_codes_that_cannot_be_kept(fastdis_command: Any, run: str) -> None:
    Path("run/codes.npz").mkdir()
    assert refused(fastdis_command("evaluate", run)) == "Is a directory: 'run/codes.npz'"
    assert not Path("run/metrics.json").exists()


def test_numbers_that_json_lacks_are_null(tmp_path: Path) -> None:
    numbers = {"a": [float("nan"), 1.0], "b": {"c": float("inf")}, "d": "NaN", "e": 3}
    assert files.write_files(tmp_path / "new", "numbers.json", numbers, {}) == ("numbers.json",)
    kept = json.loads((tmp_path / "new/numbers.json").read_text())
    assert kept == {"a": [None, 1.0], "b": {"c": None}, "d": "NaN", "e": 3}
