"""The joint histogram for the GPU: bins once, then one histogram a code and factor, private to each program.

A program counts its share of the samples in shared memory and writes its own table, so that memory sees one
write a counter and program instead of one atomic addition a sample, code and factor. Tables too large for
that (from 4,096 counters, many classes) are filled by atomic additions: they spread over many addresses.
"""

from collections.abc import Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor

from .._triton import launch_options, power_of_two

_COLUMNS, _ELEMENTS = 16, 2048  # codes, and codes times samples, of a program that finds bins
_BLOCK = 1024  # samples counted at a time
_PROGRAMS = 512  # that count at once: some four a multiprocessor, and 8 MB of tables at most
_PRIVATE = 4096  # counters: 16 KB of shared memory


@triton.jit(do_not_specialize=["samples", "columns", "inner"])
def _bins(
    codes, edges, out, samples, columns, inner, STEPS: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr
):
    """out[d, i] = #{ j : inner edge j of code d <= codes[i, d] }, by bisection."""
    row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS))[:, None]
    column = (tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS))[None, :]
    mask = (row < samples) & (column < columns)
    x = tl.load(codes + row.to(tl.int64) * columns + column, mask=mask, other=0)
    low = tl.zeros([ROWS, COLUMNS], tl.int32)
    high = low + inner
    for _ in tl.static_range(STEPS):
        middle = (low + high) // 2
        edge = tl.load(edges + column * (inner + 2) + 1 + middle, mask=mask & (low < high), other=0)
        above = (low < high) & (edge <= x)
        high = tl.where(above, high, middle)
        low = tl.where(above, middle + 1, low)
    tl.store(out + column.to(tl.int64) * samples + row, low, mask=mask)


@triton.jit(do_not_specialize=["samples", "values", "cells", "share"])
def _count(
    bins,
    classes,
    tables,
    samples,
    values,
    cells,
    share,
    BLOCK: tl.constexpr,
    COUNTERS: tl.constexpr,
):
    """tables[part, d, bin * values + class] of one factor; the last counter takes what lies past the end."""
    part, code = tl.program_id(0).to(tl.int64), tl.program_id(1)
    counts = tl.zeros([COUNTERS], tl.int32)
    for at in range(0, share, BLOCK):
        row = part * share + at + tl.arange(0, BLOCK)
        mask = row < samples
        cell = tl.load(bins + code.to(tl.int64) * samples + row, mask=mask, other=0) * values
        cell += tl.load(classes + row, mask=mask, other=0)
        counts += tl.histogram(tl.where(mask, cell, COUNTERS - 1), COUNTERS)
    counter = tl.arange(0, COUNTERS)
    table = tables + (part * tl.num_programs(1) + code) * cells
    tl.store(table + counter, counts, mask=counter < cells)


@triton.jit(do_not_specialize=["samples", "values", "cells"])
def _add(bins, classes, table, samples, values, cells, BLOCK: tl.constexpr):
    """table[d, bin * values + class] of one factor, one atomic addition a sample and code."""
    code = tl.program_id(1).to(tl.int64)
    row = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = row < samples
    cell = tl.load(bins + code * samples + row, mask=mask, other=0).to(tl.int64) * values
    cell += tl.load(classes + row, mask=mask, other=0)
    tl.atomic_add(table + code * cells + cell, 1, mask=mask, sem="relaxed")


def joint_histogram(codes: Tensor, classes: Tensor, edges: Tensor, sizes: Sequence[int]) -> Tensor:
    samples, columns = codes.shape
    bins = edges.shape[1] - 1
    bin_of = _find_bins(codes.contiguous(), edges.contiguous())
    levels = classes.T.to(torch.int32).contiguous()
    share = _BLOCK * triton.cdiv(samples * columns, _PROGRAMS * _BLOCK)
    counts = []
    for level, size in zip(levels, sizes, strict=True):
        cells = bins * size
        counters = power_of_two(cells + 1)
        if counters <= _PRIVATE:
            grid = (triton.cdiv(samples, share), columns)
            tables = torch.empty(*grid, cells, dtype=torch.int32, device=codes.device)
            _count[grid](
                *(bin_of, level, tables, samples, size, cells, share, _BLOCK, counters),
                **launch_options(4 if counters < 2048 else 8),
            )
            total = tables.sum(dim=0)  # int64, as torch adds up integers
        else:
            table = torch.zeros(columns, cells, dtype=torch.int32, device=codes.device)
            grid = (triton.cdiv(samples, _BLOCK), columns)
            _add[grid](bin_of, level, table, samples, size, cells, _BLOCK, **launch_options(4))
            total = table.to(torch.int64)
        counts.append(total.reshape(columns, bins, size))
    return torch.cat(counts, dim=2)


def _find_bins(codes: Tensor, edges: Tensor) -> Tensor:
    """(codes, samples) int32: transposed, so that counting reads neighbours."""
    samples, columns = codes.shape
    inner = edges.shape[1] - 2
    out = torch.empty(columns, samples, dtype=torch.int32, device=codes.device)
    width = min(_COLUMNS, power_of_two(columns))
    rows = _ELEMENTS // width
    grid = (triton.cdiv(samples, rows), triton.cdiv(columns, width))
    steps = inner.bit_length()
    _bins[grid](codes, edges, out, samples, columns, inner, steps, rows, width, **launch_options(4))
    return out
