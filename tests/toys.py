"""A data set small enough to train and score in a second: bright squares on a dark field."""

import numpy as np

from fastdis.data import FactorDataset
from fastdis.kernels.packed_images import pack


def squares() -> FactorDataset:
    """96 images: one colour, 2 sizes, 6 rows and 8 columns."""
    images = np.zeros((2, 6, 8, 1, 64, 64), np.uint8)
    for size, row, column in np.ndindex(2, 6, 8):
        side = 6 + 6 * size
        images[size, row, column, 0, 8 * row : 8 * row + side, 6 * column : 6 * column + side] = 1
    sizes = {"color": 1, "size": 2, "row": 6, "column": 8}
    values = {name: np.arange(size, dtype=float) for name, size in sizes.items()}
    return FactorDataset(pack(images.reshape(96, 1, 64, 64)), values, (1, 64, 64), "squares")
