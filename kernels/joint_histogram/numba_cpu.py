"""The joint histogram for the CPU, with the two passes that find what it must know first.

Of 737,280 samples, ten codes and dSprites' factors, on one thread: 22 million increments take 11 ms, a load
and a store each; bins and cells 5 ms, most of it to read the codes by columns; both passes before 4 to 8 ms,
as fast as memory gives the 59 MB. Two threads take the same processor time.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .._cpu.arrays import as_array
from .._cpu.compile import inlined
from .._cpu.parallel_for import parallel_for
from .._cpu.threads import SCRATCH, thread_count

# counters of one code, 32 KB: in the L1 cache an increment takes 0.5 ns, in the L2 cache 1.1
_COUNTERS = 8192
_BLOCK = 1024
_ROWS_AT_ONCE = 16  # so that loops over rows of any width vectorise
_RANGE_NS, _NARROW_NS, _COUNT_NS = 0.2, 0.4, 0.7  # one thread, an element


def code_range(codes: Tensor) -> tuple[Tensor, Tensor]:
    values = as_array(codes)
    columns = values.shape[1]
    chunks = max(1, thread_count(values.size * _RANGE_NS))
    low = np.full((chunks, columns), np.inf, values.dtype)
    high = np.full((chunks, columns), -np.inf, values.dtype)
    _range(chunks, values.size * _RANGE_NS, chunks, values, low, high)
    return torch.from_numpy(low.min(axis=0)), torch.from_numpy(high.max(axis=0))


def narrow_classes(factors: Tensor) -> tuple[Tensor, Tensor]:
    # the same bytes for every unsigned reader: a negative class turns into a huge one
    values = as_array(factors if factors.dtype in (torch.uint8, torch.int32) else factors.to(torch.int64))
    samples, columns = values.shape
    chunks = max(1, thread_count(values.size * _NARROW_NS))
    classes = np.empty((samples, columns), np.uint16)
    largest = np.zeros((chunks, columns), np.uint64)
    _narrow(chunks, values.size * _NARROW_NS, chunks, values, classes, largest)
    top = np.minimum(largest.max(axis=0), 65_536).astype(np.int64)
    return torch.from_numpy(classes), torch.from_numpy(top)


def joint_histogram(codes: Tensor, classes: Tensor, edges: Tensor, sizes: Sequence[int]) -> Tensor:
    values, levels, bounds = as_array(codes), as_array(classes), as_array(edges)
    samples, columns = values.shape
    bins = bounds.shape[1] - 1
    groups = _merge(sizes, _COUNTERS // bins)
    member = np.empty((2, len(sizes)), np.uint32)  # of each factor: its group, and its stride within
    base = np.empty(len(groups), np.uint32)
    counters = 0
    for g, group in enumerate(groups):
        base[g], size = counters, bins
        for k in group:
            member[:, k] = g, size
            size *= sizes[k]
        counters += size
    work = samples * columns * (len(groups) + 1) * _COUNT_NS
    chunks = max(1, min(thread_count(work), SCRATCH // (4 * columns * counters)))
    tables = np.zeros((chunks, columns, counters), np.uint32)
    lines = _lines(bounds)
    _count(chunks, work, chunks, values, *lines, bounds, levels, member, base, tables)
    merged = tables.sum(axis=0, dtype=np.int64).reshape(columns, counters // bins, bins)
    return torch.from_numpy(_marginals(merged, groups, sizes))


def resampled_sums(
    bins: Tensor, classes: Tensor, weights: Tensor, sizes: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    cells = int(offsets[-1])
    rows = as_array(bins).astype(np.uint32) * np.uint32(cells)
    columns = as_array(classes).astype(np.uint32) + offsets[:-1, None].astype(np.uint32)
    draws = as_array(weights)
    most = int(draws.sum(axis=1, dtype=np.int64).max(initial=0))
    whole = np.arange(most + 1, dtype=np.float64)
    n_log_n = whole * np.log(whole, out=np.zeros_like(whole), where=whole > 0)
    sets, codes, factors = len(draws), len(rows), len(columns)
    joint = np.empty((sets, codes, factors))
    by_bin, by_value = np.empty((sets, codes)), np.empty((sets, factors))
    levels = int(rows.max(initial=0)) // cells + 1
    nanoseconds = sets * rows.size * factors * _COUNT_NS
    arguments = (rows, columns, draws, offsets, levels, n_log_n, joint, by_bin, by_value)
    _resample(sets, nanoseconds, *arguments)
    return torch.from_numpy(joint), torch.from_numpy(by_bin), torch.from_numpy(by_value)


def _lines(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """low, scale and doubt of each code: x is in bin k if k + doubt < (x - low) scale < k + 1 - doubt.

    The rounded line is monotone in x: an x below inner edge j comes out at most where that edge does, which
    is within doubt of j, and an x at or above the edge at least there.
    """
    bins = edges.shape[1] - 1
    low, high = edges[:, 0].copy(), edges[:, -1]
    with np.errstate(over="ignore", invalid="ignore"):
        scale = (bins / (high - low)).astype(edges.dtype)
        off = np.abs((edges[:, 1:-1] - low[:, None]) * scale[:, None] - np.arange(1, bins))
    doubt = off.max(axis=1, initial=0) + 4 * bins * np.finfo(edges.dtype).eps
    return low, scale, np.where(np.isfinite(doubt), doubt, 1).astype(edges.dtype)


def _merge(sizes: Sequence[int], limit: int) -> list[list[int]]:
    """Put factors into few groups, whose joint values are at most limit together if any merging is."""
    largest = limit
    while True:
        groups: list[list[int]] = []
        products: list[int] = []
        for k in sorted(range(len(sizes)), key=lambda k: -sizes[k]):
            fit = next((g for g, product in enumerate(products) if product * sizes[k] <= largest), None)
            if fit is None:
                groups.append([k])
                products.append(sizes[k])
            else:
                groups[fit].append(k)
                products[fit] *= sizes[k]
        if sum(products) <= limit or largest <= 1:
            return groups
        largest //= 2


def _marginals(merged: np.ndarray, groups: list[list[int]], sizes: Sequence[int]) -> np.ndarray:
    """Sum the joint values of merged factors back into the values of each, (codes, bins, values)."""
    columns, _, bins = merged.shape
    counts = np.empty((columns, bins, sum(sizes)), np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    start = 0
    for group in groups:
        shape = [sizes[k] for k in reversed(group)]  # the first member has the smallest stride
        size = int(np.prod(shape))
        joint = merged[:, start : start + size].reshape(columns, *shape, bins)
        for position, k in enumerate(reversed(group)):
            others = tuple(axis + 1 for axis in range(len(group)) if axis != position)
            counts[:, :, offsets[k] : offsets[k + 1]] = joint.sum(axis=others).swapaxes(1, 2)
        start += size
    return counts


@parallel_for
def _range(first, last, chunks, values, low, high):
    samples, columns = values.shape
    flat = values.ravel()
    period = _ROWS_AT_ONCE * columns
    smallest = np.empty(period, values.dtype)
    largest = np.empty(period, values.dtype)
    for c in range(first, last):
        start, end = samples * c // chunks * columns, samples * (c + 1) // chunks * columns
        smallest[:] = np.inf
        largest[:] = -np.inf
        for row in range(start, end, period):
            part = flat[row : min(row + period, end)]
            for p in range(part.size):
                x = part[p]
                # written so that a NaN, once there, stays
                smallest[p] = smallest[p] if smallest[p] <= x or smallest[p] != smallest[p] else x
                largest[p] = largest[p] if largest[p] >= x or largest[p] != largest[p] else x
        for p in range(period):
            d = p % columns
            low[c, d] = low[c, d] if low[c, d] <= smallest[p] or low[c, d] != low[c, d] else smallest[p]
            high[c, d] = high[c, d] if high[c, d] >= largest[p] or high[c, d] != high[c, d] else largest[p]


@parallel_for
def _narrow(first, last, chunks, values, classes, largest):
    samples, columns = values.shape
    flat, out = values.ravel(), classes.ravel()
    period = _ROWS_AT_ONCE * columns
    top = np.zeros(period, np.uint64)
    for c in range(first, last):
        start, end = samples * c // chunks * columns, samples * (c + 1) // chunks * columns
        top[:] = 0
        for row in range(start, end, period):
            stop = min(row + period, end)
            part, narrow = flat[row:stop], out[row:stop]
            for p in range(part.size):
                value = np.uint64(part[p])
                narrow[p] = value
                top[p] = value if value > top[p] else top[p]
        for p in range(period):
            largest[c, p % columns] = max(largest[c, p % columns], top[p])


@parallel_for
def _count(first, last, chunks, values, low, scale, doubt, edges, classes, member, base, tables):
    samples, columns = values.shape
    factors = np.uint64(classes.shape[1])
    flat, levels = values.ravel(), classes.ravel()
    code = np.empty(_BLOCK, values.dtype)
    bin_of = np.empty(_BLOCK, np.uint32)
    cell = np.empty((base.size, _BLOCK), np.uint32)
    for c in range(first, last):
        start, end = samples * c // chunks, samples * (c + 1) // chunks
        for at in range(start, end, _BLOCK):
            count = np.uint64(min(_BLOCK, end - at))
            for g in range(base.size):
                cell[g, :count] = base[g]
            for k in range(member.shape[1]):
                column, stride = cell[member[0, k]], member[1, k]
                q = np.uint64(at) * factors + np.uint64(k)
                for i in range(count):
                    column[i] += np.uint32(levels[q]) * stride
                    q += factors
            for d in range(columns):
                q = np.uint64(at * columns + d)
                for i in range(count):
                    code[i] = flat[q]
                    q += np.uint64(columns)
                if _estimate(code[:count], low[d], scale[d], doubt[d], edges.shape[1] - 1, bin_of) > 0:
                    _look_up(code[:count], edges[d], bin_of)
                _increment(bin_of, cell, count, tables[c, d])


@inlined
def _estimate(code, low, scale, doubt, bins, bin_of):
    """The bins by the line alone, and how many of them are in doubt."""
    kind = code.dtype.type
    zero, one, half, top = kind(0), kind(1), kind(0.5), kind(bins)
    sure = half - doubt
    doubtful = zero
    for i in range(np.uint64(code.size)):
        t = (code[i] - low) * scale
        t = t if t > zero else zero
        t = t if t < top else top
        k = np.int32(t)
        bin_of[i] = k
        doubtful += one if abs(t - kind(k) - half) >= sure else zero
    return doubtful


@inlined
def _look_up(code, edges, bin_of):
    """Move each bin to where the edges say; looked up at once, every one would take ten times the time."""
    last = np.uint32(edges.size - 2)
    for i in range(np.uint64(code.size)):
        x, k = code[i], min(bin_of[i], last)
        while k > 0 and x < edges[k]:
            k -= np.uint32(1)
        while k < last and x >= edges[k + np.uint32(1)]:
            k += np.uint32(1)
        bin_of[i] = k


@inlined
def _increment(bin_of, cell, count, counters):
    """Two groups at a time: one load of the bin serves both, and their counters never coincide."""
    one = np.uint32(1)
    for g in range(0, cell.shape[0] - 1, 2):
        a, b = cell[g], cell[g + 1]
        for i in range(count):
            k = bin_of[i]
            counters[np.uint64(k + a[i])] += one
            counters[np.uint64(k + b[i])] += one
    if cell.shape[0] % 2 == 1:
        a = cell[cell.shape[0] - 1]
        for i in range(count):
            counters[np.uint64(bin_of[i] + a[i])] += one


@parallel_for
def _resample(first, last, rows, columns, weights, offsets, levels, n_log_n, joint, by_bin, by_value):
    codes, samples = rows.shape
    factors = columns.shape[0]
    cells = offsets[factors]
    table = np.empty(levels * cells, np.uint32)
    values = np.empty(cells, np.uint32)
    for r in range(first, last):
        weight = weights[r]
        for d in range(codes):
            table[:] = 0
            row = rows[d]
            for k in range(factors):
                column = columns[k]
                for i in range(np.uint64(samples)):
                    table[np.uint64(row[i] + column[i])] += np.uint32(weight[i])
            values[:] = 0
            by_bin[r, d] = 0
            joint[r, d] = 0
            for b in range(levels):
                line = table[b * cells : (b + 1) * cells]
                count = np.uint32(0)
                for k in range(factors):
                    total = 0.0
                    for c in range(offsets[k], offsets[k + 1]):
                        total += n_log_n[line[c]]
                        values[c] += line[c]
                        if k == 0:
                            count += line[c]
                    joint[r, d, k] += total
                by_bin[r, d] += n_log_n[count]
        for k in range(factors):
            total = 0.0
            for c in range(offsets[k], offsets[k + 1]):
                total += n_log_n[values[c]]
            by_value[r, k] = total
