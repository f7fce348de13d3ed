"""Tiles of 64 queries and 64 posteriors in the order of the k-d tree; those that cannot matter are left out.

A program keeps, for its 64 queries, the largest term and the sum relative to it, in base 2. Without a floor
every tile is computed, in the order of the rows: brute force.

Counted floor. A pair takes 3 D instructions (difference, product, multiply-add) and 4 more (constant,
maximum, difference, sum), of which a multiprocessor issues 128 a clock, and one exponential, of which 16. All
pairs of 737,280 posteriors at D = 10 are 1.85e13 instructions and 5.4e11 exponentials: 0.62 s and, beside
them, 0.15 s on an H100 (132 multiprocessors at 1.755 GHz). Bytes do not count: a tile of posteriors is 5 kB,
mostly from cache, for 4,096 pairs.
"""

import math
from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from .._triton import compute_dtype, launch_options
from ..kd_tree.reference import sort

_TILE = 64  # queries, and posteriors
_LOG2_E = 1 / math.log(2)
_NOTHING = -1e30
_BOUNDS = 1 << 24  # distances at a time, where tiles are chosen


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
    TILE: tl.constexpr,
    LISTED: tl.constexpr,
    dtype: tl.constexpr,
):
    """log2 sum_j 2**e_ij over the listed tiles, or over all; queries and posteriors are whole tiles."""
    program = tl.program_id(0)
    lane = tl.arange(0, TILE)
    i = program * TILE + lane
    top = tl.full([TILE], float("-inf"), dtype)
    total = tl.zeros([TILE], tl.float64)
    begin, end = 0, posteriors // TILE
    if LISTED:
        begin, end = tl.load(first + program), tl.load(first + program + 1)
    for k in range(begin, end):
        tile = k
        if LISTED:
            tile = tl.load(tiles + k)
        j = tile * TILE + lane
        energy = tl.zeros([TILE, TILE], dtype) + tl.load(constant + j)[None, :]
        for d in range(LATENT):  # unrolled it would hold every latent's loads at once, and spill
            x = tl.load(z + d * queries + i)
            distance = (x[:, None] - tl.load(mean + d * posteriors + j)[None, :]) * tl.load(
                scale + d * posteriors + j
            )[None, :]
            energy -= distance * distance
        highest = tl.maximum(top, tl.max(energy, axis=1))
        terms = tl.sum(tl.exp2(energy - highest[:, None]), axis=1)
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
    if floor is not None:
        by_place = visit = sort(mean, scale.to(mean.dtype), _TILE)
        if len(z) != count:
            visit = sort(z, scale.mean(dim=0).to(z.dtype).expand_as(z), _TILE)
    columns = _whole_tiles(z[visit])
    means = _whole_tiles(mean[by_place])
    scales = _whole_tiles((scale * math.sqrt(0.5 * _LOG2_E))[by_place].to(mean.dtype))
    constants = _whole_tiles(constant[by_place, None].to(mean.dtype))
    constants[count:] = _NOTHING
    first = tiles = None
    pairs = len(z) * count
    if floor is not None:
        least = (floor[visit] - shift) * _LOG2_E + math.log2(0.5 * tolerance / count)
        first, tiles = _choose(columns, means, scales, constants, least)
        pairs = min(pairs, len(tiles) * _TILE**2)
    return _Arranged(visit, columns, means, scales, constants, first, tiles, pairs, shift, largest)


def _log_density(
    z: Tensor, mean: Tensor, logvar: Tensor, tolerance: float, floor: Tensor | None
) -> tuple[Tensor, Tensor, int]:
    count, latent = mean.shape
    arranged = _arrange(z, mean, logvar, tolerance, floor)
    log2_sum = torch.empty(len(arranged.z), dtype=torch.float64, device=z.device)
    _tiles[(len(arranged.z) // _TILE,)](
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
        TILE=_TILE,
        LISTED=floor is not None,
        dtype=compute_dtype(mean),
        **launch_options(4),
    )
    result = log2_sum[: len(z)] / _LOG2_E
    log_q = torch.empty_like(result)
    log_q[arranged.visit] = result + (arranged.shift - math.log(count))
    # the weighted mean of (z - mean)^2 / 2 sigma^2 is the largest constant - log sum + log N at most
    squares = (arranged.largest - result).clamp(min=0) + math.log(count)
    unit = torch.finfo(mean.dtype).eps / 2
    error = torch.empty_like(result)
    error[arranged.visit] = unit * ((latent + 8) * squares + arranged.largest)
    if floor is not None:
        error += 0.5 * tolerance * torch.exp(floor - log_q - math.log(count))
    return log_q, error, arranged.pairs


def _whole_tiles(rows: Tensor) -> Tensor:
    """Zeros added to make whole tiles."""
    return torch.nn.functional.pad(rows, (0, 0, 0, -len(rows) % _TILE))


def _choose(z: Tensor, mean: Tensor, scale: Tensor, constant: Tensor, least: Tensor) -> tuple[Tensor, Tensor]:
    """The tiles of posteriors whose bound exceeds `least` for some query of a tile: where each list begins.

    By boxes around both: constant <= its maximum, distance >= that of the boxes, scale >= its minimum.
    """
    inside = constant[:, 0] > 0.5 * _NOTHING
    low = _by_tile(mean.masked_fill(~inside[:, None], math.inf)).amin(dim=1)
    high = _by_tile(mean.masked_fill(~inside[:, None], -math.inf)).amax(dim=1)
    narrow = _by_tile(scale.masked_fill(~inside[:, None], math.inf)).amin(dim=1)
    peak = _by_tile(constant).amax(dim=1)[:, 0]
    short = len(z) - len(least)
    z = _by_tile(torch.cat([z[: len(least)], z[len(least) - 1 : len(least)].expand(short, -1)]))
    floors = torch.nn.functional.pad(least, (0, short), value=math.inf).reshape(-1, _TILE).amin(dim=1)
    z_low, z_high = z.amin(dim=1), z.amax(dim=1)
    counts, lists = [], []
    rows = max(1, _BOUNDS // mean.numel() * _TILE)
    for start in range(0, len(z), rows):
        part = slice(start, start + rows)
        outside = torch.maximum(low - z_high[part, None], z_low[part, None] - high).clamp(min=0)
        keep = peak - (outside * narrow).square().sum(dim=2) > floors[part, None]
        counts.append(keep.sum(dim=1))
        lists.append(keep.nonzero()[:, 1].int())
    first = torch.nn.functional.pad(torch.cat(counts).cumsum(0), (1, 0))
    return first, torch.cat(lists)


def _by_tile(rows: Tensor) -> Tensor:
    return rows.reshape(-1, _TILE, rows.shape[1])
