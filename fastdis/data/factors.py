"""The labels of a data set's images: every combination in order, or a table."""

from collections.abc import Collection, Mapping, Sequence
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .. import _checks

FactorValues = dict[str, NDArray[Any] | None]  # of each factor the values of its classes; None if continuous
Columns = Mapping[str, Any] | NDArray[Any] | Tensor | Sequence[Any]


class Factors(Protocol):
    """The factors of some images, by row."""

    @property
    def values(self) -> FactorValues: ...

    def __len__(self) -> int: ...

    def read(self, rows: NDArray[np.int64]) -> NDArray[Any]: ...


class Grid:
    """Every combination of some factors' values, the last factor changing fastest.

    Example:
        >>> grid = Grid({"shape": np.array(["square", "heart"]), "size": np.array([1.0, 2.0, 3.0])})
        >>> len(grid)
        6
        >>> grid.read(np.array([4]))
        array([[1, 1]])
    """

    def __init__(self, values: Mapping[str, NDArray[Any]]) -> None:
        self.values: FactorValues = dict(values)
        self.sizes = tuple(len(of_factor) for of_factor in values.values())

    def __len__(self) -> int:
        return prod(self.sizes)

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give (n, factors) int64 classes."""
        return np.stack(np.unravel_index(rows, self.sizes), axis=1)


class Table:
    """Labels in any order: classes, -1 where one is missing, and floats, NaN where one is missing.

    Args:
        count: number of images.
        values: of each factor the values of its classes, None where it is continuous.
        columns: (count,) of each factor, integers or floats.
    """

    def __init__(self, count: int, values: FactorValues, columns: Sequence[NDArray[Any]]) -> None:
        self.values = values
        self._count, self._columns = count, list(columns)
        known = all(of_factor is not None for of_factor in values.values())
        self._whole = known and all(column.min(initial=0) >= 0 for column in columns)

    def __len__(self) -> int:
        return self._count

    def read(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Give (n, factors): int64 if all are known classes, else float64 with NaN for what is missing."""
        read = np.empty((len(rows), len(self._columns)), np.int64 if self._whole else np.float64)
        for k, column in enumerate(self._columns):
            read[:, k] = column[rows]
            if not self._whole and column.dtype.kind == "i":
                read[read[:, k] < 0, k] = np.nan
        return read


def table(
    function: str,
    factors: Columns | None,
    count: int,
    factor_names: Sequence[str] | None = None,
    continuous: Collection[str] | None = None,
) -> Table:
    """Make a table of the labels that a user gives.

    Args:
        function: the name that messages begin with.
        factors: one column per factor, as a mapping from names or as (count, factors); (count,) is one
            factor.
        count: number of images.
        factor_names: of the columns, unless factors is a mapping.
        continuous: all factors whose numbers are not classes. By default those of which a number is not
            whole.

    Raises:
        TypeError: labels that are neither numbers nor text.
        ValueError: another number of rows or names, an unknown name, an infinite label, text that shall be
            continuous.

    Example:
        >>> labels = table("arrays", {"shape": ["heart", "square", "heart"], "angle": [0.5, 2.25, 0.5]}, 3)
        >>> labels.read(np.arange(3))
        array([[0.  , 0.5 ],
               [1.  , 2.25],
               [0.  , 0.5 ]])
        >>> labels.values["angle"] is None, labels.values["shape"].tolist()
        (True, ['heart', 'square'])
    """
    columns = _by_name(function, factors, count, factor_names)
    for name in continuous or ():
        _checks.choice(function, "continuous", name, columns)
    values: FactorValues = {}
    coded = []
    for name, column in columns.items():
        is_continuous = None if continuous is None else name in continuous
        values[name], codes = _coded(function, name, column, is_continuous)
        coded.append(codes)
    return Table(count, values, coded)


def _by_name(
    function: str, factors: Columns | None, count: int, factor_names: Sequence[str] | None
) -> dict[str, NDArray[Any]]:
    if factors is None:
        factors = {}
    if isinstance(factors, Mapping):
        if factor_names is not None:
            raise ValueError(f"{function}: factor_names must be None where factors have names, got both")
        columns = {str(name): _array(function, str(name), column) for name, column in factors.items()}
    else:
        matrix = _array(function, "factors", factors)
        if matrix.ndim == 1:
            matrix = matrix[:, None]
        if matrix.ndim != 2:
            raise ValueError(f"{function}: factors must have shape (n, factors), got {matrix.shape}")
        names = [str(name) for name in factor_names or (f"factor{k}" for k in range(matrix.shape[1]))]
        if len(names) != matrix.shape[1] or len(set(names)) != len(names):
            raise ValueError(
                f"{function}: factor_names must be {matrix.shape[1]} different names, one a column of "
                f"factors, got {', '.join(names)}"
            )
        columns = {name: matrix[:, k] for k, name in enumerate(names)}
    for name, column in columns.items():
        if column.shape != (count,):
            raise ValueError(
                f"{function}: factor {name!r} must have {count:,} labels, one an image, "
                f"got shape {column.shape}"
            )
    return columns


def _array(function: str, name: str, values: Any) -> NDArray[Any]:
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"{function}: {name} must not be a masked array; NaN stands for a missing label")
    array = values.numpy(force=True) if isinstance(values, Tensor) else np.asarray(values)
    if array.dtype.kind not in "biufSU":
        raise TypeError(f"{function}: {name} must be numbers or text, got dtype {array.dtype}")
    return array


def _coded(
    function: str, name: str, column: NDArray[Any], continuous: bool | None
) -> tuple[NDArray[Any] | None, NDArray[Any]]:
    """The values of a factor's classes with each image's class, or None with its number."""
    if column.dtype.kind == "S":
        column = np.char.decode(column, "utf-8")
    if column.dtype.kind == "U":
        if continuous:
            raise ValueError(f"{function}: continuous must name factors of numbers, but {name!r} is text")
        missing = np.char.strip(column) == ""
    else:
        numbers = column.astype(np.float64)
        missing = np.isnan(numbers)
        if np.isinf(numbers).any():
            row = int(np.flatnonzero(np.isinf(numbers))[0])
            raise ValueError(
                f"{function}: factor {name!r} must be finite or NaN, got {numbers[row]} in row {row}"
            )
        if continuous is None:
            continuous = column.dtype.kind == "f" and bool((numbers != np.rint(numbers))[~missing].any())
        if continuous:
            return None, numbers
        exact = (numbers == np.rint(numbers)) & (np.abs(numbers) < 2**53)
        if column.dtype.kind == "f" and exact[~missing].all():
            column = np.where(missing, 0, numbers).astype(np.int64)
    values, codes = np.unique(column[~missing], return_inverse=True)
    classes = np.full(len(column), -1, np.int32)
    classes[~missing] = codes
    return values, classes
