"""The rule by which a kernel is compared: float64 as truth, plain PyTorch as yardstick."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Function = Callable[..., Sequence[Tensor]]


def outputs_and_gradients(
    function: Function, inputs: Sequence[Tensor], cotangents: Sequence[Tensor], dtype: torch.dtype
) -> list[Tensor]:
    """The outputs of function and their vector-Jacobian products, computed in dtype."""
    leaves = [tensor.detach().to(dtype).requires_grad_() for tensor in inputs]
    outputs = function(*leaves)
    weights = [weight.to(output.dtype) for weight, output in zip(cotangents, outputs, strict=True)]
    gradients = torch.autograd.grad(outputs, leaves, weights, materialize_grads=True)
    return [tensor.detach() for tensor in (*outputs, *gradients)]


def assert_as_accurate(
    ours: Function,
    reference: Function,
    inputs: Sequence[Tensor],
    cotangents: Sequence[Tensor],
    dtype: torch.dtype,
) -> None:
    """error <= 2 * error of plain PyTorch in the same dtype + a floor, output by output.

    In float64 the reference is its own truth; there its float32 error, scaled by the ratio of the roundings,
    tells how much a right answer may differ. The floor is 16 roundings of the largest value, or of 1 where
    cancellation makes a value smaller. Inputs are rounded first, so that all see the same numbers.
    """
    yardstick = torch.float32 if dtype == torch.float64 else dtype
    inputs = [tensor.to(yardstick).double() for tensor in inputs]
    cotangents = [tensor.to(yardstick).double() for tensor in cotangents]
    truths = outputs_and_gradients(reference, inputs, cotangents, torch.float64)
    eager = outputs_and_gradients(reference, inputs, cotangents, yardstick)
    found = outputs_and_gradients(ours, inputs, cotangents, dtype)
    for k, (a, b, truth) in enumerate(zip(found, eager, truths, strict=True)):
        rounding = torch.finfo(a.dtype).eps
        of_eager = (b - truth).abs().max() * (rounding / torch.finfo(b.dtype).eps)
        allowed = 2 * of_eager + 16 * rounding * truth.abs().max().clamp(min=1)
        error = (a - truth).abs().max()
        assert torch.isfinite(a).all(), f"output {k} is not finite"
        assert error <= allowed, f"output {k}: error {error:.3e}, allowed {allowed:.3e}"
