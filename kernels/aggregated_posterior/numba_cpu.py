"""log q(z) by a k-d tree over the posteriors: in their own float type, then in float64 where it must be."""

import math

import numpy as np
import torch
from torch import Tensor

from .._cpu.arrays import as_array
from . import kd_tree
from .tree_search import ROWS, search

_PILOT = 256  # queries that tell how many pairs there will be
_QUERY_NS = 30_000.0


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
    floors = np.full(len(z), np.nan) if floor is None else as_array(floor)
    return as_array(z), as_array(mean), as_array(logvar), floors


def _evaluate(tree, z, floor, visit, tolerance):
    latent, count = tree.latents.size, tree.order.size
    constant = tree.offset - 0.5 * latent * math.log(2 * math.pi)
    columns = np.zeros((len(z), tree.posteriors.shape[1]), tree.posteriors.dtype)
    columns[:, :latent] = z[:, tree.latents]
    log_q, error = np.full(len(z), np.nan), np.full(len(z), np.nan)
    pairs = np.zeros(-(-visit.size // ROWS), np.int64)
    search(
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
