"""What a run's folder alone brings back, and what must be given with it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

import fastdis
from fastdis import models
from fastdis.data import Pairs
from fastdis.training import fit
from fastdis.training.origin import architecture_of, described_data, rebuilt_model
from fastdis.training.registry import MODELS, build
from fastdis.training.run_config import RunConfig
from fastdis.training.saved_run import SavedRun
from support.run_folders import run
from support.small_training import small_vae
from support.toys import squares


def equal(left: nn.Module, right: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(left.parameters(), right.parameters(), strict=True))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        *((name, {}) for name in MODELS),
        ("burgess", {"channels": 3}),
        ("linear", {"channels": 3}),
        ("linear-ae", {"tied": True, "k": 2}),
        ("mlp-ae", {"tied": True}),
        ("burgess-ae", {"k": 2}),
        ("infogan", {"noise": 3}),
        ("infogan", {"categories": [3, 2]}),
        ("hierarchical", {"below": [7, 5], "layer": 2}),
        ("ista-ae", {"weight": 0.5, "iterations": 2, "learned": True}),
    ],
)
def test_every_named_model_is_known_again(name: str, settings: dict[str, Any]) -> None:
    model = build(MODELS[name], {"latents": 4, "channels": 1} | settings)
    state = torch.get_rng_state()
    found = architecture_of(model)
    assert torch.equal(torch.get_rng_state(), state)
    assert found is not None
    again = rebuilt_model(json.loads(json.dumps(found)))
    assert repr(again) == repr(model)
    again.load_state_dict(model.state_dict())
    assert equal(again, model)


class Own(models.VAE):
    pass


def changed() -> models.VAE:
    model = models.burgess_vae(3)
    model.decoder.layers[1] = nn.Tanh()
    return model


@pytest.mark.parametrize(
    "make",
    [
        small_vae,
        changed,
        lambda: Own(models.BurgessEncoder(3), models.BurgessDecoder(3)),
        lambda: models.VAE(models.MLPEncoder(3, hidden=[1200]), models.MLPDecoder(3)),
        lambda: models.VAE(models.MLPEncoder(3), models.MLPDecoder(3, hidden=[1200])),
        lambda: models.VAE(models.BurgessEncoder(3), nn.Identity()),
        lambda: nn.Linear(2, 2),
    ],
)
def test_other_models_are_not_taken_for_named_ones(make: Callable[[], nn.Module]) -> None:
    assert architecture_of(make()) is None


@pytest.mark.parametrize(
    "architecture",
    [3, [], {"name": "burgess"}, {"name": "quux", "arguments": {}}, {"name": "chen", "arguments": 3}],
)
def test_an_architecture_that_is_none(tmp_path: Path, architecture: Any) -> None:
    run(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"architecture": architecture}))
    with pytest.raises(ValueError, match=r"config\.json: architecture must be the name of a model") as error:
        SavedRun.read(tmp_path).load_model()
    assert "\n" not in str(error.value)


def test_data_sets_are_described() -> None:
    data = squares()
    factors = {"color": 1, "size": 2, "row": 6, "column": 8}
    described = {"type": "FactorDataset", "source": "squares", "factors": factors, "images": 96, "every": 1}
    assert described_data(data) == described
    assert described_data(Pairs(data)) == described
    assert described_data(DataLoader(data)) == described
    assert described_data(data.subset(slice(0, None, 7))) == described | {"images": 14, "every": 7}
    assert described_data(data.subset(slice(1, None, 7))) == described | {"images": 14, "every": None}
    assert described_data(data.subset([5])) == described | {"images": 1, "every": None}
    assert described_data(torch.zeros(2)) == {"type": "Tensor"}


def test_a_run_of_fit_on_dsprites_needs_nothing(tmp_path: Path) -> None:
    data = fastdis.data.dsprites().subset(slice(0, None, 100_000))
    model = models.burgess_vae(latents=2)
    objective = fastdis.losses.BetaVAE(likelihood="gaussian")
    fit(model, objective, data, steps=1, batch_size=4, run_dir=tmp_path, progress=False)
    saved = SavedRun.read(tmp_path)
    assert saved.config is None
    again, checkpoint = saved.load_model()
    assert isinstance(again, models.VAE)
    assert equal(again, model)
    found = saved.build_data()
    assert found.rows.tolist() == data.rows.tolist()
    assert saved.likelihood == "gaussian"
    assert checkpoint.name == "checkpoint-00000001.safetensors"
    assert saved.title() == "BetaVAE(beta=4.0, likelihood='gaussian')"
    assert saved.subset() == " (1 image in 100000)"


def test_a_run_of_fit_on_ones_own_names_what_is_missing(tmp_path: Path) -> None:
    model, _ = run(tmp_path)
    saved = SavedRun.read(tmp_path)
    message = (
        r"config\.json does not say how its model is built, .*, got a VAE; give the model: evaluate_run\("
    )
    with pytest.raises(ValueError, match=message):
        saved.load_model()
    given = small_vae()
    assert saved.load_model(given) == (given, tmp_path / "checkpoint-00000004.safetensors")
    assert equal(given, model)
    message = (
        r"config\.json does not say how its data set can be read, got Tensor; give the data: evaluate_run\("
    )
    with pytest.raises(ValueError, match=message):
        saved.build_data()
    assert saved.likelihood == "bernoulli"


def test_data_like_dsprites_from_elsewhere_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(small_toy(), fastdis.losses.VAE(), squares(), steps=1, batch_size=4, run_dir=tmp_path, progress=False)
    with pytest.raises(ValueError, match="got squares; give the data"):
        SavedRun.read(tmp_path).build_data()
    config = json.loads((tmp_path / "config.json").read_text())
    sizes = dict(zip(fastdis.data.dsprites().factor_names, fastdis.data.dsprites().factor_sizes, strict=True))
    config["data"] |= {"factors": sizes, "source": "dSprites, read from /elsewhere.npz"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"got dSprites, read from /elsewhere\.npz; give the data"):
        SavedRun.read(tmp_path).build_data()


def small_toy() -> models.VAE:
    from support.toys import small_vae as toy

    return toy()


def test_a_run_of_the_command_line_needs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunConfig, "build_data", lambda self: squares())
    config = RunConfig("beta-vae", steps=2, batch_size=8, latents=3, settings={"likelihood": "gaussian"})
    model = config.build_model()
    fit(
        model,
        config.build_objective(96),
        config.build_data(),
        steps=2,
        batch_size=8,
        run_dir=tmp_path,
        config=config.to_dict(),
        progress=False,
    )
    saved = SavedRun.read(tmp_path)
    again, checkpoint = saved.load_model()
    assert equal(again, model)
    assert len(saved.build_data()) == 96
    assert saved.likelihood == "gaussian"
    assert (saved.title(), saved.subset()) == ("beta-vae, beta 4", "")
    assert checkpoint.name == "checkpoint-00000002.safetensors"
