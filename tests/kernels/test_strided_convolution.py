"""Runs of convolutions against torch's own, and that torch's own are taken wherever they must be."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

from fastdis.kernels import _dispatch, strided_convolution
from fastdis.kernels.strided_convolution import convolutions, reference
from support.agreement import assert_as_accurate
from support.convolution_runs import RUNS, run_of


def through(
    function: Callable[..., Tensor], slopes: list[float], transposed: bool
) -> Callable[..., list[Tensor]]:
    def call(images: Tensor, *layers: Tensor) -> list[Tensor]:
        weights, biases = layers[: len(slopes)], layers[len(slopes) :]
        return [function(images, weights, biases, slopes, transposed=transposed)]

    return call


def float_leaves(tensors: list[Tensor]) -> list[Tensor]:
    return [tensor.float().requires_grad_() for tensor in tensors]


@pytest.fixture
def kernel_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where torch's operations run."""

    def refuse(*arguments: Any) -> Tensor:
        raise AssertionError("the reference ran")

    monkeypatch.setattr(strided_convolution.reference, "convolutions", refuse)


@pytest.mark.parametrize("slope", [0.0, 0.5])
@pytest.mark.parametrize("batch", [1, 3, 37])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("name", RUNS)
def test_gradients_agree_with_the_reference(name: str, transposed: bool, batch: int, slope: float) -> None:
    tensors, slopes, _ = run_of(name, transposed, batch, slope)
    ours = through(convolutions, slopes, transposed)
    torchs = through(reference.convolutions, slopes, transposed)
    expected = torchs(*tensors)[0]
    assert torch.equal(ours(*map(Tensor.float, tensors))[0].double(), expected)
    assert_as_accurate(ours, torchs, tensors, [torch.randn_like(expected)], torch.float32)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("name", RUNS)
def test_real_numbers_are_as_accurate_as_torchs(name: str, transposed: bool) -> None:
    tensors, slopes, _ = run_of(name, transposed, 3, slope=1.0)
    real = [torch.randn_like(tensor) * (0.05 if tensor.shape[2:] == (4, 4) else 1) for tensor in tensors]
    ours = through(convolutions, slopes, transposed)
    torchs = through(reference.convolutions, slopes, transposed)
    assert_as_accurate(ours, torchs, real, [torch.randn_like(torchs(*real)[0])], torch.float32)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("name", RUNS)
def test_the_kernel_runs(name: str, transposed: bool, kernel_only: None) -> None:
    tensors, slopes, _ = run_of(name, transposed, 2)
    output = through(convolutions, slopes, transposed)(*float_leaves(tensors))[0]
    output.sum().backward()  # an expanded gradient
    with torch.no_grad():
        assert torch.equal(through(convolutions, slopes, transposed)(*map(Tensor.float, tensors))[0], output)


@pytest.mark.parametrize("transposed", [False, True])
def test_no_bit_depends_on_the_threads(transposed: bool) -> None:
    tensors, slopes, _ = run_of("burgess", transposed, 37)
    call = through(convolutions, slopes, transposed)
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            leaves = float_leaves(tensors)
            output = call(*leaves)[0]
            found.append([output, *torch.autograd.grad(output.square().sum(), leaves)])
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_memory_formats_give_the_same(layout: torch.memory_format) -> None:
    tensors, slopes, transposed = run_of("kim, colour", False, 3)
    call = through(convolutions, slopes, transposed)
    plain = [tensor.float() for tensor in tensors]
    laid_out = [tensor.contiguous(memory_format=layout) if tensor.dim() == 4 else tensor for tensor in plain]
    assert torch.equal(call(*plain)[0], call(*laid_out)[0])


def test_only_the_gradients_asked_for() -> None:
    tensors, slopes, transposed = run_of("burgess", False, 2)
    call = through(convolutions, slopes, transposed)
    everything = float_leaves(tensors)
    expected = torch.autograd.grad(call(*everything)[0].sum(), everything)
    for k in range(len(tensors)):
        some = [tensor.float().requires_grad_(k == i) for i, tensor in enumerate(tensors)]
        call(*some)[0].sum().backward()
        assert [tensor.grad is not None for tensor in some] == [k == i for i in range(len(tensors))]
        found = some[k].grad
        assert found is not None
        assert torch.equal(found, expected[k])


def test_second_derivatives_are_torchs() -> None:
    tensors, slopes, transposed = run_of("burgess", False, 2, slope=0.5)

    def penalty(function: Callable[..., Tensor]) -> tuple[Tensor, ...]:
        leaves = float_leaves(tensors)
        output = through(function, slopes, transposed)(*leaves)[0]
        (slope,) = torch.autograd.grad(output.square().sum(), leaves[0], create_graph=True)
        return torch.autograd.grad(slope.square().sum(), leaves)

    for ours, torchs in zip(penalty(convolutions), penalty(reference.convolutions), strict=True):
        torch.testing.assert_close(ours, torchs, rtol=1e-4, atol=1e-5 * float(torchs.abs().max()))


@pytest.mark.parametrize("kind", ["one weight twice", "one weight in two runs", "its own output again"])
def test_a_graph_of_gradients_counts_every_path_once(kind: str) -> None:
    """Where the images depend on the weight, or two weights are one."""
    tensors, _, _ = run_of("one layer", False, 2)
    images, weight, bias = tensors
    images = images.repeat(1, 1, 4, 4)[..., :32, :32]

    def gradients(function: Callable[..., Tensor], dtype: torch.dtype) -> tuple[Tensor, ...]:
        x, w, b = (tensor.to(dtype).requires_grad_() for tensor in (images, weight / 16, bias))
        if kind == "one weight twice":
            output = function(x, [w, w], [b, b], [0.5, 1.0])
        elif kind == "one weight in two runs":
            output = function(function(x, [w], [b], [0.5]).tanh(), [w], [b], [1.0])
        else:
            output = function(
                torch.nn.functional.interpolate(function(x, [w], [b], [0.5]), (32, 32)), [w], [b], [1.0]
            )
        return torch.autograd.grad(output.square().sum(), (x, w, b), create_graph=True)

    def torchs(x: Tensor, w: list[Tensor], b: list[Tensor], slopes: list[float]) -> Tensor:
        return reference.convolutions(x, w, b, slopes, False)

    for ours, truth in zip(
        gradients(convolutions, torch.float32), gradients(torchs, torch.float64), strict=True
    ):
        assert float((ours - truth).abs().max()) < 1e-5 * float(truth.abs().max())


@pytest.mark.parametrize("batch", [512, 1000])
def test_long_sums_keep_their_accuracy(batch: int) -> None:
    """Of numbers of one sign, over all pixels of many images."""
    tensors, slopes, _ = run_of("one layer", False, 1)
    images = torch.rand(batch, 32, 32, 32, dtype=torch.float64)
    layers = [tensor.abs() / 16 for tensor in tensors[1:]]
    ours, torchs = (through(function, slopes, False) for function in (convolutions, reference.convolutions))
    cotangents = [torch.rand(batch, 32, 16, 16, dtype=torch.float64)]
    assert_as_accurate(ours, torchs, [images, *layers], cotangents, torch.float32)


def test_a_weight_changed_in_place_is_noticed() -> None:
    tensors, slopes, transposed = run_of("one layer", False, 2)
    leaves = float_leaves(tensors)
    output = through(convolutions, slopes, transposed)(*leaves)[0]
    with torch.no_grad():
        leaves[1].mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


def test_what_is_not_finite_stays_so() -> None:
    tensors, slopes, transposed = run_of("one layer", False, 3)
    images, *layers = [tensor.float() for tensor in tensors]
    images[0, 0, 5, 5], images[1, 0, 5, 5] = torch.nan, torch.inf
    ours, torchs = (
        through(f, slopes, transposed)(images, *layers)[0] for f in (convolutions, reference.convolutions)
    )
    assert torch.equal(ours.isnan(), torchs.isnan())
    assert torch.equal(ours.isposinf(), torchs.isposinf())
    assert torch.isfinite(ours[2]).all()


def test_an_infinite_gradient_stops_where_a_unit_is_off() -> None:
    tensors, slopes, transposed = run_of("one layer", False, 1)
    found = []
    for function in (convolutions, reference.convolutions):
        leaves = float_leaves(tensors)
        output = through(function, slopes, transposed)(*leaves)[0]
        infinite = torch.where(output == 0, torch.inf, 1.0)
        found.append(torch.autograd.grad(output, leaves, infinite))
    for ours, torchs in zip(*found, strict=True):
        torch.testing.assert_close(ours, torchs)


@pytest.mark.parametrize(
    "change",
    {
        "float64": lambda images, weight, bias: (images.double(), weight.double(), bias.double()),
        "odd side": lambda images, weight, bias: (images[..., :15], weight, bias),
        "side of a group and a half": lambda images, weight, bias: (images[..., :12], weight, bias),
        "no image": lambda images, weight, bias: (images[:0], weight, bias),
        "five channels": lambda images, weight, bias: (images[:, :5], weight[:, :5], bias),
        "thirty outputs": lambda images, weight, bias: (images, weight[:30], bias[:30]),
        "one image without a batch": lambda images, weight, bias: (images[0], weight, bias),
    }.items(),
    ids=lambda item: item[0],
)
def test_other_shapes_are_torchs(change: tuple[str, Callable[..., tuple[Tensor, Tensor, Tensor]]]) -> None:
    tensors, slopes, _ = run_of("one layer", False, 2)
    images, weight, bias = change[1](*(tensor.float() for tensor in tensors))
    found = convolutions(images, [weight], [bias], slopes)
    assert torch.equal(found, reference.convolutions(images, [weight], [bias], slopes, False))


def test_wrong_shapes_are_refused_as_torch_does() -> None:
    tensors, slopes, _ = run_of("one layer", False, 2)
    images, weight, bias = (tensor.float() for tensor in tensors)
    with pytest.raises(RuntimeError, match="channels"):
        convolutions(images[:, :16], [weight], [bias], slopes)
    with pytest.raises(RuntimeError):
        convolutions(images, [weight], [bias[:5]], slopes)


def test_modes_and_compilers_see_torchs_operations() -> None:
    tensors, slopes, transposed = run_of("one layer", False, 2)
    call = through(convolutions, slopes, transposed)
    images, *layers = [tensor.float() for tensor in tensors]
    with torch.autocast("cpu", torch.bfloat16):
        assert call(images, *layers)[0].dtype == torch.bfloat16
    compiled = torch.compile(call, fullgraph=True)
    torch.testing.assert_close(compiled(images, *layers)[0], call(images, *layers)[0])


def forward(f: Callable[..., Tensor], x: Tensor, t: Tensor) -> Tensor:
    return torch.func.jvp(f, (x,), (t,))[1]


def dual_level(f: Callable[..., Tensor], x: Tensor, t: Tensor) -> Tensor:
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(f(forward_ad.make_dual(x, t))).tangent


TRANSFORMS: dict[str, Callable[[Callable[..., Tensor], Tensor, Tensor], Tensor]] = {
    "jvp": forward,
    "dual level": dual_level,
    "grad": lambda f, x, t: torch.func.grad(f)(x),
    "vjp": lambda f, x, t: torch.func.vjp(f, x)[1](torch.tensor(2.0))[0],
    "jacrev": lambda f, x, t: torch.func.jacrev(f)(x),
    "hessian": lambda f, x, t: forward(torch.func.grad(f), x, t),
    "vmap": lambda f, x, t: torch.func.vmap(f)(torch.stack([x, t])),
    "each gradient": lambda f, x, t: torch.func.vmap(torch.func.grad(f))(torch.stack([x, t])),
    "nested": lambda f, x, t: torch.func.vmap(torch.func.vmap(f))(torch.stack([x, t]).unsqueeze(1)),
    "functionalize": lambda f, x, t: torch.func.functionalize(torch.func.grad(f))(x),
}


@pytest.mark.parametrize("argument", [0, 1, 2], ids=["images", "weight", "bias"])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_transforms_see_torchs_operations(transform: str, transposed: bool, argument: int) -> None:
    tensors, slopes, _ = run_of("one layer", transposed, 2, slope=0.5)
    arguments = [tensor.float() for tensor in tensors]

    def scalar(function: Callable[..., Tensor]) -> Callable[[Tensor], Tensor]:
        def f(x: Tensor) -> Tensor:
            changed = [x if k == argument else tensor for k, tensor in enumerate(arguments)]
            return through(function, slopes, transposed)(*changed)[0].square().mean()

        return f

    x = arguments[argument]
    found, expected = (
        TRANSFORMS[transform](scalar(f), x, x + 1) for f in (convolutions, reference.convolutions)
    )
    assert expected.abs().max() > 0
    torch.testing.assert_close(found, expected)


def test_a_run_recorded_outside_is_differentiated_under_a_transform() -> None:
    tensors, slopes, transposed = run_of("one layer", False, 2, slope=0.5)
    leaves = float_leaves(tensors)
    output = through(convolutions, slopes, transposed)(*leaves)[0]
    first, second = torch.randn(2, *output.shape)

    def gradients(cotangents: Tensor, **options: Any) -> tuple[Tensor, ...]:
        return torch.autograd.grad(output, leaves, cotangents, retain_graph=True, **options)

    expected = [torch.stack(pair) for pair in zip(gradients(first), gradients(second), strict=True)]
    both = torch.stack([first, second])
    with forward_ad.dual_level():
        duals = gradients(forward_ad.make_dual(first, second))
        of_duals = [forward_ad.unpack_dual(dual).tangent for dual in duals]
    tangents = torch.func.jvp(gradients, (first,), (second,))[1]
    for found, truth in [
        (gradients(both, is_grads_batched=True), expected),
        (torch.func.vmap(gradients)(both), expected),
        (tangents, [pair[1] for pair in expected]),
        (of_duals, [pair[1] for pair in expected]),
    ]:
        for a, b in zip(found, truth, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_torchs_defaults_do_not_matter(dtype: torch.dtype) -> None:
    tensors, slopes, transposed = run_of("one layer", False, 2)
    leaves = float_leaves(tensors)
    expected = through(convolutions, slopes, transposed)(*leaves)[0]
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(dtype)
        found = through(convolutions, slopes, transposed)(*leaves)[0]
    finally:
        torch.set_default_dtype(before)
    with torch.device("meta"):
        elsewhere = through(convolutions, slopes, transposed)(*leaves)[0]
    for other in (found, elsewhere):
        assert other.dtype == torch.float32
        torch.testing.assert_close(other, expected)


def test_the_dispatchers_opinion_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dispatch, "choose", lambda *arguments: "reference")
    tensors, slopes, _ = run_of("one layer", False, 2)
    leaves = float_leaves(tensors)
    output = convolutions(leaves[0], leaves[1:2], leaves[2:], slopes)
    assert "Convolutions" not in type(output.grad_fn).__name__
