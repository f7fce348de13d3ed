"""The HDF5 twin of the official npz, whatever its chunks."""

from collections.abc import Iterable
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ..kernels.sprites import SIDE
from . import layout

_MB = 2**20
_LARGE = 48 * _MB


def read_hdf5(path: Path, factor_sizes: tuple[int, ...]) -> NDArray[np.uint8]:
    """The images as (count, 512) packed bits.

    A compressed chunk can only be read whole: one of more than 48 MB takes three times its size.
    """
    count = prod(factor_sizes)
    packed = np.zeros((count, SIDE, SIDE // 8), np.uint8)
    with h5py.File(path, "r") as file:
        arrays: dict[str, Any] = {}
        file.visititems(
            lambda name, item: arrays.update({name: item}) if isinstance(item, h5py.Dataset) else None
        )
        for name, shape, dtype in (
            ("latents/classes", (count, len(factor_sizes)), np.int64),
            ("imgs", (count, SIDE, SIDE), np.uint8),
        ):
            layout.check_present(path, name, arrays)
            layout.check_array(path, name, shape, dtype, (arrays[name].shape, arrays[name].dtype))
        layout.check_order(path, factor_sizes, arrays["latents/classes"][:], 0)
        for images, rows, columns in _slabs(arrays["imgs"]):
            block = arrays["imgs"][images, rows, columns]
            layout.check_binary(path, block)
            if columns.start % 8 or columns.stop % 8:
                block = np.pad(block, ((0, 0), (0, 0), (columns.start % 8, -columns.stop % 8)))
            of_row = slice(columns.start // 8, -(-columns.stop // 8))
            packed[images, rows, of_row] |= np.packbits(block).reshape(*block.shape[:2], -1)
    return packed.reshape(count, -1)


def _slabs(dataset: Any) -> Iterable[tuple[slice, slice, slice]]:
    """Parts of (images, rows, columns) made of whole chunks, so that every chunk is decompressed once.

    First as wide as an image, because bits are packed along rows. Then small: HDF5 scatters the published
    chunks of (23040, 2, 4) twice as fast into a block that the cache holds.
    """
    slab = list(dataset.chunks or (1, 1, 1))
    if prod(slab) > _LARGE and dataset.id.get_create_plist().get_nfilters() == 0:
        slab = [1, 1, 1]  # of such a chunk HDF5 reads the part it is asked for
    for axis, size in ((2, _LARGE), (1, 4 * _MB), (0, 4 * _MB)):
        slab[axis] = min(dataset.shape[axis], slab[axis] * max(1, size // prod(slab)))
    images, rows, columns = (
        [slice(first, min(first + step, size)) for first in range(0, size, step)]
        for step, size in zip(slab, dataset.shape, strict=True)
    )
    return product(images, rows, columns)
