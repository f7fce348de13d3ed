"""What every room asks of its arguments, in one wording: function, argument, rule, what came.

``TypeError`` for a type or dtype, ``ValueError`` for a value or shape, ``RuntimeError`` for a device.
"""

import math
import numbers
import operator
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor


def choice(function: str, name: str, value: str, allowed: Iterable[str]) -> None:
    """Require one of a few words.

    Raises:
        ValueError: it is none of them; the message names all, and those that are close.
    """
    allowed = list(allowed)
    if value not in allowed:
        words = ", ".join(repr(word) for word in allowed)
        close = get_close_matches(value, allowed, n=3, cutoff=0.5) if isinstance(value, str) else []
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise ValueError(f"{function}: {name} must be one of {words}, got {value!r}{hint}")


def integer(function: str, name: str, value: Any, *, low: int = 1, high: int | None = None) -> int:
    """Require a whole number between low and high, both included; the value as a Python int.

    NumPy's integers are taken as Python's; True and 3.0 are not.

    Raises:
        TypeError: it is not an integer.
        ValueError: it is out of range.

    Example:
        >>> integer("fit", "steps", 3)
        3
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral | torch.SymInt):
        raise TypeError(f"{function}: {name} must be an integer, got {_kind(value)}")
    # a traced size stays symbolic
    result = cast(int, value) if isinstance(value, torch.SymInt) else operator.index(value)
    if result < low or (high is not None and result > high):
        rule = f"at least {low:,}" if high is None else f"between {low:,} and {high:,}"
        raise ValueError(f"{function}: {name} must be {rule}, got {result:,}")
    return result


def integers(function: str, *, low: int = 1, **values: Any) -> None:
    """Require whole numbers of at least low; see `integer`."""
    for name, value in values.items():
        integer(function, name, value, low=low)


def number(
    function: str,
    name: str,
    value: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: float | None = None,
) -> float:
    """Require a finite number between low and high, both included, or above a bound; as a Python float.

    Integers, True, NumPy's numbers and tensors of one number without gradient are taken as PyTorch takes
    them.

    Raises:
        TypeError: it is not a real number.
        ValueError: it is NaN, infinite or out of range.

    Example:
        >>> number("BetaVAE", "beta", 4, low=0)
        4.0
    """
    if isinstance(value, Tensor):
        if value.dim() or value.is_complex() or value.requires_grad:
            what = "a tensor with gradient" if value.requires_grad else f"a tensor {tuple(value.shape)}"
            raise TypeError(f"{function}: {name} must be a number, got {what} of {value.dtype}")
        value = value.item()
    if not isinstance(value, numbers.Real):
        raise TypeError(f"{function}: {name} must be a number, got {_kind(value)}")
    result = float(value)
    if not (math.isfinite(result) and low <= result <= high and (above is None or result > above)):
        raise ValueError(f"{function}: {name} must be {_range(low, high, above)}, got {result:g}")
    return result


def weights(function: str, **values: Any) -> None:
    """Require finite numbers of at least 0; see `number`."""
    for name, value in values.items():
        number(function, name, value, low=0)


def seed(function: str, value: Any) -> int:
    """Require what torch and NumPy both take as a seed: an integer from 0 to 2**63 - 1."""
    return integer(function, "seed", value, low=0, high=2**63 - 1)


def _range(low: float, high: float, above: float | None) -> str:
    if above is not None:
        bounds = f"above {above:g}" if high == math.inf else f"above {above:g} and at most {high:g}"
    elif high == math.inf:
        bounds = "" if low == -math.inf else f"at least {low:g}"
    else:
        bounds = f"between {low:g} and {high:g}"
    return f"finite and {bounds}" if bounds and high == math.inf else bounds or "finite"


def _kind(value: Any) -> str:
    """How a message names what came: its type, and the value where it is short."""
    kind = type(value).__name__
    return f"{kind} {value!r}" if isinstance(value, str | float) and len(repr(value)) <= 20 else kind


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


def indices(function: str, value: Any, count: int) -> Tensor:
    """Require integers (n,) from 0 to count - 1, as an array, a list or a tensor; as a tensor.

    Raises:
        TypeError: they are not integers.
        ValueError: they have not one axis.
        IndexError: one is out of range.

    Example:
        >>> indices("unpack", [2, 0], 3)
        tensor([2, 0])
    """
    array = isinstance(value, np.ndarray) and value.size > 0  # whose own functions cost half of torch's
    result = torch.from_numpy(value) if array else torch.as_tensor(value)
    if result.is_floating_point() or result.is_complex() or result.dtype == torch.bool:
        raise TypeError(f"{function}: indices must be integers, got {result.dtype}")
    if result.dim() != 1:
        raise ValueError(f"{function}: indices must have shape (n,), got {tuple(result.shape)}")
    if len(result):
        known = value if array else result
        for index in (int(known.min()), int(known.max())):
            if not 0 <= index < count:
                raise IndexError(f"{function}: indices must be 0 to {count - 1}, got {index}")
    return result


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
