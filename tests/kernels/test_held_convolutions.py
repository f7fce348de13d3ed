"""The gradient of a run of convolutions with respect to its images, and the derivative of that."""

import pytest
import torch
from torch import Tensor

from fastdis.kernels.strided_convolution import reference
from fastdis.kernels.strided_convolution.held import held_convolutions
from support.agreement import assert_as_accurate
from support.convolution_runs import RUNS, run_of


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("batch", [1, 3, 37])
@pytest.mark.parametrize("name", RUNS)
def test_the_gradient_of_images_has_torchs_derivatives(name: str, batch: int, slope: float) -> None:
    (images, *layers), slopes, _ = run_of(name, False, batch, slope)
    weights, biases = layers[: len(slopes)], layers[len(slopes) :]

    def ours(grad: Tensor, *weights: Tensor) -> list[Tensor]:
        held = held_convolutions(images.float(), weights, list(map(Tensor.float, biases)), slopes)
        assert held is not None
        outputs, transpose = held
        assert torch.equal(outputs.double(), expected)
        return [transpose(grad)]

    def torchs(grad: Tensor, *weights: Tensor) -> list[Tensor]:
        varied = images.to(grad).requires_grad_()
        outputs = reference.convolutions(varied, weights, [bias.to(grad) for bias in biases], slopes, False)
        return list(torch.autograd.grad(outputs, varied, grad, create_graph=True))

    expected = reference.convolutions(images, weights, biases, slopes, False)
    inputs = [torch.randn_like(expected), *weights]
    assert_as_accurate(ours, torchs, inputs, [torch.randn_like(images)], torch.float32)


def test_where_the_kernel_does_not_run_nothing_is_held() -> None:
    (images, *layers), slopes, _ = run_of("two channels", False, 2)
    weights, biases = layers[:2], layers[2:]
    single = [images.float(), list(map(Tensor.float, weights)), list(map(Tensor.float, biases))]
    assert held_convolutions(*single, slopes) is not None
    assert held_convolutions(images, weights, biases, slopes) is None
    assert held_convolutions(*single, [0.0, -0.5]) is None
    assert held_convolutions(single[0][..., :-4], *single[1:], slopes) is None
    with torch.autocast("cpu", torch.bfloat16):
        assert held_convolutions(*single, slopes) is None


def test_no_bit_of_a_gradient_of_images_depends_on_the_threads() -> None:
    (images, *layers), slopes, _ = run_of("burgess", False, 37, 0.2)
    weights = [weight.float().requires_grad_() for weight in layers[:4]]
    found, threads = [], torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            torch.manual_seed(1)
            held = held_convolutions(images.float(), weights, [bias.float() for bias in layers[4:]], slopes)
            assert held is not None
            gradient = held[1](torch.randn_like(held[0]))
            along = torch.randn_like(gradient)
            found.append([gradient, *torch.autograd.grad(gradient, weights, along)])
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one, two) for one, two in zip(*found, strict=True))
