"""Random words by counter: known answers, the kernel against NumPy, and what does not change them."""

import numpy as np
import pytest

from fastdis.kernels.counter_random import random_words, reference

SEED = 2**62 + 12_345


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [  # the known answers that the authors of Philox publish
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_the_reference_gives_the_known_answers(
    counter: tuple[int, ...], key: tuple[int, int], words: tuple[int, ...]
) -> None:
    assert tuple(reference.philox(np.array(counter, np.uint64), key).tolist()) == words


@pytest.mark.parametrize("words", [1, 4, 7, 9])
def test_the_kernel_is_the_reference_bit_for_bit(words: int) -> None:
    indices = np.random.default_rng(words).integers(2**62, size=1000)
    drawn = random_words(SEED, indices, words, stream=3)
    assert drawn.dtype == np.uint32
    np.testing.assert_array_equal(drawn, reference.random_words(SEED, indices, words, 3))


def test_a_word_belongs_to_its_index_alone() -> None:
    indices = np.arange(5000)
    words = random_words(SEED, indices, 7)
    order = np.random.default_rng(0).permutation(5000)
    np.testing.assert_array_equal(random_words(SEED, indices[order], 7), words[order])
    np.testing.assert_array_equal(random_words(SEED, indices[777:778], 3), words[777:778, :3])
    assert random_words(SEED, indices[:0], 7).shape == (0, 7)


def test_seeds_streams_and_indices_give_other_words() -> None:
    indices = np.arange(1000)
    drawn = [
        random_words(0, indices, 4),
        random_words(1, indices, 4),
        random_words(2**32, indices, 4),
        random_words(0, indices, 4, stream=1),
        random_words(0, indices + 2**32, 4),
    ]
    every = np.concatenate([words.ravel() for words in drawn])
    assert len(np.unique(every)) > len(every) - 20  # 20,000 of 2**32: 0.05 pairs are expected


def test_words_are_uniform_and_not_correlated() -> None:
    words = random_words(0, np.arange(200_000), 8) / 2.0**32
    assert np.abs(words.mean(axis=0) - 0.5).max() < 5 / np.sqrt(12 * 200_000)
    assert np.abs(np.corrcoef(words.T) - np.eye(8)).max() < 5 / np.sqrt(200_000)
