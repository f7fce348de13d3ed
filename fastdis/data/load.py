"""A data set from a file or a folder of one's own."""

from collections.abc import Collection, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from .. import _checks
from . import hdf5_file, npz_file
from .arrays import build
from .cached import stamp, unpacked
from .csv_factors import read_csv
from .image_dataset import ImageDataset, StrPath
from .pictures import SUFFIXES, decode, decoded


def load(
    path: StrPath,
    *,
    factors: StrPath | None = None,
    factor_names: Sequence[str] | None = None,
    continuous: Collection[str] | None = None,
    layout: str | None = None,
    size: int | None = None,
    channels: int | None = None,
    cache_dir: StrPath | None = None,
) -> ImageDataset:
    """Open images of one's own: an npz, an HDF5 file or a folder of pictures, with factors or without.

    A file holds the arrays ``images`` and, if the factors are known, ``factors`` and ``factor_names``, with
    shapes, dtypes and rules as in `arrays`. It is mapped or read as images are asked for, and may be larger
    than memory. Only an npz that is compressed, and an HDF5 file whose chunks hold pieces of more than 32
    images, are unpacked: into memory, and from 256 MB on into a file in the user's cache directory that is
    used again.

    Of a folder all pictures are taken, in the order of their paths, those of folders in it too. They are
    decoded once, and kept likewise. The factors come from ``factors.csv`` in the folder, if there is one: a
    first row of names, then a row for each picture, in any order, that begins with its path in the folder.
    A column of numbers is a factor by the rules of `arrays`, any other column is one of classes; an empty
    cell is a missing label.

    Args:
        path: the file or folder.
        factors: another CSV file, for a folder.
        factor_names: of the columns of a file's ``factors``, if it does not hold them itself.
        continuous: all factors whose numbers are not classes, as in `arrays`.
        layout: "nhw", "nhwc" or "nchw" for a file, as in `arrays`.
        size: height and width to which pictures of a folder are scaled, by Lanczos's filter; they must all
            be of one size otherwise.
        channels: 1 makes all pictures of a folder grey, 3 makes them colour; by default they are what the
            first one is.
        cache_dir: where unpacked images are kept.

    Raises:
        FileNotFoundError: there is nothing at path, no picture in the folder, or no such CSV file.
        TypeError: images or factors of another dtype; object arrays are never unpickled.
        ValueError: what is at path is something else, cut short or damaged, or does not fit together; the
            message names it, what was expected and what came.
        OSError: unpacked images cannot be kept.

    Example:
        >>> import tempfile
        >>> rng = np.random.default_rng(0)
        >>> path = Path(tempfile.mkdtemp()) / "mine.npz"
        >>> images = rng.integers(256, size=(50, 64, 64, 3), dtype=np.uint8)
        >>> np.savez(path, images=images, factors=rng.random((50, 1)), factor_names=["angle"])
        >>> data = load(path)
        >>> len(data), data.image_shape, data.factor_names, data.factor_sizes
        (50, (3, 64, 64), ('angle',), (None,))
    """
    path = Path(path)
    if path.is_dir():
        _none("a folder of pictures", factor_names=factor_names, layout=layout)
        return _folder(path, factors, continuous, size, channels, cache_dir)
    if not path.is_file():
        raise FileNotFoundError(
            f"load: path must be an npz, an HDF5 file or a folder of pictures; there is nothing at {path}"
        )
    _none("a file of arrays", factors=factors, size=size, channels=channels)
    import h5py

    with path.open("rb") as file:
        is_npz = file.read(4) == b"PK\3\4"
    if not is_npz and not h5py.is_hdf5(path):
        raise ValueError(
            f"load: {path} must be an npz, an HDF5 file or a folder of pictures, but is none of them"
        )
    images, labels, names = (_of_npz if is_npz else _of_hdf5)(path, cache_dir)
    if names is not None and factor_names is None:
        factor_names = [str(name) for name in names]
    return build("load", f"images of {path}", images, labels, factor_names, continuous, layout, str(path))


def _none(kind: str, **arguments: Any) -> None:
    for name, value in arguments.items():
        if value is not None:
            raise ValueError(f"load: {name} must be None for {kind}, got {value!r}")


def _of_npz(path: Path, cache_dir: StrPath | None) -> tuple[Any, Any, Any]:
    with npz_file.opened("load", path, "npz") as archive:
        images = npz_file.array("load", path, archive, "images", cache_dir)
        factors, names = (
            np.asarray(npz_file.array("load", path, archive, name, cache_dir))
            if f"{name}.npy" in archive.namelist()
            else None
            for name in ("factors", "factor_names")
        )
    return images, factors, names


def _of_hdf5(path: Path, cache_dir: StrPath | None) -> tuple[Any, Any, Any]:
    import h5py

    def optional(name: str) -> Any:
        if name not in file:
            return None
        array = hdf5_file.dataset("load", path, file, name)
        return array.asstr()[()].astype(str) if h5py.check_string_dtype(array.dtype) else array[()]

    with hdf5_file.opened("load", path, "HDF5 file") as file:
        found = hdf5_file.dataset("load", path, file, "images")
        if found.ndim not in (3, 4) or found.dtype.kind not in "uifb":
            raise TypeError(
                f"load: images of {path} must be numbers of 3 or 4 axes, got {found.dtype} of shape "
                f"{found.shape}"
            )
        images = hdf5_file.images("load", path, found, cache_dir)
        factors, names = optional("factors"), optional("factor_names")
    return images, factors, names


def _folder(
    path: Path,
    factors: str | PathLike[str] | None,
    continuous: Collection[str] | None,
    size: int | None,
    channels: int | None,
    cache_dir: StrPath | None,
) -> ImageDataset:
    if size is not None:
        size = _checks.integer("load", "size", size)
    if channels is not None and channels not in (1, 3):
        raise ValueError(f"load: channels must be 1 or 3, got {channels}")
    pictures = sorted(
        file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    )
    if not pictures:
        raise FileNotFoundError(
            f"load: {path} must hold pictures ({', '.join(SUFFIXES)}), but there is none in it"
        )
    shape = decode(pictures[0], function="load", channels=channels, size=size).shape
    names = [picture.relative_to(path).as_posix() for picture in pictures]
    csv = path / "factors.csv" if factors is None else Path(factors)
    labels = None if factors is None and not csv.exists() else read_csv("load", csv, names)
    parts = decoded(pictures, shape, function="load", channels=channels, size=size)
    version = [shape, *((name, *stamp(picture)) for name, picture in zip(names, pictures, strict=True))]
    images = unpacked("load", path, version, (len(pictures), *shape), parts, cache_dir)
    return build("load", f"pictures of {path}", images, labels, None, continuous, "nhwc", str(path))
