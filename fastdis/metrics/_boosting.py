"""Gradient-boosted trees as scikit-learn fits them by default, some thirty times faster on each core.

On binned codes a tree costs little enough to learn from every image of a data set.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..kernels import boosted_trees
from .joint_table import Float

_STAGES, _RATE = 100, 0.1
_BINS = 256
_ROWS = 2**16  # predicted at once: 40 classes of them are 21 MB
_SMALLEST = float(np.finfo(np.float32).eps)  # of a prior probability, as scikit-learn clips it


class _Boosted:
    """Grow trees from raw scores to begin with, and sum what they add.

    Attributes:
        feature_importances_: (features,), summing to 1; all 0 where no tree could split.
    """

    feature_importances_: Float

    def __init__(self, seed: int, *, binned: bool = False) -> None:
        self._seed = seed
        self._bins = _BINS if binned else None

    def _grow(self, x: NDArray[np.floating], target: Tensor, start: Float) -> None:
        features = np.broadcast_to(
            np.arange(x.shape[1]), (_STAGES, len(start), boosted_trees.DEPTH, x.shape[1])
        )
        order = np.random.default_rng(self._seed).permuted(features, axis=-1)
        self._start = torch.from_numpy(start)
        self._trees = boosted_trees.boost(
            _single(x), target, self._start, torch.from_numpy(order), _RATE, bins=self._bins
        )
        gain = self._trees.gain.numpy()
        self.feature_importances_ = gain / gain.sum() if gain.sum() > 0 else gain

    def _raw(self, x: NDArray[np.floating]) -> Iterator[tuple[slice, Float]]:
        """Give the raw scores of some rows at a time, (outputs, rows)."""
        for first in range(0, len(x), _ROWS):
            at = slice(first, first + _ROWS)
            yield at, boosted_trees.raw_scores(_single(x[at]), self._start, self._trees).numpy()


class BoostedTrees(_Boosted):
    """Fit what GradientBoostingClassifier(random_state=seed) fits, and compare features as float32.

    Only the choice among equally good splits differs. With binned=True nodes are split between 256 bins of
    equal counts, as HistGradientBoostingClassifier does; stages, leaves and rate are those of the former.
    """

    def fit(self, x: NDArray[np.floating], labels: NDArray[np.integer]) -> "BoostedTrees":
        """Learn labels (samples,) of at least two classes from x (samples, features)."""
        self._classes, target = np.unique(labels, return_inverse=True)
        prior = np.log(np.clip(np.bincount(target) / len(target), _SMALLEST, 1 - _SMALLEST))
        # two classes have one tree a stage, for the log odds of the second
        start = prior[1:] - prior[:1] if len(prior) == 2 else prior - prior.mean()
        self._grow(x, torch.from_numpy(target), start)
        return self

    def predict(self, x: NDArray[np.floating]) -> NDArray[np.integer]:
        """Return the likeliest class of each row."""
        best = np.empty(len(x), np.intp)
        for at, raw in self._raw(x):
            best[at] = raw.argmax(axis=0) if len(raw) > 1 else raw[0] >= 0
        return np.asarray(self._classes[best])


class BoostedRegression(_Boosted):
    """Fit what GradientBoostingRegressor(random_state=seed) fits, or the same on binned features."""

    def fit(self, x: NDArray[np.floating], numbers: Float) -> "BoostedRegression":
        """Learn numbers (samples,), of mean 0 and deviation 1, from x (samples, features)."""
        self._grow(x, torch.from_numpy(numbers), np.zeros(1))
        return self

    def predict(self, x: NDArray[np.floating]) -> Float:
        """Return the expected number of each row."""
        found = np.empty(len(x))
        for at, raw in self._raw(x):
            found[at] = raw[0]
        return found


def _single(x: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(x, np.float32))
