"""Fisher-Yates shuffles, a column a chunk, each with its own stream of random numbers."""

import numpy as np
from torch import Tensor

from .._numba import array, launch, njit, tensor

_STEP_NS = 4.0  # an element on one thread

# Steele, Lea & Flood 2014: SplitMix64
_INCREMENT = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_UNIT = 2.0**-53


@njit
def _mix(state):
    state = (state ^ (state >> np.uint64(30))) * _FIRST
    state = (state ^ (state >> np.uint64(27))) * _SECOND
    return state ^ (state >> np.uint64(31))


@njit
def _stream(seed, column):
    """The first state of a column's stream: streams of different columns start at unrelated places."""
    return _mix(seed + _mix(np.uint64(column) + _INCREMENT))


@njit
def _below(state, limit):
    """Uniform over 0 .. limit - 1, from 53 random bits."""
    return np.int64(np.float64(_mix(state) >> np.uint64(11)) * _UNIT * limit)


@njit
def _shuffle(first, last, seed, z, out):
    """out[:, d] = a shuffle of z[:, d], built from the top: entry i swaps with one of the i + 1 so far."""
    for d in range(first, last):
        state = _stream(seed, d)
        for i in range(z.shape[0]):
            state += _INCREMENT
            j = _below(state, i + 1)
            out[i, d] = out[j, d]
            out[j, d] = z[i, d]


@njit
def _unshuffle(first, last, seed, grad, out):
    """out[p(i), d] = grad[i, d] for the permutation p that _shuffle drew."""
    origin = np.empty(grad.shape[0], np.int64)
    for d in range(first, last):
        state = _stream(seed, d)
        for i in range(origin.size):
            state += _INCREMENT
            j = _below(state, i + 1)
            origin[i] = origin[j]
            origin[j] = i
        for i in range(origin.size):
            out[origin[i], d] = grad[i, d]


def permute_dims(z: Tensor, seed: Tensor) -> Tensor:
    return _run(_shuffle, z, seed)


def backward(grad: Tensor, seed: Tensor) -> Tensor:
    return _run(_unshuffle, grad, seed)


def _run(worker, values: Tensor, seed: Tensor) -> Tensor:
    source = array(values)
    out = np.empty_like(source)
    launch(worker, values.shape[1], _STEP_NS * source.size, np.uint64(seed.item()), source, out)
    return tensor(out, values.dtype)
