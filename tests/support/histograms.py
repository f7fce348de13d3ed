"""NumPy's binning, one sample at a time, and codes that are easy to bin wrongly."""

import numpy as np


def edges_of(codes: np.ndarray, bins: int) -> np.ndarray:
    return np.stack([np.histogram_bin_edges(column, bins) for column in codes.T])


def counted(codes: np.ndarray, factors: np.ndarray, bins: int, sizes: list[int]) -> np.ndarray:
    """np.histogram and np.digitize as the field calls them, then one increment at a time."""
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    counts = np.zeros((codes.shape[1], bins, offsets[-1]), np.int64)
    for d, column in enumerate(codes.T):
        numbers = np.digitize(column, np.histogram(column, bins)[1][:-1]) - 1
        for number, row in zip(numbers, factors, strict=True):
            for k, value in enumerate(row):
                counts[d, number, offsets[k] + value] += 1
    return counts


def awkward(name: str, samples: int, dtype: type, rng: np.random.Generator) -> np.ndarray:
    """Codes whose binning is easy to get wrong."""
    x = rng.standard_normal((samples, 3))
    if name == "on the edges":
        x = rng.integers(0, 21, (samples, 3)) / 20
    elif name == "constant":
        x[:, 1] = -2.5
    elif name == "two values":
        x = (x > 0).astype(float)
    elif name == "far from zero":  # edges lie closer than float32 resolves
        x = 1000 + x * 1e-3
    elif name == "huge":
        x = x * 1e37
    elif name == "tiny":
        x = x * 1e-40
    elif name == "one outlier":
        x[0] = 1e6
    elif name == "neighbours":
        x = np.nextafter(dtype(1), dtype(2)) - 1 + np.round(x)
    return np.ascontiguousarray(x.astype(dtype))
