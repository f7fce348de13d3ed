"""Tiles of queries and posteriors in the order of the k-d tree; those that cannot matter are left out.

A thread keeps two or four queries and goes through the posteriors of a tile alone, so that no maximum and no
sum crosses threads; for each query the largest term and the sum relative to it are kept, in base 2. Without a
floor every tile is computed, in the order of the rows: brute force.

Counted floor. A pair takes 3 D instructions (difference, product, multiply-add) and 4 more (constant,
maximum, difference, sum), of which a multiprocessor issues 128 a clock, and one exponential, of which 16. All
pairs of 737,280 posteriors at D = 10 are 1.85e13 instructions and 5.4e11 exponentials: 0.62 s and, beside
them, 0.15 s on an H100 (132 multiprocessors at 1.755 GHz). The machine code has 50 instructions a pair for
these 34, with loads (2.1 a pair, of numbers that all threads share) and loops: 0.92 s.
"""

import math
from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from .._triton import compute_dtype, launch_options
from .kd_sort import sort

_LOG2_E = 1 / math.log(2)
_NOTHING = -1e30
_BOUNDS = 1 << 25  # distances at a time, where tiles are chosen


@triton.jit(do_not_specialize=["queries", "posteriors"])
def _tiles(
    z,  # (LATENT, queries)
    mean,  # (LATENT, posteriors)
    scale,  # (LATENT, posteriors): sqrt(log2(e) / 2) / sigma
    constant,  # (posteriors,): -sum_d log2 sigma_d
    first,  # (programs + 1,): where the tiles of a program begin
    tiles,  # of posteriors, program after program
    log2_sum,  # (queries,) float64
    queries,
    posteriors,
    LATENT: tl.constexpr,
    QUERIES: tl.constexpr,
    POSTERIORS: tl.constexpr,
    LISTED: tl.constexpr,
    dtype: tl.constexpr,
):
    """log2 sum_j 2**e_ij over the listed tiles, or over all; queries and posteriors are whole tiles."""
    program = tl.program_id(0)
    i = program * QUERIES + tl.arange(0, QUERIES)
    lane = tl.arange(0, POSTERIORS)
    top = tl.full([QUERIES], float("-inf"), dtype)
    total = tl.zeros([QUERIES], tl.float64)
    begin, end = 0, posteriors // POSTERIORS
    if LISTED:
        begin, end = tl.load(first + program), tl.load(first + program + 1)
    for k in range(begin, end):
        tile = k
        if LISTED:
            tile = tl.load(tiles + k)
        j = tile * POSTERIORS + lane
        energy = tl.zeros([POSTERIORS, QUERIES], dtype) + tl.load(constant + j)[:, None]
        for d in range(LATENT):  # unrolled it would hold every latent's loads at once, and spill
            x = tl.load(z + d * queries + i)
            distance = (x[None, :] - tl.load(mean + d * posteriors + j)[:, None]) * tl.load(
                scale + d * posteriors + j
            )[:, None]
            energy -= distance * distance
        highest = tl.maximum(top, tl.max(energy, axis=0))
        terms = tl.sum(tl.exp2(energy - highest[None, :]), axis=0)
        total = total * tl.exp2(top - highest).to(tl.float64) + terms.to(tl.float64)
        top = highest
    tl.store(log2_sum + i, top.to(tl.float64) + tl.log2(total))


def log_density(
    z: Tensor,
    mean: Tensor,
    logvar: Tensor,
    tolerance: float,
    floor: Tensor | None,
) -> tuple[Tensor, Tensor, int]:
    """log q(z) and its error bound, (queries,) each, and how many pairs were evaluated."""
    result = _log_density(z, mean, logvar, tolerance, floor)
    if float(result[1].max()) > tolerance and mean.dtype != torch.float64:
        return _log_density(z.double(), mean.double(), logvar.double(), tolerance, floor)
    return result


def expected_pairs(z: Tensor, mean: Tensor, logvar: Tensor, tolerance: float, floor: Tensor | None) -> float:
    """Those of the tiles that will be listed."""
    return _arrange(z, mean, logvar, tolerance, floor).pairs


class _Arranged(NamedTuple):
    """Queries and posteriors in whole tiles, and which tiles meet.

    z: (whole tiles of queries, latent), in the order `visit`; mean and scale: (whole tiles of posteriors,
        latent); constant: likewise, of one column. scale = sqrt(log2(e) / 2) / sigma.
    first, tiles: the list of the posteriors' tiles for each of the queries'; None if all meet all.
    shift: log q(z|x) = shift + (constant - squared distance) / log2(e). largest: |constant| / log2(e).
    """

    visit: Tensor
    z: Tensor
    mean: Tensor
    scale: Tensor
    constant: Tensor
    first: Tensor | None
    tiles: Tensor | None
    pairs: int
    shift: float
    largest: float


def _arrange(z: Tensor, mean: Tensor, logvar: Tensor, tolerance: float, floor: Tensor | None) -> _Arranged:
    count, latent = mean.shape
    scale = torch.exp(-0.5 * logvar.double())
    constant = scale.log().sum(dim=1)
    offset = float(constant.mean())
    constant = (constant - offset) * _LOG2_E
    shift = offset - 0.5 * latent * math.log(2 * math.pi)
    largest = float(constant.abs().max()) / _LOG2_E
    by_place, visit = (torch.arange(len(x), device=z.device) for x in (mean, z))
    queries, posteriors, _ = _tile(floor is not None, mean.dtype)
    if floor is not None:
        by_place = visit = sort(mean, scale.to(mean.dtype), queries)
        if len(z) != count:
            visit = sort(z, scale.mean(dim=0).to(z.dtype).expand_as(z), queries)
    columns = _whole_tiles(z[visit], queries)
    means = _whole_tiles(mean[by_place], posteriors)
    scales = _whole_tiles((scale * math.sqrt(0.5 * _LOG2_E))[by_place].to(mean.dtype), posteriors)
    constants = _whole_tiles(constant[by_place, None].to(mean.dtype), posteriors)
    constants[count:] = _NOTHING
    first = tiles = None
    pairs = len(z) * count
    if floor is not None:
        least = (floor[visit] - shift) * _LOG2_E + math.log2(0.5 * tolerance / count)
        first, tiles = _choose(columns, means, scales, constants, least)
        pairs = min(pairs, len(tiles) * queries * posteriors)
    return _Arranged(visit, columns, means, scales, constants, first, tiles, pairs, shift, largest)


def _log_density(
    z: Tensor, mean: Tensor, logvar: Tensor, tolerance: float, floor: Tensor | None
) -> tuple[Tensor, Tensor, int]:
    count, latent = mean.shape
    arranged = _arrange(z, mean, logvar, tolerance, floor)
    log2_sum = torch.empty(len(arranged.z), dtype=torch.float64, device=z.device)
    queries, posteriors, warps = _tile(floor is not None, mean.dtype)
    _tiles[(len(arranged.z) // queries,)](
        arranged.z.T.contiguous(),
        arranged.mean.T.contiguous(),
        arranged.scale.T.contiguous(),
        arranged.constant.T.contiguous(),
        arranged.first,
        arranged.tiles,
        log2_sum,
        len(arranged.z),
        len(arranged.mean),
        LATENT=latent,
        QUERIES=queries,
        POSTERIORS=posteriors,
        LISTED=floor is not None,
        dtype=compute_dtype(mean),
        **launch_options(warps),
    )
    result = log2_sum[: len(z)] / _LOG2_E
    log_q = torch.empty_like(result)
    log_q[arranged.visit] = result + (arranged.shift - math.log(count))
    # the weighted mean of (z - mean)^2 / 2 sigma^2 is the largest constant - log sum + log N at most
    squares = (arranged.largest - result).clamp(min=0) + math.log(count)
    unit = torch.finfo(mean.dtype).eps / 2
    error = torch.empty_like(result)
    # a distance squared has 7 roundings and their sum one a latent; 32 for exponentials and a tile's sum
    error[arranged.visit] = unit * ((latent + 8) * squares + arranged.largest + 32)
    if floor is not None:
        error += 0.5 * tolerance * torch.exp(floor - log_q - math.log(count))
    return log_q, error, arranged.pairs


def _tile(listed: bool, dtype: torch.dtype) -> tuple[int, int, int]:
    """Queries and posteriors of a tile, and warps: small tiles leave more out, large ones load less.

    In float64 a thread takes a quarter, so that no target runs out of registers.
    """
    queries, posteriors, warps = (64, 16, 1) if listed else (512, 8, 4)
    return (queries, posteriors // 2, 2 * warps) if dtype == torch.float64 else (queries, posteriors, warps)


def _whole_tiles(rows: Tensor, size: int) -> Tensor:
    """Zeros added to make whole tiles."""
    return torch.nn.functional.pad(rows, (0, 0, 0, -len(rows) % size))


def _choose(z: Tensor, mean: Tensor, scale: Tensor, constant: Tensor, least: Tensor) -> tuple[Tensor, Tensor]:
    """The tiles of posteriors whose bound exceeds `least` for some query of a tile: where each list begins.

    By boxes around both: constant <= its maximum, distance >= that of the boxes, scale >= its minimum.
    """
    queries, posteriors, _ = _tile(True, mean.dtype)
    inside = constant > 0.5 * _NOTHING
    low = mean.where(inside, math.inf).unflatten(0, (-1, posteriors)).amin(dim=1)
    high = mean.where(inside, -math.inf).unflatten(0, (-1, posteriors)).amax(dim=1)
    narrow = scale.where(inside, math.inf).unflatten(0, (-1, posteriors)).amin(dim=1)
    peak = constant.unflatten(0, (-1, posteriors)).amax(dim=1)[:, 0]
    short = len(z) - len(least)
    z = torch.cat([z[: len(least)], z[len(least) - 1 : len(least)].expand(short, -1)])
    z_low, z_high = z.unflatten(0, (-1, queries)).aminmax(dim=1)
    floors = (
        torch.nn.functional.pad(least, (0, short), value=math.inf).unflatten(0, (-1, queries)).amin(dim=1)
    )
    counts, lists = [], []
    step = max(1, _BOUNDS // low.numel())
    for start in range(0, len(floors), step):
        rows = slice(start, start + step)
        outside = torch.maximum(low - z_high[rows, None], z_low[rows, None] - high).clamp(min=0)
        keep = peak - (outside * narrow).square().sum(dim=2) > floors[rows, None]
        counts.append(keep.sum(dim=1))
        lists.append(keep.nonzero()[:, 1].int())
    first = torch.nn.functional.pad(torch.cat(counts).cumsum(0), (1, 0))
    return first, torch.cat(lists)
