"""Philox4x32-10 in plain NumPy: the specification."""

import numpy as np
from numpy.typing import NDArray

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
WORD = 0xFFFFFFFF  # the lowest 32 bits


def philox(counter: NDArray[np.uint64], key: tuple[int, int]) -> NDArray[np.uint64]:
    """(4, ...) counters to (4, ...) random words, both below 2**32."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        first, second = c0 * np.uint64(MULTIPLIERS[0]), c2 * np.uint64(MULTIPLIERS[1])
        c0, c1 = (second >> 32) ^ c1 ^ np.uint64(k0), second & WORD
        c2, c3 = (first >> 32) ^ c3 ^ np.uint64(k1), first & WORD
        k0, k1 = (k0 + KEY_STEPS[0]) & WORD, (k1 + KEY_STEPS[1]) & WORD
    return np.stack([c0, c1, c2, c3])


def random_words(seed: int, indices: NDArray[np.int64], words: int, stream: int) -> NDArray[np.uint32]:
    """(n, words) random words of the indices (n,)."""
    index = indices.astype(np.uint64)
    blocks = []
    for block in range(-(-words // 4)):
        rest = np.broadcast_to(np.array([[block], [stream]], np.uint64), (2, len(index)))
        blocks.append(philox(np.stack([index & WORD, index >> 32, *rest]), (seed & WORD, seed >> 32)))
    return np.concatenate(blocks)[:words].T.astype(np.uint32, order="C")
