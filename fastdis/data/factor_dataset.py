"""Images whose factors of variation are known."""

import mmap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ..kernels.packed_images import unpack

Indices = slice | Sequence[int] | NDArray[np.int64] | Tensor


class FactorDataset(Dataset[tuple[Tensor, Tensor]]):
    """Black-and-white images of every combination of some factors' values, the last factor changing fastest.

    A ``torch.utils.data.Dataset`` of (image, factors) pairs: float32 (channels, height, width) and int64
    (factors,). ``images`` and ``factors`` take many indices at once, which needs no loader. Indices are as in
    NumPy: integers (negative ones count from the end), a slice or a mask.

    Args:
        packed: (count, bytes) uint8, the images of the whole grid as `kernels.packed_images.pack` gives them.
        factor_values: float64 values of each factor, by name; their numbers multiply to count.
        image_shape: (channels, height, width).
        source: one line that says where the images come from.

    Attributes:
        packed: the images of the whole grid, in a subset too.
        rows: (len,) int64, the row of ``packed`` that each image of this dataset is.
        factor_values: float64 values of each factor, by name.
        image_shape: (channels, height, width).
        source: where the images come from.

    Raises:
        ValueError: packed has another number of rows than the grid.

    Example:
        >>> from fastdis.kernels.packed_images import pack
        >>> images = np.array([[[[0, 1]]], [[[1, 0]]], [[[1, 1]]], [[[0, 0]]]], np.uint8)
        >>> values = {"left": np.array([0.0, 1.0]), "right": np.array([0.0, 1.0])}
        >>> dataset = FactorDataset(pack(images), values, (1, 1, 2), "by hand")
        >>> len(dataset), dataset.factor_sizes
        (4, (2, 2))
        >>> dataset.images([2, 0])
        tensor([[[[1., 1.]]],
        <BLANKLINE>
        <BLANKLINE>
                [[[0., 1.]]]])
        >>> dataset.factors([2, 0])
        array([[1, 0],
               [0, 0]])
    """

    def __init__(
        self,
        packed: NDArray[np.uint8],
        factor_values: Mapping[str, NDArray[np.float64]],
        image_shape: tuple[int, int, int],
        source: str,
    ) -> None:
        self.packed = packed
        self.factor_values = dict(factor_values)
        self.image_shape = image_shape
        self.source = source
        self.rows = np.arange(np.prod(self.factor_sizes))
        if len(packed) != len(self.rows):
            raise ValueError(
                f"FactorDataset: packed must have {len(self.rows)} rows, one for every combination of "
                f"factors {self.factor_sizes}, got {len(packed)}"
            )

    @property
    def factor_names(self) -> tuple[str, ...]:
        """The factors, slowest first."""
        return tuple(self.factor_values)

    @property
    def factor_sizes(self) -> tuple[int, ...]:
        """How many values each factor takes."""
        return tuple(len(values) for values in self.factor_values.values())

    def __len__(self) -> int:
        return len(self.rows)

    def images(self, indices: Indices) -> Tensor:
        """(n, channels, height, width) float32 images of 0 and 1.

        Raises:
            IndexError: an index lies outside the dataset.
        """
        return unpack(self.packed, self.rows[indices], self.image_shape)

    def factors(self, indices: Indices) -> NDArray[np.int64]:
        """(n, factors) int64 classes: which of its values each factor takes, from 0.

        Raises:
            IndexError: an index lies outside the dataset.
        """
        return np.stack(np.unravel_index(self.rows[indices], self.factor_sizes), axis=1)

    def subset(self, indices: Indices) -> "FactorDataset":
        """A dataset of the images that ``indices`` names, in that order; the packed images are shared.

        Raises:
            IndexError: an index lies outside the dataset.
        """
        part = FactorDataset(self.packed, self.factor_values, self.image_shape, self.source)
        part.rows = self.rows[indices]
        return part

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, Tensor]]:
        """What a DataLoader asks for: the samples of one batch, unpacked together."""
        return list(zip(self.images(indices), torch.from_numpy(self.factors(indices)), strict=True))

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        if isinstance(self.packed, np.memmap) and isinstance(self.packed.base, mmap.mmap):
            # a spawned worker maps the file again instead of being sent all of it
            state["packed"] = (self.packed.filename, self.packed.offset, self.packed.shape)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(state["packed"], tuple):
            filename, offset, shape = state["packed"]
            state["packed"] = np.memmap(filename, np.uint8, "r", offset, shape)
        self.__dict__.update(state)
