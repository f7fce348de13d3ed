"""Two processes that train one model over gloo, against one that trains it alone."""

import csv
import threading
from pathlib import Path

import pytest
import torch
from torch import multiprocessing

from fastdis.losses import BetaVAE
from fastdis.training import distributed, fit
from fastdis.training.batches import batches
from fastdis.training.log import read_log
from support.toys import noiseless_vae, squares
from support.workers import train_together


@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no torch.distributed")
def test_two_processes_train_as_one(tmp_path: Path) -> None:
    multiprocessing.spawn(train_together, (str(tmp_path),), nprocs=2)
    found = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]
    quiet, whole, parts = found[0][0]

    model = noiseless_vae()
    settings = {"batch_size": 8, "log_every": 2, "progress": False}
    rows = fit(model, BetaVAE(), squares(), steps=6, run_dir=tmp_path / "alone", **settings)
    torch.testing.assert_close(quiet, list(model.parameters()), rtol=0, atol=1e-5)
    for row, expected in zip(found[0][1], rows, strict=True):
        assert row["total"] == pytest.approx(expected["total"], rel=1e-5)
    with (tmp_path / "run" / "log.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(rows)

    assert all(torch.equal(a, b) for a, b in zip(whole, parts, strict=True))
    assert [row["step"] for row in read_log(tmp_path / "parts" / "scores.jsonl")] == [2, 4, 6]
    for mine, other in zip(found[0][0], found[1][0], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(mine, other, strict=True))
    assert found[0][2] == found[1][2]
    for mine, other in zip(found[0][3], found[1][3], strict=True):  # what objectives keep is of both shares
        assert mine["updates"] == 6
        assert all(torch.equal(mine[name], other[name]) for name in mine)
    for message, expected in zip(
        found[0][2],
        ("no other training uses, but process", "got values from 0 to 2 in the first", "can be written, got"),
        strict=True,
    ):
        assert expected in message
    assert not (tmp_path / "used").exists()
    assert not (tmp_path / "bright").exists()
    with pytest.raises(ValueError, match="processes was 2, got 1"):
        fit(model, BetaVAE(), squares(), steps=9, run_dir=tmp_path / "run", resume=True, **settings)


def test_every_process_has_its_own_share_of_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = next(batches(torch.arange(40), 12, 0))
    monkeypatch.setattr("fastdis.training.batches.world", lambda: 3)
    shares = []
    for rank in range(3):
        monkeypatch.setattr("fastdis.training.batches.rank", lambda rank=rank: rank)
        shares.append(next(batches(torch.arange(40), 12, 0)))
        assert torch.equal(next(batches([whole], 12, 0)), shares[-1])
    assert torch.equal(torch.stack(shares, 1).flatten(), whole)
    with pytest.raises(ValueError, match="a batch must be a multiple of the 3 processes, got 8 images"):
        next(batches(torch.arange(40), 8, 0))


def test_one_process_waits_for_nobody() -> None:
    assert (distributed.world(), distributed.rank()) == (1, 0)
    lock = threading.Lock()  # cannot be pickled
    assert distributed.gathered(lock) == [lock]
