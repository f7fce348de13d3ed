"""``fastdis evaluate`` and ``fastdis demo``."""

import json
import shlex
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from fastdis import cli
from fastdis.evaluation import scores
from fastdis.training.run_config import RunConfig

SHORT = ("--steps", "3", "--batch-size", "8")


def test_train_then_evaluate(fastdis_command: Any) -> None:
    status, out, _ = fastdis_command("train", "run", "--objective", "beta-vae", "--seed", "3", *SHORT)
    assert status == 0
    assert "fastdis evaluate run" in out
    config = json.loads(Path("run/config.json").read_text())
    assert config["settings"]["beta"] == 4.0
    assert {
        "objective": "beta-vae",
        "seed": 3,
        "steps": 3,
        "batch_size": 8,
    }.items() <= config.items()
    status, out, _ = fastdis_command("evaluate", "run", "--metrics", "mig")
    assert status == 0
    assert "mig" in out
    assert "report: run: metrics.json" in out
    assert out.endswith("page: run/report.html\n")
    content = json.loads(Path("run/metrics.json").read_text())
    again = [shlex.split(command.replace("run", "again", 1))[1:] for command in content["commands"]]
    assert [words[0] for words in again] == ["train", "evaluate"]
    assert fastdis_command(*again[0])[0] == 0  # what the page says makes the same run
    assert json.loads(Path("again/config.json").read_text()) == config
    assert Path("run/traversals.png").exists()


def test_demo_is_finished_where_it_was_left(fastdis_command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "NAMES", ("mig", "irs"))
    monkeypatch.setattr(cli.demo, "QUICK", RunConfig(steps=3, batch_size=8, every=11))
    status, out, _ = fastdis_command("demo", "--quick")
    assert status == 0
    assert "1 image in 11" in out
    assert "1 image in 11" in json.loads(Path("runs/demo-quick/metrics.json").read_text())["data"]
    assert fastdis_command("demo", "--quick")[0] == 0
    assert len(Path("runs/demo-quick/log.jsonl").read_text().splitlines()) == 2


def test_codes_from_a_file(fastdis_command: Any) -> None:
    factors = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)
    np.savez("codes.npz", codes=factors.astype(np.float32), factors=factors)
    status, out, _ = fastdis_command("evaluate", "--codes", "codes.npz", "--out", "report")
    assert status == 0
    assert "mig 1.0000 exact 96" in " ".join(out.split())
    assert Path("report/metrics.json").exists()
    scores = [number["name"] for number in json.loads(Path("report/metrics.json").read_text())["numbers"]]
    assert {"factor_vae_score", "sap", "dci", "irs", "explicitness"} <= set(scores)  # all by default


def test_codes_from_an_npy_pair_and_from_hdf5(fastdis_command: Any) -> None:
    factors = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)
    np.save("z.npy", factors.astype(np.float32))
    np.save("v.npy", factors)
    with h5py.File("mine.h5", "w") as file:
        file["codes"], file["factors"] = factors.astype(np.float32), factors
    for arguments in (("--codes", "z.npy", "--factors", "v.npy"), ("--codes", "mine.h5")):
        status, out, err = fastdis_command("evaluate", *arguments, "--metrics", "mig, irs")
        assert (status, err) == (0, "")
        assert "mig 1.0000 exact 96" in " ".join(out.split())
        assert "sap" not in out


def test_a_misspelt_score_is_one_line_with_close_matches(fastdis_command: Any) -> None:
    status, out, err = fastdis_command("evaluate", "run", "--metrics", "mig,factorvae_score")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "got 'factorvae_score'; did you mean factor_vae_score" in err


def test_a_range_that_falls_is_refused_before_anything_is_encoded(fastdis_command: Any) -> None:
    status, out, err = fastdis_command("evaluate", "run", "--traverse", "2", "-3", "--metrics", "mig")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "traverse[1] must be finite and above 2, got -3" in err


def test_arrays_of_another_framework(fastdis_command: Any) -> None:
    factors = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)
    np.savez("mine.npz", z=factors.astype(np.float32), y=factors, s=np.full((96, 2), -6.0))
    keys = ("--codes-key", "z", "--factors-key", "y", "--logvar-key", "s")
    status, out, _ = fastdis_command("evaluate", "--codes", "mine.npz", *keys, "--metrics", "posterior_mig")
    assert status == 0
    assert "posterior_mig 1.0000" in " ".join(out.split())
