"""SmallNORB: photographs of toys. LeCun, Huang & Bottou 2004."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import expected
from ..cached import stamp, unpacked
from ..factors import Table
from ..image_dataset import ImageDataset, StrPath
from ..pictures import scaled
from ..pixels import ArrayPixels

FACTORS = {
    "category": np.array(["animal", "human", "airplane", "truck", "car"]),
    "elevation": np.arange(30, 75, 5),  # degrees from the horizontal
    "azimuth": np.arange(0, 360, 20),  # degrees; the files have 0, 2, ..., 34
    "lighting": np.arange(6),
}
PARTS = ("smallnorb-5x46789x9x18x6x2x96x96-training", "smallnorb-5x01235x9x18x6x2x96x96-testing")
COUNT = 24_300  # images of a part
SIDE = 64  # of the images, scaled from 96
_DTYPES = {0x1E3D4C55: np.uint8, 0x1E3D4C54: np.int32}
_BLOCK = 300  # images


def smallnorb(path: StrPath, *, cache_dir: StrPath | None = None) -> ImageDataset:
    """Open SmallNORB: 50 toys in 5 categories, photographed from 162 directions in 6 lightings.

    It takes both parts, training and testing, and the first of each pair of cameras. The images are scaled
    from 96 x 96 to 64 x 64 by Lanczos's filter, as the field does, and kept in memory (199 MB). That takes
    some seconds.

    Args:
        path: the folder of ``smallnorb-5x46789x9x18x6x2x96x96-training-dat.mat``, ``-cat.mat`` and
            ``-info.mat`` and of the same three of ``smallnorb-5x01235x9x18x6x2x96x96-testing``, gzipped or
            not, from https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/.
        cache_dir: not needed unless the images take more than 256 MB.

    Returns:
        48,600 images (1, 64, 64) with the factors category 5, elevation 9, azimuth 18 and lighting 6. Each
        combination occurs ten times, since which toy of its category an image shows is not a factor.

    Raises:
        FileNotFoundError: there is no folder at path, or a file is missing.
        ValueError: a file is cut short or is not of SmallNORB.

    Example:
        >>> import fastdis
        >>> fastdis.data.smallnorb("norb/")  # doctest: +SKIP
    """
    path = Path(path)
    expected.folder("smallnorb", path, f"the one of {PARTS[0]}-dat.mat and its five companions")
    images = unpacked(
        "smallnorb",
        path,
        [stamp(_find(path, f"{part}-dat.mat")) for part in PARTS],
        (len(PARTS) * COUNT, SIDE, SIDE, 1),
        (block for part in PARTS for block in _images(_find(path, f"{part}-dat.mat"))),
        cache_dir,
    )
    classes = np.concatenate([_classes(path, part) for part in PARTS])
    labels = Table(len(classes), dict(FACTORS), list(classes.T))
    source = f"SmallNORB, read from {path}, scaled to {SIDE} x {SIDE}"
    return ImageDataset(ArrayPixels(images, True), labels, source)


def _find(path: Path, name: str) -> Path:
    for file in (path / name, path / f"{name}.gz"):
        if file.is_file():
            return file
    raise FileNotFoundError(f"smallnorb: {path} must hold {name} or {name}.gz, but holds neither")


@contextmanager
def _opened(file: Path) -> Iterator[BufferedIOBase]:
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            yield stream
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"smallnorb: {file} must be a whole file of SmallNORB, but is cut short or damaged: {error}"
        ) from error


def _head(file: Path, stream: BufferedIOBase, shape: tuple[int, ...], dtype: type[np.generic]) -> None:
    """Read past the head: a kind of numbers, how many axes, and their sizes, 3 numbers at least."""
    magic, axes = (int(number) for number in _read(stream, np.int32, (2,)))
    if magic not in _DTYPES or not 1 <= axes <= 8:
        raise ValueError(
            f"smallnorb: {file} must begin as a binary matrix of SmallNORB does, but is another file"
        )
    sizes = _read(stream, np.int32, (max(3, axes),))
    found = tuple(int(size) for size in sizes[:axes]), np.dtype(_DTYPES[magic])
    expected.array("smallnorb", file, "the matrix", shape, dtype, found)


def _read(stream: BufferedIOBase, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
    size = np.dtype(dtype).itemsize * prod(shape)
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("the matrix ends early")
    return np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).reshape(shape)


def _end(stream: BufferedIOBase) -> None:
    """Require that nothing follows; gzip compares its checksum when it meets the end."""
    if stream.read(1):
        raise EOFError("something follows the matrix")


def _images(file: Path) -> Iterator[NDArray[np.uint8]]:
    from PIL import Image

    with _opened(file) as stream:
        _head(file, stream, (COUNT, 2, 96, 96), np.uint8)
        for first in range(0, COUNT, _BLOCK):
            pairs = _read(stream, np.uint8, (min(_BLOCK, COUNT - first), 2, 96, 96))
            small = [np.asarray(scaled(Image.fromarray(picture), SIDE)) for picture in pairs[:, 0]]
            yield np.stack(small)[..., None]
        _end(stream)


def _classes(path: Path, part: str) -> NDArray[np.int64]:
    """(COUNT, factors) classes of one part."""
    columns = []
    for name, shape in (("cat", (COUNT,)), ("info", (COUNT, 4))):
        file = _find(path, f"{part}-{name}.mat")
        with _opened(file) as stream:
            _head(file, stream, shape, np.int32)
            columns.append(_read(stream, np.int32, shape).reshape(COUNT, -1))
            _end(stream)
    category, _, elevation, azimuth, lighting = np.concatenate(columns, axis=1).astype(np.int64).T
    classes = np.stack([category, elevation, azimuth // 2, lighting], axis=1)
    sizes = np.array([len(values) for values in FACTORS.values()])
    if (classes < 0).any() or (classes >= sizes).any() or (azimuth % 2).any():
        raise ValueError(
            f"smallnorb: {path / part}-cat.mat and -info.mat must have categories 0 to 4, elevations 0 to 8, "
            "azimuths 0, 2, ..., 34 and lightings 0 to 5, got others"
        )
    return classes
