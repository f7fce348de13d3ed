"""Fisher-Yates shuffles, a column a chunk, each with its own stream of random numbers."""

import numpy as np
from torch import Tensor

from .._cpu.arrays import as_array, as_tensor
from .._cpu.parallel_for import parallel_for
from .._cpu.splitmix import INCREMENT, below, stream
from .._cpu.threads import thread_count

_STEP_NS = 2.5  # an element on one thread
_ROWS = 256  # of a chunk that is interleaved


@parallel_for
def _shuffle(first, last, seed, z, columns):
    """columns[d] = a shuffle of z[:, d], built from the top: entry i swaps with one of the i + 1 so far."""
    for d in range(first, last):
        state, column = stream(seed, d), columns[d]
        for i in range(column.size):
            state += INCREMENT
            j = below(state, i + 1)
            column[i] = column[j]
            column[j] = z[i, d]


@parallel_for
def _unshuffle(first, last, seed, grad, columns):
    """columns[d, p(i)] = grad[i, d] for the permutation p that _shuffle drew."""
    origin = np.empty(grad.shape[0], np.int64)
    for d in range(first, last):
        state = stream(seed, d)
        for i in range(origin.size):
            state += INCREMENT
            j = below(state, i + 1)
            origin[i] = origin[j]
            origin[j] = i
        for i in range(origin.size):
            columns[d, origin[i]] = grad[i, d]


@parallel_for
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


def _run(kernel, values: Tensor, seed: Tensor) -> Tensor:
    source = as_array(values)
    batch, latent = source.shape
    out, work = np.empty_like(source), _STEP_NS * source.size
    alone = thread_count(work) == 1
    columns = out.T if alone else np.empty((latent, batch), source.dtype)
    kernel(latent, work, np.uint64(seed.item()), source, columns)
    if not alone:
        _interleave(-(-batch // _ROWS), work, _ROWS, columns, out)  # the threads are awake
    return as_tensor(out, values.dtype)
