"""ConvStack: one kernel for neighbouring convolutions, and nothing that tells it from an nn.Sequential."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fastdis import models
from fastdis.models import _conv_stack
from fastdis.models._conv_stack import ConvStack

Model = Callable[[], tuple[nn.Sequential, Tensor]]


def encoder() -> tuple[nn.Sequential, Tensor]:
    return models.BurgessEncoder(3).layers, torch.rand(2, 1, 64, 64)


def decoder() -> tuple[nn.Sequential, Tensor]:
    return models.KimDecoder(3, channels=3).layers, torch.randn(2, 3)


@contextmanager
def kernels_called(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many layers each call of the kernel took."""
    called: list[int] = []
    real = _conv_stack.convolutions

    def record(images: Tensor, weights: list[Tensor], *others: Any, **named: Any) -> Tensor:
        called.append(len(weights))
        return real(images, weights, *others, **named)

    with monkeypatch.context() as patch:
        patch.setattr(_conv_stack, "convolutions", record)
        yield called


@pytest.mark.parametrize("make", [encoder, decoder])
def test_the_same_as_a_sequential(make: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    layers, inputs = make()
    plain = nn.Sequential(*copy.deepcopy(layers))
    assert list(layers.state_dict()) == list(plain.state_dict())
    with kernels_called(monkeypatch) as called:
        ours = layers(inputs)
    assert called == [4]
    torch.testing.assert_close(ours, plain(inputs), rtol=1e-5, atol=1e-5)
    of_ours = torch.autograd.grad(ours.square().sum(), [*layers.parameters()])
    of_plain = torch.autograd.grad(plain(inputs).square().sum(), [*plain.parameters()])
    for a, b in zip(of_ours, of_plain, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3 * float(b.abs().max()))


@pytest.mark.parametrize(
    ("stack", "taken"),
    [
        ([nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 32, 4, 2, 1), nn.LeakyReLU(0.3)], [2]),
        ([nn.Conv2d(1, 32, 4, 2, 1), nn.Conv2d(32, 32, 4, 2, 1), nn.ReLU(), nn.ReLU()], [2]),
        ([nn.Conv2d(1, 32, 4, 2, 1), nn.Tanh(), nn.Conv2d(32, 32, 4, 2, 1)], [1, 1]),
        ([nn.Conv2d(1, 32, 4, 2, 1), nn.ConvTranspose2d(32, 1, 4, 2, 1), nn.ReLU()], [1, 1]),
        ([nn.Conv2d(1, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 32, 4, 2, 1)], [1]),
        ([nn.Conv2d(1, 32, 4, 2, 1, bias=False), nn.Conv2d(32, 32, 4, 2, 1, padding_mode="reflect")], []),
        ([nn.Conv2d(1, 32, 4, 2, 1), nn.Conv2d(32, 32, 4, 2, 1, groups=2), nn.ReLU()], [1]),
        ([nn.Conv2d(1, 32, 4, 2, 1), nn.LeakyReLU(1.0), nn.Conv2d(32, 32, 4, 2, 1), nn.LeakyReLU(0.5)], [2]),
        ([nn.Conv2d(1, 32, 4, 2, 1), nn.LeakyReLU(1.0), nn.LeakyReLU(0.3)], [1]),
        ([nn.Conv2d(1, 32, 4, 2, 1), nn.LeakyReLU(-0.5), nn.Conv2d(32, 32, 4, 2, 1)], [2]),
        ([nn.utils.parametrizations.spectral_norm(nn.Conv2d(1, 32, 4, 2, 1)), nn.ReLU()], []),
    ],
)
def test_what_is_taken_together(
    stack: list[nn.Module], taken: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = torch.randn(2, 1, 32, 32)
    layers = ConvStack(*stack).eval()
    with kernels_called(monkeypatch) as called:
        found = layers(images)
    assert called == taken
    torch.testing.assert_close(found, nn.Sequential(*stack)(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["forward", "forward_pre", "full_backward", "full_backward_pre"])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_hooks_are_called(kind: str, index: int) -> None:
    layers, images = (
        ConvStack(nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 32, 4, 2, 1)),
        torch.rand(2, 1, 16, 16),
    )
    heard = []
    getattr(layers[index], f"register_{kind}_hook")(lambda *arguments: heard.append(1))
    layers(images.requires_grad_()).sum().backward()
    assert heard


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_changed_forward_is_called(index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = ConvStack(nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 32, 4, 2, 1))
    monkeypatch.setattr(layers[index], "forward", lambda images: images * 2)
    images = torch.rand(2, 32 if index == 0 else 1, 16, 16)
    expected = nn.Sequential(*layers)(images)
    torch.testing.assert_close(layers(images), expected, rtol=1e-4, atol=1e-5)


def test_tracers_see_the_modules() -> None:
    layers, images = encoder()
    traced = torch.fx.symbolic_trace(layers)
    assert sum(node.op == "call_module" for node in traced.graph.nodes) == len(layers)
    torch.testing.assert_close(traced(images), layers(images), rtol=1e-4, atol=1e-4)


def test_global_hooks_are_called() -> None:
    layers, images = encoder()
    heard = []
    handle = nn.modules.module.register_module_forward_hook(lambda module, *_: heard.append(type(module)))
    try:
        layers(images)
    finally:
        handle.remove()
    assert heard.count(nn.Conv2d) == 4


def test_the_output_may_be_changed_in_place() -> None:
    layers = ConvStack(nn.Conv2d(1, 32, 4, 2, 1), nn.Hardtanh(inplace=True))
    layers(torch.rand(2, 1, 16, 16)).sum().backward()
    assert layers[0].weight.grad is not None


def test_it_compiles_to_one_graph() -> None:
    layers, images = encoder()
    compiled = torch.compile(layers, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(images), layers(images), rtol=1e-4, atol=1e-4)
