"""What the named modules share: how their layers begin, and what they ask of sizes and of their input."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from ._sequential import Layers

Nonlinearity: TypeAlias = Literal["relu", "leaky_relu", "tanh", "linear"]


def prepare(layers: nn.Module, nonlinearity: Nonlinearity = "relu") -> None:
    """He et al. 2015's initialisation, and the memory format that convolutions are fastest in.

    With them β-TCVAE at a learning rate of 5e-4 begins to place the shapes after 150 steps, where torch's
    default initialisation still draws the mean image after 800; and a step is a few percent faster.
    """
    for name, parameter in layers.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        else:
            nn.init.kaiming_normal_(parameter, 0.2, nonlinearity=nonlinearity)
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def encoding_layers(
    channels: int, widths: Sequence[int], dense: Sequence[int], outputs: int, slope: float = 0.0
) -> nn.Sequential:
    """Four convolutions 4x4, stride 2, of 64x64 pixels, then dense layers; (leaky) ReLU between all."""
    layers: list[nn.Module] = []
    for inputs, width in pairwise([channels, *widths]):
        layers += [nn.Conv2d(inputs, width, 4, stride=2, padding=1), _rectifier(slope)]
    layers.append(nn.Flatten())
    for inputs, units in pairwise([16 * widths[-1], *dense]):
        layers += [nn.Linear(inputs, units), _rectifier(slope)]
    return _prepared([*layers, nn.Linear(dense[-1], outputs)], slope)


def decoding_layers(
    inputs: int, dense: Sequence[int], widths: Sequence[int], channels: int, slope: float = 0.0
) -> nn.Sequential:
    """The mirror image: dense layers, then four transposed convolutions from 4x4 to 64x64 pixels."""
    layers: list[nn.Module] = []
    for size, units in pairwise([inputs, *dense, 16 * widths[0]]):
        layers += [nn.Linear(size, units), _rectifier(slope)]
    layers.append(nn.Unflatten(1, (widths[0], 4, 4)))
    for size, width in pairwise([*widths, channels]):
        layers += [nn.ConvTranspose2d(size, width, 4, stride=2, padding=1), _rectifier(slope)]
    return _prepared(layers[:-1], slope)


def _rectifier(slope: float) -> nn.Module:
    return nn.LeakyReLU(slope, inplace=True) if slope else nn.ReLU(inplace=True)


def _prepared(modules: list[nn.Module], slope: float) -> nn.Sequential:
    layers = Layers(*modules)
    prepare(layers, "leaky_relu" if slope else "relu")
    return layers


def channels_last(images: Tensor) -> Tensor:
    """The images in the memory format of the weights.

    With one channel both formats have the same bytes, and torch tells them apart by the strides alone; the
    other format's strides cost an eighth of a training step, in copies between the convolutions.
    """
    channels, _, width = images.shape[1:]
    rows = images.permute(0, 2, 3, 1).flatten(2)
    laid_out: Tensor = rows.unflatten(2, (width, channels)).permute(0, 3, 1, 2)
    return laid_out


def check_sizes(name: str, **sizes: int) -> None:
    """Require channels to be 1 or 3 and every other size to be an integer of at least 1."""
    for size, value in sizes.items():
        if not isinstance(value, int):
            raise TypeError(f"{name}: {size} must be an integer, got {type(value).__name__}")
        if size == "channels" and value not in (1, 3):
            raise ValueError(f"{name}: channels must be 1 or 3, got {value}")
        if value < 1:
            raise ValueError(f"{name}: {size} must be at least 1, got {value}")


def check_images(name: str, images: Tensor, shape: tuple[int, ...]) -> None:
    """Require images of one shape."""
    if images.shape[1:] != shape:
        sides = ", ".join(map(str, shape))
        raise ValueError(f"{name}: images must have shape (batch, {sides}), got {tuple(images.shape)}")


def check_codes(name: str, z: Tensor, latents: int) -> None:
    """Require codes of one width."""
    if z.dim() != 2 or z.shape[1] != latents:
        raise ValueError(f"{name}: z must have shape (batch, {latents}), got {tuple(z.shape)}")
