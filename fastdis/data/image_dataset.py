"""Images with, where they are known, their factors of variation."""

import copy
from collections.abc import Mapping
from os import PathLike
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from .factors import Factors, Grid
from .parts import Indices, Parts
from .pixels import ImageShape, Pixels

StrPath = str | PathLike[str]


class ImageDataset(Parts, Dataset[tuple[Tensor, Tensor]]):
    """Images by index, with their factors of variation where they are known.

    A ``torch.utils.data.Dataset`` of pairs, an image (channels, height, width) in float32 and its (factors,).
    ``images`` and ``factors`` take many indices at once, which needs no loader. Indices are as in NumPy:
    integers (negative ones count from the end), a slice or a mask. Made by `fastdis.data.arrays`, `load`,
    `from_torch` and the functions of the published data sets.

    Args:
        pixels: the images, one a row.
        factors: their labels, as many.
        source: one line that says where the images come from.

    Attributes:
        pixels: the images of the whole data set, in a subset too.
        rows: (len,) int64, the row of ``pixels`` that each image of this data set is.
        source: where the images come from.

    Example:
        >>> import fastdis
        >>> images = np.arange(24, dtype=np.uint8).reshape(6, 2, 2)
        >>> data = fastdis.data.arrays(images, {"shape": [0, 0, 0, 1, 1, 1], "angle": [0.5, 1, 2, 0.5, 1, 2]})
        >>> len(data), data.image_shape, data.factor_names, data.factor_sizes
        (6, (1, 2, 2), ('shape', 'angle'), (2, None))
        >>> data.factors([5])
        array([[1., 2.]])
        >>> data.images([0])
        tensor([[[[0.0000, 0.0039],
                  [0.0078, 0.0118]]]])
    """

    def __init__(self, pixels: Pixels, factors: Factors, source: str) -> None:
        self.pixels = pixels
        self.source = source
        self.rows = np.arange(len(pixels))
        self._factors = factors
        self._pool: NDArray[np.int64] | None = None  # the rows of `whole`, where they are not all

    @property
    def image_shape(self) -> ImageShape:
        """(channels, height, width)."""
        return self.pixels.image_shape

    @property
    def factor_values(self) -> Mapping[str, NDArray[Any] | None]:
        """The values of each factor's classes, by name; None for a continuous factor."""
        return self._factors.values

    @property
    def grid_sizes(self) -> tuple[int, ...] | None:
        """The number of values of each factor, if the images are all combinations of them in order."""
        whole = isinstance(self._factors, Grid) and np.array_equal(self.rows, np.arange(len(self._factors)))
        return self._factors.sizes if whole and isinstance(self._factors, Grid) else None

    def __len__(self) -> int:
        return len(self.rows)

    def images(self, indices: Indices, visit: int = 0) -> Tensor:
        """Give images as (n, channels, height, width) float32 in [0, 1].

        Their memory format is channels_last, in which the models compute, where the pixels lie in that order.

        Args:
            indices: which.
            visit: how often they have been seen before, for data sets that draw a nuisance each time
                (`color_dsprites` and its like); the others give the same images whatever it is.

        Raises:
            IndexError: an index lies outside the data set.
            ValueError: a float of a lazily read file is NaN or outside [0, 1].
        """
        return self.pixels.read(self.rows[indices], visit)

    def factors(self, indices: Indices) -> NDArray[Any]:
        """Give labels as (n, factors): the class of a factor, from 0, or the number of a continuous one.

        They are int64 where all of them are known classes, and float64 where a factor is continuous or a
        label is missing, which is NaN.

        Raises:
            IndexError: an index lies outside the data set.
        """
        return self._factors.read(self.rows[indices])

    def subset(self, indices: Indices) -> Self:
        """Make a data set of the images that ``indices`` names, in that order; the pixels are shared.

        Raises:
            IndexError: an index lies outside the data set.

        Example:
            >>> import fastdis
            >>> data = fastdis.data.arrays(np.zeros((6, 8, 8), np.uint8))
            >>> len(data.subset(slice(0, None, 2))), len(data.subset([5, 1]))
            (3, 2)
        """
        part = copy.copy(self)
        part.rows = self.rows[indices]
        return part

    def whole(self) -> Self:
        """Undo `subset`: give all images of the data set, or of the side of a split."""
        data = copy.copy(self)
        data.rows = np.arange(len(self.pixels)) if self._pool is None else self._pool
        return data

    def to(self, device: torch.device | str) -> Self:
        """Move the pixels into the memory of a device, on which the batches then are.

        The pixels stay as they are, bits or uint8, and are converted there; ``data.pixels.nbytes`` is what
        they take. All of them are moved, of a subset too.

        Raises:
            RuntimeError: there is no such device, or it has not enough memory.
            ValueError: a float of a lazily read file is NaN or outside [0, 1].

        Example:
            >>> import fastdis
            >>> data = fastdis.data.arrays(np.zeros((10, 8, 8, 3), np.uint8))
            >>> data.to("cpu").images([0]).device.type
            'cpu'
        """
        data = copy.copy(self)
        data.pixels = self.pixels.to(torch.device(device))
        return data

    def _side(self, indices: NDArray[np.int64], by_factors: bool = False) -> Self:
        part = self.subset(indices)
        part._pool = np.unique(part.rows)
        return part

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, Tensor]]:
        """What a DataLoader asks for: the samples of one batch, converted together."""
        return list(zip(self.images(indices), torch.from_numpy(self.factors(indices)), strict=True))
