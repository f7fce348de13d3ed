"""Sixteen posteriors, or the boxes of sixteen groups of them, at once; most are never looked at.

A query goes down the tree level by level. Nodes so low that even N posteriors of their kind would not matter
are left out; what the others could hold is counted in half-nat bins, and as many of the least are left out as
the budget allows. The second half of the latents of a leaf is read only if the first has not ruled it out.
All that is left out is bounded and reported. Where the first and the last query of a chunk would keep most
leaves, none is left out for any of its queries, and they go through the leaves together.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from torch import Tensor

from .._numba import array, exp, launch, njit
from ..kd_tree import numba_cpu as kd_tree
from ..kd_tree.numba_cpu import LANES, NOTHING

_ROWS = 128  # queries a chunk
_PENDING = 32  # leaves whose exponentials are taken in one loop; as many fit into the L1 cache
_BINS, _BIN = 48, 0.5  # of the bounds above the threshold, in nats
_PILOT = 256  # queries that tell how many pairs there will be
_OVERFLOW = math.exp(60)  # times the floor: there sums start again from a better one
_NOISE = 30.0  # nats: where rounding may change a term by more, sums relative to one may overflow without end
_FLOAT64 = 1e-12
_QUERY_NS = 30_000.0
_FAST = ("contract", "reassoc", "nsz")


def _lanes(scalar):
    return ir.VectorType(scalar, LANES)


def _pointer(builder, array, index, scalar):
    return builder.bitcast(builder.gep(array.data, [index]), _lanes(scalar).as_pointer())


def _everywhere(builder, value, scalar):
    """The value on all lanes."""
    undefined = ir.Constant(_lanes(scalar), ir.Undefined)
    first = builder.insert_element(undefined, value, ir.IntType(32)(0))
    order = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, undefined, order)


@intrinsic
def _begin(typingctx, out, row, constants, node, shift):
    """out[row] = constants[node] - shift, in one store: loading 16 separate ones at once would stall."""

    def codegen(context, builder, signature, arguments):
        out, constants = (
            context.make_array(signature.args[k])(context, builder, arguments[k]) for k in (0, 2)
        )
        scalar, align = context.get_data_type(signature.args[0].dtype), signature.args[0].dtype.bitwidth // 8
        places = [builder.mul(arguments[k], ir.IntType(64)(LANES)) for k in (1, 3)]
        values = builder.load(_pointer(builder, constants, places[1], scalar), align=align)
        values = builder.fsub(values, _everywhere(builder, arguments[4], scalar), flags=_FAST)
        builder.store(values, _pointer(builder, out, places[0], scalar), align=align)
        return context.get_dummy_value()

    return types.void(out, types.intp, constants, types.intp, out.dtype), codegen


def _subtract_squares(fields, term):
    """A loop over latents on 16 lanes, written out: Numba's own does not vectorise for every size."""

    @intrinsic
    def loop(typingctx, out, row, z, i, records, record, first, last, least):
        """out[row] -= the sum of the term's squares over latents first .. last; whether a lane exceeds least.

        Their maximum would take a chain of shuffles, a third of the time of the whole.
        """

        def codegen(context, builder, signature, arguments):
            out, z, records = (
                context.make_array(signature.args[k])(context, builder, arguments[k]) for k in (0, 2, 4)
            )
            scalar = context.get_data_type(signature.args[0].dtype)
            align, i64 = signature.args[0].dtype.bitwidth // 8, ir.IntType(64)
            zero = ir.Constant(_lanes(scalar), [0.0] * LANES)
            width = builder.extract_value(z.shape, 1)

            def load(array, index):
                return builder.load(_pointer(builder, array, index, scalar), align=align)

            def square(d):
                x = builder.load(builder.gep(z.data, [builder.add(builder.mul(arguments[3], width), d)]))
                at = builder.mul(builder.add(builder.mul(arguments[5], width), d), i64(fields * LANES))
                parts = [load(records, builder.add(at, i64(k * LANES))) for k in range(fields)]
                t = term(builder, _everywhere(builder, x, scalar), *parts, zero)
                return builder.fmul(t, t, flags=_FAST)

            target = builder.mul(arguments[1], i64(LANES))
            total = cgutils.alloca_once_value(builder, load(out, target))
            with cgutils.for_range_slice(builder, arguments[6], arguments[7], i64(2)) as (d, _):
                pair = builder.fadd(square(d), square(builder.add(d, i64(1))), flags=_FAST)
                builder.store(builder.fsub(builder.load(total), pair, flags=_FAST), total)
            result = builder.load(total)
            builder.store(result, _pointer(builder, out, target, scalar), align=align)
            exceeds = builder.fcmp_ordered(">", result, _everywhere(builder, arguments[8], scalar))
            mask = ir.IntType(LANES)
            return builder.icmp_unsigned("!=", builder.bitcast(exceeds, mask), mask(0))

        size = types.intp
        return types.boolean(out, size, z, size, records, size, size, size, out.dtype), codegen

    return loop


def _distance(builder, z, mean, scale, zero):
    return builder.fmul(builder.fsub(z, mean, flags=_FAST), scale, flags=_FAST)


def _distance_from_box(builder, z, low, high, scale, zero):
    below, above = builder.fsub(low, z, flags=_FAST), builder.fsub(z, high, flags=_FAST)
    outside = builder.select(builder.fcmp_ordered(">", below, above), below, above)
    outside = builder.select(builder.fcmp_ordered(">", outside, zero), outside, zero)
    return builder.fmul(outside, scale, flags=_FAST)


_subtract_distances = _subtract_squares(2, _distance)
_subtract_bounds = _subtract_squares(3, _distance_from_box)


def log_density(
    z: Tensor,
    mean: Tensor,
    logvar: Tensor,
    tolerance: float,
    floor: Tensor | None,
) -> tuple[Tensor, Tensor, int]:
    """log q(z) and its error bound, (queries,) each, and how many posteriors were looked at in all."""
    z, mean, logvar, floor = _arrays(z, mean, logvar, floor)
    tree = kd_tree.build(mean, logvar)
    visit = _visit(tree, z, mean, logvar)
    log_q, error, pairs = _evaluate(tree, z, floor, visit, tolerance)
    again = np.flatnonzero(error[visit] > tolerance)
    if again.size and mean.dtype != np.float64:
        tree = kd_tree.build(mean.astype(np.float64), logvar.astype(np.float64))
        exact, bound, more = _evaluate(tree, z, floor, visit[again], tolerance)
        log_q[visit[again]], error[visit[again]] = exact[visit[again]], bound[visit[again]]
        pairs += more
    return torch.from_numpy(log_q), torch.from_numpy(error), pairs


def _visit(tree, z, mean, logvar):
    """The order of the queries that keeps neighbours together, for the caches' sake."""
    if len(z) == len(mean):
        return tree.order
    typical = np.exp(-0.5 * logvar).mean(axis=0)
    return kd_tree.sort(z, np.broadcast_to(typical, z.shape))


def expected_pairs(z: Tensor, mean: Tensor, logvar: Tensor, tolerance: float, floor: Tensor | None) -> float:
    """By some of the queries, spread evenly over the leaves."""
    z, mean, logvar, floor = _arrays(z, mean, logvar, floor)
    tree = kd_tree.build(mean, logvar)
    pilot = _visit(tree, z, mean, logvar)[:: -(-len(z) // _PILOT)]
    _, _, pairs = _evaluate(tree, z, floor, pilot, tolerance)
    return pairs * (len(z) / pilot.size)


def _arrays(z, mean, logvar, floor):
    return array(z), array(mean), array(logvar), np.full(len(z), np.nan) if floor is None else array(floor)


def _evaluate(tree, z, floor, visit, tolerance):
    latent, count = tree.latents.size, tree.order.size
    constant = tree.offset - 0.5 * latent * math.log(2 * math.pi)
    columns = np.zeros((len(z), tree.posteriors.shape[1]), tree.posteriors.dtype)
    columns[:, :latent] = z[:, tree.latents]
    log_q, error = np.full(len(z), np.nan), np.full(len(z), np.nan)
    pairs = np.zeros(-(-visit.size // _ROWS), np.int64)
    launch(
        _query,
        pairs.size,
        visit.size * _QUERY_NS,
        visit,
        tolerance,
        np.finfo(tree.posteriors.dtype).eps / 2,
        columns,
        floor - constant,
        tree,
        log_q,
        error,
        pairs,
    )
    log_q += constant - math.log(count)
    return log_q, error, int(pairs.sum())


class _Scratch(NamedTuple):
    """What a chunk of queries works in: nodes kept at two levels in turn and their bounds, terms, counts."""

    found: np.ndarray
    bound: np.ndarray
    energy: np.ndarray
    bins: np.ndarray


@njit
def _query(first, last, visit, tolerance, unit, z, floor, tree, log_q, error, pairs):
    """Fill log_q (up to constants), error and pairs for chunks of 128 rows of `visit`."""
    leaves, width = tree.posteriors.shape[:2]
    scratch = _Scratch(
        np.empty((2, leaves + LANES), np.int32),
        np.empty((2, leaves + LANES), z.dtype),
        np.empty((_PENDING, LANES), z.dtype),
        np.empty(_BINS, np.int64),
    )
    starts, totals, magnitudes = np.empty((3, _ROWS))
    least, budget = 0.25 * tolerance / tree.order.size, 0.5 * tolerance
    for chunk in range(first, last):
        rows = visit[chunk * _ROWS : (chunk + 1) * _ROWS]
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
                    pairs[chunk] += min(count * LANES, tree.order.size)
                result, left_out, magnitude, top, count = _sum(i, z, shift, least, budget, tree, scratch)
                pairs[chunk] += min(count * LANES, tree.order.size)
            log_q[i] = result
            # of constants and squared distances; of exponentials and sums of 32 leaves
            rounding = (width // 2 + 8) * (abs(top - shift) + 2 * magnitude) + tree.largest + 40
            error[i] = left_out + unit * rounding


@njit
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
            mass, moment = _exponentials(flat[: count * LANES])
            totals[k] += mass
            magnitudes[k] += moment


@njit
def _descend(i, z, tree, energy):
    """The largest term of the leaf reached by always taking the child with the highest bound."""
    place = 0
    for level in range(tree.levels.size - 2, -1, -1):
        node = tree.levels[level] + place
        energy[0] = tree.peaks[node]
        _subtract_bounds(energy, 0, z, i, tree.boxes, node, 0, z.shape[1], NOTHING)
        place = place * LANES + np.argmax(energy[0])
    energy[0] = tree.constants[place]
    _subtract_distances(energy, 0, z, i, tree.posteriors, place, 0, z.shape[1], NOTHING)
    return np.float64(energy[0].max())


@njit
def _largest(i, z, tree, energy):
    """The largest term of all."""
    largest = NOTHING
    for leaf in range(len(tree.constants)):
        energy[0] = tree.constants[leaf]
        _subtract_distances(energy, 0, z, i, tree.posteriors, leaf, 0, z.shape[1], NOTHING)
        largest = max(largest, np.float64(energy[0].max()))
    return largest


@njit
def _sum(i, z, start, least, budget, tree, scratch):
    """log sum_j exp(L_ij) over the leaves that matter, and what was left out.

    Left out are posteriors with exp(L_ij - start) <= least, and others that together hold no more than the
    budget, in units of exp(start). Returns the sum, what was left out relative to it at most, the weighted
    mean of |L_ij - start|, the largest constant met and the number of leaves looked at.
    """
    found, energy = scratch.found, scratch.energy
    width = z.shape[1]
    half = width // 4 * 2
    shift = z.dtype.type(start)
    side, count, left_out = _walk(i, z, shift, math.log(least), 0.5 * budget, tree, scratch)
    # a leaf that adds at most its share of the other half is dropped when half of it has been read
    share = 0.5 * budget / max(count, 1)
    cut = z.dtype.type(math.log(share / LANES) if share > 0 else -np.inf)

    flat = energy.ravel()
    total = magnitude = 0.0
    top = NOTHING
    pending = done = 0
    while done < count:
        leaf = found[side, done]
        done += 1
        _begin(energy, pending, tree.constants, leaf, shift)
        if _subtract_distances(
            energy, pending, z, i, tree.posteriors, leaf, 0, half, cut
        ) and _subtract_distances(energy, pending, z, i, tree.posteriors, leaf, half, width, cut):
            top = max(top, tree.peaks[leaf // LANES, leaf % LANES])
            pending += 1
        else:
            left_out += share
        if pending == _PENDING or done == count:
            terms = flat[: pending * LANES]
            mass, moment = _exponentials(terms)
            if mass > _OVERFLOW:
                return _sum(i, z, start + terms.max(), least, budget, tree, scratch)
            total, magnitude, pending = total + mass, magnitude + moment, 0
    left_out += least * tree.order.size
    if total == 0:
        return start, left_out, 0.0, start, count
    return shift + math.log(total), left_out / total, magnitude / total, top, count


@njit
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
    inside = LANES**tree.levels.size  # posteriors in an entry, once divided for its level
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
            for lane in range(LANES):  # write always, advance where it counts: a branch is mispredicted
                found[1 - side, kept] = place * LANES + lane
                bound[1 - side, kept] = energy[0, lane]
                kept += np.int64(energy[0, lane] > low)
        side, count = 1 - side, kept
        inside //= LANES
        if budget > 0:
            part = 0.5 * budget / (tree.levels.size - 2) if level > 0 else 0.5 * budget
            count, spent = _drop(found[side], bound[side], count, lowest, part / inside, scratch.bins)
            left_out += spent * inside
    return side, count, left_out


@njit
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


@njit
def _exponentials(energy):
    total = magnitude = energy.dtype.type(0)
    for k in range(energy.size):
        weight = exp(energy[k])
        total += weight
        magnitude += weight * abs(energy[k])
    return np.float64(total), np.float64(magnitude)
