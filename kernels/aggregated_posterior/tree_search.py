"""The kernel: queries go down the tree, and posteriors that matter are summed, sixteen at once.

A query goes down the tree level by level. Nodes so low that even N posteriors of their kind would not matter
are left out; what the others could hold is counted in half-nat bins, and as many of the least are left out as
the budget allows. The second half of the latents of a leaf is read only if the first has not ruled it out.
All that is left out is bounded and reported. Where the first and the last query of a chunk would keep most
leaves, none is left out for any of its queries, and they go through the leaves together.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import types

from .._cpu.compile import inlined
from .._cpu.exponential import exp
from .._cpu.parallel_for import parallel_for
from .._cpu.simd import vector_code
from .kd_tree import CHILDREN, LEAF_SIZE, NOTHING

ROWS = 128  # queries a chunk
_PENDING = 32  # leaves whose exponentials are taken in one loop; as many fit into the L1 cache
_BINS, _BIN = 48, 0.5  # of the bounds above the threshold, in nats
_OVERFLOW = math.exp(60)  # times the floor: there sums start again from a better one
_NOISE = 30.0  # nats: where rounding may change a term by more, sums relative to one may overflow without end
_FLOAT64 = 1e-12


@vector_code(width=LEAF_SIZE)
def _begin(v, out, row, constants, node, shift):
    """out[row] = constants[node] - shift, in one store: loading 16 separate ones at once would stall."""
    constant = v.load(constants.data + node * LEAF_SIZE)
    v.store(out.data + row * LEAF_SIZE, constant - v.splat(shift))


def _subtract_squares(fields, term):
    """Write a loop over latents for 16 records: Numba's own does not vectorise for every size."""

    @vector_code(width=LEAF_SIZE, returns=types.boolean)
    def loop(v, out, row, z, i, records, record, first, last, least):
        """out[row] -= the sum of the term's squares over latents first .. last; whether any exceeds least.

        Their maximum would take a chain of shuffles, a third of the time of the whole.
        """
        width = z.size(1)
        queries, fields_of_latent = z.data + i * width, records.data

        def square(d):
            at = fields_of_latent + (record * width + d) * (fields * LEAF_SIZE)
            parts = [v.load(at + k * LEAF_SIZE) for k in range(fields)]
            t = term(v, v.splat(v.load_number(queries + d)), *parts)
            return t * t

        target = out.data + row * LEAF_SIZE
        total = v.variable(v.load(target))
        with v.loop(first, last, 2) as d:
            total.value = total.value - (square(d) + square(d + 1))
        v.store(target, total.value)
        return v.any(total.value > v.splat(least))

    return loop


def _distance(v, z, mean, scale):
    return (z - mean) * scale


def _distance_from_box(v, z, low, high, scale):
    return v.maximum(v.maximum(low - z, z - high), v.constant(0.0)) * scale


_subtract_distances = _subtract_squares(2, _distance)
_subtract_bounds = _subtract_squares(3, _distance_from_box)


class Scratch(NamedTuple):
    """What a chunk of queries works in: nodes kept at two levels in turn and their bounds, terms, counts."""

    found: np.ndarray
    bound: np.ndarray
    energy: np.ndarray
    bins: np.ndarray


@parallel_for
def search(first, last, visit, tolerance, unit, z, floor, tree, log_q, error, pairs):
    """Fill log_q (up to constants), error and pairs for chunks of 128 rows of `visit`."""
    leaves, width = tree.posteriors.shape[:2]
    scratch = Scratch(
        np.empty((2, leaves + CHILDREN), np.int32),
        np.empty((2, leaves + CHILDREN), z.dtype),
        np.empty((_PENDING, LEAF_SIZE), z.dtype),
        np.empty(_BINS, np.int64),
    )
    starts, totals, magnitudes = np.empty((3, ROWS))
    least, budget = 0.25 * tolerance / tree.order.size, 0.5 * tolerance
    for chunk in range(first, last):
        rows = visit[chunk * ROWS : (chunk + 1) * ROWS]
        for k in range(rows.size):
            start = floor[rows[k]]
            if math.isnan(start):
                start = _descend(rows[k], z, tree, scratch.energy)
            starts[k] = z.dtype.type(start)  # rounded once: what is subtracted is what is added again
        dense = True
        for k in (0, rows.size - 1):
            _, count, _ = _walk(rows[k], z, z.dtype.type(starts[k]), math.log(least), 0.0, tree, scratch)
            dense &= 2 * count > leaves
        if dense:
            _sum_all(rows, z, starts, tree, scratch.energy, totals, magnitudes)
        for k in range(rows.size):
            i, shift = rows[k], starts[k]
            noise = 2 * unit * (width // 2 + 8) * abs(shift)
            if math.isnan(floor[i]) and noise > _NOISE:
                log_q[i], error[i] = shift, np.inf  # float64 will do
                if unit < _FLOAT64:
                    log_q[i] = _largest(i, z, tree, scratch.energy)
                    error[i] = noise + math.log(tree.order.size)
                pairs[chunk] += tree.order.size
                continue
            if dense and 0 < totals[k] <= _OVERFLOW:
                result, left_out, magnitude = shift + math.log(totals[k]), 0.0, magnitudes[k] / totals[k]
                top = np.float64(tree.peaks[-1].max())
                pairs[chunk] += tree.order.size
            else:
                if math.isnan(floor[i]):
                    # the leaves that may exceed what was found: the one with the largest term is among them
                    shift, _, _, _, count = _sum(i, z, shift, 1.0, 0.0, tree, scratch)
                    pairs[chunk] += min(count * LEAF_SIZE, tree.order.size)
                result, left_out, magnitude, top, count = _sum(i, z, shift, least, budget, tree, scratch)
                pairs[chunk] += min(count * LEAF_SIZE, tree.order.size)
            log_q[i] = result
            # of constants and squared distances; of exponentials and sums of 32 leaves
            rounding = (width // 2 + 8) * (abs(top - shift) + 2 * magnitude) + tree.largest + 40
            error[i] = left_out + unit * rounding


@inlined
def _sum_all(rows, z, starts, tree, energy, totals, magnitudes):
    """sum_j exp(L_ij - start) of each row over all leaves, and of that times |L_ij - start|.

    A few leaves at a time meet all rows: a pass over all of them for every row would wait for memory.
    """
    leaves, width = tree.posteriors.shape[:2]
    flat, lowest = energy.ravel(), z.dtype.type(-np.inf)
    totals[:] = 0
    magnitudes[:] = 0
    for begin in range(0, leaves, _PENDING):
        count = min(_PENDING, leaves - begin)
        for k in range(rows.size):
            shift = z.dtype.type(starts[k])
            for n in range(count):
                _begin(energy, n, tree.constants, begin + n, shift)
                _subtract_distances(energy, n, z, rows[k], tree.posteriors, begin + n, 0, width, lowest)
            mass, moment = _exponentials(flat[: count * LEAF_SIZE])
            totals[k] += mass
            magnitudes[k] += moment


@inlined
def _descend(i, z, tree, energy):
    """The largest term of the leaf reached by always taking the child with the highest bound."""
    place = 0
    for level in range(tree.levels.size - 2, -1, -1):
        node = tree.levels[level] + place
        energy[0] = tree.peaks[node]
        _subtract_bounds(energy, 0, z, i, tree.boxes, node, 0, z.shape[1], NOTHING)
        place = place * CHILDREN + np.argmax(energy[0])
    energy[0] = tree.constants[place]
    _subtract_distances(energy, 0, z, i, tree.posteriors, place, 0, z.shape[1], NOTHING)
    return np.float64(energy[0].max())


@inlined
def _largest(i, z, tree, energy):
    """The largest term of all."""
    largest = NOTHING
    for leaf in range(len(tree.constants)):
        energy[0] = tree.constants[leaf]
        _subtract_distances(energy, 0, z, i, tree.posteriors, leaf, 0, z.shape[1], NOTHING)
        largest = max(largest, np.float64(energy[0].max()))
    return largest


@inlined
def _sum(i, z, start, least, budget, tree, scratch):
    """log sum_j exp(L_ij) over the leaves that matter, and what was left out.

    Left out are posteriors with exp(L_ij - start) <= least, and others that together hold no more than the
    budget, in units of exp(start). Returns the sum, what was left out relative to it at most, the weighted
    mean of |L_ij - start|, the largest constant met and the number of leaves looked at.
    """
    found, energy = scratch.found, scratch.energy
    flat = energy.ravel()
    width = z.shape[1]
    half = width // 4 * 2
    while True:
        shift = z.dtype.type(start)
        side, count, left_out = _walk(i, z, shift, math.log(least), 0.5 * budget, tree, scratch)
        # a leaf that adds at most its share of the other half is dropped when half of it has been read
        share = 0.5 * budget / max(count, 1)
        cut = z.dtype.type(math.log(share / LEAF_SIZE) if share > 0 else -np.inf)
        total = magnitude = 0.0
        top = NOTHING
        pending = done = 0
        restart = False
        while done < count and not restart:
            leaf = found[side, done]
            done += 1
            _begin(energy, pending, tree.constants, leaf, shift)
            if _subtract_distances(
                energy, pending, z, i, tree.posteriors, leaf, 0, half, cut
            ) and _subtract_distances(energy, pending, z, i, tree.posteriors, leaf, half, width, cut):
                top = max(top, tree.peaks[leaf // CHILDREN, leaf % CHILDREN])
                pending += 1
            else:
                left_out += share
            if pending == _PENDING or done == count:
                terms = flat[: pending * LEAF_SIZE]
                mass, moment = _exponentials(terms)
                restart = mass > _OVERFLOW
                if restart:
                    start += terms.max()
                total, magnitude, pending = total + mass, magnitude + moment, 0
        if not restart:
            break
    left_out += least * tree.order.size
    if total == 0:
        return start, left_out, 0.0, start, count
    return shift + math.log(total), left_out / total, magnitude / total, top, count


@inlined
def _walk(i, z, shift, lowest, budget, tree, scratch):
    """Fill one side of `found` with the leaves to look at; that side, their number and what was left out.

    From level to level the nodes with the lowest bounds are dropped while all they could hold fits into the
    budget of the level: half of the budget for the leaves, the rest in equal parts.
    """
    found, bound, energy = scratch.found, scratch.bound, scratch.energy
    width = z.shape[1]
    half = width // 4 * 2
    low = z.dtype.type(lowest)
    side, count, left_out = 0, 1, 0.0
    found[0, 0] = 0
    inside = CHILDREN**tree.levels.size  # posteriors in an entry, once divided for its level
    for level in range(tree.levels.size - 2, -1, -1):
        kept = 0
        for k in range(count):
            place = found[side, k]
            node = tree.levels[level] + place
            _begin(energy, 0, tree.peaks, node, shift)
            if not _subtract_bounds(energy, 0, z, i, tree.boxes, node, 0, half, low):
                continue
            if not _subtract_bounds(energy, 0, z, i, tree.boxes, node, half, width, low):
                continue
            for child in range(CHILDREN):  # write always, advance where it counts: a branch is mispredicted
                found[1 - side, kept] = place * CHILDREN + child
                bound[1 - side, kept] = energy[0, child]
                kept += np.int64(energy[0, child] > low)
        side, count = 1 - side, kept
        inside //= CHILDREN
        if budget > 0:
            part = 0.5 * budget / (tree.levels.size - 2) if level > 0 else 0.5 * budget
            count, spent = _drop(found[side], bound[side], count, lowest, part / inside, scratch.bins)
            left_out += spent * inside
    return side, count, left_out


@inlined
def _drop(found, bound, count, lowest, budget, bins):
    """Drop the entries with the lowest bounds while their exponentials add up to the budget at most.

    Returns how many are kept, at the front, and what the others add up to at most.
    """
    bins[:] = 0
    low, per_bin = bound.dtype.type(lowest), bound.dtype.type(1 / _BIN)
    for k in range(count):
        bins[min(np.int64((bound[k] - low) * per_bin), _BINS - 1)] += 1
    spent, last, most = 0.0, 0, math.exp(lowest + _BIN)
    while last < _BINS - 1 and spent + bins[last] * most <= budget:
        spent += bins[last] * most
        most *= math.exp(_BIN)
        last += 1
    kept = 0
    for k in range(count):
        found[kept] = found[k]
        kept += np.int64(np.int64((bound[k] - low) * per_bin) >= last)
    return kept, spent


@inlined
def _exponentials(energy):
    total = magnitude = energy.dtype.type(0)
    for k in range(energy.size):
        weight = exp(energy[k])
        total += weight
        magnitude += weight * abs(energy[k])
    return np.float64(total), np.float64(magnitude)
