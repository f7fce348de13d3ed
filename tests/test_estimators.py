"""The command that judges the minibatch estimators: what it says of them on toy posteriors."""

import json
import math
import sys
from pathlib import Path

import estimators
import numpy as np
import pytest
import torch
from torch import Tensor


def toy(images: int = 500) -> tuple[Tensor, Tensor]:
    mean = torch.randn(images, 3, generator=torch.Generator().manual_seed(0))
    return mean, torch.full_like(mean, -3.0)


def test_a_batch_of_all_images_leaves_the_weights_alone() -> None:
    """With B = N every estimator sees the mixture itself: what is left is the fault of its weights."""
    mean, logvar = toy()
    result = estimators.measure(mean, logvar, sizes=(500,), drawn=20 * 500)
    rows = {row["estimator"]: row for row in result["rows"]}
    noise = np.array(rows["MSS"]["spread"]) / math.sqrt(20) + np.array(result["standard_error"])
    assert (np.abs(rows["MSS"]["bias"]) < 4 * noise + 0.01).all()
    # every weight is 1 / (N B) where 1 / N belongs: once in log q(z), once a latent in the marginals
    surplus = np.array([1, 2, -3]) * math.log(500)
    assert (np.abs(rows["MWS"]["bias"] - surplus) < 4 * noise + 0.01).all()
    assert np.abs(rows["MSS, wrong stride, weight per latent"]["bias"]).max() > 5


def test_the_parts_add_up_under_every_estimator() -> None:
    result = estimators.measure(*toy(), sizes=(16, 64), drawn=6400)
    for row in result["rows"]:
        assert abs(sum(row["bias"])) < 0.1  # the KL of other noise


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(estimators, "DRAWN", 256)
    monkeypatch.setattr(estimators, "SIZES", (16, 64))
    mean, logvar = toy()
    np.savez(tmp_path / "mine.npz", mean=mean, logvar=logvar)
    out = tmp_path / "new" / "table.json"
    monkeypatch.setattr(sys, "argv", ["estimators.py", str(tmp_path / "mine.npz"), "--out", str(out)])
    assert estimators.main() == 0
    printed = capsys.readouterr().out
    assert printed.startswith("| estimator | B | mine: index-code MI |")
    assert estimators.table(json.loads(out.read_text())) == printed.rstrip("\n")
    monkeypatch.setattr(estimators, "SIZES", (501,))
    assert estimators.main() == 2
    assert "there must be at least 501 images, got 500" in capsys.readouterr().err
    np.savez(tmp_path / "mine.npz", mean=mean)
    assert estimators.main() == 2
    assert "must hold the arrays mean and logvar, got mean" in capsys.readouterr().err
