"""Pairs of images that differ in a few factors, for weakly supervised objectives."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .factor_dataset import FactorDataset, Indices


class Pairs:
    """Each image of a data set with a partner that differs from it in k factors: Locatello et al. 2020.

    k is uniform in 1, ..., K - 1 where it is not fixed, of the K factors that vary. Which k change is uniform
    too, and so is the other value each of them takes. The partner follows from the seed and the image's place
    in the data set alone, so that a resumed run sees the same pairs. It may be any image of the whole grid,
    also where the data set is a subset.

    Args:
        dataset: the images, one at a time.
        k: how many factors change, 1 to K - 1; drawn anew for each pair if None.
        seed: of the partners.

    Attributes:
        dataset: the images.
        grid: all images of the grid that they are from.
        partners: (len,) int64, the image of ``grid`` that is each image's partner.

    Raises:
        TypeError: dataset is not a `FactorDataset`, or k not an integer.
        ValueError: k is out of range, or fewer than two factors vary.

    Example:
        >>> import fastdis
        >>> pairs = fastdis.data.Pairs(fastdis.data.dsprites().subset(slice(0, 1000)), k=1, seed=0)
        >>> pairs.images([3, 5]).shape
        torch.Size([2, 2, 1, 64, 64])
        >>> first, second = pairs.factors([3, 5]).swapaxes(0, 1)
        >>> (first != second).sum(axis=1)
        array([1, 1])
    """

    def __init__(self, dataset: FactorDataset, *, k: int | None = None, seed: int = 0) -> None:
        if not isinstance(dataset, FactorDataset):
            raise TypeError(f"Pairs: dataset must be a FactorDataset, got {type(dataset).__name__}")
        sizes = np.array(dataset.factor_sizes)
        varying = np.flatnonzero(sizes > 1)
        if len(varying) < 2:
            raise ValueError(f"Pairs: dataset must have at least 2 factors that vary, got {len(varying)}")
        if k is not None and not isinstance(k, int):
            raise TypeError(f"Pairs: k must be an integer, got {type(k).__name__}")
        if k is not None and not 1 <= k < len(varying):
            raise ValueError(f"Pairs: k must be between 1 and {len(varying) - 1}, got {k}")
        self.dataset = dataset
        self.grid = FactorDataset(dataset.packed, dataset.factor_values, dataset.image_shape, dataset.source)
        rng, count = np.random.default_rng(seed), len(dataset)
        changes = rng.integers(1, len(varying), count) if k is None else np.full(count, k)
        rank = rng.random((count, len(varying))).argsort(axis=1)  # a permutation of the factors in each row
        moved = rng.integers(1, sizes[varying], (count, len(varying)))  # by how many values, around the end
        factors = dataset.factors(slice(None))
        factors[:, varying] += np.where(rank < changes[:, None], moved, 0)
        self.partners: NDArray[np.int64] = np.ravel_multi_index(tuple((factors % sizes).T), tuple(sizes))

    def __len__(self) -> int:
        return len(self.dataset)

    def images(self, indices: Indices) -> Tensor:
        """(n, 2, channels, height, width) float32 images of 0 and 1: each image and its partner.

        Raises:
            IndexError: an index lies outside the data set.
        """
        pair = self.dataset.images(indices), self.grid.images(self.partners[indices])
        return torch.stack(pair, dim=1)

    def factors(self, indices: Indices) -> NDArray[np.int64]:
        """(n, 2, factors) int64 classes of each image and its partner.

        Raises:
            IndexError: an index lies outside the data set.
        """
        pair = self.dataset.factors(indices), self.grid.factors(self.partners[indices])
        return np.stack(pair, axis=1)
