"""What a published dSprites file must hold. Each check names the file, what was expected and what came."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64"


def check_present(path: Path, name: str, present: Iterable[str]) -> None:
    names = list(present)
    if name not in names:
        raise ValueError(f"dsprites: {path} must hold {name}, but holds {', '.join(names) or 'nothing'}")


def check_array(
    path: Path, name: str, shape: tuple[int, ...], dtype: type, found: tuple[tuple[int, ...], np.dtype[Any]]
) -> None:
    if found != (shape, np.dtype(dtype)):
        raise ValueError(
            f"dsprites: {name} of {path} must have shape {shape} and dtype {dtype.__name__}, "
            f"got {found[0]} and {found[1]}"
        )


def check_order(path: Path, factor_sizes: tuple[int, ...], classes: NDArray[np.int64], first: int) -> None:
    """classes (n, factors) are those of images first, first + 1, ..."""
    indices = np.arange(first, first + len(classes))
    grid = np.stack(np.unravel_index(indices, factor_sizes), axis=1)
    wrong = np.flatnonzero((classes != grid).any(axis=1))
    if wrong.size:
        raise ValueError(
            f"dsprites: the latent classes of {path} must go through the grid {factor_sizes} in order, "
            f"but image {indices[wrong[0]]} has {classes[wrong[0]]}, not {grid[wrong[0]]}"
        )


def check_binary(path: Path, images: NDArray[np.uint8]) -> None:
    if images.max() > 1:
        raise ValueError(f"dsprites: imgs of {path} must be 0 or 1 in every pixel, got {images.max()}")
