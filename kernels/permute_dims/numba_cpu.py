"""Fisher-Yates shuffles, a column a chunk, each with its own stream of random numbers."""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from torch import Tensor

from .._numba import array, launch, njit, tensor, threads

_STEP_NS = 2.5  # an element on one thread
_ROWS = 256  # of a chunk that is interleaved

# Steele, Lea & Flood 2014: SplitMix64
_INCREMENT = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


@njit
def _mix(state):
    state = (state ^ (state >> np.uint64(30))) * _FIRST
    state = (state ^ (state >> np.uint64(27))) * _SECOND
    return state ^ (state >> np.uint64(31))


@njit
def _stream(seed, column):
    """The first state of a column's stream: streams of different columns start at unrelated places."""
    return _mix(seed + _mix(np.uint64(column) + _INCREMENT))


@intrinsic
def _high_half(typingctx, a, b):
    """Of the product of two uint64."""

    def codegen(context, builder, signature, arguments):
        wide = ir.IntType(128)
        a, b = (builder.zext(value, wide) for value in arguments)
        return builder.trunc(builder.lshr(builder.mul(a, b), wide(64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), codegen


@njit
def _below(state, limit):
    """Uniform over 0 .. limit - 1: the state's 64 random bits are a fraction of limit."""
    return np.int64(_high_half(_mix(state), np.uint64(limit)))


@njit
def _shuffle(first, last, seed, z, columns):
    """columns[d] = a shuffle of z[:, d], built from the top: entry i swaps with one of the i + 1 so far."""
    for d in range(first, last):
        state, column = _stream(seed, d), columns[d]
        for i in range(column.size):
            state += _INCREMENT
            j = _below(state, i + 1)
            column[i] = column[j]
            column[j] = z[i, d]


@njit
def _unshuffle(first, last, seed, grad, columns):
    """columns[d, p(i)] = grad[i, d] for the permutation p that _shuffle drew."""
    origin = np.empty(grad.shape[0], np.int64)
    for d in range(first, last):
        state = _stream(seed, d)
        for i in range(origin.size):
            state += _INCREMENT
            j = _below(state, i + 1)
            origin[i] = origin[j]
            origin[j] = i
        for i in range(origin.size):
            columns[d, origin[i]] = grad[i, d]


@njit
def _interleave(first, last, rows, columns, out):
    """out = columns.T, by chunks of rows: threads that wrote columns of out would share its cache lines."""
    latent, batch = columns.shape
    for i in range(first * rows, min(last * rows, batch)):
        for d in range(latent):
            out[i, d] = columns[d, i]


def permute_dims(z: Tensor, seed: Tensor) -> Tensor:
    return _run(_shuffle, z, seed)


def backward(grad: Tensor, seed: Tensor) -> Tensor:
    return _run(_unshuffle, grad, seed)


def _run(worker, values: Tensor, seed: Tensor) -> Tensor:
    source = array(values)
    batch, latent = source.shape
    out, work = np.empty_like(source), _STEP_NS * source.size
    alone = threads(work) == 1
    columns = out.T if alone else np.empty((latent, batch), source.dtype)
    launch(worker, latent, work, np.uint64(seed.item()), source, columns)
    if not alone:
        launch(_interleave, -(-batch // _ROWS), work, _ROWS, columns, out)  # the threads are awake
    return tensor(out, values.dtype)
