"""A call reaches its kernel directly only where torch has nothing to do in between."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode

import fastdis
from fastdis.kernels import _dispatch


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
    assert _dispatch.untouched(leaves(), "cpu")
    with torch.autocast("cpu", torch.bfloat16):
        assert not _dispatch.untouched(leaves(), "cpu")


def test_functorch_is_refused_and_not_ignored() -> None:
    inputs = [tensor.detach() for tensor in leaves()]
    with pytest.raises(RuntimeError, match="functorch"):
        torch.func.grad(penalty)(*inputs)

    def reference(mean: Tensor) -> Tensor:
        return fastdis.gaussian_kl(mean, mean, reduction="sum", backend="reference")

    mean = inputs[0]
    torch.testing.assert_close(torch.func.grad(reference)(mean), mean + 0.5 * (mean.exp() - 1))


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
