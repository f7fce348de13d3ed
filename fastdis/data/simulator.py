"""Data sets that are drawn when they are asked for."""

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.utils.data import Dataset

from .. import _checks
from ..kernels.counter_random import random_words
from .parts import Indices, Parts

Values = NDArray[np.float64]
# (n,) values of each factor to (n, channels, height, width) uint8 on a device
Render = Callable[[Mapping[str, Values], torch.device], Tensor]

_WORD = 2.0**32  # one more than the largest random word


@dataclass(frozen=True)
class Factor:
    """A factor's values: all between two bounds, or some.

    Attributes:
        word: which of an image's random words draws it.
        low: the smallest value.
        high: the largest value.
        values: float64, the only ones that it takes, in ascending order; None if it is continuous.
        whole: whether only whole numbers between the bounds mean something, as for a shape.
    """

    word: int
    low: float
    high: float
    values: Values | None = None
    whole: bool = False

    def drawn(self, words: NDArray[np.uint32]) -> Values:
        """Choose values (n,) by random words (n,), all equally probable."""
        if self.values is None:
            return self.low + (self.high - self.low) * ((words.astype(np.float64) + 0.5) / _WORD)
        classes = words.astype(np.uint64) * np.uint64(len(self.values)) >> np.uint64(32)
        chosen: Values = self.values[classes]
        return chosen

    def classes(self, values: Values, bins: int = 1) -> NDArray[np.int64]:
        """Give the number of each value; for a continuous factor, that of the equal part of its range."""
        if self.values is not None:
            return np.searchsorted(self.values, values)
        parts = np.floor((values - self.low) / (self.high - self.low) * bins)
        return np.minimum(parts.astype(np.int64), bins - 1)


class Simulator(Parts, Dataset[tuple[Tensor, Tensor]]):
    """Images drawn from their factors of variation when they are asked for; nothing is stored.

    Factors are independent and uniform. Those of image i follow from (seed, i) alone, by a counter-based
    generator, so any process sees the same images, in any order and any batches, on any number of threads.
    Where `ordered` is true the images are instead all combinations of the factors' values, the last factor
    changing fastest. Made by `fastdis.data.scenes` and `fastdis.data.room`.

    A ``torch.utils.data.Dataset`` of pairs, an image (channels, height, width) in float32 and its (factors,).
    Indices are as in NumPy: integers (negative ones count from the end), a slice or a mask.

    Args:
        render: draws (n, channels, height, width) uint8 images on a device, from (n,) values of each factor.
        known: the factors, by name.
        image_shape: (channels, height, width).
        source: one line that says where the images come from.
        length: the number of images; all combinations of the factors' values in order if None.
        seed: of the factors, 0 to 2**63 - 1.

    Attributes:
        known: the factors, by name.
        image_shape: (channels, height, width).
        source: one line that says where the images come from.
        seed: of the factors.
        ordered: whether the images are all combinations in order, or, of a subset, some of those.
        restricted: whether `without` or `only` has left out combinations of factors.
        device: where the images are drawn, the CPU at first; see `to`.

    Raises:
        ValueError: length is None and a factor is continuous.

    Example:
        >>> import fastdis
        >>> data = fastdis.data.scenes(3, seed=0)
        >>> len(data), data.factor_names, data.factor_sizes
        (1000000, ('x', 'y', 'scale'), (None, None, None))
        >>> data.images([999_999, 5]).shape
        torch.Size([2, 1, 64, 64])
        >>> data.factors([999_999]).round(3)
        array([[0.477, 0.918, 0.266]])
        >>> torch.equal(data.draw(data.factors([5])), data.images([5]))
        True
    """

    def __init__(
        self,
        render: Render,
        known: Mapping[str, Factor],
        image_shape: tuple[int, int, int],
        source: str,
        *,
        length: int | None = None,
        seed: int = 0,
    ) -> None:
        self._render = render
        self.known = dict(known)
        self.image_shape = image_shape
        self.source = source
        self.seed = seed
        self.ordered = length is None
        self.restricted = False
        self.device = torch.device("cpu")
        self._words = 1 + max(factor.word for factor in self.known.values())
        if length is None:
            continuous = [name for name, values in self.factor_values.items() if values is None]
            if continuous:
                raise ValueError(
                    f"Simulator: length must be given where a factor is continuous, as {continuous[0]} is"
                )
            length = math.prod(size for size in self.factor_sizes if size is not None)
        self._length = length
        self._chosen: NDArray[np.int64] | None = None  # of a subset: which images of the whole it has

    @property
    def factor_values(self) -> Mapping[str, Values | None]:
        """The values of each factor, by name; None for a continuous one."""
        return {name: factor.values for name, factor in self.known.items()}

    def __len__(self) -> int:
        return self._length if self._chosen is None else len(self._chosen)

    def subset(self, indices: Indices) -> Self:
        """Make a data set of the images that ``indices`` names, in that order.

        Raises:
            IndexError: an index lies outside the data set.

        Example:
            >>> import fastdis
            >>> data = fastdis.data.scenes(2)
            >>> part = data.subset(slice(0, None, 250_000))
            >>> len(part), bool((part.factors([3]) == data.factors([750_000])).all())
            (4, True)
        """
        part = copy.copy(self)
        part._chosen = self._rows(indices)
        return part

    def _side(self, indices: NDArray[np.int64], by_factors: bool = False) -> Self:
        part = self.subset(indices)
        part.restricted |= by_factors
        return part

    def _rows(self, indices: Indices) -> NDArray[np.int64]:
        rows = _rows(indices, len(self))
        return rows if self._chosen is None else self._chosen[rows]

    def images(self, indices: Indices) -> Tensor:
        """Give images as (n, channels, height, width) float32 in [0, 1].

        Raises:
            IndexError: an index lies outside the data set.
        """
        return _floats(self.uint8_images(indices))

    def uint8_images(self, indices: Indices) -> Tensor:
        """Give images as (n, channels, height, width) uint8, as a file keeps them: 255 times `images`.

        Raises:
            IndexError: an index lies outside the data set.
        """
        return self._drawn(self.values(indices))

    def values(self, indices: Indices) -> Values:
        """Give the values of the factors as (n, factors) float64, as `draw` takes them.

        Raises:
            IndexError: an index lies outside the data set.
        """
        rows = self._rows(indices)
        if not self.ordered:
            return self._random(rows, 0)
        classes = np.unravel_index(rows, [size for size in self.factor_sizes if size is not None])
        columns = zip(self.known.values(), classes, strict=True)
        return np.stack([factor.values[of] for factor, of in columns if factor.values is not None], axis=1)

    def factors(self, indices: Indices) -> NDArray[np.int64] | Values:
        """Give labels (n, factors): which of its values a factor has, from 0, or its value if continuous.

        int64 where no factor is continuous, else float64.

        Raises:
            IndexError: an index lies outside the data set.
        """
        return self.labels(self.values(indices))

    def labels(self, values: Values) -> NDArray[np.int64] | Values:
        """Give labels (n, factors), as `factors` does, of values (n, factors) that these factors take."""
        columns = [
            column if factor.values is None else factor.classes(column)
            for factor, column in zip(self.known.values(), values.T, strict=True)
        ]
        return np.stack(columns, axis=1)

    def classes(self, indices: Indices, bins: int = 20) -> NDArray[np.int64]:
        """Give labels as (n, factors) int64, for scores that need classes.

        Args:
            indices: which images.
            bins: into how many equal parts the range of a continuous factor is cut.

        Raises:
            IndexError: an index lies outside the data set.

        Example:
            >>> import fastdis
            >>> data = fastdis.data.scenes(4)
            >>> data.classes([5], bins=10).tolist(), data.factors([5]).round(2).tolist()
            ([[4, 0, 6, 1]], [[0.45, 0.03, 0.67, 1.0]])
        """
        _checks.integer("classes", "bins", bins, low=2)
        values = self.values(indices)
        columns = zip(self.known.values(), values.T, strict=True)
        return np.stack([factor.classes(column, bins) for factor, column in columns], axis=1)

    def draw(self, values: ArrayLike) -> Tensor:
        """Draw images of given factors: for interventions, votes, and traversals of true factors.

        Args:
            values: (n, factors), in the order of ``factor_names``. Not only those of a factor's grid: any
                within its range, whole numbers for a shape.

        Returns:
            (n, channels, height, width) float32 images in [0, 1].

        Raises:
            ValueError: values has another shape, or a value is out of range (the factor is named).

        Example:
            >>> import fastdis
            >>> data = fastdis.data.scenes(["x", "shape"])
            >>> data.draw([[0.0, 2], [1.0, 2]]).mean(dim=(1, 2, 3))
            tensor([0.0301, 0.0301])
        """
        given = np.asarray(values, np.float64)
        if given.ndim != 2 or given.shape[1] != len(self.known):
            raise ValueError(
                f"draw: values must have shape (n, {len(self.known)}), one column for each of "
                f"{', '.join(self.known)}, got {given.shape}"
            )
        for (name, factor), column in zip(self.known.items(), given.T, strict=True):
            check_values("draw", name, factor, column)
        return _floats(self._drawn(given))

    def groups(self, factor: str, indices: Indices, size: int) -> Values:
        """Give values for groups of images that share one factor, as the FactorVAE score votes on.

        Group i follows from (seed, factor, i) alone; its images have nothing to do with those of the data
        set.

        Args:
            factor: the one that all images of a group share.
            indices: which groups.
            size: images in a group.

        Returns:
            (n, size, factors) float64, as `draw` takes them when the first two axes are merged.

        Raises:
            ValueError: there is no such factor.
            IndexError: an index is below 0.

        Example:
            >>> import fastdis
            >>> data = fastdis.data.scenes(2)
            >>> values = data.groups("y", [0, 1], 3)
            >>> values[..., data.factor_names.index("y")].round(3)
            array([[0.947, 0.947, 0.947],
                   [0.812, 0.812, 0.812]])
        """
        _checks.choice("groups", "factor", factor, self.known)
        _checks.integer("groups", "size", size)
        rows, column = _rows(indices, 2**31), list(self.known).index(factor)
        stream = 1 + 2 * self.known[factor].word
        members = (rows[:, None] * size + np.arange(size)).ravel()
        values = self._random(members, stream).reshape(len(rows), size, -1)
        values[:, :, column] = self._random(rows, stream + 1)[:, column, None]
        return values

    def random_words(self, indices: Indices, words: int, *, seed: int, stream: int) -> NDArray[np.uint32]:
        """Give random words (n, words): a function of seed, stream and image, in a subset too."""
        return random_words(seed, self._rows(indices), words, stream=stream)

    def to(self, device: torch.device | str) -> Self:
        """Give the same simulator, drawing on a device: scenes by a kernel there, rooms by the CPU's.

        Bytes differ from those of the CPU by one here and there, and at a few pixels on edges by more.

        Raises:
            RuntimeError: there is no such device.

        Example:
            >>> import fastdis
            >>> fastdis.data.scenes(3).to("cpu").images([0]).device
            device(type='cpu')
        """
        data = copy.copy(self)
        data.device = torch.device(device)
        return data

    def _random(self, rows: NDArray[np.int64], stream: int) -> Values:
        words = random_words(self.seed, rows, self._words, stream=stream)
        return np.stack([factor.drawn(words[:, factor.word]) for factor in self.known.values()], axis=1)

    def _drawn(self, values: Values) -> Tensor:
        return self._render(dict(zip(self.known, values.T, strict=True)), self.device)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, Tensor]]:
        """What a DataLoader asks for: the samples of one batch, drawn together."""
        return list(zip(self.images(indices), torch.from_numpy(self.factors(indices)), strict=True))


def check_values(function: str, name: str, factor: Factor, values: Values) -> None:
    """Require values within a factor's range, and whole numbers where its own are.

    Raises:
        ValueError: one is not; the message names the factor.
    """
    wrong = ~((values >= factor.low) & (values <= factor.high))
    if factor.whole:
        wrong |= values != np.rint(values)
    if wrong.any():
        kind = "a whole number " if factor.whole else ""
        raise ValueError(
            f"{function}: {name} must be {kind}between {factor.low:g} and {factor.high:g}, "
            f"got {values[wrong][0]:g}"
        )


def _rows(indices: Indices, count: int) -> NDArray[np.int64]:
    """Indices of any kind as int64 from 0 to count - 1.

    Raises:
        TypeError: they are not integers.
        ValueError: they are not one-dimensional.
        IndexError: one lies outside.
    """
    if isinstance(indices, slice):
        return np.arange(*indices.indices(count))
    rows = indices.numpy(force=True) if isinstance(indices, Tensor) else np.asarray(indices)
    if rows.dtype == np.bool_ and rows.shape == (count,):
        return np.flatnonzero(rows)
    if rows.size and rows.dtype.kind not in "iu":
        raise TypeError(f"images: indices must be integers, got {rows.dtype}")
    if rows.ndim != 1:
        raise ValueError(f"images: indices must have shape (n,), got {rows.shape}")
    rows = rows.astype(np.int64)
    for row in (rows.min(), rows.max()) if rows.size else ():
        if not -count <= row < count:
            raise IndexError(f"images: indices must be {-count} to {count - 1}, got {row}")
    return np.where(rows < 0, rows + count, rows)


def _floats(pixels: Tensor) -> Tensor:
    return pixels.to(torch.float32).div_(255)
