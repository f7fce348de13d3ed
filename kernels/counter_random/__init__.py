"""Random words that are a pure function of (seed, stream, index): a counter goes in, no state is kept.

Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"). Ten rounds
turn a counter of four words c and a key of two words k into four random words; a round is

    hi, lo = the two words of 0xD2511F53 c0;  Hi, Lo = those of 0xCD9E8D57 c2
    c0, c1, c2, c3 = Hi ^ c1 ^ k0, Lo, hi ^ c3 ^ k1, lo
    k0, k1 = k0 + 0x9E3779B9, k1 + 0xBB67AE85

Here the counter is (low word of the index, high word, block, stream) and the key the two words of the seed.
Word w of an index is word w mod 4 of block w div 4, so a longer row of words begins with the shorter one.

Operations: 20 multiplications of 32-bit words a block; 8 bytes read and 4 written a word.
"""

import numpy as np
from numpy.typing import NDArray


def random_words(seed: int, indices: NDArray[np.int64], words: int, *, stream: int = 0) -> NDArray[np.uint32]:
    """Draw the random words that belong to some indices.

    Args:
        seed: 0 to 2**63 - 1.
        indices: (n,) int64, at least 0, in any order, repeated or not.
        words: how many words an index has, at least 1.
        stream: 0 to 2**32 - 1; two streams have nothing to do with each other.

    Returns:
        (n, words) uint32, each uniform over 0 to 2**32 - 1.

    Example:
        >>> random_words(0, np.array([7, 8]), 2)
        array([[2830310705,  182738035],
               [1069984100, 2693661596]], dtype=uint32)
        >>> random_words(0, np.array([8]), 1)
        array([[1069984100]], dtype=uint32)
    """
    from . import numba_cpu

    return numba_cpu.random_words(seed, indices, words, stream)
