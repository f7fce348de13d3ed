"""Diagonal Gaussians in the order of a k-d tree, with the boxes that bound groups of them.

Leaves hold 16 posteriors and nodes 16 children, so that one row of vector registers answers for all of them.
There are no node objects: after sorting, leaf n is posteriors 16 n .. 16 n + 15, node n of level k covers
children 16 n .. 16 n + 15 of level k - 1, and the last of each level may be short.

Every split is across the latent along which the means spread most in units of the local standard deviation:
in a latent of which the posteriors are wide nothing can be told apart, however far the means lie.

A box over a set of posteriors J holds, for each latent, the range of the means and the largest standard
deviation s_d, and c = max_j -sum_d log sigma_jd. With dist_d the distance of z_d from the range of means::

    log q(z|x_j) + D/2 log 2 pi  <=  c - 1/2 sum_d (dist_d / s_d)^2      for all j in J

The latents are reordered by how well they tell the posteriors apart, so that a partial sum over the first
ones already rules out most of what is far.

The order comes from splitting at medians, the boxes from the leaves upwards.
"""

import math
from typing import NamedTuple

import numpy as np

from .._cpu.compile import inlined
from .._cpu.parallel_for import parallel_for

LEAF_SIZE = 16  # posteriors
CHILDREN = LEAF_SIZE  # of a node
_SAMPLE = 1024  # posteriors looked at to choose the latent of a split
NOTHING = -(2.0**100)  # the constant of what pads a leaf or a node: finite, so that no NaN can arise
_SORT_NS, _PACK_NS = 60.0, 10.0


class Tree(NamedTuple):
    """Posteriors by leaves and boxes by nodes, in one float type; the last axis is that of their members.

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

    leaves, width = -(-count // LEAF_SIZE), latent + latent % 2
    sizes = [-(-leaves // CHILDREN)]
    while sizes[-1] > 1:
        sizes.append(-(-sizes[-1] // CHILDREN))
    levels = np.concatenate([[0], np.cumsum(sizes)])
    posteriors = np.zeros((leaves, width, 2, LEAF_SIZE), mean.dtype)
    constants = np.empty((leaves, LEAF_SIZE), mean.dtype)
    boxes = np.zeros((levels[-1], width, 3, CHILDREN), mean.dtype)
    peaks = np.empty((levels[-1], CHILDREN), mean.dtype)
    work = count * latent * _PACK_NS
    _pack(leaves, work, mean, logvar, order, latents, offset, posteriors, constants)
    _box_leaves(sizes[0], work, posteriors, constants, boxes, peaks)
    for k in range(1, len(sizes)):
        work = sizes[k - 1] * width * 3 * CHILDREN * _PACK_NS
        _box_nodes(sizes[k], work, levels[k - 1], levels[k], levels[k + 1], boxes, peaks)
    largest = float(np.abs(constants[constants > NOTHING]).max())
    return Tree(order, latents, offset, largest, posteriors, constants, boxes, peaks, levels)


def sort(points: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The order in which points (points, latent) with 1 / sigma (points, latent) fill the leaves."""
    count = len(points)
    order = np.arange(count, dtype=np.int32)
    keys = np.empty(count, points.dtype)
    start, stop = np.array([0]), np.array([-(-count // LEAF_SIZE)])
    while True:
        inner = stop - start > 1
        start, stop = start[inner], stop[inner]
        if not start.size:
            return order
        # halve the number of children of the smallest node that holds these leaves
        depth = np.ceil(np.log(stop - start) / math.log(CHILDREN) - 1e-9).astype(np.int64)
        child = CHILDREN ** (depth - 1)
        middle = start + child * (-(-(stop - start) // child) // 2)
        _split(start.size, count * _SORT_NS, start, middle, stop, points, scale, order, keys)
        start, stop = np.concatenate([start, middle]), np.concatenate([middle, stop])


@parallel_for
def _split(first, last, start, middle, stop, points, scale, order, keys):
    """Put the smaller half of each node's points, along its widest latent, before `middle` (in leaves)."""
    for node in range(first, last):
        a, b = start[node] * LEAF_SIZE, min(stop[node] * LEAF_SIZE, len(points))
        m = middle[node] * LEAF_SIZE
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


@inlined
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


@parallel_for
def _pack(first, last, mean, logvar, order, latents, offset, posteriors, constants):
    for leaf in range(first, last):
        for member in range(LEAF_SIZE):
            place = leaf * LEAF_SIZE + member
            if place >= order.size:
                constants[leaf, member] = NOTHING
                continue
            j = order[place]
            total = 0.0
            for d in range(latents.size):
                wide = np.float64(logvar[j, latents[d]])
                total += wide
                posteriors[leaf, d, 0, member] = mean[j, latents[d]]
                posteriors[leaf, d, 1, member] = math.exp(-0.5 * wide) * math.sqrt(0.5)
            constants[leaf, member] = -0.5 * total - offset


@parallel_for
def _box_leaves(first, last, posteriors, constants, boxes, peaks):
    for node in range(first, last):
        for child in range(CHILDREN):
            leaf = node * CHILDREN + child
            peaks[node, child] = constants[leaf].max() if leaf < len(constants) else NOTHING
            if peaks[node, child] > NOTHING:
                for d in range(boxes.shape[1]):
                    mean, scale = posteriors[leaf, d, 0], posteriors[leaf, d, 1]
                    low, high, narrow = mean[0], mean[0], scale[0]
                    for k in range(1, LEAF_SIZE):
                        if constants[leaf, k] > NOTHING:
                            low, high = min(low, mean[k]), max(high, mean[k])
                            narrow = min(narrow, scale[k])
                    boxes[node, d, 0, child] = low
                    boxes[node, d, 1, child] = high
                    boxes[node, d, 2, child] = narrow


@parallel_for
def _box_nodes(first, last, below, own, end, boxes, peaks):
    """The nodes own .. end from their children, the nodes below .. own."""
    for node in range(own + first, own + last):
        for place in range(CHILDREN):
            child = below + (node - own) * CHILDREN + place
            peaks[node, place] = peaks[child].max() if child < own else NOTHING
            if peaks[node, place] > NOTHING:
                for d in range(boxes.shape[1]):
                    box = boxes[child, d]
                    low, high, narrow = box[0, 0], box[1, 0], box[2, 0]
                    for k in range(1, CHILDREN):
                        if peaks[child, k] > NOTHING:
                            low, high = min(low, box[0, k]), max(high, box[1, k])
                            narrow = min(narrow, box[2, k])
                    boxes[node, d, 0, place] = low
                    boxes[node, d, 1, place] = high
                    boxes[node, d, 2, place] = narrow
