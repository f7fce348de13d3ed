"""Pairs of a simulator's images: a partner is drawn from the image's own factors, some of them changed."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .parts import Indices
from .simulator import Simulator, Values

_STREAM = 2**31  # of random words: far from those of images and groups


class DrawnPairs:
    """Each image of a simulator with a partner that is drawn when it is asked for.

    A partner follows from the seed and the image's number in the whole simulator alone. A continuous factor
    that changes takes any value of its range, any other factor one of its other values.
    """

    def __init__(self, dataset: Simulator, k: int | None, seed: int) -> None:
        self.dataset, self.pool, self.partners = dataset, dataset, None
        self._k, self._seed = k, seed

    def values(self, indices: Indices) -> Values:
        """Give (n, 2, factors): the values of each image, and those of its partner."""
        own = self.dataset.values(indices)
        factors = own.shape[1]
        words = self.dataset.random_words(indices, 1 + 2 * factors, seed=self._seed, stream=_STREAM)
        count, ranks, new = words[:, 0], words[:, 1 : 1 + factors], words[:, 1 + factors :]
        changes = 1 + _below(factors - 1, count) if self._k is None else np.full(len(own), self._k)
        changed = ranks.argsort(axis=1, kind="stable").argsort(axis=1) < changes[:, None]
        other = np.empty_like(own)
        for k, factor in enumerate(self.dataset.known.values()):
            if factor.values is None:
                other[:, k] = factor.drawn(new[:, k])
            else:  # by how many values, around the end
                moved = factor.classes(own[:, k]) + 1 + _below(len(factor.values) - 1, new[:, k])
                other[:, k] = factor.values[moved % len(factor.values)]
        return np.stack([own, np.where(changed, other, own)], axis=1)

    def images(self, indices: Indices, visit: int) -> Tensor:
        """Give (n, 2, channels, height, width) float32 in [0, 1]."""
        values = self.values(indices)
        images = self.dataset.draw(values.reshape(-1, values.shape[2]))
        return images.reshape(*values.shape[:2], *images.shape[1:])

    def factors(self, indices: Indices) -> NDArray[np.int64] | Values:
        """Give (n, 2, factors) labels."""
        values = self.values(indices)
        return self.dataset.labels(values.reshape(-1, values.shape[2])).reshape(values.shape)

    def to(self, device: torch.device | str) -> "DrawnPairs":
        """Draw on a device."""
        return DrawnPairs(self.dataset.to(device), self._k, self._seed)


def _below(count: int, words: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Whole numbers from 0 to count - 1, uniform as the words are."""
    return (words.astype(np.uint64) * np.uint64(count) >> np.uint64(32)).astype(np.int64)
