"""The official npz, read and written a few megabytes at a time: as one array its images would take 3 GB."""

import pickle
import zipfile
from collections.abc import Iterable, Iterator
from math import prod
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._files import atomic_write
from ..._progress import progress_bar
from ...kernels.packed_images import pack
from ...kernels.sprites import SIDE
from .. import expected, npz_file
from ..factor_dataset import FactorDataset
from . import layout

_ROWS = 1024  # of an array, at a time


def read_npz(path: Path, factor_sizes: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read the images as (count, 512) packed bits."""
    count = prod(factor_sizes)
    packed = np.empty((count, SIDE * SIDE // 8), np.uint8)
    with zipfile.ZipFile(path) as archive:
        shape: tuple[int, ...] = (count, len(factor_sizes))
        for first, classes in _blocks(path, archive, "latents_classes", shape, np.int64):
            expected.order("dsprites", path, "latent classes", factor_sizes, classes, first)
        shape = (count, SIDE, SIDE)
        for first, images in _blocks(path, archive, "imgs", shape, np.uint8):
            layout.check_binary(path, images)
            packed[first : first + len(images)] = pack(images)
    return packed


def _blocks(
    path: Path, archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: type
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Blocks of rows of one array, each after the index of its first row."""
    expected.present("dsprites", path, f"{name}.npy", archive.namelist())
    head = npz_file.header(archive, name)
    expected.array("dsprites", path, name, shape, dtype, (head.shape, head.dtype))
    if head.by_columns:
        raise ValueError(f"dsprites: {name} of {path} must be in C order, got Fortran order")
    first = 0
    for block in npz_file.blocks(archive, name, head, _ROWS):
        yield first, block
        first += len(block)


def write_npz(dataset: FactorDataset, path: str | PathLike[str], *, progress: bool = True) -> None:
    """Write a data set in the layout of the official dSprites npz.

    The file holds ``imgs`` (n, height, width) uint8 of 0 and 1, ``latents_values`` (n, factors) float64,
    ``latents_classes`` (n, factors) int64 and ``metadata``, a dict of the factors' names, sizes and possible
    values. As with the official file, ``np.load`` needs ``allow_pickle=True`` and ``encoding="latin1"`` (or
    "bytes") to read the dict. The file appears when it is whole; peak memory is some 50 MB.

    Args:
        dataset: images of one channel.
        path: the file to write or to replace.
        progress: show a progress bar on standard error.

    Raises:
        ValueError: the images have more than one channel.
        OSError: the file cannot be written.

    Example:
        >>> import fastdis
        >>> fastdis.data.write_npz(fastdis.data.dsprites(), "dsprites.npz")  # doctest: +SKIP
    """
    channels, height, width = dataset.image_shape
    if channels != 1:
        raise ValueError(f"write_npz: dataset must have images of 1 channel, got {channels}")
    count, factors = len(dataset), len(dataset.factor_sizes)
    blocks = [slice(first, first + _ROWS) for first in range(0, count, _ROWS)]
    values = list(dataset.factor_values.values())

    def images() -> Iterator[NDArray[Any]]:
        with progress_bar("writing", count, "images", shown=progress) as update:
            for block in blocks:
                rows = dataset.packed[dataset.rows[block]]
                yield np.unpackbits(rows, axis=1, count=height * width)
                update(min(block.stop, count), "")

    def classes() -> Iterator[NDArray[Any]]:
        return (dataset.factors(block) for block in blocks)

    def latents() -> Iterator[NDArray[Any]]:
        for block in classes():
            yield np.stack([values[k][block[:, k]] for k in range(factors)], axis=1)

    with (
        atomic_write(Path(path)) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        _store(archive, "metadata", (), object, [_metadata(dataset)])
        _store(archive, "imgs", (count, height, width), np.uint8, images())
        _store(archive, "latents_classes", (count, factors), np.int64, classes())
        _store(archive, "latents_values", (count, factors), np.float64, latents())


def _store(
    archive: zipfile.ZipFile,
    name: str,
    shape: tuple[int, ...],
    dtype: type,
    blocks: Iterable[bytes | NDArray[Any]],
) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
        np.lib.format.write_array_header_1_0(member, {"descr": descr, "fortran_order": False, "shape": shape})
        for block in blocks:
            member.write(block if isinstance(block, bytes) else block.data)


def _metadata(dataset: FactorDataset) -> bytes:
    metadata = {
        "title": "dSprites dataset",
        "description": dataset.source,
        "version": 1,
        "latents_names": dataset.factor_names,
        "latents_sizes": np.array(dataset.factor_sizes),
        "latents_possible_values": dataset.factor_values,
    }
    return pickle.PROTO + b"\2" + _python2_pickle(np.array(metadata, object)) + pickle.STOP


def _python2_pickle(value: Any) -> bytes:
    """Opcodes that leave value on the stack, with its text as Python 2's str.

    That is what the official file holds: readers get str or bytes as their ``encoding`` asks, and code that
    looks up b"latents_sizes" finds it. Python 3's own pickles would always give str.
    """
    match value:
        case None:
            return pickle.NONE
        case bool():
            return pickle.NEWTRUE if value else pickle.NEWFALSE
        case int():
            return pickle.BININT + value.to_bytes(4, "little", signed=True)
        case str() | bytes():
            text = value.encode() if isinstance(value, str) else value
            return pickle.BINSTRING + len(text).to_bytes(4, "little") + text
        case tuple():
            return pickle.MARK + b"".join(map(_python2_pickle, value)) + pickle.TUPLE
        case list():
            return pickle.EMPTY_LIST + pickle.MARK + b"".join(map(_python2_pickle, value)) + pickle.APPENDS
        case dict():
            items = b"".join(_python2_pickle(key) + _python2_pickle(item) for key, item in value.items())
            return pickle.EMPTY_DICT + pickle.MARK + items + pickle.SETITEMS
        case np.ndarray() | np.dtype():
            reduced: Any = value.__reduce__()
            function, arguments, state = reduced
            made = _python2_pickle(function) + _python2_pickle(arguments) + pickle.REDUCE
            return made + _python2_pickle(state) + pickle.BUILD
        case _:  # NumPy 1 knows numpy.core only, NumPy 2 both
            module = value.__module__.replace("numpy._core", "numpy.core")
            return pickle.GLOBAL + f"{module}\n{value.__name__}\n".encode()
