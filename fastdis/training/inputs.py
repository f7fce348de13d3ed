"""Batches as a model takes them: floating point, and looked at before the first step."""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from .distributed import gathered


def model_inputs(
    function: str, stream: Iterator[Tensor], model: nn.Module, objectives: Sequence[nn.Module]
) -> Iterator[Tensor]:
    """Convert every batch to the model's dtype: bytes divided by 255, truth values to 0 and 1.

    The first batch is checked: that it is not empty and finite, and that its values are in [0, 1] where an
    objective has a Bernoulli likelihood.

    Raises:
        TypeError: the images are integers other than bytes, or complex.
        ValueError: they are out of range; the message says what range was found and what to do.
    """
    dtype = dtype_of(model)
    checked = False
    for images in stream:
        if not checked:
            _check(function, images, objectives)
            checked = True
        yield as_floating(images, dtype)


def dtype_of(model: nn.Module) -> torch.dtype:
    """Return the floating-point dtype of a model: that of its first parameter."""
    parameters = (parameter.dtype for parameter in model.parameters() if parameter.is_floating_point())
    return next(parameters, torch.get_default_dtype())


def as_floating(images: Tensor, dtype: torch.dtype) -> Tensor:
    """Convert images to a floating-point dtype: bytes divided by 255, truth values to 0 and 1."""
    return images.to(dtype).div_(255) if images.dtype == torch.uint8 else images.to(dtype)


def _check(function: str, images: Tensor, objectives: Sequence[nn.Module]) -> None:
    if images.numel() == 0:
        raise ValueError(
            f"{function}: data must give batches of at least one image, got shape {tuple(images.shape)}"
        )
    if not images.is_floating_point() and images.dtype not in (torch.uint8, torch.bool):
        raise TypeError(
            f"{function}: data must be floating point in [0, 1], uint8 from 0 to 255, or bool, got "
            f"{images.dtype}; scale it to floating-point numbers in [0, 1]"
        )
    values = images.detach().to(torch.float32)
    ranges = gathered(tuple(value.item() for value in values.aminmax()))  # NaN if one value is
    if not all(math.isfinite(bound) for bounds in ranges for bound in bounds):
        raise ValueError(f"{function}: data must be finite, got NaN or infinity in the first batch")
    low, high = min(bounds[0] for bounds in ranges), max(bounds[1] for bounds in ranges)
    if images.dtype == torch.uint8 and high == 1:
        raise ValueError(
            f"{function}: data of dtype uint8 must span 0 to 255, got only 0 and 1 in the first batch; "
            "convert images of 0 and 1 to bool or to floating point"
        )
    if images.dtype == torch.uint8 or (low >= 0 and high <= 1):
        return
    for objective in objectives:
        if getattr(objective, "likelihood", None) == "bernoulli":
            raise ValueError(
                f"{function}: data must be in [0, 1] for the Bernoulli likelihood of "
                f"{type(objective).__name__}, got values from {low:g} to {high:g} in the first batch; "
                + ("divide them by 255" if low >= 0 and 1 < high <= 255 else "scale or clamp them")
                + ', or choose likelihood="gaussian"'
            )
