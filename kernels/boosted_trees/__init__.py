"""Gradient-boosted trees of depth 3 (Friedman 2001, algorithms 2 and 6), split exactly or between bins.

With F_k the raw score of class k and p = softmax(F), in every stage a regression tree is grown for each class
on its residuals r_i = 1[y_i = k] - p_ik. A node is split where the squared error falls most, that is where

    S_left^2 / n_left + S_right^2 / n_right      (S the sum of r over a side, n its samples)

is largest over all features and all gaps between neighbouring values. With K classes a leaf adds

    rate (K - 1) / K sum_i r_i / sum_i p_i (1 - p_i)

to F_k for its samples. Two classes need one tree a stage, of F = log p_1 / p_0, and no factor (K - 1) / K.
A target of real numbers is learned by least squares: r_i = y_i - F_i, and a leaf adds rate times their mean.
Both are what scikit-learn's GradientBoostingClassifier and GradientBoostingRegressor compute, up to the
choice among equally good splits.

Work: every feature is sorted once, for all trees; a tree then takes three scans of its samples a feature and
two stable partitions, some 6 operations a sample, feature and level, where sorting in every node takes log n.

With ``bins`` the features are first put into bins of equal counts, and nodes are split between bins alone:
halfway between two that hold samples of the node. A tree then reads its samples about twice.
"""

from typing import NamedTuple

from torch import Tensor

from ... import _checks
from .. import _dispatch
from . import reference
from .quantile_bins import MOST

DEPTH = 3
NODES, LEAVES = 2**DEPTH - 1, 2**DEPTH


class Trees(NamedTuple):
    """All trees of a model. Nodes are numbered as in a heap: 2 n + 1 and 2 n + 2 lie below n.

    feature: (stages, outputs, 7) int32, what a node looks at.
    threshold: (stages, outputs, 7) float64; at or below it a sample goes left, at an unsplit node always.
    value: (stages, outputs, 8) float64, what a leaf adds, the rate included.
    gain: (features,) float64, the fall in mean squared error that splits on each feature brought.
    """

    feature: Tensor
    threshold: Tensor
    value: Tensor
    gain: Tensor


def boost(
    x: Tensor,
    labels: Tensor,
    start: Tensor,
    order: Tensor,
    rate: float,
    *,
    bins: int | None = None,
    backend: str = "auto",
) -> Trees:
    """Grow the trees of a classifier, or of a regression.

    Args:
        x: (samples, features), float32.
        labels: (samples,), integers from 0 to classes - 1; or float64, numbers learned by least squares.
        start: (outputs,), float64, the raw scores to begin with; one output for two classes, or for numbers.
        order: (stages, outputs, 3, features), integers: in which order the nodes of a level look at the
            features, of which the first among equally good ones is taken.
        rate: the learning rate.
        bins: the most bins of equal counts that a feature is put into, 2 to 256; None to find splits
            exactly.
        backend: "auto", "reference" or "numba".

    Example:
        >>> import torch
        >>> x, labels = torch.tensor([[0.0], [1.0], [4.0], [5.0]]), torch.tensor([0, 0, 1, 1])
        >>> start, order = torch.zeros(1).double(), torch.zeros(1, 1, 3, 1, dtype=torch.int64)
        >>> trees = boost(x, labels, start, order, 0.1)
        >>> trees.threshold[0, 0, 0].item(), trees.value[0, 0].unique().tolist()
        (2.5, [-0.2, 0.0, 0.2])
    """
    if bins is not None:
        _checks.integer("boost", "bins", bins, low=2, high=MOST)
    if _dispatch.choose("boost", backend, x) == "numba":
        from . import numba_cpu, numba_histogram

        if bins is None:
            return Trees(*numba_cpu.boost(x, labels, start, order, rate))
        return Trees(*numba_histogram.boost(x, labels, start, order, rate, bins))
    if bins is None:
        return Trees(*reference.boost(x, labels, start, order, rate))
    return Trees(*reference.boost_binned(x, labels, start, order, rate, bins))


def raw_scores(x: Tensor, start: Tensor, trees: Trees, *, backend: str = "auto") -> Tensor:
    """Sum start and what each tree adds, (outputs, samples) float64.

    Args:
        x: (samples, features), float32.
        start: (outputs,), float64.
        trees: from :func:`boost`.
        backend: "auto", "reference" or "numba".
    """
    arguments = (x, start, trees.feature, trees.threshold, trees.value)
    if _dispatch.choose("raw_scores", backend, x) == "numba":
        from . import numba_cpu

        return numba_cpu.raw_scores(*arguments)
    return reference.raw_scores(*arguments)
