"""ConvStack: one kernel for neighbouring convolutions, and nothing that tells it from an nn.Sequential."""

import copy
import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

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
    plain = nn.Sequential(OrderedDict(copy.deepcopy(layers).named_children()))
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


def small_stack() -> tuple[ConvStack, Tensor]:
    torch.manual_seed(0)
    layers = ConvStack(nn.Conv2d(1, 32, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(32, 32, 4, 2, 1), nn.Tanh())
    return layers, torch.rand(2, 1, 16, 16)


def with_weight_norm(layers: ConvStack) -> None:
    nn.utils.parametrizations.weight_norm(layers[2])
    layers[2].parametrizations.weight.original0.data *= 2


def with_old_weight_norm(layers: ConvStack) -> None:
    with pytest.warns(FutureWarning, match="weight_norm"):
        nn.utils.weight_norm(layers[2])
    layers[2].weight_g.data *= 2


def with_spectral_norm(layers: ConvStack) -> None:
    nn.utils.parametrizations.spectral_norm(layers[2])
    layers.eval()


def with_other_padding(layers: ConvStack) -> None:
    layers[2].padding_mode = "reflect"


def with_other_stride(layers: ConvStack) -> None:
    layers[2].stride = (1, 1)


def with_other_slope(layers: ConvStack) -> None:
    layers[1].negative_slope = 0.7


def with_no_bias(layers: ConvStack) -> None:
    layers[2].bias = None


def with_weight_of_another_network(layers: ConvStack) -> None:
    """The weight is a plain tensor, as hypernetworks set it."""
    del layers[2].weight
    layers[2].weight = torch.randn(32, 32, 4, 4)


def with_pruned_weight(layers: ConvStack) -> None:
    prune.l1_unstructured(layers[2], "weight", amount=0.5)


@pytest.mark.parametrize(
    "change",
    [
        with_weight_norm,
        with_old_weight_norm,
        with_spectral_norm,
        with_other_padding,
        with_other_stride,
        with_other_slope,
        with_no_bias,
        with_weight_of_another_network,
        with_pruned_weight,
    ],
)
def test_what_is_changed_afterwards_counts(
    change: Callable[[ConvStack], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    layers, images = small_stack()
    before = layers(images)
    change(layers)
    with kernels_called(monkeypatch) as called:
        found = layers(images)
    assert called == []
    assert found.shape != before.shape or not torch.allclose(found, before)
    torch.testing.assert_close(found, nn.Sequential(*layers)(images))


def test_a_hook_that_is_gone_leaves_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    layers, images = small_stack()
    handle = layers[1].register_forward_hook(lambda module, inputs, output: output + 1)
    with kernels_called(monkeypatch) as called:
        hooked = layers(images)
        handle.remove()
        assert not torch.allclose(hooked, layers(images))
    assert called == [2]


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        (lambda layers: layers.__setitem__(0, nn.Conv2d(1, 32, 4, 2, 1)), [2]),
        (lambda layers: layers.__setitem__(2, nn.Conv2d(32, 32, 3, 2, 1)), [1]),
        (lambda layers: layers.__setitem__(1, nn.Identity()), [1, 1]),
        (lambda layers: layers.__setitem__(3, nn.Sigmoid()), [2]),
        (lambda layers: layers.__delitem__(1), [2]),
        (lambda layers: layers.insert(0, nn.Conv2d(1, 1, 1)), [2]),
        (lambda layers: layers.append(nn.Conv2d(32, 32, 4, 2, 1)), [2, 1]),
        (lambda layers: layers.add_module("1", nn.ReLU()), [2]),
        (lambda layers: layers.pop(2), [1]),
    ],
)
def test_modules_put_in_and_taken_out(
    change: Callable[[ConvStack], Any], taken: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    layers, images = small_stack()
    layers(images)
    change(layers)
    with kernels_called(monkeypatch) as called:
        found = layers(images)
    assert called == taken
    torch.testing.assert_close(found, nn.Sequential(*layers)(images), rtol=1e-4, atol=1e-5)


def test_what_runs_together_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    layers, images = encoder()
    expected = layers(images)

    def refuse(*arguments: Any) -> None:
        raise AssertionError("looked for again")

    monkeypatch.setattr(_conv_stack, "_run", refuse)
    assert torch.equal(layers(images), expected)


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda layers: pickle.loads(pickle.dumps(layers)), lambda layers: layers[:]],
)
def test_copies_have_their_own_weights_and_the_kernel(
    copied: Callable[[ConvStack], ConvStack], monkeypatch: pytest.MonkeyPatch
) -> None:
    layers, images = small_stack()
    twin = copied(layers)
    with kernels_called(monkeypatch) as called:
        assert torch.equal(twin(images), layers(images))
        if copied(layers)[0] is not layers[0]:
            with torch.no_grad():
                twin[2].weight.zero_()
                twin[2].bias.zero_()
            assert not twin(images).any()
            assert layers(images).any()
    assert set(called) == {2}


def test_parameters_are_read_at_each_call() -> None:
    layers, images = small_stack()
    halved = {name: value.detach() / 2 for name, value in layers.named_parameters()}
    found = torch.func.functional_call(layers, halved, (images,))
    layers.load_state_dict(halved, assign=True)
    torch.testing.assert_close(found, nn.Sequential(*layers)(images), rtol=1e-4, atol=1e-5)
    assert torch.equal(layers(images), found)


def test_functional_transforms_and_autocast_give_torch_s_result() -> None:
    layers, images = small_stack()
    plain = nn.Sequential(*layers)
    weights = dict(layers.named_parameters())

    def loss(module: nn.Module) -> Callable[..., Tensor]:
        return lambda weights: torch.func.functional_call(module, weights, (images,)).square().sum()

    for name, gradient in torch.func.grad(loss(layers))(weights).items():
        torch.testing.assert_close(gradient, torch.func.grad(loss(plain))(weights)[name])
    ways = {name: torch.ones_like(weight) for name, weight in weights.items()}
    tangents = [torch.func.jvp(loss(module), (weights,), (ways,))[1] for module in (layers, plain)]
    torch.testing.assert_close(*tangents)
    each = torch.func.vmap(layers)(images[:, None])
    torch.testing.assert_close(each[:, 0], plain(images), rtol=1e-4, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layers(images), plain(images))
        assert layers(images).dtype == torch.bfloat16


def test_subclasses_of_tensor_see_every_layer() -> None:
    class Counting(Tensor):
        calls: ClassVar[list[str]] = []

        @classmethod
        def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            cls.calls.append(getattr(function, "__name__", ""))
            return super().__torch_function__(function, types, args, kwargs or {})

    layers, images = small_stack()
    found = layers(images.as_subclass(Counting))
    assert type(found) is Counting
    assert Counting.calls.count("conv2d") == 2
    torch.testing.assert_close(found.as_subclass(Tensor), layers(images), rtol=1e-4, atol=1e-5)


def test_channels_that_the_kernel_has_no_tiles_for() -> None:
    torch.manual_seed(0)
    layers, images = models.BurgessEncoder(3, channels=5).layers, torch.rand(2, 5, 64, 64)
    torch.testing.assert_close(layers(images), nn.Sequential(*layers)(images))
