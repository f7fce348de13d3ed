"""Images with, where they are known, their factors of variation."""

import copy
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from .. import _checks
from .factors import Factors, Grid
from .pixels import ImageShape, Pixels

Indices = slice | Sequence[int] | NDArray[np.int64] | Tensor
Combination = Mapping[str, int | str | Sequence[int | str]]
StrPath = str | PathLike[str]


class ImageDataset(Dataset[tuple[Tensor, Tensor]]):
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
    def factor_names(self) -> tuple[str, ...]:
        """The factors, in the order of the columns of ``factors``."""
        return tuple(self.factor_values)

    @property
    def factor_sizes(self) -> tuple[int | None, ...]:
        """How many values each factor takes; None for a continuous one."""
        return tuple(None if values is None else len(values) for values in self.factor_values.values())

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
            visit: how often they have been seen before, for data sets that draw a nuisance at each sight
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

    def split(self, fraction: float, seed: int = 0) -> tuple[Self, Self]:
        """Make two data sets: that fraction of the images, drawn at random, and the rest; both in order.

        The partners of `Pairs` stay on their side.

        Raises:
            TypeError: fraction is not a number, or seed not an integer.
            ValueError: one of the two would be empty.

        Example:
            >>> import fastdis
            >>> data = fastdis.data.arrays(np.zeros((10, 8, 8), np.uint8))
            >>> train, held_out = data.split(0.8, seed=0)
            >>> len(train), len(held_out)
            (8, 2)
        """
        count = round(_checks.number("split", "fraction", fraction, low=0, high=1) * len(self))
        if not 0 < count < len(self):
            raise ValueError(
                f"split: fraction must leave both parts an image, got {fraction:g} of {len(self):,} images"
            )
        order = np.random.default_rng(_checks.seed("split", seed)).permutation(len(self))
        return self._side(np.sort(order[:count])), self._side(np.sort(order[count:]))

    def without(self, combination: Combination) -> Self:
        """Leave out a combination of factors' values, to see later what a model makes of it.

        Args:
            combination: by factor a class or several, as numbers from 0 or, where they are text, as values.
                An image is left out if it has one of the values of every factor that is named.

        Returns:
            The other images. The partners of `Pairs` are among them too.

        Raises:
            TypeError: a class is neither an integer nor text.
            ValueError: no such factor (close matches are named) or class, a continuous factor, or no image
                would be left, or none left out.

        Example:
            >>> import fastdis
            >>> labels = {"shape": ["square", "ellipse", "heart", "heart"], "scale": [0, 0, 0, 1]}
            >>> data = fastdis.data.arrays(np.zeros((4, 8, 8), np.uint8), labels)
            >>> small_hearts = {"shape": "heart", "scale": 0}
            >>> data.without(small_hearts).factors(slice(None)).tolist()
            [[2, 0], [0, 0], [1, 1]]
            >>> data.only(small_hearts).factors(slice(None)).tolist()
            [[1, 0]]
        """
        return self._side(np.flatnonzero(~self._has("without", combination)))

    def only(self, combination: Combination) -> Self:
        """Keep only the images that `without` leaves out; arguments and errors are the same."""
        return self._side(np.flatnonzero(self._has("only", combination)))

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

    def _side(self, indices: NDArray[np.int64]) -> Self:
        part = self.subset(indices)
        part._pool = np.unique(part.rows)
        return part

    def _has(self, function: str, combination: Combination) -> NDArray[np.bool_]:
        """(len,) which images have one of the values of every factor that is named."""
        has = np.ones(len(self), bool)
        labels = self.factors(slice(None))
        for name, wanted in combination.items():
            _checks.choice(function, "factor", name, self.factor_names)
            classes = _classes(function, name, wanted, self.factor_values[name])
            has &= np.isin(labels[:, self.factor_names.index(name)], classes)
        if has.all() or not has.any():
            what = "every" if has.all() else "no"
            raise ValueError(
                f"{function}: combination must be that of some images, but {what} one of {len(self):,} "
                f"has {dict(combination)}"
            )
        return has

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, Tensor]]:
        """What a DataLoader asks for: the samples of one batch, converted together."""
        return list(zip(self.images(indices), torch.from_numpy(self.factors(indices)), strict=True))


def _classes(
    function: str, name: str, wanted: int | str | Sequence[int | str], values: NDArray[Any] | None
) -> list[int]:
    """The numbers of the classes that are asked for."""
    if values is None:
        raise ValueError(f"{function}: factor {name!r} must have classes, but is continuous")
    classes = []
    for value in [wanted] if isinstance(wanted, str) or not isinstance(wanted, Sequence) else wanted:
        if isinstance(value, str):
            words = values.tolist() if values.dtype.kind == "U" else []
            _checks.choice(function, name, value, words)
            classes.append(words.index(value))
        else:
            classes.append(_checks.integer(function, name, value, low=0, high=len(values) - 1))
    return classes
