"""Factors some of which are continuous, for the scores that have a rule for them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import _checks
from ._arguments import Array, Arrays, checked_whole, matrix
from ._factors import scored_factors
from ._scale import rescaled
from .binning import BINNINGS, bin_edges, bin_numbers

Float = NDArray[np.float64]
Continuous: TypeAlias = bool | Iterable[int] | None


@dataclass(frozen=True)
class Factor:
    """Hold one factor that varies.

    column: its place among the factors. values: (samples,), integers from 0; of a continuous factor float64
    in [0, 1], which its least and its largest value become: no rule for them depends on the unit.
    """

    column: int
    values: NDArray[Any]
    continuous: bool


@dataclass(frozen=True)
class MixedArrays:
    """Hold codes (samples, codes) in units of 2**exponent (codes,), and the factors that vary."""

    codes: NDArray[np.floating]
    exponent: NDArray[np.int64]
    factors: tuple[Factor, ...]

    @property
    def columns(self) -> tuple[int, ...]:
        """The columns of the factors that were kept."""
        return tuple(factor.column for factor in self.factors)

    @property
    def continuous(self) -> tuple[int, ...]:
        """The columns of the continuous ones among them."""
        return tuple(factor.column for factor in self.factors if factor.continuous)


def mixed_arrays(
    function: str, codes: Array, factors: Array, continuous: Continuous, *, classes: bool = True
) -> MixedArrays:
    """Return both arrays, checked, on the CPU; warn of constant factors and drop them.

    Args:
        function: the name that messages begin with.
        codes, factors: (samples, codes) and (samples, factors).
        continuous: which columns of the factors are: True for all, False for none, or their numbers; None
            for those with a value that is not a whole number.
        classes: whether a factor that is not continuous must have classes, repeated often enough.

    Raises:
        NotComputable: no factor varies, or one that is not continuous has more than half as many values as
            there are samples.
        TypeError, ValueError, RuntimeError: as every score raises them.
    """
    values_of_codes = matrix(function, "codes", codes)
    given = matrix(function, "factors", factors)
    numbers = _continuous_columns(function, given, continuous)
    data = checked_whole(function, values_of_codes, _without(given, numbers))
    values: list[NDArray[Any]] = list(data.classes.cpu().numpy().T)
    counts = [np.bincount(column, minlength=size) for column, size in zip(values, data.sizes, strict=True)]
    for k in numbers:
        values[k] = _unit_range(function, given[:, k].double().cpu().numpy(), k)
        counts[k] = np.unique(values[k], return_counts=True)[1]
    keep = scored_factors(
        function, counts, classes=[classes and k not in numbers for k in range(len(counts))]
    )
    return MixedArrays(
        *rescaled(data.codes, data.low, data.high),
        tuple(Factor(k, np.ascontiguousarray(values[k]), k in numbers) for k in keep),
    )


def binned_arrays(
    function: str, codes: Array, factors: Array, continuous: Continuous, factor_bins: int, binning: str
) -> tuple[Arrays, dict[int, int]]:
    """Return arrays of classes, the bins of a continuous factor among them, and its number of bins by column.

    Raises:
        NotComputable, TypeError, ValueError, RuntimeError: as `mixed_arrays` raises them; also where
            factor_bins is below 2 or binning unknown.
    """
    _checks.integer(function, "factor_bins", factor_bins, low=2)
    _checks.choice(function, "binning", binning, BINNINGS)
    data = mixed_arrays(function, codes, factors, continuous)
    bins: dict[int, int] = {}
    columns = []
    for factor in data.factors:
        column = factor.values
        if factor.continuous:
            edges = bin_edges(column, factor_bins, binning)
            column, bins[factor.column] = bin_numbers(column, edges), len(edges) - 1
        columns.append(column)
    return Arrays(data.codes, data.exponent, np.stack(columns, axis=1), data.columns), bins


def _continuous_columns(function: str, factors: Tensor, continuous: Continuous) -> list[int]:
    columns = factors.shape[1]
    if continuous is None:
        if not factors.is_floating_point():
            return []
        part = torch.isfinite(factors) & (factors != factors.trunc())
        return [int(k) for k in part.any(dim=0).nonzero()[:, 0]]
    if isinstance(continuous, bool):
        return list(range(columns)) if continuous else []
    if isinstance(continuous, str) or not isinstance(continuous, Iterable):
        raise TypeError(
            f"{function}: continuous must be a bool, None or columns of the factors, "
            f"got {type(continuous).__name__}"
        )
    return sorted({_checks.integer(function, "continuous", k, low=0, high=columns - 1) for k in continuous})


def _without(factors: Tensor, columns: list[int]) -> Tensor:
    """Return the factors with 0 for the continuous ones, which are no classes."""
    if not columns or factors.is_complex():  # complex ones are refused by all
        return factors
    return factors.index_fill(1, torch.tensor(columns, device=factors.device), 0)


def _unit_range(function: str, values: Float, column: int) -> Float:
    finite = np.isfinite(values)
    if not finite.all():
        row = int((~finite).argmax())
        raise ValueError(
            f"{function}: factors must be finite, got {values[row]} in row {row}, column {column}"
        )
    low, high = values.min() / 2, values.max() / 2  # halves: no span overflows
    return np.zeros_like(values) if low == high else (values / 2 - low) / (high - low)
