"""The tree for the CPU: the order by splitting at medians, then boxes from the leaves upwards."""

import math
from typing import NamedTuple

import numpy as np

from .._numba import launch, njit

LANES = 16  # posteriors in a leaf, and children of a node
_SAMPLE = 1024  # posteriors looked at to choose the latent of a split
NOTHING = -(2.0**100)  # the constant of what pads a leaf or a node: finite, so that no NaN can arise
_SORT_NS, _PACK_NS = 60.0, 10.0


class Tree(NamedTuple):
    """Posteriors by leaves and boxes by nodes, all in one float type; lanes run along the last axis.

    order: (posteriors,) int32, the posterior at each place.
    latents: (latent,), the latent at each place; `width` of them, a zero one added to make it even.
    offset: subtracted from every constant, so that float32 holds what is left well.
    largest: the largest constant in absolute value.
    posteriors: (leaves, width, 2, 16): mean, and 1 / (sqrt 2 sigma).
    constants: (leaves, 16): -sum_d log sigma_d - offset.
    boxes: (nodes, width, 3, 16): smallest and largest mean and smallest 1 / (sqrt 2 sigma) of each child.
    peaks: (nodes, 16): the largest constant of each child.
    levels: (levels + 1,), the first node of each level, leaves' parents first, the root last but one.
    """

    order: np.ndarray
    latents: np.ndarray
    offset: float
    largest: float
    posteriors: np.ndarray
    constants: np.ndarray
    boxes: np.ndarray
    peaks: np.ndarray
    levels: np.ndarray


def build(mean: np.ndarray, logvar: np.ndarray) -> Tree:
    """The tree over posteriors of shape (posteriors, latent), in their float type."""
    count, latent = mean.shape
    scale = np.exp(-0.5 * logvar)
    order = sort(mean, scale)
    resolution = mean.std(axis=0) * scale.mean(axis=0)
    latents = np.argsort(-resolution, kind="stable")
    offset = -0.5 * float(logvar.mean(dtype=np.float64)) * latent

    leaves, width = -(-count // LANES), latent + latent % 2
    sizes = [-(-leaves // LANES)]
    while sizes[-1] > 1:
        sizes.append(-(-sizes[-1] // LANES))
    levels = np.concatenate([[0], np.cumsum(sizes)])
    posteriors = np.zeros((leaves, width, 2, LANES), mean.dtype)
    constants = np.empty((leaves, LANES), mean.dtype)
    boxes = np.zeros((levels[-1], width, 3, LANES), mean.dtype)
    peaks = np.empty((levels[-1], LANES), mean.dtype)
    work = count * latent * _PACK_NS
    launch(_pack, leaves, work, mean, logvar, order, latents, offset, posteriors, constants)
    launch(_box_leaves, sizes[0], work, posteriors, constants, boxes, peaks)
    for k in range(1, len(sizes)):
        work = sizes[k - 1] * width * 3 * LANES * _PACK_NS
        launch(_box_nodes, sizes[k], work, levels[k - 1], levels[k], levels[k + 1], boxes, peaks)
    largest = float(np.abs(constants[constants > NOTHING]).max())
    return Tree(order, latents, offset, largest, posteriors, constants, boxes, peaks, levels)


def sort(points: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The order in which points (points, latent) with 1 / sigma (points, latent) fill the leaves."""
    count = len(points)
    order = np.arange(count, dtype=np.int32)
    keys = np.empty(count, points.dtype)
    start, stop = np.array([0]), np.array([-(-count // LANES)])
    while True:
        inner = stop - start > 1
        start, stop = start[inner], stop[inner]
        if not start.size:
            return order
        # halve the number of children of the smallest node that holds these leaves
        child = LANES ** (np.ceil(np.log(stop - start) / math.log(LANES) - 1e-9).astype(np.int64) - 1)
        middle = start + child * (-(-(stop - start) // child) // 2)
        launch(_split, start.size, count * _SORT_NS, start, middle, stop, points, scale, order, keys)
        start, stop = np.concatenate([start, middle]), np.concatenate([middle, stop])


@njit
def _split(first, last, start, middle, stop, points, scale, order, keys):
    """Put the smaller half of each node's points, along its widest latent, before `middle` (in leaves)."""
    for node in range(first, last):
        a, b, m = start[node] * LANES, min(stop[node] * LANES, len(points)), middle[node] * LANES
        widest, chosen = -1.0, 0
        step = max(1, (b - a) // _SAMPLE)
        size = (b - a + step - 1) // step
        for d in range(points.shape[1]):
            origin = np.float64(points[order[a], d])
            total = square = sharpness = 0.0
            for k in range(a, b, step):
                x = points[order[k], d] - origin
                total += x
                square += x * x
                sharpness += scale[order[k], d]
            spread = (square - total * total / size) * sharpness * sharpness
            if spread > widest:
                widest, chosen = spread, d
        for k in range(a, b):
            keys[k] = points[order[k], chosen]
        _select(keys, order, a, b - 1, m)


@njit
def _select(keys, order, low, high, middle):
    """Hoare's selection: reorder until keys[low:middle] <= keys[middle] <= keys[middle:high + 1]."""
    while low < high:
        x, y, w = keys[low], keys[(low + high) // 2], keys[high]
        pivot = max(min(x, y), min(max(x, y), w))
        i, j = low, high
        while i <= j:
            while keys[i] < pivot:
                i += 1
            while keys[j] > pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            return


@njit
def _pack(first, last, mean, logvar, order, latents, offset, posteriors, constants):
    for leaf in range(first, last):
        for lane in range(LANES):
            place = leaf * LANES + lane
            if place >= order.size:
                constants[leaf, lane] = NOTHING
                continue
            j = order[place]
            total = 0.0
            for d in range(latents.size):
                wide = np.float64(logvar[j, latents[d]])
                total += wide
                posteriors[leaf, d, 0, lane] = mean[j, latents[d]]
                posteriors[leaf, d, 1, lane] = math.exp(-0.5 * wide) * math.sqrt(0.5)
            constants[leaf, lane] = -0.5 * total - offset


@njit
def _box_leaves(first, last, posteriors, constants, boxes, peaks):
    for node in range(first, last):
        for lane in range(LANES):
            leaf = node * LANES + lane
            peaks[node, lane] = constants[leaf].max() if leaf < len(constants) else NOTHING
            if peaks[node, lane] > NOTHING:
                for d in range(boxes.shape[1]):
                    mean, scale = posteriors[leaf, d, 0], posteriors[leaf, d, 1]
                    low, high, narrow = mean[0], mean[0], scale[0]
                    for k in range(1, LANES):
                        if constants[leaf, k] > NOTHING:
                            low, high = min(low, mean[k]), max(high, mean[k])
                            narrow = min(narrow, scale[k])
                    boxes[node, d, 0, lane] = low
                    boxes[node, d, 1, lane] = high
                    boxes[node, d, 2, lane] = narrow


@njit
def _box_nodes(first, last, below, own, end, boxes, peaks):
    """The nodes own .. end from their children, the nodes below .. own."""
    for node in range(own + first, own + last):
        for lane in range(LANES):
            child = below + (node - own) * LANES + lane
            peaks[node, lane] = peaks[child].max() if child < own else NOTHING
            if peaks[node, lane] > NOTHING:
                for d in range(boxes.shape[1]):
                    box = boxes[child, d]
                    low, high, narrow = box[0, 0], box[1, 0], box[2, 0]
                    for k in range(1, LANES):
                        if peaks[child, k] > NOTHING:
                            low, high = min(low, box[0, k]), max(high, box[1, k])
                            narrow = min(narrow, box[2, k])
                    boxes[node, d, 0, lane] = low
                    boxes[node, d, 1, lane] = high
                    boxes[node, d, 2, lane] = narrow
