"""What every operation asks of its arguments, in one wording: function, argument, rule, what came."""

import torch
from torch import Tensor


def matrices(function: str, **tensors: Tensor) -> None:
    """Require floating (batch, latent) tensors of one shape and one device; the first sets the example.

    Raises:
        TypeError: an argument is not a floating-point tensor.
        ValueError: an argument is not two-dimensional, is empty, or has another shape than the first.
        RuntimeError: the tensors lie on different devices.
    """
    first, example = next(iter(tensors.items()))
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{function}: {name} must be a torch.Tensor, got {type(tensor).__name__}")
        if not tensor.is_floating_point():
            raise TypeError(f"{function}: {name} must have a floating-point dtype, got {tensor.dtype}")
        shape = tensor.shape
        if len(shape) != 2 or shape[0] == 0 or shape[1] == 0:
            raise ValueError(
                f"{function}: {name} must have shape (batch, latent), both at least 1, got {tuple(shape)}"
            )
        if tensor is not example and shape != example.shape:
            raise ValueError(
                f"{function}: {name} must have shape {tuple(example.shape)} like {first}, got {tuple(shape)}"
            )
        if tensor.device != example.device:
            raise RuntimeError(
                f"{function}: {name} must be on {example.device} like {first}, got {tensor.device}"
            )


def choice(function: str, name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Require one of a few words."""
    if value not in allowed:
        words = ", ".join(repr(word) for word in allowed)
        raise ValueError(f"{function}: {name} must be one of {words}, got {value!r}")


def posteriors(function: str, z: Tensor, mean: Tensor, logvar: Tensor, tolerance: float) -> None:
    """Require points z (queries, latent) and posteriors (posteriors, latent), all finite, on one device.

    Raises:
        TypeError: an argument is not a floating-point tensor.
        ValueError: a wrong shape, NaN or infinity (the row is named), a tolerance outside (0, 1).
        RuntimeError: the tensors lie on different devices.
    """
    matrices(function, mean=mean, logvar=logvar)
    matrices(function, z=z)
    if z.shape[1] != mean.shape[1]:
        raise ValueError(
            f"{function}: z must have shape (queries, {mean.shape[1]}) like mean, got {tuple(z.shape)}"
        )
    if z.device != mean.device:
        raise RuntimeError(f"{function}: z must be on {mean.device} like mean, got {z.device}")
    for name, tensor in (("mean", mean), ("logvar", logvar), ("z", z)):
        # a sum is finite only if every term is, and is ten times quicker than looking at each
        if not bool(tensor.sum(dtype=torch.float64).isfinite()) and not bool(tensor.isfinite().all()):
            row, column = (int(k) for k in (~tensor.isfinite()).nonzero()[0])
            value = float(tensor[row, column])
            raise ValueError(f"{function}: {name} must be finite, got {value} in row {row}, column {column}")
    if not 0 < tolerance < 1:
        raise ValueError(f"{function}: tolerance must lie in (0, 1) nats, got {tolerance}")
