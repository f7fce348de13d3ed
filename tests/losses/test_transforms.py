"""Every declared objective under the transforms of torch.func, against its own backward pass."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

from support.objectives import CALLED, batch, objective

STEP = 3
Total = Callable[..., Tensor]


def total_of(name: str) -> tuple[Total, list[Tensor], list[Tensor]]:
    """The loss as a function of reconstruction, z, mean and logvar; where it is taken, and its gradients."""
    own = objective(name)
    reconstruction, target, *codes = batch()

    def total(reconstruction: Tensor, *codes: Tensor) -> Tensor:
        loss: Tensor = own(reconstruction, target, *codes, step=STEP).total
        return loss

    points = [reconstruction, *codes]
    leaves = [tensor.clone().requires_grad_() for tensor in points]
    gradients = torch.autograd.grad(total(*leaves), leaves, allow_unused=True, materialize_grads=True)
    return total, points, list(gradients)


def directions() -> list[Tensor]:
    torch.manual_seed(1)
    return [torch.randn_like(tensor) for tensor in (batch()[0], *batch()[2:])]


def along(gradients: list[Tensor]) -> Tensor:
    """The derivative in those directions."""
    products = [(gradient * way).sum() for gradient, way in zip(gradients, directions(), strict=True)]
    return torch.stack(products).sum()


@pytest.mark.parametrize("name", CALLED)
def test_grad(name: str) -> None:
    total, points, gradients = total_of(name)
    for found, expected in zip(torch.func.grad(total, (0, 1, 2, 3))(*points), gradients, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", CALLED)
def test_vjp(name: str) -> None:
    total, points, gradients = total_of(name)
    value, pull = torch.func.vjp(total, *points)
    torch.testing.assert_close(value, total(*points))
    for found, expected in zip(pull(torch.tensor(2.0)), gradients, strict=True):
        torch.testing.assert_close(found, 2 * expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", CALLED)
def test_jvp(name: str) -> None:
    total, points, gradients = total_of(name)
    value, tangent = torch.func.jvp(total, tuple(points), tuple(directions()))
    torch.testing.assert_close(value, total(*points))
    # torch.func.jvp makes a tangent float64 where a 0-d tensor is multiplied by a number
    torch.testing.assert_close(tangent, along(gradients), rtol=1e-4, atol=1e-3, check_dtype=False)


@pytest.mark.parametrize("name", CALLED)
def test_dual_numbers(name: str) -> None:
    total, points, gradients = total_of(name)
    with forward_ad.dual_level():
        duals = [forward_ad.make_dual(*pair) for pair in zip(points, directions(), strict=True)]
        _, tangent = forward_ad.unpack_dual(total(*duals))
    torch.testing.assert_close(tangent, along(gradients), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", CALLED)
def test_vmap_over_perturbed_codes(name: str) -> None:
    total, points, _ = total_of(name)
    shifts = torch.tensor([0.0, 0.1, -0.2])
    found = torch.func.vmap(lambda shift: total(points[0], *(code + shift for code in points[1:])))(shifts)
    expected = [total(points[0], *(code + shift for code in points[1:])) for shift in shifts]
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-5, atol=1e-4)
