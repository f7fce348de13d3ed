"""CelebA: photographs of faces. Liu et al. 2015 (Deep Learning Face Attributes in the Wild)."""

from pathlib import Path

import numpy as np

from .. import expected
from ..cached import stamp, unpacked
from ..factors import Table
from ..image_dataset import ImageDataset, StrPath
from ..pictures import decoded
from ..pixels import ArrayPixels

COUNT, ATTRIBUTES = 202_599, 40
SIDE = 64  # scaled from 178 x 218
PICTURES, LABELS = "img_align_celeba", "list_attr_celeba.txt"


def celeba(path: StrPath, *, cache_dir: StrPath | None = None) -> ImageDataset:
    """Open CelebA: 202,599 faces with 40 attributes, of which none is a known factor of variation.

    The aligned pictures of 178 x 218 are scaled to 64 x 64 by Lanczos's filter, once, and kept: that takes
    minutes. Scores against the attributes say how well they can be predicted from the codes, no more.

    Args:
        path: a folder with ``img_align_celeba/*.jpg`` and ``list_attr_celeba.txt``, from
            https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html.
        cache_dir: where the scaled images are kept (2.5 GB).

    Returns:
        202,599 images (3, 64, 64) with 40 attributes of two classes each, -1 and 1, as their factors.

    Raises:
        FileNotFoundError: there is no folder at path, or it lacks one of the two.
        ValueError: pictures or rows of the list are missing, or cannot be read.
        OSError: the images cannot be kept.

    Example:
        >>> import fastdis
        >>> fastdis.data.celeba("celeba/")  # doctest: +SKIP
    """
    path = Path(path)
    expected.folder("celeba", path / PICTURES, f"a folder with {PICTURES}/ and {LABELS} in it")
    files = sorted((path / PICTURES).glob("*.jpg"))
    if len(files) != COUNT:
        raise ValueError(f"celeba: {path / PICTURES} must hold {COUNT:,} pictures, but holds {len(files):,}")
    labels = _attributes(path / LABELS, [file.name for file in files])
    shape = (SIDE, SIDE, 3)
    parts = decoded(files, shape, function="celeba", channels=3, size=SIDE)
    images = unpacked("celeba", path, map(stamp, files), (COUNT, *shape), parts, cache_dir)
    source = f"CelebA, read from {path}, scaled to {SIDE} x {SIDE}"
    return ImageDataset(ArrayPixels(images, True), labels, source)


def _attributes(path: Path, names: list[str]) -> Table:
    """The number of pictures, the attributes' names, then a row a picture: its name and -1 or 1 of each."""
    if not path.is_file():
        raise FileNotFoundError(f"celeba: path must hold {LABELS}; there is none at {path}")
    try:
        _, header, *rows = path.read_text().splitlines()
        attributes = header.split()
        cells = {name: values for name, *values in (row.split() for row in rows)}
        matrix = np.array([cells[name] for name in names]).astype(np.int64)
    except (ValueError, KeyError) as error:  # an incomplete row, a picture without one, what is no number
        matrix, attributes, reason = np.zeros((0, 0), np.int64), [], f": {error}"
    else:
        reason = ""
    if (
        matrix.shape != (len(names), ATTRIBUTES)
        or len(attributes) != ATTRIBUTES
        or set(matrix.flat) - {-1, 1}
    ):
        raise ValueError(
            f"celeba: {path} must hold the number of pictures, the names of {ATTRIBUTES} attributes and, for "
            f"each of {len(names):,} pictures, a row of its name and {ATTRIBUTES} numbers, -1 or 1, but does "
            f"not{reason}"
        )
    values = np.array([-1, 1])
    return Table(len(names), dict.fromkeys(attributes, values), [(column + 1) // 2 for column in matrix.T])
