"""Scenes drawn at random, and the corners of what may be drawn."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def colours_of(rng: np.random.Generator, n: int, channels: int) -> Array:
    """(n, 1) of full white, or (n, 3)."""
    return np.ones((n, 1)) if channels == 1 else rng.random((n, 3))


def flat_scenes(
    n: int, side: int, channels: int = 1, seed: int = 0
) -> tuple[NDArray[np.int64], Array, Array]:
    """Shapes, placements and colours of n scenes, all shapes in turn, wholly inside the frame."""
    rng = np.random.default_rng(seed)
    unit = side / 64
    x, y = unit * (16 + 32 * rng.random((2, n)))
    scale, angle = unit * (0.5 + 0.5 * rng.random(n)), 2 * np.pi * rng.random(n)
    return np.arange(n) % 3, np.stack([x, y, scale, angle], axis=1), colours_of(rng, n, channels)


def solid_scenes(n: int, channels: int = 3, seed: int = 0) -> tuple[NDArray[np.int64], Array, Array]:
    """The same in space: x, y, z from -7 to 7 and two angles."""
    rng = np.random.default_rng(seed)
    placements = np.concatenate([rng.uniform(-7, 7, (n, 3)), rng.uniform(-np.pi, np.pi, (n, 2))], axis=1)
    return np.arange(n) % 3, placements, colours_of(rng, n, channels)
