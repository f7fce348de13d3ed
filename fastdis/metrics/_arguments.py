"""What every score asks of its two arrays, in one wording: function, argument, rule, what came."""

import warnings
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..kernels import joint_histogram

Array: TypeAlias = NDArray[np.generic] | Tensor

_CLASS_DTYPES = (torch.uint8, torch.int32, torch.int64)


@dataclass(frozen=True)
class Checked:
    """Codes and factors fit for the kernels, on the device they came on.

    codes: (samples, codes) float32 or float64, finite. low, high: (codes,), their range.
    classes: (samples, factors), in the type the kernels read. sizes: one more than the largest class of each.
    """

    codes: Tensor
    low: Tensor
    high: Tensor
    classes: Tensor
    sizes: tuple[int, ...]


def checked(function: str, codes: Array, factors: Array) -> Checked:
    """Both arrays, checked.

    Raises:
        TypeError: an argument is neither an array nor a tensor, codes are not real, factors not integers.
        ValueError: an argument is not two-dimensional or empty, the lengths differ, a code is NaN or
            infinite, a class is negative or above 65,535; the message names the row.
        RuntimeError: the arguments lie on different devices.
    """
    values, low, high = checked_codes(function, codes)
    classes, sizes = checked_factors(function, factors)
    if len(values) != len(classes):
        raise ValueError(
            f"{function}: factors must have as many rows as codes, {len(values):,}, got {len(classes):,}"
        )
    if values.device != classes.device:
        raise RuntimeError(f"{function}: factors must be on {values.device} like codes, got {classes.device}")
    return Checked(values, low, high, classes, sizes)


def checked_codes(function: str, codes: Array) -> tuple[Tensor, Tensor, Tensor]:
    """The codes as float32 or float64, and the smallest and largest value of each."""
    values = _matrix(function, "codes", codes)
    if values.dtype == torch.bool or values.is_complex():
        raise TypeError(f"{function}: codes must have a real dtype, got {values.dtype}")
    if values.dtype in (torch.float16, torch.bfloat16):
        values = values.float()
    elif values.dtype not in (torch.float32, torch.float64):
        values = values.double()
    low, high = joint_histogram.code_range(values)
    if not bool(torch.isfinite(low).all() & torch.isfinite(high).all()):
        row, column = (int(i) for i in (~torch.isfinite(values)).nonzero()[0])
        raise ValueError(
            f"{function}: codes must be finite, got {float(values[row, column])} "
            f"in row {row}, column {column}"
        )
    return values, low, high


def checked_factors(function: str, factors: Array) -> tuple[Tensor, tuple[int, ...]]:
    """The factors in the type the kernels read, and the number of classes of each."""
    values = _matrix(function, "factors", factors)
    if values.is_floating_point() or values.is_complex():
        raise TypeError(
            f"{function}: factors must have an integer dtype (classes from 0), got {values.dtype}; "
            "number the values of a continuous factor first: np.unique(column, return_inverse=True)[1]"
        )
    if values.dtype not in _CLASS_DTYPES:
        values = values.to(torch.int64)
    classes, largest = joint_histogram.narrow_classes(values)
    if int(largest.max()) > joint_histogram.LARGEST_CLASS:
        outside = (values < 0) | (values > joint_histogram.LARGEST_CLASS)
        row, column = (int(i) for i in outside.nonzero()[0])
        raise ValueError(
            f"{function}: factors must be classes from 0 to {joint_histogram.LARGEST_CLASS:,}, "
            f"got {int(values[row, column])} in row {row}, column {column}"
        )
    return classes, tuple(int(top) + 1 for top in largest)


def varying(function: str, counts: list[NDArray[np.int64]]) -> list[int]:
    """The factors that take more than one value, by how often each value occurs; warns of the others.

    Raises:
        ValueError: no factor varies.
    """
    keep = [k for k, count in enumerate(counts) if np.count_nonzero(count) > 1]
    if not keep:
        raise ValueError(
            f"{function}: factors must have a column with at least 2 values, got constant ones only"
        )
    if len(keep) < len(counts):
        constant = ", ".join(str(k) for k in range(len(counts)) if k not in keep)
        warnings.warn(f"{function}: factors column {constant} is constant and left out", stacklevel=3)
    return keep


def _matrix(function: str, name: str, values: Array) -> Tensor:
    """A two-dimensional, non-empty tensor; shares memory with what came where it can."""
    if isinstance(values, np.ndarray):
        if values.dtype.kind not in "buifc":
            raise TypeError(f"{function}: {name} must hold numbers, got dtype {values.dtype}")
        if not values.dtype.isnative or values.dtype.itemsize > 8:
            values = values.astype("f8" if values.dtype.kind == "f" else values.dtype.newbyteorder("="))
        # a read-only array is copied: a tensor cannot promise not to write
        tensor = torch.from_numpy(np.require(values, requirements=["C", "W"]))
    elif isinstance(values, Tensor):
        tensor = values.detach().contiguous()
    else:
        raise TypeError(
            f"{function}: {name} must be a NumPy array or a torch.Tensor, got {type(values).__name__}"
        )
    if tensor.dim() != 2 or tensor.shape[0] == 0 or tensor.shape[1] == 0:
        raise ValueError(
            f"{function}: {name} must have shape (samples, {name}), each positive, got {tuple(tensor.shape)}"
        )
    return tensor


@dataclass(frozen=True)
class Arrays:
    """Codes and factors as NumPy arrays, without constant factors.

    codes: (samples, codes), float32 or float64, finite.
    classes: (samples, factors), integers from 0.
    factors: the columns of the factors that were kept.
    """

    codes: NDArray[np.floating]
    classes: NDArray[np.integer]
    factors: tuple[int, ...]


def arrays(function: str, codes: Array, factors: Array) -> Arrays:
    """Both arrays, checked as :func:`checked` does, on the CPU; warns of constant factors and drops them."""
    data = checked(function, codes, factors)
    classes = data.classes.cpu().numpy()
    counts = [np.bincount(column, minlength=size) for column, size in zip(classes.T, data.sizes, strict=True)]
    keep = varying(function, counts)
    if len(keep) < len(counts):
        classes = np.ascontiguousarray(classes[:, keep])
    return Arrays(data.codes.cpu().numpy(), classes, tuple(keep))


def positive(function: str, **counts: int) -> None:
    """Require integers of at least 1."""
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int | np.integer):
            raise TypeError(f"{function}: {name} must be an int, got {type(count).__name__}")
        if count < 1:
            raise ValueError(f"{function}: {name} must be at least 1, got {count}")
