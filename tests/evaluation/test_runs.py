"""A run is scored from its folder."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import fastdis
from fastdis import evaluation
from fastdis.evaluation import encode, evaluate_run, score
from fastdis.training import fit, load_weights
from fastdis.training.run_config import RunConfig
from support.scoring import timeless
from support.toys import small_vae, squares


@pytest.fixture
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of two steps, of which data and model are small."""
    monkeypatch.setattr(RunConfig, "build_data", lambda self: squares())
    monkeypatch.setattr(RunConfig, "build_model", lambda self: small_vae())
    config = RunConfig(steps=2, batch_size=8)
    train(config, tmp_path)
    return tmp_path


def train(config: RunConfig, folder: Path, resume: bool = False) -> None:
    fit(
        config.build_model(),
        config.build_objective(96),
        config.build_data(),
        steps=config.steps,
        batch_size=config.batch_size,
        run_dir=folder,
        resume=resume,
        config=config.to_dict(),
        progress=False,
    )


def test_a_run_is_scored_from_its_folder(run_dir: Path) -> None:
    report = evaluate_run(run_dir, metrics="mig", progress=False)
    assert report.content["checkpoint"] == "checkpoint-00000002.safetensors"
    with np.load(run_dir / "codes.npz") as file:
        mean, logvar = file["mean"], file["logvar"]
    assert mean.shape == logvar.shape == (96, 3)
    expected = score(mean, squares().factors(slice(None))[:, 1:], metrics="mig")
    assert timeless(report.content["numbers"])[: len(expected)] == timeless(expected)


def test_codes_are_read_back_until_the_checkpoint_changes(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        return encode(*arguments, **options)

    monkeypatch.setattr(evaluation.encoded_run, "encode", counted)
    first = timeless(evaluate_run(run_dir, metrics="mig", progress=False).content["numbers"])
    assert timeless(evaluate_run(run_dir, metrics="mig", progress=False).content["numbers"]) == first
    assert len(calls) == 1
    train(RunConfig(steps=4, batch_size=8), run_dir, resume=True)
    assert timeless(evaluate_run(run_dir, metrics="mig", progress=False).content["numbers"]) != first
    assert len(calls) == 2
    (run_dir / "codes.npz").write_bytes(b"spoilt")
    evaluate_run(run_dir, metrics="mig", progress=False)
    assert len(calls) == 3


def test_folders_that_are_no_runs(run_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(FileNotFoundError, match=r"not the folder of a run: it has no config\.json"):
        evaluate_run(empty)
    fit(small_vae(), fastdis.losses.VAE(), squares(), steps=1, batch_size=8, run_dir=empty, progress=False)
    (run_dir / "checkpoint-00000002.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="must hold a checkpoint"):
        evaluate_run(run_dir)
    (run_dir / "config.json").write_text('{"beta": ')
    with pytest.raises(ValueError, match=r"config\.json must be a JSON object"):
        evaluate_run(run_dir)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A run of `fit` on a model and data of one's own."""
    folder = tmp_path / "own"
    objective = fastdis.losses.VAE(likelihood="gaussian")
    fit(small_vae(), objective, squares(), steps=2, batch_size=8, run_dir=folder, log_every=1, progress=False)
    return folder


def test_a_run_of_fit_is_scored_with_its_model(own: Path) -> None:
    data = squares()
    options = {"likelihood": "gaussian", "metrics": "mig", "progress": False}
    report = evaluate_run(own, model=small_vae(1), data=data, **options)
    model = small_vae(2)
    load_weights(own, model)
    codes = encode(model, data, progress=False)
    expected = evaluation.evaluate(model, data, own / "again", codes=codes, **options)
    assert timeless(report.content["numbers"]) == timeless(expected.content["numbers"])
    assert (report.content["checkpoint"], report.content["data"]) == (
        "checkpoint-00000002.safetensors",
        "squares",
    )
    assert set(report.files) - set(expected.files) == {"kl_over_training.png", "training.png"}


def test_other_data_are_never_mistaken_for_those_of_before(own: Path) -> None:
    whole, half = squares(), squares().subset(range(48, 96))
    first = evaluate_run(own, model=small_vae(), data=whole, metrics="mig", progress=False).content
    second = evaluate_run(own, model=small_vae(), data=half, metrics="mig", progress=False).content
    assert (first["images"], second["images"]) == (96, 48)
    images = whole.images(slice(0, 48))
    result = evaluation.decompose_run(own, model=small_vae(), data=images, progress=False)
    assert result.posteriors == 48
    with np.load(own / "codes.npz") as file:
        model = small_vae()
        load_weights(own, model)
        np.testing.assert_array_equal(file["mean"], encode(model, images, progress=False)[0])


def test_a_run_of_train_takes_other_data(run_dir: Path) -> None:
    evaluate_run(run_dir, metrics="mig", progress=False)
    half = squares().subset(range(0, 96, 2))
    assert evaluate_run(run_dir, data=half, metrics="mig", progress=False).content["images"] == 48
    assert evaluate_run(run_dir, metrics="mig", progress=False).content["images"] == 96


def test_what_is_missing_is_named(own: Path, run_dir: Path) -> None:
    no_model = (
        r"does not say how its model is built, .*give the model: evaluate_run\(run_dir, model=\.\.\.\)$"
    )
    no_data = (
        r"does not say how its data set can be read, .*give the data: evaluate_run\(run_dir, data=\.\.\.\)$"
    )
    with pytest.raises(ValueError, match=no_model):
        evaluate_run(own)
    with pytest.raises(ValueError, match=no_data):
        evaluation.decompose_run(own, model=small_vae())
    with pytest.raises(ValueError, match=no_model):
        evaluate_run(own, data=squares())
    with pytest.raises(ValueError, match="is of another architecture"):
        evaluate_run(own, model=fastdis.models.linear_vae(latents=3), data=squares())
    with pytest.raises(ValueError, match="evaluate_run: seed must be between 0 and"):
        evaluate_run(run_dir, seed=-1)


def test_arguments_of_another_kind_are_named(own: Path) -> None:
    with pytest.raises(TypeError, match=r"data must have factor_names, .* got Tensor without factor_names"):
        evaluate_run(own, model=small_vae(), data=torch.zeros(4, 1, 64, 64))
    with pytest.raises(ValueError, match="evaluate: likelihood must be one of 'bernoulli', 'gaussian'"):
        evaluate_run(own, model=small_vae(), data=squares(), likelihood="x", progress=False)
    for data, kind, message in (
        (
            [1, 2],
            TypeError,
            r"encode: data must have len\(\) and images\(indices\), or be a tensor, got list",
        ),
        (torch.zeros(0, 1, 64, 64), ValueError, "encode: data must hold at least 1 image, got none"),
    ):
        with pytest.raises(kind, match=message):
            evaluation.decompose_run(own, model=small_vae(), data=data, progress=False)


def test_the_likelihood_is_that_of_the_run(run_dir: Path) -> None:
    config = json.loads((run_dir / "config.json").read_text())
    bernoulli = evaluate_run(run_dir, metrics="mig", progress=False).content["numbers"][-1]
    config["settings"]["likelihood"] = "gaussian"
    (run_dir / "config.json").write_text(json.dumps(config))
    gaussian = evaluate_run(run_dir, metrics="mig", progress=False).content["numbers"][-1]
    assert "Bernoulli" in bernoulli["definition"]
    assert "Gaussian" in gaussian["definition"]
    assert gaussian["score"] != bernoulli["score"]
