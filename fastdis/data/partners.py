"""Partners that differ from an image in a few factors: drawn on a grid, found where there is none."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DENSE = 0.05  # share of all combinations that must exist for drawing to be worth while
_DRAWS = 64  # of what may not exist
_ROUNDS, _CHANGES = 8, 32  # of searching: how often, and for how many sets of factors each time

Classes = NDArray[np.int64]


def drawn(classes: Classes, sizes: NDArray[np.int64], k: int | None, rng: np.random.Generator) -> Classes:
    """Draw the classes (n, factors) of partners: k factors that vary change, to another value each.

    k is uniform in 1, ..., K - 1 where it is None. Which factors change, and their new values, are uniform.
    """
    varying, count = np.flatnonzero(sizes > 1), len(classes)
    changes = rng.integers(1, len(varying), count) if k is None else np.full(count, k)
    rank = rng.random((count, len(varying))).argsort(axis=1)  # a permutation of the factors in each row
    moved = rng.integers(1, sizes[varying], (count, len(varying)))  # by how many values, around the end
    moved *= rank < changes[:, None]
    partners = classes.copy()
    partners[:, varying] += moved
    partners %= sizes
    return partners


def found(pool: Classes, rows: NDArray[np.int64], k: int | None, rng: np.random.Generator) -> Classes:
    """Find for some rows of a pool (m, factors) the row that is the partner of each.

    Partners are drawn as on a grid, again where there is no such row, if that is promising. Then they are
    sought among the rows that share the other factors, and at last among all rows.

    Raises:
        ValueError: a row has no partner.
    """
    sizes = pool.max(axis=0) + 1
    partners = np.full(len(rows), -1)
    if prod(sizes.tolist()) * _DENSE <= len(pool):
        keys = np.ravel_multi_index(tuple(pool.T), tuple(sizes))
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        for _ in range(_DRAWS):
            left = np.flatnonzero(partners < 0)
            if not left.size:
                break
            wanted = np.ravel_multi_index(tuple(drawn(pool[rows[left]], sizes, k, rng).T), tuple(sizes))
            partners[left] = _one_of(order, keys, wanted, rng)
    pool = pool[:, sizes > 1]
    for _ in range(_ROUNDS):
        _search(pool, rows, partners, k, rng)
    for place in np.flatnonzero(partners < 0):
        differing = (pool != pool[rows[place]]).sum(axis=1)
        fitting = np.flatnonzero(_fits(differing, k, pool.shape[1]))
        if not fitting.size:
            how = f"{k}" if k is not None else f"1 to {pool.shape[1] - 1}"
            raise ValueError(
                f"Pairs: dataset must have a partner for every image, one that differs in {how} of "
                f"{pool.shape[1]} factors, but image {place} has none"
            )
        partners[place] = rng.choice(fitting)
    return partners


def _search(
    pool: Classes, rows: NDArray[np.int64], partners: Classes, k: int | None, rng: np.random.Generator
) -> None:
    """Try some sets of factors that may change: a candidate is any row that shares the other factors."""
    left = np.flatnonzero(partners < 0)
    factors = pool.shape[1]
    which = rng.integers(_CHANGES, size=len(left))
    for change in range(_CHANGES) if left.size else ():
        places = left[which == change]
        changing = rng.permutation(factors)[: rng.integers(1, factors) if k is None else k]
        shared = np.delete(np.arange(factors), changing)
        keys = _keys(pool[:, shared])
        order = np.argsort(keys, kind="stable")
        candidates = _one_of(order, keys[order], keys[rows[places]], rng)
        differing = (pool[candidates] != pool[rows[places]]).sum(axis=1)
        fit = _fits(differing, k, factors)
        partners[places[fit]] = candidates[fit]


def _fits(differing: NDArray[np.int64], k: int | None, factors: int) -> NDArray[np.bool_]:
    return (differing > 0) & (differing < factors) if k is None else differing == k


def _one_of(order: Classes, keys: Classes, wanted: Classes, rng: np.random.Generator) -> Classes:
    """Of the rows with each of the wanted keys one at random, -1 where there is none.

    order: the rows, in the order of their sorted keys.
    """
    first, last = np.searchsorted(keys, wanted, "left"), np.searchsorted(keys, wanted, "right")
    there = first < last
    chosen = np.full(len(wanted), -1)
    chosen[there] = order[rng.integers(first[there], last[there])]
    return chosen


def _keys(classes: Classes) -> Classes:
    """One number for each different row."""
    keys = np.zeros(len(classes), np.int64)
    largest = 1
    for column in classes.T:
        size = int(column.max()) + 1
        if largest * size > 2**62:
            keys = np.unique(keys, return_inverse=True)[1]
            largest = int(keys.max()) + 1
        keys, largest = keys * size + column, largest * size
    return keys


def numbered(labels: NDArray[Any]) -> Classes:
    """Number labels (n, factors) of any kind from 0: equal labels get equal numbers."""
    columns = [np.unique(column, return_inverse=True)[1] for column in labels.T]
    return np.stack(columns, axis=1)
