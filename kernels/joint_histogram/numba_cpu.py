"""The joint histogram for the CPU, with the two passes that find what it must know first."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .._numba import array, launch, njit, threads

# counters of one code and one group of merged factors: 20 bins of 1,024 cells, 80 KB, in the L2 cache
_GROUP = 20_480
_BLOCK = 1024
_LANES = 16  # elements of one column side by side, so that loops over rows of any width vectorise
_RANGE_NS, _NARROW_NS, _COUNT_NS = 0.2, 0.4, 1.5  # one thread, an element


def code_range(codes: Tensor) -> tuple[Tensor, Tensor]:
    values = array(codes)
    columns = values.shape[1]
    chunks = max(1, threads(values.size * _RANGE_NS))
    low = np.full((chunks, columns), np.inf, values.dtype)
    high = np.full((chunks, columns), -np.inf, values.dtype)
    launch(_range, chunks, values.size * _RANGE_NS, chunks, values, low, high)
    return torch.from_numpy(low.min(axis=0)), torch.from_numpy(high.max(axis=0))


def narrow_classes(factors: Tensor) -> tuple[Tensor, Tensor]:
    # the same bytes for every unsigned reader: a negative class turns into a huge one
    values = array(factors if factors.dtype in (torch.uint8, torch.int32) else factors.to(torch.int64))
    samples, columns = values.shape
    chunks = max(1, threads(values.size * _NARROW_NS))
    classes = np.empty((samples, columns), np.uint16)
    largest = np.zeros((chunks, columns), np.uint64)
    launch(_narrow, chunks, values.size * _NARROW_NS, chunks, values, classes, largest)
    top = np.minimum(largest.max(axis=0), 65_536).astype(np.int64)
    return torch.from_numpy(classes), torch.from_numpy(top)


def joint_histogram(codes: Tensor, classes: Tensor, edges: Tensor, sizes: Sequence[int]) -> Tensor:
    values, levels, bounds = array(codes), array(classes), array(edges)
    low, scale, upper = _affine_bins(bounds)
    values, low, scale, upper = _recode_where_uneven(values, bounds, low, scale, upper)

    samples, columns = values.shape
    bins = upper.shape[1]
    groups = _merge(sizes, max(1, _GROUP // bins))
    member = np.empty((2, len(sizes)), np.uint32)  # of each factor: its group, and its stride within
    cells = 0
    base = np.empty(len(groups), np.uint32)
    for g, group in enumerate(groups):
        base[g], size = cells, 1
        for k in group:
            member[:, k] = g, size
            size *= sizes[k]
        cells += size
    work = samples * columns * (len(groups) + 1) * _COUNT_NS
    chunks = max(1, threads(work))
    tables = np.zeros((chunks, columns, bins * cells), np.uint32)
    launch(_count, chunks, work, chunks, values, low, scale, upper, levels, member, base, tables)
    merged = tables.sum(axis=0, dtype=np.int64).reshape(columns, bins, cells)
    return torch.from_numpy(_marginals(merged, groups, sizes))


def resampled_sums(
    bins: Tensor, classes: Tensor, weights: Tensor, sizes: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    cells = int(offsets[-1])
    rows = array(bins).astype(np.uint32) * np.uint32(cells)
    columns = array(classes).astype(np.uint32) + offsets[:-1, None].astype(np.uint32)
    draws = array(weights)
    most = int(draws.sum(axis=1, dtype=np.int64).max(initial=0))
    whole = np.arange(most + 1, dtype=np.float64)
    n_log_n = whole * np.log(whole, out=np.zeros_like(whole), where=whole > 0)
    sets, codes, factors = len(draws), len(rows), len(columns)
    joint = np.empty((sets, codes, factors))
    by_bin, by_value = np.empty((sets, codes)), np.empty((sets, factors))
    levels = int(rows.max(initial=0)) // cells + 1
    nanoseconds = sets * rows.size * factors * _COUNT_NS
    arguments = (rows, columns, draws, offsets, levels, n_log_n, joint, by_bin, by_value)
    launch(_resample, sets, nanoseconds, *arguments)
    return torch.from_numpy(joint), torch.from_numpy(by_bin), torch.from_numpy(by_value)


def _affine_bins(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """low, scale and upper edges such that bin(x) is k or k + 1 with k = int((x - low) scale).

    The scale is short of bins / (high - low) by half a bin over the whole range, so that the estimate never
    overshoots; the last upper edge is infinite, which puts the largest value into the last bin.
    """
    bins = edges.shape[1] - 1
    low, high = edges[:, 0].copy(), edges[:, -1]
    with np.errstate(over="ignore"):
        scale = ((bins - 0.5) / (high - low)).astype(edges.dtype)
    upper = edges[:, 1:].copy()
    upper[:, -1] = np.inf
    return low, scale, upper


def _recode_where_uneven(values, edges, low, scale, upper):
    """Replace a code whose edges lie closer than its dtype resolves by its bins, looked up one by one.

    The estimate is monotone in x, so it is right everywhere if it gives j - 1 at each inner edge j.
    """
    bins = upper.shape[1]
    with np.errstate(over="ignore", invalid="ignore"):
        estimate = (edges[:, 1:-1] - low[:, None]) * scale[:, None]
    expected = np.arange(bins - 1)
    uneven = np.flatnonzero(~((estimate >= expected) & (estimate < expected + 1)).all(axis=1))
    if uneven.size:
        values, low, scale, upper = values.copy(), low.copy(), scale.copy(), upper.copy()
        steps = np.arange(bins + 1, dtype=values.dtype)[None]
        for d in uneven:
            values[:, d] = np.searchsorted(edges[d, 1:-1], values[:, d], side="right")
            low[d : d + 1], scale[d : d + 1], upper[d : d + 1] = _affine_bins(steps)
    return values, low, scale, upper


def _merge(sizes: Sequence[int], limit: int) -> list[list[int]]:
    """Put factors into as few groups as a first fit, largest first, finds with at most limit joint values."""
    groups: list[list[int]] = []
    products: list[int] = []
    for k in sorted(range(len(sizes)), key=lambda k: -sizes[k]):
        fit = next((g for g, product in enumerate(products) if product * sizes[k] <= limit), None)
        if fit is None:
            groups.append([k])
            products.append(sizes[k])
        else:
            groups[fit].append(k)
            products[fit] *= sizes[k]
    return groups


def _marginals(merged: np.ndarray, groups: list[list[int]], sizes: Sequence[int]) -> np.ndarray:
    """Sum the joint values of merged factors back into the values of each."""
    columns, bins, _ = merged.shape
    counts = np.empty((columns, bins, sum(sizes)), np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    start = 0
    for group in groups:
        shape = [sizes[k] for k in reversed(group)]  # the first member has stride 1
        size = int(np.prod(shape))
        joint = merged[:, :, start : start + size].reshape(columns, bins, *shape)
        for position, k in enumerate(reversed(group)):
            others = tuple(axis + 2 for axis in range(len(group)) if axis != position)
            counts[:, :, offsets[k] : offsets[k + 1]] = joint.sum(axis=others)
        start += size
    return counts


@njit
def _range(first, last, chunks, values, low, high):
    samples, columns = values.shape
    flat = values.ravel()
    period = _LANES * columns
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


@njit
def _narrow(first, last, chunks, values, classes, largest):
    samples, columns = values.shape
    flat, out = values.ravel(), classes.ravel()
    period = _LANES * columns
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


@njit
def _count(first, last, chunks, values, low, scale, upper, classes, member, base, tables):
    samples, columns = values.shape
    bins = upper.shape[1]
    row_of_bin = np.uint32(tables.shape[2] // bins)
    period = _LANES * columns
    low_of, scale_of = np.empty(period, values.dtype), np.empty(period, values.dtype)
    upper_of = np.empty(period, np.uint32)
    for p in range(period):
        low_of[p], scale_of[p], upper_of[p] = low[p % columns], scale[p % columns], p % columns * bins
    flat, edge = values.ravel(), upper.ravel()
    row = np.empty(_BLOCK * columns, np.uint32)
    cell = np.empty((base.size, _BLOCK), np.uint32)
    for c in range(first, last):
        start, end = samples * c // chunks, samples * (c + 1) // chunks
        for at in range(start, end, _BLOCK):
            count = min(_BLOCK, end - at)
            for q in range(0, count * columns, period):
                stop = min(q + period, count * columns)
                part, out = flat[at * columns + q : at * columns + stop], row[q:stop]
                for p in range(part.size):
                    x = part[p]
                    k = np.uint32(np.int32((x - low_of[p]) * scale_of[p]))
                    out[p] = np.uint32(k + np.uint32(x >= edge[np.uint32(upper_of[p] + k)])) * row_of_bin
            for g in range(base.size):
                cell[g, :count] = base[g]
            for k in range(member.shape[1]):
                column, stride = cell[member[0, k]], member[1, k]
                for i in range(count):
                    column[i] += np.uint32(classes[at + i, k]) * stride
            _increment(row, cell, count, columns, tables[c])


@njit
def _increment(row, cell, count, columns, table):
    """Two groups at a time: one load of the bin serves both, and their counters never coincide."""
    one, step = np.uint32(1), np.uint64(columns)
    for d in range(columns):
        counters = table[d]
        for g in range(0, cell.shape[0] - 1, 2):
            a, b = cell[g], cell[g + 1]
            q = np.uint64(d)
            for i in range(np.uint64(count)):
                counters[np.uint64(row[q] + a[i])] += one
                counters[np.uint64(row[q] + b[i])] += one
                q += step
        if cell.shape[0] % 2 == 1:
            a = cell[cell.shape[0] - 1]
            q = np.uint64(d)
            for i in range(np.uint64(count)):
                counters[np.uint64(row[q] + a[i])] += one
                q += step


@njit
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
