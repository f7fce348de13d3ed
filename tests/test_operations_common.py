"""What every differentiable operation of `fastdis.functional` promises, asked of each.

A new operation is asked by being declared in `__all__`: without sample arguments in `OPERATIONS` the first
test fails. Truth is the float64 reference, or of an operation composed from torch the operation itself in
float64; under transforms it is the difference quotient of plain calls.
"""

import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

import fastdis
from fastdis import functional
from support.agreement import assert_as_accurate
from support.operations import (
    OPERATIONS,
    WITH_NUMBERS,
    every_operation,
    gradients,
    leaves_of,
    reference,
    run,
    samples,
)

HELPERS = {"frozen", "warmup"}  # of __all__, those that are no operations on codes


def test_every_declared_operation_is_asked() -> None:
    declared = {name for name in functional.__all__ if not inspect.isclass(getattr(functional, name))}
    assert set(OPERATIONS) == declared - HELPERS
    for name, entry in OPERATIONS.items():
        parameters = inspect.signature(getattr(functional, name)).parameters.values()
        numbers = {p.name for p in parameters if "int" in str(p.annotation) or "float" in str(p.annotation)}
        tensors = {p.name for p in parameters if "Tensor" in str(p.annotation)} - {"discriminator"}
        assert set(entry.numbers) == numbers, name
        assert set(entry.tensors) - {"weight"} == tensors, name


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (7, 3), (64, 10), (127, 13)])
@every_operation
def test_sizes_and_dtypes_agree_with_the_reference(
    name: str, shape: tuple[int, int], dtype: torch.dtype
) -> None:
    tensors = samples(name, *shape)
    if shape[0] < OPERATIONS[name].smallest:
        with pytest.raises(ValueError, match=rf"{name}: (z|mean) must hold at least 2 samples, got 1"):
            run(name, tensors)
        return
    cotangents = [torch.randn_like(output) for output in run(name, tensors)]
    assert_as_accurate(lambda *a: run(name, a), lambda *a: reference(name, a), tensors, cotangents, dtype)


@pytest.mark.parametrize("logvar", [-60.0, -30.0, 30.0, 300.0])
@every_operation
def test_extreme_log_variances_give_what_the_reference_gives(name: str, logvar: float) -> None:
    entry = OPERATIONS[name]
    tensors = leaves_of(samples(name))
    if "logvar" in entry.tensors:
        tensors[entry.tensors.index("logvar")].data.fill_(logvar)
    found, expected = run(name, tensors), reference(name, tensors)
    pairs = zip((*found, *gradients(found, tensors)), (*expected, *gradients(expected, tensors)), strict=True)
    # where z is drawn inside, the rounding of z itself is a part of a standard deviation
    of_z = 1e-15 * math.exp(max(0.0, -0.5 * logvar)) if name == "reparameterize_tcvae" else 0.0
    for a, b in pairs:
        assert (a - b).abs().max() <= (1e-13 + of_z) * b.abs().max().clamp(min=1)


@every_operation
def test_layouts_do_not_matter(name: str) -> None:
    plain = leaves_of(samples(name))
    expected = run(name, plain)
    slopes = gradients(expected, plain)
    for arrange in (
        lambda tensor: tensor.t().contiguous().t(),
        lambda tensor: torch.stack([tensor, tensor + 1], 2).flatten(1)[:, ::2],
        lambda tensor: torch.stack([tensor + 1, tensor]).flatten(0, 1)[len(tensor) :],
        lambda tensor: tensor.flip(0).flip(0),
    ):
        arranged = leaves_of([arrange(tensor.detach()) for tensor in plain])
        found = run(name, arranged)
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(gradients(found, arranged), slopes)
    rows = leaves_of([tensor[:1] for tensor in samples(name)])
    expanded = [row.expand(7, -1) for row in rows]
    if "weight" in OPERATIONS[name].tensors:
        rows[-1] = expanded[-1] = plain[-1]
    found, expected = run(name, expanded), run(name, [tensor.clone() for tensor in expanded])
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradients(found, rows), gradients(expected, rows))


REFUSED: dict[str, tuple[type[Exception], str, Callable[[Tensor], Any]]] = {
    "integers": (TypeError, "floating-point dtype of 16, 32 or 64 bits, got torch.int64", Tensor.long),
    "bool": (TypeError, "got torch.bool", Tensor.bool),
    "complex": (TypeError, "got torch.complex128", lambda x: x.to(torch.complex128)),
    "float8": (TypeError, "got torch.float8_e4m3fn", lambda x: x.to(torch.float8_e4m3fn)),
    "sparse": (TypeError, "must be a dense tensor, got torch.sparse_coo", Tensor.to_sparse),
    "csr": (TypeError, "must be a dense tensor, got torch.sparse_csr", Tensor.to_sparse_csr),
    "nested": (TypeError, "dense tensor, got a nested tensor", lambda x: torch.nested.nested_tensor([*x])),
    "array": (TypeError, "must be a torch.Tensor, got ndarray", Tensor.numpy),
    "vector": (ValueError, r"must have shape \(.*\).*, got \(3,\)", lambda x: x[0]),
    "empty": (ValueError, r"must have shape \(.*\).*, got \(0, 3\)", lambda x: x[:0]),
}


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support", "ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("kind", REFUSED)
@every_operation
def test_what_is_no_matrix_of_numbers_is_refused_by_name(name: str, kind: str) -> None:
    error, rule, change = REFUSED[kind]
    for k, argument in enumerate(OPERATIONS[name].tensors):
        if argument != "weight":
            tensors: list[Any] = samples(name)
            tensors[k] = change(tensors[k])
            with pytest.raises(error, match=f"^{name}: {argument} .*{rule}"):
                run(name, tensors)


@every_operation
def test_shapes_are_inferred_on_the_meta_device(name: str) -> None:
    """As are operations counted: values and gradients have the shapes and dtypes that they have elsewhere."""
    results = []
    for device in ("cpu", "meta"):
        leaves = leaves_of([tensor.to(device) for tensor in samples(name, dtype=torch.float32)])
        found = run(name, leaves)
        assert {tensor.device.type for tensor in found} == {device}
        results.append([(x.shape, x.dtype) for x in (*found, *gradients(found, leaves))])
    assert results[0] == results[1]


@every_operation
def test_tensors_on_two_devices_are_refused_by_name(name: str) -> None:
    matrices = [argument for argument in OPERATIONS[name].tensors if argument not in ("weight", "z_other")]
    for k in range(1, len(matrices)):
        tensors = samples(name)
        tensors[k] = tensors[k].to("meta")
        with pytest.raises(RuntimeError, match=f"^{name}: {matrices[k]} must be on cpu like {matrices[0]}"):
            run(name, tensors)


@pytest.mark.parametrize(("name", "number"), WITH_NUMBERS)
def test_numbers_of_every_kind(name: str, number: str) -> None:
    value = OPERATIONS[name].numbers[number]
    tensors = leaves_of(samples(name))
    kinds = [int, np.int64, np.int32, torch.tensor]
    if isinstance(value, float):
        kinds += [float, np.float32, np.float64, lambda v: torch.tensor(v), lambda v: torch.tensor(int(v))]
    expected = run(name, tensors)
    for kind in kinds:
        found = run(name, tensors, **{number: kind(value)})
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
        assert [a.dtype for a in found] == [b.dtype for b in expected]
        gradients(found, tensors)
    wrong: list[Any] = ["6", None, [6.0], torch.ones(2), torch.tensor(6.0, requires_grad=True), 6j]
    if isinstance(value, int):
        wrong += [float(value), np.float32(value), torch.tensor(float(value)), True]
    for given in wrong:
        if not (given is None and number == "lambda_d"):
            with pytest.raises(TypeError, match=f"^{name}: {number} must be an? (number|integer), got"):
                run(name, tensors, **{number: given})
    if isinstance(value, float):
        for given in (float("nan"), float("-inf"), np.float32("inf"), torch.tensor(float("nan"))):
            with pytest.raises(ValueError, match=f"^{name}: {number} must be finite, got"):
                run(name, tensors, **{number: given})


class Derivatives:
    """An operation as a scalar function of one vector in float64, and difference quotients of plain calls."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tensors = samples(name, 5)
        varied = OPERATIONS[name].varied or OPERATIONS[name].tensors
        self.positions = [k for k, tensor in enumerate(OPERATIONS[name].tensors) if tensor in varied]
        self.point = torch.cat([self.tensors[k].flatten() for k in self.positions])
        generator = torch.Generator().manual_seed(3)
        self.direction = torch.randn(self.point.shape, generator=generator, dtype=torch.float64)
        # the reference permutes otherwise than the kernel does
        self.options = {"backend": "reference"} if name == "permute_dims" else {}

    def __call__(self, point: Tensor) -> Tensor:
        tensors = list(self.tensors)
        for k, part in zip(
            self.positions, point.split([tensors[k].numel() for k in self.positions]), strict=True
        ):
            tensors[k] = part.reshape(tensors[k].shape)
        outputs = run(self.name, tensors, **self.options)
        return sum((output.sin() * (k + 1)).sum() for k, output in enumerate(outputs))

    def gradient(self, point: Tensor) -> Tensor:
        """By the kernels, in reverse mode."""
        leaf = point.detach().requires_grad_()
        return torch.autograd.grad(self(leaf), leaf)[0]

    def quotient(self, function: Callable[[Tensor], Tensor]) -> Tensor:
        step = 1e-5 * self.direction
        return (function(self.point + step) - function(self.point - step)) / 2e-5


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("error::UserWarning")  # torch warns where it finds no rule for a batch
@every_operation
def test_transforms_give_right_derivatives(name: str) -> None:
    f = Derivatives(name)
    x, t = f.point, f.direction
    gradient, slope, curvature = f.gradient(x), f.quotient(f), f.quotient(f.gradient)
    value, tangent = torch.func.jvp(f, (x,), (t,))
    close(value, f(x))
    close(tangent, slope)
    assert tangent.abs() > 1e-3
    with forward_ad.dual_level():
        dual = forward_ad.unpack_dual(f(forward_ad.make_dual(x, t)))
    close(dual.tangent, slope)
    for found in (
        torch.func.grad(f)(x),
        torch.func.vjp(f, x)[1](torch.ones_like(value))[0],
        torch.func.jacrev(f)(x),
        torch.func.jacfwd(f, randomness="same")(x),
        torch.func.functionalize(torch.func.grad(f))(x),
    ):
        close(found, gradient)
    hessian = torch.func.jacfwd(torch.func.jacrev(f), randomness="same")(x)
    close(hessian @ t, curvature)
    close(torch.func.jvp(torch.func.grad(f), (x,), (t,))[1], curvature)
    close(torch.func.grad(lambda x: torch.func.jvp(f, (x,), (t,))[1])(x), curvature)
    points = torch.stack([x, x + 0.1 * t])
    values, slopes = torch.stack([f(point) for point in points]), torch.stack([*map(f.gradient, points)])
    close(torch.func.vmap(f, randomness="same")(points), values)
    close(torch.func.vmap(torch.func.grad(f), randomness="same")(points), slopes)
    nested = torch.func.vmap(torch.func.vmap(f, randomness="same"), randomness="same")
    close(nested(points.unsqueeze(1)), values.unsqueeze(1))


def test_terms_for_logging_have_no_tangent() -> None:
    tensors = samples("tcvae_penalty")
    with forward_ad.dual_level():
        duals = [forward_ad.make_dual(tensor, torch.ones_like(tensor)) for tensor in tensors]
        penalty, terms = fastdis.tcvae_penalty(*duals, dataset_size=100)
        assert forward_ad.unpack_dual(penalty).tangent is not None
        assert all(forward_ad.unpack_dual(term).tangent is None for term in terms)


@pytest.mark.parametrize("draw", [lambda m: fastdis.reparameterize(m, m), fastdis.permute_dims])
def test_draws_under_vmap_follow_its_randomness(draw: Callable[[Tensor], Tensor]) -> None:
    twice = torch.randn(40, 3).expand(2, 40, 3)
    with pytest.raises(RuntimeError, match="randomness"):
        torch.func.vmap(draw)(twice)
    same = torch.func.vmap(draw, randomness="same")(twice)
    different = torch.func.vmap(draw, randomness="different")(twice)
    assert torch.equal(same[0], same[1])
    assert not torch.equal(different[0], different[1])


def test_the_tangent_of_a_permutation_moves_with_it() -> None:
    z = torch.randn(40, 3)
    value, tangent = torch.func.jvp(fastdis.permute_dims, (z,), (10 * z + 1,))
    torch.testing.assert_close(tangent, 10 * value + 1)
    assert not torch.equal(value, z)


@pytest.fixture
def compiler() -> Iterator[Callable[..., Any]]:
    torch.compiler.reset()
    yield lambda function, **k: torch.compile(function, fullgraph=True, backend="aot_eager", **k)
    torch.compiler.reset()


@pytest.mark.parametrize("dynamic", [None, True])
@every_operation
def test_a_compiled_graph_takes_any_batch_and_any_number(
    name: str, dynamic: bool | None, compiler: Callable[..., Any]
) -> None:
    """More changes than torch would compile anew; what is drawn is drawn as in eager mode."""
    entry = OPERATIONS[name]
    compiled = compiler(entry.call, dynamic=dynamic)
    for k, batch in enumerate((16, 16, 5) if dynamic else (16, 16, 5, 7, 9, 11, 13, 3, 6, 8, 10)):
        numbers = {number: value + k for number, value in entry.numbers.items()}
        tensors = leaves_of(samples(name, batch, dtype=torch.float32))
        torch.manual_seed(0)
        found = tuple(compiled(*tensors, **numbers))
        expected = run(name, tensors, **numbers)
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(gradients(found, tensors), gradients(expected, tensors))


@every_operation
def test_an_exported_program_takes_any_batch(name: str) -> None:
    entry = OPERATIONS[name]

    class Module(torch.nn.Module):
        def forward(self, tensors: list[Tensor]) -> tuple[Tensor, ...]:
            return tuple(entry.call(*tensors, **entry.numbers))

    batch = torch.export.Dim("batch", min=2, max=100)
    shapes = [{} if tensor == "weight" else {0: batch} for tensor in entry.tensors]
    program = torch.export.export(Module(), (samples(name, 8),), dynamic_shapes=(shapes,)).module()
    for size in (8, 5):
        tensors = samples(name, size)
        torch.manual_seed(0)
        torch.testing.assert_close(program(tensors), run(name, tensors))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@every_operation
def test_autocast_keeps_float32(name: str, dtype: torch.dtype) -> None:
    tensors = leaves_of(samples(name, 64, 10, dtype))
    with torch.autocast("cpu", torch.bfloat16):
        found = run(name, tensors)
    expected = run(name, [tensor.float() for tensor in tensors])
    assert {output.dtype for output in found} == {torch.float32}
    rounding = torch.finfo(torch.bfloat16).eps if "weight" in OPERATIONS[name].tensors else 1e-6
    torch.testing.assert_close(found, expected, rtol=4 * rounding, atol=4 * rounding)
    assert [gradient.dtype for gradient in gradients(found, tensors)] == [dtype] * len(tensors)
