"""What every room asks of its arguments, in one wording: function, argument, rule, what came.

``TypeError`` for a type or dtype, ``ValueError`` for a value or shape, ``RuntimeError`` for a device.
"""

import math
import numbers
import operator
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, TypeAlias, cast

import numpy as np
import torch
from torch import Tensor

Ends: TypeAlias = tuple[Tensor, Tensor]  # the smallest and the largest value

_FLOATING = {torch.float32, torch.float64, torch.float16, torch.bfloat16}


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
    """Require a whole number between low and high, both included, and return it as a Python int.

    NumPy's integers and tensors of one integer are taken as Python's; True and 3.0 are not.

    Raises:
        TypeError: it is not an integer.
        ValueError: it is out of range.

    Example:
        >>> integer("fit", "steps", 3)
        3
    """
    if isinstance(value, Tensor) and not value.dim():
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, numbers.Integral | torch.SymInt):
        raise TypeError(f"{function}: {name} must be an integer, got {_kind(value)}")
    # a traced size stays symbolic
    result = cast(int, value) if isinstance(value, torch.SymInt) else operator.index(value)
    if result < low or (high is not None and result > high):
        rule = f"at least {low:,}" if high is None else f"between {low:,} and {high:,}"
        raise ValueError(f"{function}: {name} must be {rule}, got {result:,}")
    return result


def integers(function: str, *, low: int = 1, **values: Any) -> list[int]:
    """Require whole numbers of at least low, and return them as Python ints; see `integer`."""
    return [integer(function, name, value, low=low) for name, value in values.items()]


def number(
    function: str,
    name: str,
    value: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: float | None = None,
) -> float:
    """Require a finite number between low and high, or above a bound, and return it as a Python float.

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
        value = scalar(function, name, value).item()
    if not isinstance(value, numbers.Real):
        raise TypeError(f"{function}: {name} must be a number, got {_kind(value)}")
    result = float(value)
    finite = -math.inf < result < math.inf  # math.isfinite cannot be traced
    if not (finite and low <= result <= high and (above is None or result > above)):
        raise ValueError(f"{function}: {name} must be {_range(low, high, above)}, got {result:g}")
    return result


def scalar(function: str, name: str, value: Tensor) -> Tensor:
    """Require a tensor of one real number, without dimensions and without gradient.

    Raises:
        TypeError: it is not.
    """
    if value.dim() or value.is_complex() or value.requires_grad:
        what = "a tensor with gradient" if value.requires_grad else f"a tensor {tuple(value.shape)}"
        raise TypeError(f"{function}: {name} must be a number, got {what} of {value.dtype}")
    return value


def weights(function: str, **values: Any) -> list[float]:
    """Require finite numbers of at least 0, and return them as Python floats; see `number`.

    Example:
        >>> alpha, beta = weights("BetaTCVAE", alpha=True, beta=6)
        >>> alpha, beta
        (1.0, 6.0)
    """
    return [number(function, name, value, low=0) for name, value in values.items()]


def sequence(function: str, name: str, values: Any) -> list[Any]:
    """Require a list, a tuple or an array of at least one item, and return its items as a list.

    Raises:
        TypeError: it has no items, or is a word.
        ValueError: it is empty.

    Example:
        >>> sequence("PerLatentCapacityVAE", "capacities", (5.0, 0.0))
        [5.0, 0.0]
    """
    if isinstance(values, str) or not isinstance(values, Iterable) or getattr(values, "ndim", 1) == 0:
        raise TypeError(f"{function}: {name} must be a sequence, got {_kind(values)}")
    items = list(values)
    if not items:
        raise ValueError(f"{function}: {name} must hold at least 1 item, got none")
    return items


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


def floating(function: str, **tensors: Tensor) -> None:
    """Require floating-point tensors.

    Raises:
        TypeError: an argument is not a tensor, or of another dtype.
    """
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{function}: {name} must be a torch.Tensor, got {type(tensor).__name__}")
        if not tensor.is_floating_point():
            hint = "; divide images from 0 to 255 by 255" if tensor.dtype == torch.uint8 else ""
            raise TypeError(f"{function}: {name} must have a floating-point dtype, got {tensor.dtype}{hint}")


def indices(function: str, value: Any, count: int) -> Tensor:
    """Require integers (n,) from 0 to count - 1, in an array, a list or a tensor, and return a tensor.

    Raises:
        TypeError: they are not integers.
        ValueError: they have not one axis.
        IndexError: one is out of range.

    Example:
        >>> indices("unpack", [2, 0], 3)
        tensor([2, 0])
    """
    if type(value) is np.ndarray and value.dtype == np.int64 and value.ndim == 1 and value.size:
        low, high = np.minimum.reduce(value), np.maximum.reduce(value)  # at a fifth of what torch's cost
        if low >= 0 and high < count:
            return torch.from_numpy(value)
    result = torch.as_tensor(value)
    if result.is_floating_point() or result.is_complex() or result.dtype == torch.bool:
        raise TypeError(f"{function}: indices must be integers, got {result.dtype}")
    if result.dim() != 1:
        raise ValueError(f"{function}: indices must have shape (n,), got {tuple(result.shape)}")
    if len(result):
        for index in (int(result.min()), int(result.max())):
            if not 0 <= index < count:
                raise IndexError(f"{function}: indices must be 0 to {count - 1}, got {index}")
    return result


def matrices(function: str, **tensors: Tensor) -> None:
    """Require dense floating-point (batch, latent) tensors of the shape and on the device of the first.

    Tensors on the meta device, which have a shape and no numbers, are taken: shapes can be inferred and
    operations counted there. What reads numbers refuses them, see `gaussians`.

    Raises:
        TypeError: an argument is no tensor, not dense, or not float32, float64, float16 or bfloat16.
        ValueError: an argument is not two-dimensional, is empty, or has another shape than the first.
        RuntimeError: the tensors lie on different devices.
    """
    shape: torch.Size | None = None
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{function}: {name} must be a torch.Tensor, got {type(tensor).__name__}")
        if tensor.dtype not in _FLOATING:
            rule = "must have a floating-point dtype of 16, 32 or 64 bits"
            raise TypeError(f"{function}: {name} {rule}, got {tensor.dtype}")
        if tensor.layout is not torch.strided or tensor.is_nested:
            layout = "a nested tensor" if tensor.is_nested else tensor.layout
            raise TypeError(f"{function}: {name} must be a dense tensor, got {layout}")
        if shape is None:
            first, shape, device = name, tensor.shape, tensor.device
            if len(shape) != 2 or 0 in shape:
                raise ValueError(
                    f"{function}: {name} must have shape (batch, latent), both at least 1, got {tuple(shape)}"
                )
        elif tensor.shape != shape:
            raise ValueError(
                f"{function}: {name} must have shape {tuple(shape)} like {first}, got {tuple(tensor.shape)}"
            )
        elif tensor.device != device:
            raise RuntimeError(f"{function}: {name} must be on {device} like {first}, got {tensor.device}")


# What arithmetic carries without overflow: the largest absolute mean and log variance. Standard deviations
# then lie in 4e-18 .. 2e17 (float32) and 4e-44 .. 3e43 (float64).
_CARRIED = {torch.float32: (1e15, 80.0), torch.float64: (1e100, 200.0)}
_FAR = 1e13  # standard deviations; kernels mark what is empty by squared distances from 1e30 on


def gaussians(function: str, mean: Tensor, logvar: Tensor) -> None:
    """Require means and log variances of Gaussians, (posteriors, latent) each, that cannot overflow.

    In float64 means lie between -1e100 and 1e100 and log variances between -200 and 200; in float32, and in
    the half types, which are widened to it, between -1e15 and 1e15 and between -80 and 80.

    Raises:
        TypeError: an argument is not a floating-point tensor.
        ValueError: a wrong shape, NaN, infinity or a value out of range; the row and column are named.
        RuntimeError: the tensors lie on different devices, or on the meta device.
    """
    matrices(function, mean=mean, logvar=logvar)
    if mean.is_meta:
        raise RuntimeError(f"{function}: mean must hold numbers, got a tensor on the meta device")
    largest_mean, largest_logvar = _carried(mean)
    _within(function, "mean", mean, largest_mean)
    _within(function, "logvar", logvar, largest_logvar)


def posteriors(function: str, z: Tensor, mean: Tensor, logvar: Tensor, tolerance: float) -> None:
    """Require points z (queries, latent) and posteriors (posteriors, latent) that cannot overflow.

    `gaussians` gives the range of the posteriors; z is at most 10,000 times as large as a mean may be.

    Raises:
        TypeError: an argument is not a floating-point tensor, or tolerance not a number.
        ValueError: a wrong shape, NaN, infinity or a value out of range (the row and column are named), a
            tolerance outside 1e-30 .. 1.
        RuntimeError: the tensors lie on different devices, or on the meta device.
    """
    gaussians(function, mean, logvar)
    if z is not mean:
        matrices(function, z=z)
        if z.shape[1] != mean.shape[1]:
            raise ValueError(
                f"{function}: z must have shape (queries, {mean.shape[1]}) like mean, got {tuple(z.shape)}"
            )
        if z.device != mean.device:
            raise RuntimeError(f"{function}: z must be on {mean.device} like mean, got {z.device}")
        _within(function, "z", z, 1e4 * _carried(z)[0])
    number(function, "tolerance", tolerance, low=1e-30, high=1)


def near(function: str, z: Tensor, mean: Tensor, logvar: Tensor) -> None:
    """Require less than 1e13 standard deviations between any two points or means of a latent.

    Raises:
        ValueError: there are more; the row and column of the smallest log variance are named.
    """
    # over all latents at once, which takes a fraction of the time, and one by one only where that says no
    if bool(_deviations(z.aminmax(), mean.aminmax(), logvar.aminmax()) < _FAR):
        return
    far = _deviations(z.aminmax(dim=0), mean.aminmax(dim=0), logvar.aminmax(dim=0))
    if not bool((far < _FAR).all()):
        column = int(far.argmax())
        row = int(logvar[:, column].argmin())
        raise ValueError(
            f"{function}: logvar must leave less than {_FAR:g} standard deviations between the points and "
            f"means of a latent, got {float(logvar[row, column]):g} in row {row}, column {column}, which "
            f"makes {float(far[column]):.1e}"
        )


def _carried(tensor: Tensor) -> tuple[float, float]:
    return _CARRIED[torch.float64 if tensor.dtype == torch.float64 else torch.float32]


def _within(function: str, name: str, tensor: Tensor, largest: float) -> None:
    """Require values between -largest and largest; the ends of a range are NaN if any value is."""
    low, high = (end.double() for end in tensor.aminmax())
    if bool((low >= -largest) & (high <= largest)):
        return
    row, column = (int(k) for k in (~(tensor.double().abs() <= largest)).nonzero()[0])
    value = float(tensor[row, column])
    dtype = str(tensor.dtype).removeprefix("torch.")
    rule = f"between {-largest:g} and {largest:g} in {dtype}" if math.isfinite(value) else "finite"
    raise ValueError(f"{function}: {name} must be {rule}, got {value:g} in row {row}, column {column}")


def _deviations(z: Ends, mean: Ends, logvar: Ends) -> Tensor:
    """The span of points and means in the smallest standard deviation, from the ends of their ranges."""
    low, high = torch.minimum(z[0], mean[0]), torch.maximum(z[1], mean[1])
    return (high.double() - low.double()) * torch.exp(-0.5 * logvar[0].double())


def table(
    function: str,
    name: str,
    value: Any,
    dtype: torch.dtype,
    shape: tuple[int | str, ...],
    low: float | Sequence[float] = -math.inf,
    high: float | Sequence[float] = math.inf,
) -> None:
    """Require a tensor of one dtype and shape whose numbers lie between low and high, both included.

    shape: a word stands for any length. low and high: one for all, or one for each place of the last axis.

    Raises:
        TypeError: it is not a tensor of that dtype.
        ValueError: it has another shape, or a number is NaN or out of range (its place is named).
    """
    if not isinstance(value, Tensor) or value.dtype != dtype:
        came = value.dtype if isinstance(value, Tensor) else type(value).__name__
        raise TypeError(f"{function}: {name} must be a tensor of {dtype}, got {came}")
    fits = len(shape) == value.dim() and all(
        isinstance(want, str) or want == have for want, have in zip(shape, value.shape, strict=True)
    )
    if not fits:
        words = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
        raise ValueError(f"{function}: {name} must have shape ({words}), got {tuple(value.shape)}")
    bounds = [torch.as_tensor(bound, dtype=torch.float64, device=value.device) for bound in (low, high)]
    inside = (value >= bounds[0]) & (value <= bounds[1])
    if not bool(inside.all()):
        place = (~inside).nonzero()[0]
        least, most = (float(bound.expand(value.shape)[tuple(place)]) for bound in bounds)
        raise ValueError(
            f"{function}: {name}{place.tolist()} must be {_range(least, most, None)}, "
            f"got {float(value[tuple(place)]):g}"
        )


def same_device(function: str, **tensors: Tensor) -> None:
    """Require tensors on one device; the first sets the example.

    Raises:
        RuntimeError: a tensor lies on another device.
    """
    first, example = next(iter(tensors.items()))
    for name, tensor in tensors.items():
        if tensor.device != example.device:
            raise RuntimeError(
                f"{function}: {name} must be on {example.device} like {first}, got {tensor.device}"
            )
