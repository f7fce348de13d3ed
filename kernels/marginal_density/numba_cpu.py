"""The marginals for the CPU: a grid for each octave of sigma, direct sums where they are cheaper."""

import math

import numpy as np
import torch
from torch import Tensor

from .._cpu.arrays import as_array
from .._cpu.compile import inlined
from .._cpu.exponential import exp
from .._cpu.parallel_for import parallel_for

_NODES = 12  # of Lagrange's formula
_REMAINDER = 1.0865 * math.prod(k + 0.5 for k in range(_NODES // 2)) ** 2 / math.sqrt(math.factorial(_NODES))
_CELL = 2.0  # width of a cell of the error table, in s
_LONGEST_GRID = 1 << 21  # nodes: 16 MB
_EXP_NS, _READ_NS = 1.3, 25.0
_SAMPLE = 1024  # points that tell how many terms there are within reach
_ROWS = 64  # queries a chunk, where every posterior is summed
_NO_OCTAVE = 1 << 62
_PEAK = 1 / math.sqrt(2 * math.pi)


def marginal_log_density(z: Tensor, mean: Tensor, logvar: Tensor, tolerance: float) -> tuple[Tensor, Tensor]:
    points, mean, logvar = (np.ascontiguousarray(as_array(x).T) for x in (z, mean, logvar))
    latent, count = mean.shape
    density, error = np.zeros(points.shape), np.zeros(points.shape)
    # 1e-3: the exponential of the remainder falls half as fast as the density
    fine = (1e3 * _REMAINDER / tolerance) ** (1 / _NODES)
    reach = math.sqrt(2 * (math.log(count / tolerance) + 15))  # 15: a sample may lie 5 sigma off its mean
    work = mean.size * (2 * reach * fine) * _EXP_NS + points.size * _READ_NS
    # of one latent at the most: means, standard deviations, and the grid of the narrowest posterior
    step = 0.5 * math.exp(0.5 * float(logvar.min())) / fine
    nodes = min(_LONGEST_GRID, np.ptp(mean, axis=1).max() / step + 4 * reach * fine + 2 * _NODES)
    scratch = count * (mean.itemsize + 8) + 8 * int(nodes)
    _latents(latent, work, points, mean, logvar, fine, reach, density, error, scratch=scratch)
    with np.errstate(divide="ignore", invalid="ignore"):
        error /= density
        log_q = np.log(density, out=density)
    log_q -= math.log(count)
    for d in range(latent):
        stray = np.flatnonzero(~(error[d] <= tolerance))
        if stray.size:
            log_scale = -0.5 * logvar[d].astype(np.float64)
            work = stray.size * count * 2 * _EXP_NS
            chunks = -(-stray.size // _ROWS)
            _all(chunks, work, stray, points[d], mean[d], np.exp(log_scale), log_scale, log_q[d], error[d])
    return torch.from_numpy(log_q.T), torch.from_numpy(error.T)


@parallel_for
def _latents(first, last, points, mean, logvar, fine, reach, density, error):
    """For latents first .. last: N q(z_d) and the bound on its error, both (latent, queries)."""
    for d in range(first, last):
        octave = _octave_of(logvar[d].min())
        while octave < _NO_OCTAVE:
            count, following = 0, _NO_OCTAVE
            for j in range(mean.shape[1]):
                own = _octave_of(logvar[d, j])
                count += np.int64(own == octave)
                following = min(following, own) if own > octave else following
            centre, width = np.empty(count, mean.dtype), np.empty(count)
            count = 0
            for j in range(mean.shape[1]):
                if _octave_of(logvar[d, j]) == octave:
                    centre[count], width[count] = mean[d, j], math.exp(0.5 * np.float64(logvar[d, j]))
                    count += 1
            _sort(centre, width)
            _octave(points[d], centre, width, 2.0**octave, fine, reach, density[d], error[d])
            octave = following


@inlined
def _octave_of(logvar):
    """The power of two at or below sigma."""
    return np.int64(math.floor(0.5 * np.float64(logvar) / math.log(2.0)))


@inlined
def _sort(keys, values):
    """Sort both by the keys, in their places: quicksort, the larger part last."""
    stack = np.empty((64, 2), np.int64)
    stack[0] = 0, keys.size - 1
    depth = 1
    while depth > 0:
        depth -= 1
        low, high = stack[depth]
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
                    values[i], values[j] = values[j], values[i]
                    i += 1
                    j -= 1
            if j - low < high - i:
                stack[depth] = i, high
                high = j
            else:
                stack[depth] = low, j
                low = i
            depth += 1


@inlined
def _octave(points, mean, sigma, s, fine, reach, density, error):
    """Add the posteriors with s <= sigma < 2 s, sorted by their means, to the density of every point."""
    ahead, far = 2 * s * reach, exp(-0.5 * reach * reach)
    beyond = 0.0
    for j in range(mean.size):
        beyond += far * _PEAK / sigma[j]
    h = s / fine
    origin = mean[0] - ahead - _NODES * h
    nodes = (mean[-1] + ahead + _NODES * h - origin) / h
    by_grid = mean.size * 2 * reach * fine * 1.5 * _EXP_NS + points.size * _READ_NS
    step = points.size // _SAMPLE + 1
    pairs = 0
    for i in range(0, points.size, step):
        pairs += np.searchsorted(mean, points[i] + ahead) - np.searchsorted(mean, points[i] - ahead)
    if nodes > _LONGEST_GRID or step * pairs * _EXP_NS < by_grid:
        half = sigma  # no longer needed
        for j in range(mean.size):
            half[j] = math.sqrt(0.5) / sigma[j]
        for i in range(points.size):
            x = np.float64(points[i])
            total = 0.0
            for j in range(np.searchsorted(mean, x - ahead), np.searchsorted(mean, x + ahead)):
                t = (x - mean[j]) * half[j]
                total += half[j] * exp(-t * t)
            density[i] += total * (_PEAK / math.sqrt(0.5))
            error[i] += beyond
    else:
        grid, cells = _tabulate(mean, sigma, s, h, origin, np.int64(nodes) + 1, reach)
        _read(points, grid, cells, s, h, origin, beyond, density, error)


@inlined
def _tabulate(mean, sigma, s, h, origin, nodes, reach):
    """The density at the nodes, and the bound on the error of reading it, in cells of 2 s."""
    grid = np.zeros(nodes)
    cell = _CELL * s
    cells = np.zeros(np.int64(nodes * h / cell) + 1)
    slack = 0.5 * cell + 0.5 * _NODES * h  # from the centre of a cell to the end of a stencil read in it
    for j in range(mean.size):
        width, weight, step = sigma[j], _PEAK / sigma[j], math.sqrt(0.5) * h / sigma[j]
        first = np.int64((mean[j] - reach * width - origin) / h) + 1
        last = np.int64((mean[j] + reach * width - origin) / h) + 1
        offset = (origin - mean[j]) / h + first
        row = grid[first:last]
        for k in range(row.size):
            t = (offset + k) * step
            row[k] += weight * exp(-t * t)
        remainder = weight * _REMAINDER * (h / width) ** _NODES
        wide = math.sqrt(2.0) * reach * width + slack
        first = max(0, np.int64((mean[j] - wide - origin) / cell))
        last = min(cells.size, np.int64((mean[j] + wide - origin) / cell) + 1)
        for k in range(first, last):
            t = max(0.0, abs(origin + (k + 0.5) * cell - mean[j]) - slack) / (2 * width)
            cells[k] += remainder * exp(-t * t)
    return grid, cells


@inlined
def _read(points, grid, cells, s, h, origin, beyond, density, error):
    """Lagrange's formula through the 12 nodes around each point."""
    scale = np.empty(_NODES)
    for k in range(_NODES):
        scale[k] = 1.0
        for m in range(_NODES):
            if m != k:
                scale[k] /= k - m
    after = np.empty(_NODES + 1)
    for i in range(points.size):
        place = (points[i] - origin) / h
        first = np.int64(math.floor(place)) - (_NODES // 2 - 1)
        error[i] += beyond
        if not (place > 0 and first >= 0 and first + _NODES <= grid.size):
            continue  # beyond everybody's reach
        t = place - first
        after[_NODES] = 1.0
        for k in range(_NODES - 1, 0, -1):
            after[k] = after[k + 1] * (t - k)
        before, total = 1.0, 0.0
        for k in range(_NODES):
            total += grid[first + k] * scale[k] * before * after[k + 1]
            before *= t - k
        density[i] += total
        error[i] += cells[np.int64(place * h / (_CELL * s))]


@parallel_for
def _all(first, last, stray, points, mean, scale, log_scale, log_q, error):
    """Points that are far from everything: all posteriors, relative to the largest term."""
    for place in range(first * _ROWS, min(last * _ROWS, stray.size)):
        i = stray[place]
        x = np.float64(points[i])
        top = -np.inf
        for j in range(mean.size):
            t = (x - mean[j]) * scale[j]
            top = max(top, log_scale[j] - 0.5 * t * t)
        total = 0.0
        for j in range(mean.size):
            t = (x - mean[j]) * scale[j]
            total += exp(log_scale[j] - 0.5 * t * t - top)
        log_q[i] = top + math.log(total * _PEAK / mean.size)
        error[i] = 1e-13 * (1 + abs(top))
