"""Pairs of images that differ in a few factors, for weakly supervised objectives."""

import copy
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import _checks
from . import partners
from .image_dataset import ImageDataset, Indices


class Pairs:
    """Each image of a data set with a partner that differs from it in k factors: Locatello et al. 2020.

    k is uniform in 1, ..., K - 1 where it is not fixed, of the K factors that vary. Which k change is uniform
    too, and so is the other value each of them takes, as far as there are such images. The partner follows
    from the seed and the image's place in the data set alone, so that a resumed run sees the same pairs. It
    may be any image of the data set that a subset was taken from; on one side of a split it is of that side.

    Any data set whose factors take the same values more than once will do. A continuous factor is the same in
    two images if its numbers are equal.

    Args:
        dataset: the images, one at a time.
        k: how many factors change, 1 to K - 1; if None it is drawn for each pair.
        seed: of the partners.

    Attributes:
        dataset: the images.
        pool: all images that may be partners.
        partners: (len,) int64, the image of ``pool`` that is each image's partner.

    Raises:
        TypeError: dataset is not an `ImageDataset`, or k not an integer.
        ValueError: k is out of range, fewer than two factors vary, a label is missing, or an image has no
            partner.

    Example:
        >>> import fastdis
        >>> pairs = fastdis.data.Pairs(fastdis.data.dsprites().subset(slice(0, 1000)), k=1, seed=0)
        >>> pairs.images([3, 5]).shape
        torch.Size([2, 2, 1, 64, 64])
        >>> first, second = pairs.factors([3, 5]).swapaxes(0, 1)
        >>> (first != second).sum(axis=1)
        array([1, 1])
    """

    def __init__(self, dataset: ImageDataset, *, k: int | None = None, seed: int = 0) -> None:
        if not isinstance(dataset, ImageDataset):
            raise TypeError(
                f"Pairs: dataset must be an ImageDataset of fastdis.data, got {type(dataset).__name__}"
            )
        rng = np.random.default_rng(_checks.seed("Pairs", seed))
        self.dataset, self.pool = dataset, dataset.whole()
        grid = self.pool.grid_sizes
        if grid is not None:
            sizes = np.array(grid)
            k = _changes(k, sizes)
            classes = partners.drawn(dataset.factors(slice(None)), sizes, k, rng)
            self.partners: NDArray[np.int64] = np.ravel_multi_index(tuple(classes.T), grid)
            return
        labels = self.pool.factors(slice(None))
        if np.isnan(labels).any():
            row = int(np.isnan(labels).any(axis=1).argmax())
            raise ValueError(
                f"Pairs: dataset must have all its labels, but image {self.pool.rows[row]} lacks one"
            )
        classes = partners.numbered(labels) if labels.shape[1] else np.zeros((len(labels), 0), np.int64)
        k = _changes(k, classes.max(axis=0, initial=0) + 1)
        places = np.searchsorted(self.pool.rows, dataset.rows)
        self.partners = partners.found(classes, places, k, rng)

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
        rows = np.stack([self.dataset.rows[indices], self.pool.rows[self.partners[indices]]], axis=1)
        pairs: Tensor = self.pool.pixels.read(rows.ravel(), visit).unflatten(0, rows.shape)
        return pairs

    def factors(self, indices: Indices) -> NDArray[np.int64]:
        """Give the labels of each image and its partner, (n, 2, factors), as `ImageDataset.factors` does.

        Raises:
            IndexError: an index lies outside the data set.
        """
        pair = self.dataset.factors(indices), self.pool.factors(self.partners[indices])
        return np.stack(pair, axis=1)

    def to(self, device: torch.device | str) -> Self:
        """Move the pixels into the memory of a device; see `ImageDataset.to`."""
        pairs = copy.copy(self)
        pairs.dataset = self.dataset.to(device)
        pairs.pool = pairs.dataset.whole()
        return pairs


def _changes(k: int | None, sizes: NDArray[np.int64]) -> int | None:
    """How many factors change, checked against those that can."""
    varying = int((sizes > 1).sum())
    if varying < 2:
        raise ValueError(f"Pairs: dataset must have at least 2 factors that vary, got {varying}")
    return None if k is None else _checks.integer("Pairs", "k", k, low=1, high=varying - 1)
