"""The specification, in NumPy: one node after the other, every feature sorted again in each."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .quantile_bins import bin_numbers, quantile_cuts

Float = NDArray[np.float64]
Rows = NDArray[np.intp]

EQUAL = np.float32(1e-7)  # neighbouring values as close as that are not told apart
PURE = np.finfo(np.float64).eps  # a node whose residuals vary no more is a leaf


def boost(
    x: Tensor, labels: Tensor, start: Tensor, order: Tensor, rate: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    values, orders = x.numpy(), order.numpy()
    stages, outputs, depth, features = orders.shape
    feature = np.zeros((stages, outputs, 2**depth - 1), np.int32)
    threshold = np.full(feature.shape, np.inf)
    value = np.zeros((stages, outputs, 2**depth))
    gain = np.zeros(features)
    squared = labels.is_floating_point()
    classes = np.arange(outputs) if outputs > 1 else np.array([1])
    truth = labels.numpy()[None] if squared else (labels.numpy() == classes[:, None]).astype(np.float64)
    factor = rate * (outputs - 1) / outputs if outputs > 1 else rate
    raw = np.repeat(start.numpy()[:, None], len(values), axis=1)
    for stage in range(stages):
        residuals = truth - (raw if squared else _probabilities(raw))
        for k, residual in enumerate(residuals):
            rows_of = [np.arange(len(values))]
            for level in range(depth):
                below: list[Rows] = []
                for node, rows in enumerate(rows_of, start=2**level - 1):
                    left = np.ones(len(rows), bool)
                    if len(rows) > 1 and residual[rows].var() > PURE:
                        f, cut, gained = best_split(values[rows], residual[rows], orders[stage, k, level])
                        if f >= 0:
                            left = values[rows, f] <= cut
                            feature[stage, k, node], threshold[stage, k, node] = f, cut
                            gain[f] += gained / len(values)
                    below += [rows[left], rows[~left]]
                rows_of = below
            for leaf, rows in enumerate(rows_of):
                p = truth[k, rows] - residual[rows]
                curvature = len(rows) if squared else (p * (1 - p)).sum()
                if curvature > 1e-150:
                    value[stage, k, leaf] = factor * residual[rows].sum() / curvature
                raw[k, rows] += value[stage, k, leaf]
    return (
        torch.from_numpy(feature),
        torch.from_numpy(threshold),
        torch.from_numpy(value),
        torch.from_numpy(gain),
    )


def boost_binned(
    x: Tensor, labels: Tensor, start: Tensor, order: Tensor, rate: float, bins: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The trees of the numbers of the bins, with thresholds in units of the features."""
    cuts = quantile_cuts(x.numpy(), bins)
    numbers = torch.from_numpy(bin_numbers(x.numpy(), cuts).astype(np.float32))
    feature, threshold, value, gain = boost(numbers, labels, start, order, rate)
    for f, places in enumerate(cuts):
        split = (feature == f) & torch.isfinite(threshold)
        threshold[split] = torch.from_numpy(places)[threshold[split].long()]  # of 2.5 the cut after bin 2
    return feature, threshold, value, gain


def best_split(x: NDArray[np.float32], residual: Float, order: Rows) -> tuple[int, float, float]:
    """The feature (-1 if all are constant), the threshold, and by how much the squared error falls."""
    best: tuple[int, float, float] = (-1, np.inf, -np.inf)
    n = len(residual)
    for f in order:
        ranked = np.argsort(x[:, f], kind="stable")
        ascending = x[ranked, f]
        gaps = np.flatnonzero(ascending[1:] > ascending[:-1] + EQUAL)
        if not gaps.size:
            continue
        left = np.cumsum(residual[ranked])[gaps]
        fallen = left**2 / (gaps + 1) + (residual.sum() - left) ** 2 / (n - gaps - 1)
        at = int(fallen.argmax())
        if fallen[at] > best[2]:
            low, high = (float(value) for value in ascending[gaps[at] : gaps[at] + 2])
            middle = low / 2 + high / 2
            best = int(f), low if middle == high else middle, float(fallen[at])
    return best[0], best[1], best[2] - residual.sum() ** 2 / n


def raw_scores(x: Tensor, start: Tensor, feature: Tensor, threshold: Tensor, value: Tensor) -> Tensor:
    values, inner = x.numpy(), feature.shape[2]
    raw = np.repeat(start.numpy()[:, None], len(values), axis=1)
    for stage in range(len(feature)):
        for k in range(len(raw)):
            node = np.zeros(len(values), np.intp)
            while node[0] < inner:
                looked_at = values[np.arange(len(values)), feature[stage, k].numpy()[node]]
                node = 2 * node + 1 + (looked_at > threshold[stage, k].numpy()[node])
            raw[k] += value[stage, k].numpy()[node - inner]
    return torch.from_numpy(raw)


def _probabilities(raw: Float) -> Float:
    """Softmax over the classes, (classes, samples); of a single row the logistic function."""
    if len(raw) == 1:
        return np.asarray(1 / (1 + np.exp(-raw)))
    power = np.exp(raw - raw.max(axis=0))
    return np.asarray(power / power.sum(axis=0))
