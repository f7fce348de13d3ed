"""Philox4x32-10 and the three nuisances in NumPy: the specification."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..counter_random import reference as counter_random
from ..counter_random.reference import KEY_STEPS, ROUNDS, WORD


@lru_cache(maxsize=16)
def round_keys(seed: int) -> NDArray[np.uint32]:
    """(ROUNDS, 2), read-only: the two halves of the seed, which grow by a constant from round to round."""
    halves = np.array([seed & WORD, seed >> 32], np.uint64)
    keys = halves + np.arange(ROUNDS, dtype=np.uint64)[:, None] * np.array(KEY_STEPS, np.uint64)
    keys = (keys & np.uint64(WORD)).astype(np.uint32)
    keys.flags.writeable = False
    return keys


def philox(counters: NDArray[np.uint32], seed: int) -> NDArray[np.uint32]:
    """(..., 4) random words of the counters (..., 4)."""
    by_word = np.moveaxis(counters.astype(np.uint64), -1, 0)
    random = counter_random.philox(by_word, (seed & WORD, seed >> 32))
    return np.moveaxis(random, 0, -1).astype(np.uint32, order="C")


def words(blocks: int, images: NDArray[np.int64], seed: int, visit: int) -> NDArray[np.uint32]:
    """(n, blocks, 4): the first blocks of each image's stream."""
    counters = np.zeros((len(images), blocks, 4), np.uint32)
    counters[..., 0] = np.arange(blocks)
    counters[..., 1] = (images & WORD)[:, None]
    counters[..., 2] = visit
    counters[..., 3] = (images >> 32)[:, None]
    return philox(counters, seed)


def uniform(words: NDArray[np.uint32]) -> NDArray[np.float32]:
    """In [0, 1), multiples of 2^-24."""
    return (words >> 8).astype(np.float32) * np.float32(2.0**-24)


def images(
    nuisance: str,
    packed: NDArray[np.uint8],
    images: NDArray[np.int64],
    size: tuple[int, int],
    seed: int,
    visit: int,
    background: NDArray[np.float32],
) -> NDArray[np.float32]:
    """(n, height, width, 3): the sprites packed (n, bytes), which are those images of the data set."""
    count, (height, width) = len(packed), size
    sprites = np.unpackbits(packed, axis=1).astype(np.float32).reshape(count, height, width, 1)
    if nuisance == "noise":
        drawn = words(3 * height * width // 4, images, seed, visit)
        return np.maximum(sprites, uniform(drawn).swapaxes(1, 2).reshape(count, height, width, 3))
    of_image = words(2, images, seed, visit)
    colors = uniform(of_image[:, 0, :3])[:, None, None]
    if nuisance == "color":
        return sprites * (np.float32(0.5) + np.float32(0.5) * colors)
    free = np.array([background.shape[0] - height + 1, background.shape[1] - width + 1], np.uint64)
    corners = (of_image[:, 1, :2].astype(np.uint64) * free >> np.uint64(32)).astype(np.int64)
    crops = np.empty((count, height, width, 3), np.float32)
    for crop, (y, x) in zip(crops, corners, strict=True):
        crop[:] = background[y : y + height, x : x + width]
    behind = (crops + colors) * np.float32(0.5)
    return np.where(sprites == 1, np.float32(1) - behind, behind)
