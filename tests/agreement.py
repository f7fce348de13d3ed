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
    gradients = torch.autograd.grad(outputs, leaves, weights)
    return [tensor.detach() for tensor in (*outputs, *gradients)]


def assert_as_accurate(
    ours: Function,
    reference: Function,
    inputs: Sequence[Tensor],
    cotangents: Sequence[Tensor],
    dtype: torch.dtype,
) -> None:
    """error <= 2 * error of the reference in the same dtype + a floor, output by output.

    The floor is 32 roundings of the largest value, or of 1 where cancellation makes a value smaller: all that
    separates two right answers in float64, where the reference is its own truth. inputs are rounded to dtype
    first, so that all three see the same numbers.
    """
    inputs = [tensor.to(dtype).double() for tensor in inputs]
    cotangents = [tensor.to(dtype).double() for tensor in cotangents]
    truths = outputs_and_gradients(reference, inputs, cotangents, torch.float64)
    eager = outputs_and_gradients(reference, inputs, cotangents, dtype)
    found = outputs_and_gradients(ours, inputs, cotangents, dtype)
    for k, (a, b, truth) in enumerate(zip(found, eager, truths, strict=True)):
        floor = 32 * torch.finfo(a.dtype).eps * truth.abs().max().clamp(min=1)
        error, allowed = (a - truth).abs().max(), 2 * (b - truth).abs().max() + floor
        assert error <= allowed, f"output {k}: error {error:.3e}, allowed {allowed:.3e}"
        assert torch.isfinite(a).all(), f"output {k} is not finite"
