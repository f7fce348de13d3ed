"""Layers have names; a state of version 0.1, which counted them, still loads."""

import pytest
import torch
from torch import nn

from fastdis import models
from fastdis.models import MODELS
from fastdis.models._layers import of_today


def by_place(model: nn.Module) -> dict[str, torch.Tensor]:
    """The state as version 0.1 wrote it."""
    state = model.state_dict()
    for path, layers in model.named_modules():
        if isinstance(layers, nn.Sequential):
            for place, name in enumerate(layers._modules):
                for kind in ("weight", "bias"):
                    if f"{path}.{name}.{kind}" in state:
                        state[f"{path}.{place}.{kind}"] = state.pop(f"{path}.{name}.{kind}")
    return state


@pytest.mark.parametrize("name", MODELS)
def test_a_state_by_places_loads(name: str) -> None:
    torch.manual_seed(0)
    trained, model = MODELS[name].make(latents=2), MODELS[name].make(latents=2)
    old = by_place(trained)
    if any(isinstance(module, nn.Sequential) for module in trained.modules()):
        assert old.keys() != trained.state_dict().keys()
    assert of_today(model, old).keys() == trained.state_dict().keys()
    model.load_state_dict(old)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in trained.state_dict().items())


def test_a_state_of_another_network_does_not() -> None:
    with pytest.raises(RuntimeError, match=r"size mismatch for encoder\.layers\.dense1\.weight"):
        MODELS["linear"].make(latents=2).load_state_dict(by_place(MODELS["burgess"].make(latents=2)))


def test_checkpoints_of_0_1_name_layers_by_their_places() -> None:
    for module, places in (
        (models.BurgessEncoder(3), [0, 2, 4, 6, 9, 11, 13]),
        (models.BurgessDecoder(3), [0, 2, 4, 7, 9, 11, 13]),
        (models.KimEncoder(3), [0, 2, 4, 6, 9, 11]),
        (models.KimDecoder(3), [0, 2, 5, 7, 9, 11]),
        (models.SongDecoder(3), [0, 2, 5, 7, 9, 11]),
        (models.InfoGANCritic(), [0, 2, 4, 6, 9, 11]),
    ):
        expected = [f"layers.{place}.{kind}" for place in places for kind in ("weight", "bias")]
        assert sorted(by_place(module)) == sorted(expected)


def test_names_of_today() -> None:
    names = {name.rpartition(".")[0] for name in models.burgess_vae().state_dict()}
    convolutions = [f"{half}.layers.conv{k}" for half in ("encoder", "decoder") for k in (1, 2, 3, 4)]
    assert names == {
        *convolutions,
        *(f"{half}.layers.dense{k}" for half in ("encoder", "decoder") for k in (1, 2, 3)),
    }
