"""Scores while training: what they are, and that the training does not notice them."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

import fastdis
from fastdis.data import arrays, scenes
from fastdis.losses import BetaVAE
from fastdis.metrics import factor_vae_score, mig
from fastdis.training import TrainingInterrupted, fit
from fastdis.training.checkpoint_file import checkpoints, step_of
from fastdis.training.labels import labels
from fastdis.training.log import read_log
from fastdis.training.run_config import RunConfig
from fastdis.training.scoring import Sample
from support.run_folders import without_seconds
from support.toys import small_vae, squares


def train(folder: Path, steps: int = 4, *, model: Any = None, data: Any = None, **options: Any) -> Any:
    model = model or small_vae()
    settings = {"batch_size": 8, "progress": False, "checkpoint_every": 100} | options
    fit(model, BetaVAE(), squares() if data is None else data, steps=steps, run_dir=folder, **settings)
    return model


def scores(folder: Path) -> list[dict[str, float]]:
    return read_log(folder / "scores.jsonl")


def test_a_row_is_what_the_functions_say(tmp_path: Path) -> None:
    model, data = train(tmp_path, evaluate_every=4).eval(), squares()
    row = scores(tmp_path)[0]
    with torch.no_grad():
        mean, logvar = model.encode(data.images(np.arange(96)))
    factors = data.factors(np.arange(96))
    exact = fastdis.posterior.decompose(mean, logvar)
    assert row["step"] == 4
    assert row["mig"] == pytest.approx(mig(mean, factors).score)
    assert row["factor_vae_score"] == factor_vae_score(mean, factors).score
    assert row["kl"] == pytest.approx(float(fastdis.gaussian_kl(mean, logvar).sum()), rel=1e-5)
    assert row["total_correlation"] == pytest.approx(exact.total_correlation, rel=1e-5)
    assert row["index_code_mi"] == pytest.approx(exact.index_code_mi, rel=1e-5)


def test_the_training_is_the_same_bits_with_and_without(tmp_path: Path) -> None:
    plain, scored = train(tmp_path / "a", 5), train(tmp_path / "b", 5, evaluate_every=2)
    assert [row["step"] for row in scores(tmp_path / "b")] == [2, 4, 5]
    for name, value in plain.state_dict().items():
        assert torch.equal(value, scored.state_dict()[name]), name
    logs = [without_seconds(read_log(tmp_path / name / "log.jsonl")) for name in "ab"]
    assert logs[0] == logs[1]


def test_data_that_draws_from_torch_does_not_shift_the_noise(tmp_path: Path) -> None:
    class Drawn(Dataset[torch.Tensor]):
        def __len__(self) -> int:
            return 32

        def __getitem__(self, index: int) -> torch.Tensor:
            return torch.rand(1, 64, 64)

    with pytest.warns(UserWarning, match="no known factors"):
        scored = train(tmp_path / "b", 5, data=Drawn(), evaluate_every=1)
    plain = train(tmp_path / "a", 5, data=Drawn())
    for name, value in plain.state_dict().items():
        assert torch.equal(value, scored.state_dict()[name]), name


def test_a_resumed_run_has_the_rows_of_one_never_stopped(tmp_path: Path) -> None:
    whole = train(tmp_path / "a", 6, evaluate_every=2)
    stopped = train(tmp_path / "b", 3, evaluate_every=2)  # the last step is scored, too
    assert [row["step"] for row in scores(tmp_path / "b")] == [2, 3]
    train(tmp_path / "b", 6, model=stopped, evaluate_every=2, resume=True)
    assert without_seconds(scores(tmp_path / "b")) == without_seconds(scores(tmp_path / "a"))
    for name, value in whole.state_dict().items():
        assert torch.equal(value, stopped.state_dict()[name])
    assert (tmp_path / "b" / "scores.csv").read_text().count("\n") == 4


def test_rows_beyond_the_checkpoint_are_given_up(tmp_path: Path) -> None:
    model = train(tmp_path, 2, evaluate_every=1)
    with (tmp_path / "scores.jsonl").open("a") as file:  # as a run killed after its last checkpoint leaves it
        file.write('{"step": 3, "seconds": 1.0, "mig": 9.0}\n')
    train(tmp_path, 4, model=model, evaluate_every=1, resume=True)
    rows = scores(tmp_path)
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert rows[2]["mig"] != 9.0


def test_a_finished_run_keeps_its_rows(tmp_path: Path) -> None:
    model = train(tmp_path, 3, evaluate_every=2)
    before = (tmp_path / "scores.jsonl").read_bytes()
    train(tmp_path, 3, model=model, evaluate_every=2, resume=True)
    assert (tmp_path / "scores.jsonl").read_bytes() == before


def test_without_factors_there_is_the_kl_and_one_warning(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (16, 64, 64), dtype=np.uint8)
    with pytest.warns(UserWarning, match="the KL alone") as warned:
        train(tmp_path, 3, data=arrays(images), evaluate_every=1)
    assert len(warned) == 1
    assert list(scores(tmp_path)[0]) == [
        "step",
        "seconds",
        "kl",
        "index_code_mi",
        "total_correlation",
        "dimwise_kl",
    ]


def test_continuous_factors_are_binned_and_missing_labels_left_out() -> None:
    images = np.zeros((5, 8, 8), np.uint8)
    data = arrays(images, {"angle": [0.0, 0.5, 1.0, np.nan, 0.04], "shape": [0, 1, 1, 0, 1]})
    sample = Sample.of(small_vae(), data)
    assert sample.rows.tolist() == [0, 1, 2, 4]
    assert sample.classes is not None
    assert sample.classes.tolist() == [[0, 0], [10, 1], [19, 1], [0, 1]]


def test_bins_are_those_of_the_report() -> None:
    data = scenes(2, length=30)  # whose factors are drawn from a range that 30 images do not fill
    sample = Sample.of(small_vae(), data)
    assert sample.classes is not None
    np.testing.assert_array_equal(sample.classes, labels(data).scored()[1])


def test_the_sample_is_the_same_for_every_run() -> None:
    images = np.zeros((10_050, 1, 1), np.uint8)
    first, second = (Sample.of(small_vae(), images) for _ in range(2))
    assert len(first.rows) == len(np.unique(first.rows)) == 10_000
    assert np.array_equal(first.rows, second.rows)


def test_of_a_loader_the_data_set_is_scored(tmp_path: Path) -> None:
    images = TensorDataset(torch.rand(16, 1, 64, 64))
    with pytest.warns(UserWarning, match="the KL alone"):
        train(tmp_path / "a", 2, data=DataLoader(images, batch_size=8, shuffle=True), evaluate_every=1)
    assert len(scores(tmp_path / "a")) == 2
    with pytest.raises(TypeError, match="by their index"):
        train(tmp_path / "b", 1, data=iter([torch.rand(8, 1, 64, 64)]), evaluate_every=1)


def test_codes_that_are_not_finite_are_nan_not_an_end() -> None:
    sample = Sample.of(small_vae(), squares())
    model = small_vae()
    with torch.no_grad():
        model.encoder.head.bias[3:] = 300.0  # log variances that float32 does not carry
    row = sample.score(model)
    assert math.isnan(row["total_correlation"])
    assert row["mig"] >= 0


@pytest.mark.parametrize(("keep", "steps"), [(1, [5]), (3, [3, 4, 5]), ("all", [1, 2, 3, 4, 5]), (2, [4, 5])])
def test_so_many_checkpoints_are_kept(tmp_path: Path, keep: Any, steps: list[int]) -> None:
    train(tmp_path, 5, checkpoint_every=1, keep_checkpoints=keep)
    assert list(map(step_of, checkpoints(tmp_path))) == steps


def test_the_best_checkpoint_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = iter([0.2, 0.9, 0.5, 0.9, 0.3, 0.4])
    monkeypatch.setattr(Sample, "score", lambda self, model: {"factor_vae_score": next(values)})
    options = {"evaluate_every": 1, "keep_checkpoints": "best"}
    model = train(tmp_path, 5, checkpoint_every=1, **options)
    assert list(map(step_of, checkpoints(tmp_path))) == [2, 4, 5]
    train(tmp_path, 6, model=model, resume=True, **options)
    assert list(map(step_of, checkpoints(tmp_path))) == [2, 5, 6]


def test_the_best_is_written_where_no_checkpoint_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter([0.2, 0.1, 0.9, 0.5])
    monkeypatch.setattr(Sample, "score", lambda self, model: {"factor_vae_score": next(values)})
    train(tmp_path, 4, evaluate_every=1, keep_checkpoints="best")
    assert list(map(step_of, checkpoints(tmp_path))) == [3, 4]


def test_going_back_gives_the_newer_ones_up_whatever_is_kept(tmp_path: Path) -> None:
    model = train(tmp_path, 3, checkpoint_every=1, keep_checkpoints="all")
    with pytest.warns(UserWarning, match="going back"):
        train(tmp_path, 5, model=model, keep_checkpoints="all", resume="previous")
    assert list(map(step_of, checkpoints(tmp_path))) == [1, 2, 5]


def test_scores_go_to_tensorboard(tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(tmp_path, 2, evaluate_every=1, tensorboard=True)
    events = reader.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("scores/mig")] == [1, 2]
    assert "kl" in events.Tags()["scalars"]  # the term of the loss, beside scores/kl


def test_refusals(tmp_path: Path) -> None:
    cases: list[tuple[type[Exception], str, dict[str, Any]]] = [
        (ValueError, "evaluate_every must be at least 1", {"evaluate_every": 0}),
        (TypeError, "evaluate_every must be an integer", {"evaluate_every": 1.5}),
        (ValueError, "keep_checkpoints must be one of 'best', 'all'", {"keep_checkpoints": "bst"}),
        (ValueError, "keep_checkpoints must be at least 1", {"keep_checkpoints": 0}),
        (ValueError, "evaluate_every must be given", {"keep_checkpoints": "best"}),
        (TypeError, "must have encode", {"evaluate_every": 1, "model": torch.nn.Linear(2, 2)}),
        (
            ValueError,
            "must have known factors",
            {"evaluate_every": 1, "keep_checkpoints": "best", "data": np.zeros((9, 1, 64, 64), np.float32)},
        ),
    ]
    for kind, message, options in cases:
        with pytest.raises(kind, match=message):
            train(tmp_path / "run", 1, **options)
    with pytest.raises(ValueError, match="run_dir must be given where evaluate_every is"):
        train(None, 1, evaluate_every=1)
    assert not (tmp_path / "run").exists()


def test_the_configuration_keeps_both_and_a_resumed_run_may_change_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastdis.training.train import train_run

    monkeypatch.setattr(RunConfig, "build_data", lambda self: squares())
    monkeypatch.setattr(RunConfig, "build_model", lambda self: small_vae(self.seed))
    config = RunConfig("beta-vae", steps=2, batch_size=8, evaluate_every=1, keep_checkpoints="all")
    train_run(config, tmp_path, progress=False)
    read = RunConfig.of_run(tmp_path)
    assert (read.evaluate_every, read.keep_checkpoints) == (1, "all")
    assert len(scores(tmp_path)) == 2
    fewer = RunConfig("beta-vae", steps=3, batch_size=8, keep_checkpoints=1)
    train_run(fewer, tmp_path, resume=True, progress=False)
    assert json.loads((tmp_path / "config.json").read_text())["evaluate_every"] is None
    assert len(checkpoints(tmp_path)) == 1


def test_an_interrupted_run_is_scored_where_it_is_due_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os
    import signal

    data = squares()
    images, count = data.images, iter(range(100))

    def interrupting(rows: Any) -> torch.Tensor:
        if next(count) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return images(rows)

    monkeypatch.setattr(type(data), "images", lambda self, rows: interrupting(rows))
    with pytest.raises(TrainingInterrupted):
        train(tmp_path, 9, data=data, evaluate_every=8)
    assert scores(tmp_path) == []
