"""What holds for every declared model: a new one is tested here by its entry."""

import copy
import inspect
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from fastdis import models
from fastdis.models import MODELS, VAE

NUMBERS = [
    (name, number)
    for name, entry in MODELS.items()
    for number, parameter in inspect.signature(entry.make).parameters.items()
    if type(parameter.default) is int
]


def built(name: str, **sizes: Any) -> VAE:
    torch.manual_seed(0)
    model: VAE = MODELS[name].make(**{"latents": 4, "channels": 1} | sizes)
    return model


def test_every_exported_function_is_declared() -> None:
    functions = filter(inspect.isfunction, map(models.__dict__.get, models.__all__))
    exported = {value for value in functions if "latents" in inspect.signature(value).parameters}
    assert {entry.make for entry in MODELS.values()} == exported


@pytest.mark.parametrize("name", MODELS)
def test_the_kind_is_what_the_entry_says(name: str) -> None:
    model = built(name)
    assert isinstance(model, models.Autoencoder) == (MODELS[name].kind == "ae")
    assert isinstance(model.decoder, models.InfoGANGenerator) == (MODELS[name].kind == "gan")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("latents", "channels"), [(1, 1), (7, 3), (10, 4)])
def test_shapes(name: str, latents: int, channels: int) -> None:
    output = built(name, latents=latents, channels=channels)(torch.rand(3, channels, 64, 64))
    assert output.reconstruction.shape == (3, channels, 64, 64)
    assert output.z.shape == output.mean.shape == output.logvar.shape == (3, latents)
    output.reconstruction.sum().backward()


@pytest.mark.parametrize("name", MODELS)
def test_shapes_are_inferred_and_operations_counted_on_the_meta_device(name: str) -> None:
    counts = []
    for device in ("cpu", "meta"):
        with torch.device(device), FlopCounterMode(display=False) as counter:
            output = built(name)(torch.zeros(3, 1, 64, 64))
            output.reconstruction.sum().backward()
        assert output.reconstruction.device.type == device
        counts.append((counter.get_total_flops(), output.z.shape, output.mean.shape))
    assert counts[0] == counts[1]
    with (
        torch.device("meta"),
        pytest.raises(TypeError, match="float32 like the weights, got"),
    ):
        built(name)(torch.zeros(3, 1, 64, 64, dtype=torch.float64))


@pytest.mark.parametrize("name", MODELS)
def test_latents_may_be_given_by_position_and_nothing_else(name: str) -> None:
    make = MODELS[name].make
    assert make(4).encode(torch.rand(2, default_channels(name), 64, 64))[0].shape == (2, 4)
    with pytest.raises(TypeError, match=rf"{make.__name__}\(\) takes from 0 to 1 positional arguments but 2"):
        make(4, 1)


def default_channels(name: str) -> int:
    default: int = inspect.signature(MODELS[name].make).parameters["channels"].default
    return default


@pytest.mark.parametrize(("name", "number"), NUMBERS)
def test_sizes_are_integers(name: str, number: str) -> None:
    label = MODELS[name].make.__name__
    plain = built(name, **{number: 2})
    for value in (np.int64(2), torch.tensor(2)):
        assert shapes(built(name, **{number: value})) == shapes(plain)
    for value in (2.0, True, "2", None, np.float32(2)):
        with pytest.raises(TypeError, match=f"{label}: {number} must be an integer, got"):
            built(name, **{number: value})
    with pytest.raises(ValueError, match=f"{label}: {number} must be at least [01], got -1"):
        built(name, **{number: -1})


def shapes(model: VAE) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("images", "kind", "message"),
    [
        (torch.zeros(0, 1, 64, 64), ValueError, r"images must hold at least 1 image, got shape \(0, 1, 64"),
        (torch.zeros(2, 3, 64, 64), ValueError, r"images must have shape \(batch, 1, 64, 64\), got \(2, 3"),
        (torch.zeros(2, 1, 32, 32), ValueError, r"images must have shape \(batch, 1, 64, 64\), got \(2, 1"),
        (torch.zeros(1, 64, 64), ValueError, r"images must have shape \(batch, 1, 64, 64\), got \(1, 64, 6"),
        (torch.zeros(2, 1, 64, 64).byte(), TypeError, "images must .* got torch.uint8; divide .* by 255"),
        (torch.zeros(2, 1, 64, 64).long(), TypeError, "images must have a floating-point dtype, got torch.i"),
        (torch.zeros(2, 1, 64, 64).double(), TypeError, "images must be torch.float32 like the weights, got"),
        (torch.zeros(2, 1, 64, 64).numpy(), TypeError, "images must be a torch.Tensor, got ndarray"),
        (torch.zeros(2, 1, 64, 64, device="meta"), RuntimeError, "images must be on cpu like the weights, g"),
    ],
)
def test_images_that_do_not_fit(name: str, images: Any, kind: type[Exception], message: str) -> None:
    model = built(name)
    label = type(model.encoder).__name__
    with pytest.raises(kind, match=f"{label}: {message}"):
        model(images)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("z", "kind", "message"),
    [
        (torch.zeros(2, 3), ValueError, r"z must have shape \(batch, 4\), got \(2, 3\)"),
        (torch.zeros(4), ValueError, r"z must have shape \(batch, 4\), got \(4,\)"),
        (
            torch.zeros(2, 4).double(),
            TypeError,
            "z must be torch.float32 like the weights, got to",
        ),
        (torch.zeros(2, 4).int(), TypeError, "z must have a floating-point dtype, got torch.int32"),
        (np.zeros((2, 4)), TypeError, "z must be a torch.Tensor, got ndarray"),
    ],
)
def test_codes_that_do_not_fit(name: str, z: Any, kind: type[Exception], message: str) -> None:
    model = built(name)
    with pytest.raises(kind, match=f"{type(model.decoder).__name__}: {message}"):
        model.decode(z)


@pytest.mark.parametrize("name", MODELS)
def test_dtypes(name: str) -> None:
    model, images = built(name).eval(), torch.rand(2, 1, 64, 64)
    code = model.encode(images)[0].detach()
    with torch.autocast("cpu", torch.bfloat16):
        half = model.encode(images)[0]
        assert model.decode(half).shape == model.decode(half.bfloat16()).shape == images.shape
    torch.testing.assert_close(half.float(), code, rtol=0.05, atol=0.05 * float(code.abs().max()))
    wide = copy.deepcopy(model).double()
    torch.testing.assert_close(wide.encode(images.double())[0].float(), code, rtol=1e-4, atol=1e-4)
    assert wide(images.double()).reconstruction.dtype == torch.float64


@pytest.mark.parametrize("name", MODELS)
def test_the_state_can_be_saved_and_loaded(name: str) -> None:
    model, images = built(name).eval(), torch.rand(2, 1, 64, 64)
    torch.manual_seed(1)
    other = MODELS[name].make(latents=4, channels=1).eval()
    other.load_state_dict(model.state_dict())
    for twin in (other, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(twin.encode(images)[0], model.encode(images)[0])
        z = torch.ones(2, 4)
        assert torch.equal(twin.decode(z), model.decode(z))


@pytest.mark.parametrize("name", MODELS)
def test_halves_compile_for_batches_of_any_size(name: str) -> None:
    torch.compiler.reset()
    model = built(name).eval()
    encode = torch.compile(model.encode, fullgraph=True, backend="eager")
    decode = torch.compile(model.decode, fullgraph=True, backend="eager")
    for images in (5, 3):
        x, z = torch.rand(images, 1, 64, 64), torch.randn(images, 4)
        torch.testing.assert_close(encode(x), model.encode(x), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(decode(z), model.decode(z), rtol=1e-4, atol=1e-4)


def test_an_encoder_of_one_s_own_is_named_for_its_output() -> None:
    class Encoder(torch.nn.Module):
        def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
            return images.flatten(1)[:, :3], images.flatten(1)[:, :2]

    model = VAE(Encoder(), torch.nn.Identity())
    with pytest.raises(ValueError, match=r"VAE: logvar must have shape \(5, 3\) like mean, got \(5, 2\)"):
        model(torch.zeros(5, 1, 4, 4))
    with pytest.raises(
        ValueError, match=r"VAE: mean must have shape \(batch, latent\), both at least 1, got"
    ):
        model(torch.zeros(0, 1, 4, 4))
    with pytest.raises(ValueError, match=r"Autoencoder: code must have shape \(batch, latent\)"):
        models.Autoencoder(torch.nn.Identity(), torch.nn.Identity())(torch.zeros(5, 1, 4, 4))
