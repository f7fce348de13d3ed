"""The torchmetrics class gives, over batches and processes, the score of all samples at once."""

import numpy as np
import pytest
import torch

from fastdis import metrics
from support import workers

pytest.importorskip("torchmetrics", reason="torchmetrics is an extra: pip install 'fastdis[torchmetrics]'")

from fastdis.metrics.torchmetrics import TableScores


@pytest.fixture
def data() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    factors = torch.stack([torch.randint(0, n, (999,), generator=generator) for n in (3, 5)], dim=1)
    return factors + 0.5 * torch.randn(999, 2, generator=generator), factors


def test_batches_give_the_bits_of_one_call(data) -> None:
    scores = TableScores(["mig", "jemmig", "aam"])
    for codes, factors in zip(*(part.split(100) for part in data), strict=True):
        scores.update(codes, factors)
    found = scores.compute()
    for name, value in found.items():
        assert value.item() == np.float32(getattr(metrics, name)(*data).score)
    scores.reset()
    scores.update(data[0][:200], data[1][:200])
    assert scores.compute()["mig"].item() == np.float32(metrics.mig(data[0][:200], data[1][:200]).score)


def test_two_processes_give_the_bits_of_one(data, tmp_path) -> None:
    torch.multiprocessing.spawn(workers.log_mig, (str(tmp_path), *data), nprocs=2)
    expected = np.float32(metrics.mig(*data).score)
    for rank in range(2):
        assert torch.load(tmp_path / f"{rank}.pt").item() == expected


def test_bad_batches_and_names_are_refused_where_they_come(data) -> None:
    with pytest.raises(ValueError, match=r"metrics must be one of 'mig', .*got 'dcl'; did you mean dci"):
        TableScores(["mig", "dcl"])
    with pytest.raises(ValueError, match="got 'posterior_mig'"):
        TableScores(["posterior_mig"])
    scores = TableScores()
    with pytest.raises(
        ValueError, match=r"TableScores\.update: codes must be finite, got nan in row 3, column 1"
    ):
        scores.update(torch.where(torch.arange(8).reshape(4, 2) == 7, torch.nan, 1.0), data[1][:4])


def test_any_score_of_codes_and_factors_is_the_one_of_its_function(data) -> None:
    scores = TableScores(["sap", "irs", "factor_vae_score", "unsupervised"], seed=3)
    for codes, factors in zip(*(part.split(300) for part in data), strict=True):
        scores.update(codes, factors)
    found = scores.compute()
    assert list(found) == list(scores.names)
    assert found["sap"].item() == np.float32(metrics.sap(*data, seed=3).score)
    assert found["irs"].item() == np.float32(metrics.irs(*data).score)
    assert found["factor_vae_score"].item() == np.float32(metrics.factor_vae_score(*data, seed=3).score)
    assert scores.failures == {}


def test_a_loop_that_is_tried_on_a_batch_is_told_nothing(data, recwarn) -> None:
    """Ten rows, one factor of which does not vary yet: no error, no warning, and the reason at hand."""
    scores = TableScores(["mig", "irs"])
    codes, factors = data
    factors = torch.where(torch.arange(999)[:, None] < 10, factors * torch.tensor([0, 1]), factors)
    scores.update(codes[:10], factors[:10])
    found = scores.compute()
    assert torch.isnan(found["mig"])
    assert torch.isfinite(found["irs"])
    assert "at least bins=20 rows, got 10" in scores.failures["mig"]
    scores.reset()
    scores.update(codes, factors)
    assert torch.isfinite(scores.compute()["mig"])
    assert scores.failures == {}
    assert not recwarn.list
