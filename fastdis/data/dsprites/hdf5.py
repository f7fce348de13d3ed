"""The HDF5 twin of the official npz, whatever its chunks."""

import zlib
from collections.abc import Iterable, Iterator
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ...kernels.sprites import SIDE
from .. import expected
from . import layout

Part = tuple[slice, slice, slice]  # images, rows, columns

_MB = 2**20
_LARGE = 48 * _MB  # a chunk above this is not read whole, if that can be helped


def read_hdf5(path: Path, factor_sizes: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read the images as (count, 512) packed bits.

    A chunk that is compressed by other means than gzip is held whole in memory, twice.
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
            expected.present("dsprites", path, name, arrays)
            found = arrays[name].shape, arrays[name].dtype
            expected.array("dsprites", path, name, shape, dtype, found)
        expected.order("dsprites", path, "latent classes", factor_sizes, arrays["latents/classes"][:])
        for (images, rows, columns), block in _blocks(arrays["imgs"]):
            layout.check_binary(path, block)
            if columns.start % 8 or columns.stop % 8:
                block = np.pad(block, ((0, 0), (0, 0), (columns.start % 8, -columns.stop % 8)))
            of_row = slice(columns.start // 8, -(-columns.stop // 8))
            packed[images, rows, of_row] |= np.packbits(block).reshape(*block.shape[:2], -1)
    return packed.reshape(count, -1)


def _blocks(imgs: Any) -> Iterator[tuple[Part, NDArray[np.uint8]]]:
    chunk = imgs.chunks or (1, 1, 1)
    if prod(chunk) > _LARGE:
        if imgs.compression == "gzip":
            yield from _inflated(imgs)
            return
        if imgs.id.get_create_plist().get_nfilters() == 0:
            chunk = (1, 1, 1)  # HDF5 reads only the part that it is asked for
    for part in _slabs(imgs.shape, chunk):
        yield part, imgs[part]


def _slabs(shape: tuple[int, ...], chunk: tuple[int, ...]) -> Iterable[Part]:
    """Parts made of whole chunks, so that every chunk is decompressed once.

    First as wide as an image, because bits are packed along rows. Then small: HDF5 scatters the published
    chunks of (23040, 2, 4) twice as fast into a block that the cache holds.
    """
    slab = list(chunk)
    for axis, size in ((2, _LARGE), (1, 4 * _MB), (0, 4 * _MB)):
        slab[axis] = min(shape[axis], slab[axis] * max(1, size // prod(slab)))
    images, rows, columns = (
        [slice(first, min(first + step, size)) for first in range(0, size, step)]
        for step, size in zip(slab, shape, strict=True)
    )
    return product(images, rows, columns)


def _inflated(imgs: Any) -> Iterator[tuple[Part, NDArray[np.uint8]]]:
    """Parts of a few images of each chunk, decompressed here: HDF5 would decompress all of it at once.

    The other filters of HDF5 do nothing to single bytes (shuffle) or add a checksum at the end.
    """
    height, width = imgs.chunks[1:]
    step = max(1, 4 * _MB // (height * width))
    for images, rows, columns in imgs.iter_chunks():
        _, data = imgs.id.read_direct_chunk((images.start, rows.start, columns.start))
        inflate = zlib.decompressobj()
        for first in range(images.start, images.stop, step):
            part = slice(first, min(first + step, images.stop))
            size = (part.stop - first) * height * width
            pixels = inflate.decompress(data, size)
            data = inflate.unconsumed_tail
            if len(pixels) < size:
                raise EOFError("a chunk of imgs ends early")
            block = np.frombuffer(pixels, np.uint8).reshape(-1, height, width)
            yield (part, rows, columns), block[:, : rows.stop - rows.start, : columns.stop - columns.start]
