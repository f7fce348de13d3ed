"""``fastdis posterior``."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastdis import posterior

SHORT = ("--steps", "3", "--batch-size", "8")


def test_the_posterior_of_a_run(fastdis_command: Any) -> None:
    assert fastdis_command("train", "run", *SHORT)[0] == 0
    status, out, _ = fastdis_command("posterior", "run", "--samples", "2", "--seed", "5")
    assert status == 0
    assert "total correlation" in out
    assert out.endswith("report: run: posterior.json, aggregated_marginals.png\n")
    content = json.loads(Path("run/posterior.json").read_text())
    with np.load("run/codes.npz") as file:
        expected = posterior.decompose(file["mean"], file["logvar"], samples=2, seed=5)
    assert expected.to_dict().items() <= content.items()
    assert content["checkpoint"] == "checkpoint-00000003.safetensors"
    assert Path("run/aggregated_marginals.png").read_bytes().startswith(b"\x89PNG")


def test_the_posterior_of_a_file(fastdis_command: Any) -> None:
    mean = np.arange(4.0).reshape(4, 1) * 100
    np.savez("codes.npz", mean=mean, logvar=np.zeros((4, 1)))
    status, out, _ = fastdis_command("posterior", "--codes", "codes.npz")
    assert (status, out.count("\n")) == (0, 6)
    assert "index-code MI          1.3863" in out  # log 4
    assert [path.name for path in Path().iterdir()] == ["codes.npz"]
    status, out, _ = fastdis_command(
        "posterior", "--codes", "codes.npz", "--out", "new", "--max-pairs", "8", "--samples", "3"
    )
    assert status == 2  # every one of 4 samples needs 4 pairs
    status, out, _ = fastdis_command("posterior", "--codes", "codes.npz", "--out", "new", "--max-pairs", "8")
    assert status == 0
    assert "1 z from each of 2 of them drawn at random" in out
    assert json.loads(Path("new/posterior.json").read_text())["queries"] == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"mean": np.zeros((4, 2))}, "codes.npz must hold the arrays mean and logvar, got mean"),
        ({"mean": np.zeros((4, 2)), "logvar": np.zeros((4, 3))}, "logvar must have shape (4, 2) like mean"),
        ({"mean": np.zeros(4), "logvar": np.zeros(4)}, "mean must have shape (batch, latent)"),
        ({"mean": np.zeros((0, 2)), "logvar": np.zeros((0, 2))}, "both at least 1, got (0, 2)"),
        ({"mean": np.eye(2), "logvar": np.full((2, 2), np.nan)}, "logvar must be finite, got nan in row 0"),
        ({"mean": np.eye(2, dtype=complex), "logvar": np.eye(2)}, "mean must have a real dtype"),
        (
            {"mean": np.eye(2, dtype=object), "logvar": np.eye(2)},
            "codes.npz must hold arrays of numbers",
        ),
        (b"not a zip", "codes.npz must be a complete npz or HDF5 file"),
    ],
)
def test_files_without_posteriors(fastdis_command: Any, content: Any, message: str) -> None:
    if isinstance(content, bytes):
        Path("codes.npz").write_bytes(content)
    else:
        np.savez("codes.npz", **content)
    status, out, err = fastdis_command("posterior", "--codes", "codes.npz", "--out", "new")
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not Path("new").exists()
