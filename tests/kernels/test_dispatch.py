"""A call reaches its kernel directly only where torch has nothing to do in between."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode

import fastdis
from fastdis.kernels import _private, gaussian_kl, total_correlation


def penalty(mean: Tensor, logvar: Tensor) -> Tensor:
    noise = torch.linspace(-1, 1, mean.numel()).reshape(mean.shape)
    z, kl = fastdis.reparameterize_kl(mean, logvar, noise=noise)
    return fastdis.tcvae_penalty(z, mean, logvar, dataset_size=100)[0] + kl.sum()


def leaves() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(8, 3, generator=generator, requires_grad=True) for _ in range(2)]


@pytest.fixture
def dispatched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The operations that a mode sees while the test runs."""
    seen: list[str] = []

    class Recorder(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            seen.append(str(function))
            return function(*args, **(kwargs or {}))

    with Recorder():
        yield seen


def test_a_mode_sees_every_operation(dispatched: list[str]) -> None:
    penalty(*leaves()).backward()
    ours = [name for name in dispatched if name.startswith("fastdis")]
    assert ours == [
        "fastdis.reparameterize_kl.default",
        "fastdis.tcvae_penalty.default",
        "fastdis.tcvae_penalty_backward.default",
        "fastdis.gaussian_kl_backward.default",
    ]


def test_both_ways_give_the_same_bits(dispatched: list[str]) -> None:
    with torch.utils._python_dispatch._disable_current_modes():
        direct = torch.autograd.grad(penalty(*(inputs := leaves())), inputs)
    assert not dispatched
    through = torch.autograd.grad(penalty(*(inputs := leaves())), inputs)
    assert dispatched
    assert all(torch.equal(a, b) for a, b in zip(direct, through, strict=True))


def test_a_plain_call_skips_the_dispatcher() -> None:
    assert _private.untouched(leaves(), "cpu")
    with torch.autocast("cpu", torch.bfloat16):
        assert not _private.untouched(leaves(), "cpu")


CALLS: dict[str, Callable[..., Tensor]] = {
    "reparameterize": lambda mean, logvar, **k: fastdis.reparameterize(mean, logvar, noise=mean + 1, **k),
    "gaussian_kl": lambda mean, logvar, **k: fastdis.gaussian_kl(mean, logvar, **k),
    "kl_decomposition": lambda mean, logvar, **k: fastdis.total_correlation(
        mean * 2, mean, logvar, dataset_size=100, **k
    ),
    "tcvae_penalty": lambda mean, logvar, **k: fastdis.tcvae_penalty(
        mean * 2, mean, logvar, dataset_size=100, **k
    )[0],
    "permute_dims": lambda mean, logvar, **k: fastdis.permute_dims(
        mean * logvar, generator=torch.Generator().manual_seed(0), **k
    ),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_kernel_asked_for_by_name_refuses_transforms(call: Callable[..., Tensor]) -> None:
    mean, logvar = (tensor.detach() for tensor in leaves())

    def numba(mean: Tensor) -> Tensor:
        return call(mean, logvar, backend="numba")

    message = "backend='numba' cannot run under a transform.*use backend='reference' or 'auto'"
    for transform in (torch.func.grad, torch.func.jacfwd, torch.func.functionalize):
        with pytest.raises(RuntimeError, match=message):
            transform(numba)(mean)
    with pytest.raises(RuntimeError, match=message):
        torch.func.vmap(numba)(mean.unsqueeze(0))
    with torch.autograd.forward_ad.dual_level(), pytest.raises(RuntimeError, match=message):
        numba(mean)
    assert numba(mean).isfinite().all()


@pytest.mark.filterwarnings("error::UserWarning")  # torch warns where it finds no rule for a batch
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_recorded_outside_is_differentiated_under_a_transform(call: Callable[..., Tensor]) -> None:
    """The gradient is linear in its cotangent: batched and dual cotangents tell what it gives for each."""
    inputs = [tensor.detach().double().requires_grad_() for tensor in leaves()]
    output = call(*inputs)
    first, second = torch.randn(2, *output.shape, dtype=torch.float64)

    def gradients(cotangents: Tensor, **options: Any) -> tuple[Tensor, ...]:
        return torch.autograd.grad(output, inputs, cotangents, retain_graph=True, **options)

    expected = [torch.stack(pair) for pair in zip(gradients(first), gradients(second), strict=True)]
    both = torch.stack([first, second])
    torch.testing.assert_close(list(gradients(both, is_grads_batched=True)), expected)
    torch.testing.assert_close(list(torch.func.vmap(gradients)(both)), expected)
    _, tangents = torch.func.jvp(gradients, (first,), (second,))
    torch.testing.assert_close(list(tangents), [pair[1] for pair in expected])
    with torch.autograd.forward_ad.dual_level():
        duals = gradients(torch.autograd.forward_ad.make_dual(first, second))
        found = [torch.autograd.forward_ad.unpack_dual(dual).tangent for dual in duals]
    torch.testing.assert_close(found, [pair[1] for pair in expected])


FLOATS = [2, True, np.float32(2), np.float64(2), np.int64(2), torch.tensor(2.0), torch.tensor(2)]
INTEGERS = [np.int64(100), np.uint8(100), torch.tensor(100)]
BOOLS = [1, np.bool_(True), np.int64(1), 1.0, torch.tensor(True), torch.tensor(1)]


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("way", [total_correlation._tcvae_penalty, torch.ops.fastdis.tcvae_penalty.default])
def test_numbers_are_brought_to_the_types_of_the_schema(way: Callable[..., Any], gradient: bool) -> None:
    """On the direct way as torch's dispatcher brings them."""
    mean, logvar = (tensor.detach().requires_grad_(gradient) for tensor in leaves())

    def outputs(*numbers: Any) -> list[Tensor]:
        penalty, terms, *_ = way(mean * 2, mean, logvar, *numbers)
        return [penalty, terms, *(torch.autograd.grad(penalty, (mean, logvar)) if gradient else ())]

    def same(found: list[Tensor], expected: list[Tensor]) -> bool:
        return all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))

    for value in FLOATS:
        number = float(value)
        expected = outputs(100, True, [number, 6.0, 1.0], gradient)
        assert same(outputs(100, True, [value, 6, np.float32(1)], gradient), expected), repr(value)
    expected = outputs(100, True, [2.0, 6.0, 1.0], gradient)
    assert same(outputs(100, True, (2.0, 6.0, 1.0), gradient), expected)
    assert same(outputs(100, True, np.array([2.0, 6.0, 1.0]), gradient), expected)
    for value in INTEGERS:
        assert same(outputs(value, True, [2.0, 6.0, 1.0], gradient), expected), repr(value)
    for value in BOOLS:
        assert same(outputs(100, value, [2.0, 6.0, 1.0], value if gradient else False), expected), repr(value)
    for wrong in ("2", None, 2j, [2.0]):
        with pytest.raises((TypeError, RuntimeError), match="coefficients"):
            outputs(100, True, [wrong, 6.0, 1.0], gradient)
    for wrong in ("100", None, 100.0):
        with pytest.raises((TypeError, RuntimeError), match="dataset_size"):
            outputs(wrong, True, [2.0, 6.0, 1.0], gradient)
    with pytest.raises((TypeError, RuntimeError), match="stratified"):
        outputs(100, "yes", [2.0, 6.0, 1.0], gradient)


def test_every_operation_brings_its_numbers(dispatched: list[str]) -> None:
    """The other three that have any, on both ways."""
    mean, logvar = (tensor.detach() for tensor in leaves())
    grad = torch.ones(3)
    for direct, name, tensors, plain, others in [
        (gaussian_kl._gaussian_kl, "gaussian_kl", [mean, logvar], [True], [[np.bool_(True)], [1]]),
        (
            total_correlation._kl_decomposition,
            "kl_decomposition",
            [mean, mean, logvar],
            [100, True],
            [[np.int64(100), 1], [torch.tensor(100), np.bool_(True)]],
        ),
        (
            lambda *a: total_correlation._kl_decomposition_backward(*a, grad)[1],
            "kl_decomposition_backward",
            [mean, mean, logvar],
            [100, False],
            [[np.int32(100), 0], [torch.tensor(100), np.bool_(False)]],
        ),
    ]:
        with torch.utils._python_dispatch._disable_current_modes():
            expected = direct(*tensors, *plain)
            assert all(torch.equal(direct(*tensors, *numbers), expected) for numbers in others)
        dispatched.clear()
        assert all(torch.equal(direct(*tensors, *numbers), expected) for numbers in others)
        assert f"fastdis.{name}.default" in dispatched


LAZY = """
import sys, torch, fastdis
from fastdis.kernels.gaussian_kl import _gaussian_kl
loaded = lambda: [name for name in sys.modules if name.endswith(("numba_cpu", "triton_gpu"))]
assert not loaded(), loaded()
kernels = _gaussian_kl.__closure__[[*_gaussian_kl.__code__.co_freevars].index("kernels")].cell_contents
fastdis.gaussian_kl(torch.zeros(2, 2), torch.zeros(2, 2))
assert loaded() == ["fastdis.kernels.gaussian_kl.numba_cpu"], loaded()
from fastdis.kernels.gaussian_kl import numba_cpu
assert kernels["cpu"] is numba_cpu.gaussian_kl, "the first call puts the kernel in its place"
print("right")
"""


def test_a_kernel_is_imported_once_on_its_first_call() -> None:
    result = subprocess.run([sys.executable, "-c", LAZY], capture_output=True, text=True, timeout=120)
    assert result.stdout.strip() == "right", result.stderr


def test_a_fake_tensor_stays_one() -> None:
    with FakeTensorMode() as mode:
        inputs = [mode.from_tensor(tensor) for tensor in leaves()]
        z, kl = fastdis.reparameterize_kl(*inputs)
        assert isinstance(z, FakeTensor)
        assert isinstance(kl, FakeTensor)
        assert kl.shape == (3,)


def test_a_trace_holds_the_operation_and_not_its_result() -> None:
    inputs = [tensor.detach() for tensor in leaves()]
    traced = make_fx(penalty)(*inputs)
    assert torch.ops.fastdis.tcvae_penalty.default in {node.target for node in traced.graph.nodes}
    other = [tensor + 1 for tensor in inputs]
    assert torch.equal(traced(*other), penalty(*other))


def test_a_subclass_is_left_to_torch() -> None:
    class Marked(Tensor):
        pass

    mean, logvar = (tensor.detach().as_subclass(Marked) for tensor in leaves())
    assert isinstance(fastdis.reparameterize(mean, logvar), Marked)


def test_every_output_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def outputs() -> list[Tensor]:
        inputs = [torch.randn(67, 5, requires_grad=True) for _ in range(2)]
        z, kl = fastdis.reparameterize_kl(*inputs)
        value, terms = fastdis.tcvae_penalty(fastdis.permute_dims(z), *inputs, dataset_size=100)
        return [z, kl, value, *terms, *torch.autograd.grad(value + kl.sum(), inputs)]

    def poisoned(make: Any) -> Any:
        def empty(*arguments: Any, **options: Any) -> Any:
            made = make(*arguments, **options)
            if made.dtype.kind == "f":
                made[...] = np.nan
            return made

        return empty

    outputs()  # compiled with NumPy as it is
    monkeypatch.setattr(np, "empty", poisoned(np.empty))
    monkeypatch.setattr(np, "empty_like", poisoned(np.empty_like))
    assert all(tensor.isfinite().all() for tensor in outputs())
