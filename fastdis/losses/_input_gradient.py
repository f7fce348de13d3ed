"""The gradient of a critic with respect to its images, as an operation with a derivative of its own.

A network of (leaky) ReLU is linear wherever its rectifiers do not switch. There, with the slopes s_l that the
rectifiers have for an image, the gradient with respect to the image is a chain of transposed layers,

    d_l = s_l * (W_{l+1}^T d_{l+1}),    g = W_1^T d_1,

and the slopes have no derivative. So the derivative of <g, v> with respect to W_l is the outer product of d_l
and t_{l-1}, where t_l = s_l * (W_l t_{l-1}), t_0 = v: one pass of v through the layers without their biases,
which have no gradient at all. That is four passes of convolutions; autograd's double backward records and
runs seven, and has to be told the same by every rectifier: 205 ms against 84 for 64 images, one thread. The
convolutions 4x4 of stride 2 go to `fastdis.kernels.strided_convolution.held`, which takes 58 ms where they
took 100 beside it.
"""

from collections.abc import Callable
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.grad import conv2d_input, conv2d_weight

from .. import models
from ..kernels.strided_convolution.held import held_convolutions
from ..models._conv_stack import halves_or_doubles
from ..models._layers import channels_last

Layer = tuple[nn.Conv2d | nn.Linear, float]  # and the slope of the rectifier after it


def rectified_layers(critic: Callable[[Tensor], Tensor]) -> list[Layer] | None:
    """Return the layers of a critic that is plain convolutions and dense layers with (leaky) ReLU between.

    None for every other, whose gradients autograd takes: one that is neither an `InfoGANCritic` nor an
    ``nn.Sequential``, that has hooks, other layers or several outputs, and each under autocast.
    """
    if type(critic) is models.InfoGANCritic:
        modules = [critic, *critic.layers]
    elif type(critic) is nn.Sequential:
        modules = [critic, *critic]
    else:
        return None
    if torch.is_autocast_enabled(next(critic.parameters(), torch.empty(0)).device.type):
        return None
    found: list[Layer] = []
    flat = False
    for module in modules:
        if module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module):
            return None
        kind = type(module)
        if kind in (nn.LeakyReLU, nn.ReLU) and found:
            found[-1] = (found[-1][0], getattr(module, "negative_slope", 0.0))
        elif kind is nn.Flatten and (module.start_dim, module.end_dim) == (1, -1):
            flat = True
        elif (isinstance(module, nn.Linear) and kind is nn.Linear and flat) or (
            isinstance(module, nn.Conv2d) and kind is nn.Conv2d and not flat and _zeros_around(module)
        ):
            found.append((module, 1.0))
        elif module is not critic:
            return None
    last = found[-1][0] if found else None
    return found if isinstance(last, nn.Linear) and last.out_features == 1 else None


def _zeros_around(module: nn.Conv2d) -> bool:
    return module.padding_mode == "zeros" and not isinstance(module.padding, str)


def input_gradient(layers: list[Layer], images: Tensor) -> Tensor:
    """Compute dD(x_i)/dx_i for each image, differentiable with respect to the weights.

    Args:
        layers: as from `rectified_layers`.
        images: (batch, ...).

    Returns:
        Tensor: like images.

    Example:
        >>> import torch
        >>> critic = nn.Sequential(nn.Flatten(), nn.Linear(4, 1))
        >>> gradient = input_gradient([(critic[1], 1.0)], torch.rand(3, 1, 2, 2))
        >>> torch.equal(gradient[2].flatten(), critic[1].weight[0])
        True
    """
    if images.dim() == 4:
        images = channels_last(images)
    weights = [module.weight for module, _ in layers]
    run = list(takewhile(lambda layer: halves_or_doubles(layer[0]), layers))
    biases = [module.bias for module, _ in run if module.bias is not None]  # they all have one
    held = (
        held_convolutions(images, weights[: len(run)], biases, [slope for _, slope in run]) if run else None
    )
    if held is None:
        return _recorded(layers, images, *weights)
    outputs, transpose = held
    return transpose(_recorded(layers[len(run) :], outputs, *weights[len(run) :]))


class _InputGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, layers: list[Layer], images: Tensor, *weights: Tensor) -> Tensor:
        below, inputs, slopes = images, [], []
        for module, slope in layers:
            inputs.append(below.shape)
            before = _apply(module, below, module.weight, module.bias)
            slopes.append(torch.where(before > 0, before.new_ones(()), before.new_full((), slope)))
            below = before * slopes[-1]
        signal, signals = torch.ones_like(below), []
        for index in reversed(range(len(layers))):
            signals.append(signal.view(slopes[index].shape) * slopes[index])
            signal = _transposed(layers[index][0], signals[-1], inputs[index])
        ctx.layers = layers
        ctx.save_for_backward(*weights, *slopes, *reversed(signals))
        return signal

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, along: Tensor) -> tuple[Any, ...]:
        count = len(ctx.layers)
        weights, slopes, signals = (
            ctx.saved_tensors[first : first + count] for first in (0, count, 2 * count)
        )
        gradients = []
        for (module, _), weight, slope, signal in zip(ctx.layers, weights, slopes, signals, strict=True):
            if isinstance(module, nn.Conv2d):
                gradient = conv2d_weight(
                    along, weight.shape, signal, module.stride, module.padding, module.dilation, module.groups
                )
            else:
                gradient = signal.T @ along.flatten(1)
            gradients.append(gradient)
            along = _apply(module, along, weight, None) * slope
        return None, None, *gradients


def _apply(module: Any, values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Apply a layer with other weights than its own."""
    if isinstance(module, nn.Conv2d):
        geometry: Any = (module.stride, module.padding, module.dilation, module.groups)
        return functional.conv2d(values, weight, bias, *geometry)
    return functional.linear(values.flatten(1), weight, bias)


def _transposed(module: Any, values: Tensor, shape: torch.Size) -> Tensor:
    """Apply the transpose of a layer's weights, to what its input's shape is."""
    if isinstance(module, nn.Conv2d):
        geometry = (module.stride, module.padding, module.dilation, module.groups)
        images: Tensor = conv2d_input(shape, module.weight, values, *geometry)
        return images
    units: Tensor = values @ module.weight
    return units.view(shape)


_recorded: Callable[..., Tensor] = _InputGradient.apply
