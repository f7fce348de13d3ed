"""What a published file must hold. Each check names the file, what was expected and what came."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Found = tuple[tuple[int, ...], np.dtype[Any]]  # shape and dtype of an array


def present(function: str, path: Path, name: str, names: Iterable[str]) -> None:
    """Require an array or a file of that name among those that are there."""
    there = list(names)
    if name not in there:
        raise ValueError(f"{function}: {path} must hold {name}, but holds {', '.join(there) or 'nothing'}")


def array(
    function: str, path: Path, name: str, shape: tuple[int, ...], dtype: type[np.generic], found: Found
) -> None:
    """Require an array's shape and dtype."""
    if found != (shape, np.dtype(dtype)):
        raise ValueError(
            f"{function}: {name} of {path} must have shape {shape} and dtype {np.dtype(dtype)}, "
            f"got {found[0]} and {found[1]}"
        )


def order(
    function: str,
    path: Path,
    name: str,
    sizes: tuple[int, ...],
    classes: NDArray[np.int64],
    first: int = 0,
) -> None:
    """Require that classes (n, factors) are those of images first, first + 1, ... of a grid."""
    indices = np.arange(first, first + len(classes))
    grid = np.stack(np.unravel_index(indices, sizes), axis=1)
    wrong = np.flatnonzero((classes != grid).any(axis=1))
    if wrong.size:
        raise ValueError(
            f"{function}: the {name} of {path} must go through the grid {sizes} in order, "
            f"but image {indices[wrong[0]]} has {classes[wrong[0]]}, not {grid[wrong[0]]}"
        )


def folder(function: str, path: Path, expected: str) -> None:
    """Require a folder."""
    if not path.is_dir():
        raise FileNotFoundError(f"{function}: path must be a folder, {expected}; there is none at {path}")
