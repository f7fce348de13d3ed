"""Philox for many indices: four words at a time, each index by itself."""

import numpy as np

from .._cpu.parallel_for import parallel_for
from .reference import KEY_STEPS, MULTIPLIERS, ROUNDS

_CHUNK = 256  # indices
_BLOCK_NS = 25  # ten rounds of four words


@parallel_for
def _random_words(first, last, seed, indices, stream, words):
    mask, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    for i in range(first * _CHUNK, min(last * _CHUNK, len(indices))):
        index = np.uint64(indices[i])
        for start in range(0, words.shape[1], 4):
            c0, c1, c2, c3 = index & mask, index >> half, np.uint64(start // 4), np.uint64(stream)
            k0, k1 = np.uint64(seed) & mask, np.uint64(seed) >> half
            for _ in range(ROUNDS):
                one, two = c0 * np.uint64(MULTIPLIERS[0]), c2 * np.uint64(MULTIPLIERS[1])
                c0, c1 = (two >> half) ^ c1 ^ k0, two & mask
                c2, c3 = (one >> half) ^ c3 ^ k1, one & mask
                k0, k1 = (k0 + np.uint64(KEY_STEPS[0])) & mask, (k1 + np.uint64(KEY_STEPS[1])) & mask
            four = (c0, c1, c2, c3)
            for w in range(start, min(start + 4, words.shape[1])):
                words[i, w] = four[w - start]


def random_words(seed: int, indices: np.ndarray, count: int, stream: int) -> np.ndarray:
    """(n, count) random words of the indices (n,)."""
    words = np.empty((len(indices), count), np.uint32)
    work = _BLOCK_NS * len(indices) * -(-count // 4)
    _random_words(-(-len(indices) // _CHUNK), work, seed, np.asarray(indices, np.int64), stream, words)
    return words
