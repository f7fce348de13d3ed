"""What every score asks of its arrays, in one wording: function, argument, rule, what came."""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..kernels import joint_histogram
from ._errors import NotComputable
from ._factors import scored_factors
from ._scale import rescaled

Array: TypeAlias = NDArray[np.generic] | Tensor

_CLASS_DTYPES = (torch.uint8, torch.int32, torch.int64)
_LARGEST = joint_histogram.LARGEST_CLASS


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


def checked(function: str, codes: Array, factors: Array, *, name: str = "codes") -> Checked:
    """Check both arrays, which may be a part of a data set; messages call the codes by this name.

    Raises:
        TypeError: an argument is not an array, is masked or sparse, or holds no real numbers.
        ValueError: an argument is not two-dimensional or empty, the lengths differ, a code is NaN or
            infinite, a factor is not a whole number from 0 to 65,535; the message names the row.
        NotComputable: a factor is continuous: it has a value that is not a whole number.
        RuntimeError: the arguments lie on different devices, or on the meta device.
    """
    values, low, high = checked_codes(function, codes, name=name)
    classes, sizes = checked_factors(function, factors)
    if len(values) != len(classes):
        raise ValueError(
            f"{function}: factors must have as many rows as {name}, {len(values):,}, got {len(classes):,}"
            f"{_transposed(name, values, classes)}"
        )
    if values.device != classes.device:
        raise RuntimeError(
            f"{function}: factors must be on {values.device} like {name}, got {classes.device}"
        )
    return Checked(values, low, high, classes, sizes)


def checked_whole(function: str, codes: Array, factors: Array, *, name: str = "codes") -> Checked:
    """Check the arrays of a whole data set as :func:`checked` does; also refuse more factors than samples."""
    data = checked(function, codes, factors, name=name)
    samples, columns = data.classes.shape
    if columns > samples:
        raise ValueError(
            f"{function}: factors must have at least as many rows as columns, got {(samples, columns)}: "
            "transposed?"
        )
    return data


def checked_codes(function: str, codes: Array, *, name: str = "codes") -> tuple[Tensor, Tensor, Tensor]:
    """Return the codes as float32 or float64, and the smallest and largest value of each."""
    values = matrix(function, name, codes)
    if values.dtype == torch.bool or values.is_complex():
        raise TypeError(f"{function}: {name} must have a real dtype, got {values.dtype}")
    if values.dtype in (torch.float16, torch.bfloat16):
        values = values.float()
    elif values.dtype not in (torch.float32, torch.float64):
        values = values.double()
    low, high = joint_histogram.code_range(values)
    if not bool(torch.isfinite(high - low).all()):
        finite = torch.isfinite(values)
        if not bool(finite.all()):
            row, column = (int(i) for i in (~finite).nonzero()[0])
            raise ValueError(
                f"{function}: {name} must be finite, got {float(values[row, column])} "
                f"in row {row}, column {column}"
            )
        column = int((~torch.isfinite(high - low)).nonzero()[0])
        raise ValueError(
            f"{function}: {name} must span at most {torch.finfo(values.dtype).max:.2g}, the largest "
            f"{_short(values.dtype)}, got {float(low[column]):.2g} to {float(high[column]):.2g} "
            f"in column {column}"
        )
    return values, low, high


def checked_factors(function: str, factors: Array) -> tuple[Tensor, tuple[int, ...]]:
    """Return the factors in the type the kernels read, and the number of classes of each."""
    values = matrix(function, "factors", factors)
    if values.is_complex():
        raise TypeError(f"{function}: factors must have a real dtype, got {values.dtype}")
    if values.is_floating_point():
        values = values.double()
        _require_classes(function, values, (values >= 0) & (values <= _LARGEST) & (values == values.trunc()))
    if values.dtype not in _CLASS_DTYPES:
        values = values.to(torch.int64)
    classes, largest = joint_histogram.narrow_classes(values)
    if int(largest.max()) > _LARGEST:
        _require_classes(function, values, (values >= 0) & (values <= _LARGEST))
    return classes, tuple(int(top) + 1 for top in largest)


def _require_classes(function: str, values: Tensor, right: Tensor) -> None:
    if not bool(right.all()):
        infinite = ~torch.isfinite(values)  # told first: with it no score has a rule for the factor
        wrong = infinite if bool(infinite.any()) else ~right
        row, column = (int(i) for i in wrong.nonzero()[0])
        value = values[row, column].item()
        message = (
            f"{function}: factors must be classes, whole numbers from 0 to {_LARGEST:,}, got {value:,} "
            f"in row {row}, column {column}"
        )
        if math.isfinite(value) and value != int(value):
            raise NotComputable(f"{message}: a continuous factor has no classes")
        raise ValueError(message)


def matrix(function: str, name: str, values: Any) -> Tensor:
    """Return a two-dimensional, non-empty tensor, which shares memory with what came where it can."""
    tensor = (
        _dense(function, name, values) if isinstance(values, Tensor) else _numbers(function, name, values)
    )
    if tensor.dim() != 2 or tensor.shape[0] == 0 or tensor.shape[1] == 0:
        raise ValueError(
            f"{function}: {name} must have shape (samples, {name}), each positive, got {tuple(tensor.shape)}"
        )
    return tensor.contiguous()


def stack_of_numbers(
    function: str, name: str, values: Any, axes: tuple[str, ...]
) -> NDArray[np.floating | np.integer]:
    """Return a finite, non-empty array with these axes, on the CPU.

    Raises:
        TypeError: it is not an array, is masked or sparse, or holds no real numbers.
        ValueError: it has another number of axes, is empty, or holds NaN or infinity.
        RuntimeError: it lies on the meta device.
    """
    dense = isinstance(values, Tensor)
    tensor = _dense(function, name, values) if dense else _numbers(function, name, values)
    if tensor.dtype == torch.bool or tensor.is_complex():
        raise TypeError(f"{function}: {name} must have a real dtype, got {tensor.dtype}")
    if tensor.dim() != len(axes) or not tensor.numel():
        words = ", ".join(axes) + ("," if len(axes) == 1 else "")
        raise ValueError(
            f"{function}: {name} must have shape ({words}), each positive, got {tuple(tensor.shape)}"
        )
    if not bool(torch.isfinite(tensor).all()):
        place = [int(i) for i in (~torch.isfinite(tensor)).nonzero()[0]]
        raise ValueError(f"{function}: {name} must be finite, got {float(tensor[tuple(place)])} at {place}")
    half = tensor.dtype in (torch.float16, torch.bfloat16)
    return np.asarray((tensor.float() if half else tensor).cpu().numpy())


def _numbers(function: str, name: str, values: Any) -> Tensor:
    """Return a tensor of an array, or of what NumPy reads as one, such as a DataFrame of numbers."""
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(
            f"{function}: {name} must not be a masked array, got one with "
            f"{np.count_nonzero(np.ma.getmaskarray(values)):,} of {values.size:,} values masked"
        )
    if not hasattr(values, "__array__"):
        raise TypeError(
            f"{function}: {name} must be a NumPy array or a torch.Tensor, got {type(values).__name__}"
        )
    array = np.asarray(values)
    if array.dtype.kind not in "buifc":
        raise TypeError(f"{function}: {name} must hold numbers, got dtype {array.dtype}")
    if not array.dtype.isnative or array.dtype.itemsize > 8:
        array = array.astype("f8" if array.dtype.kind == "f" else array.dtype.newbyteorder("="))
    # a read-only array is copied: a tensor cannot promise not to write
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))


def _dense(function: str, name: str, values: Tensor) -> Tensor:
    """Return the tensor without its gradient, if its numbers can be read."""
    kind = "nested" if values.is_nested else "quantized" if values.is_quantized else _short(values.layout)
    if kind != "strided":
        raise TypeError(f"{function}: {name} must be a dense tensor, got a {kind} one")
    if values.is_meta:
        raise RuntimeError(f"{function}: {name} must hold numbers, got a tensor on the meta device")
    return values.detach()


def _short(word: torch.dtype | torch.layout) -> str:
    return str(word).removeprefix("torch.")


def _transposed(name: str, codes: Tensor, factors: Tensor) -> str:
    """Return the question that follows a message where one array, or both, would fit the other way round."""
    if codes.shape[1] == factors.shape[0]:
        return f": is {name}, {tuple(codes.shape)}, transposed?"
    if codes.shape[0] == factors.shape[1]:
        return f": is factors, {tuple(factors.shape)}, transposed?"
    return ": are both transposed?" if codes.shape[1] == factors.shape[1] else ""


def wide(codes: Tensor) -> str:
    """Return the question that follows "too few rows" where codes have more columns than rows."""
    return "; transposed?" if codes.shape[1] > codes.shape[0] else ""


@dataclass(frozen=True)
class Arrays:
    """Codes and factors as NumPy arrays, without constant factors.

    codes: (samples, codes), float32 or float64, finite, in units of 2**exponent.
    exponent: (codes,), 0 but for a code so large or small that its squares would leave float64.
    classes: (samples, factors), integers from 0.
    factors: the columns of the factors that were kept.
    """

    codes: NDArray[np.floating]
    exponent: NDArray[np.int64]
    classes: NDArray[np.integer]
    factors: tuple[int, ...]


def arrays(function: str, codes: Array, factors: Array, *, needs_classes: bool = True) -> Arrays:
    """Return both arrays, checked, on the CPU; warn of constant factors and drop them.

    Raises:
        NotComputable: no factor varies, or one looks continuous where the score needs classes.
        TypeError, ValueError, RuntimeError: as :func:`checked_whole` raises them.
    """
    data = checked_whole(function, codes, factors)
    classes = data.classes.cpu().numpy()
    counts = [np.bincount(column, minlength=size) for column, size in zip(classes.T, data.sizes, strict=True)]
    keep = scored_factors(function, counts, classes=needs_classes)
    if len(keep) < len(counts):
        classes = np.ascontiguousarray(classes[:, keep])
    return Arrays(*rescaled(data.codes, data.low, data.high), classes, tuple(keep))
