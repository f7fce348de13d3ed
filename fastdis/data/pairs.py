"""Pairs of images that differ in a few factors, for weakly supervised objectives."""

import copy
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import _checks
from . import partners
from .drawn_pairs import DrawnPairs
from .image_dataset import ImageDataset
from .parts import Indices
from .simulator import Simulator


class Pairs:
    """Each image of a data set with a partner that differs from it in k factors: Locatello et al. 2020.

    k is uniform in 1, ..., K - 1 where it is not fixed, of the K factors that vary. Which k change is uniform
    too, and so is the new value of each of them, as far as such images exist. The partner follows from the
    seed and the image's place in the data set alone, so that a resumed run sees the same pairs. It may be any
    image of the data set that a subset was taken from; on one side of a split it is of that side.

    Any data set whose factors take the same values more than once will do. A continuous factor is the same in
    two images if its numbers are equal. A simulator draws the partner of an image when it is asked for; it is
    not one of the simulator's own images.

    Args:
        dataset: the images, one at a time: an `ImageDataset` or a `Simulator`.
        k: how many factors change, 1 to K - 1; if None it is drawn for each pair.
        seed: of the partners.

    Attributes:
        dataset: the images.
        pool: all images that may be partners; of a simulator the images themselves.
        partners: (len,) int64, the image of ``pool`` that is each image's partner; None of a simulator.

    Raises:
        TypeError: dataset is of another type, or k not an integer.
        ValueError: k is out of range, fewer than two factors vary, a label is missing, an image has no
            partner, or a simulator leaves out a combination of factors, which partners would have.

    Example:
        >>> import fastdis
        >>> pairs = fastdis.data.Pairs(fastdis.data.dsprites().subset(slice(0, 1000)), k=1, seed=0)
        >>> pairs.images([3, 5]).shape
        torch.Size([2, 2, 1, 64, 64])
        >>> first, second = pairs.factors([3, 5]).swapaxes(0, 1)
        >>> (first != second).sum(axis=1)
        array([1, 1])
        >>> fastdis.data.Pairs(fastdis.data.scenes(3), k=2).factors([5]).round(3)
        array([[[0.45 , 0.028, 0.67 ],
                [0.602, 0.706, 0.67 ]]])
    """

    def __init__(self, dataset: ImageDataset | Simulator, *, k: int | None = None, seed: int = 0) -> None:
        seed = _checks.seed("Pairs", seed)
        self._pairs: _FoundPairs | DrawnPairs
        if isinstance(dataset, Simulator):
            if dataset.restricted:
                raise ValueError(
                    "Pairs: dataset must have all combinations of its factors, got a simulator without some, "
                    "which the partners that it draws would have"
                )
            k = _changes(k, len(dataset.known))
            self._pairs = DrawnPairs(dataset, k, seed)
        elif isinstance(dataset, ImageDataset):
            pool = dataset.whole()
            self._pairs = _FoundPairs(dataset, pool, _found(dataset, pool, k, np.random.default_rng(seed)))
        else:
            raise TypeError(
                "Pairs: dataset must be an ImageDataset or a Simulator of fastdis.data, "
                f"got {type(dataset).__name__}"
            )

    @property
    def dataset(self) -> ImageDataset | Simulator:
        return self._pairs.dataset

    @property
    def pool(self) -> ImageDataset | Simulator:
        return self._pairs.pool

    @property
    def partners(self) -> NDArray[np.int64] | None:
        return self._pairs.partners

    def __len__(self) -> int:
        return len(self.dataset)

    def images(self, indices: Indices, visit: int = 0) -> Tensor:
        """Give each image and its partner, (n, 2, channels, height, width) float32 in [0, 1].

        Args:
            indices: which.
            visit: as for `ImageDataset.images`.

        Raises:
            IndexError: an index lies outside the data set.
        """
        return self._pairs.images(indices, visit)

    def factors(self, indices: Indices) -> NDArray[Any]:
        """Give the labels of each image and its partner, (n, 2, factors), as the data set's own ``factors``.

        Raises:
            IndexError: an index lies outside the data set.
        """
        return self._pairs.factors(indices)

    def to(self, device: torch.device | str) -> Self:
        """Move the pixels into the memory of a device, as `ImageDataset.to`, or draw there."""
        pairs = copy.copy(self)
        pairs._pairs = self._pairs.to(device)
        return pairs


class _FoundPairs:
    """Pairs of a data set whose partners are images of it."""

    def __init__(self, dataset: ImageDataset, pool: ImageDataset, partners: NDArray[np.int64]) -> None:
        self.dataset, self.pool, self.partners = dataset, pool, partners

    def images(self, indices: Indices, visit: int) -> Tensor:
        rows = np.stack([self.dataset.rows[indices], self.pool.rows[self.partners[indices]]], axis=1)
        pairs: Tensor = self.pool.pixels.read(rows.ravel(), visit).unflatten(0, rows.shape)
        return pairs

    def factors(self, indices: Indices) -> NDArray[Any]:
        pair = self.dataset.factors(indices), self.pool.factors(self.partners[indices])
        return np.stack(pair, axis=1)

    def to(self, device: torch.device | str) -> "_FoundPairs":
        dataset = self.dataset.to(device)
        return _FoundPairs(dataset, dataset.whole(), self.partners)


def _found(
    dataset: ImageDataset, pool: ImageDataset, k: int | None, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Find the partner of every image."""
    grid = pool.grid_sizes
    if grid is not None:
        sizes = np.array(grid)
        k = _changes(k, int((sizes > 1).sum()))
        classes = partners.drawn(dataset.factors(slice(None)), sizes, k, rng)
        images: NDArray[np.int64] = np.ravel_multi_index(tuple(classes.T), grid)
        return images
    labels = pool.factors(slice(None))
    if np.isnan(labels).any():
        row = int(np.isnan(labels).any(axis=1).argmax())
        raise ValueError(f"Pairs: dataset must have all its labels, but image {pool.rows[row]} lacks one")
    classes = partners.numbered(labels) if labels.shape[1] else np.zeros((len(labels), 0), np.int64)
    k = _changes(k, int((classes.max(axis=0, initial=0) > 0).sum()))
    return partners.found(classes, np.searchsorted(pool.rows, dataset.rows), k, rng)


def _changes(k: int | None, varying: int) -> int | None:
    """How many factors change, checked against those that can."""
    if varying < 2:
        raise ValueError(f"Pairs: dataset must have at least 2 factors that vary, got {varying}")
    return None if k is None else _checks.integer("Pairs", "k", k, low=1, high=varying - 1)
