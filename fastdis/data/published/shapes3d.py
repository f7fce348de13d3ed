"""3D Shapes: Burgess & Kim 2018, first used by Kim & Mnih 2018."""

from pathlib import Path

import numpy as np

from .. import expected, hdf5_file
from ..factors import Grid
from ..image_dataset import ImageDataset, StrPath
from ..pixels import ArrayPixels

FACTORS = {
    "floor_hue": np.arange(10) / 10,
    "wall_hue": np.arange(10) / 10,
    "object_hue": np.arange(10) / 10,
    "scale": np.linspace(0.75, 1.25, 8),
    "shape": np.arange(4),
    "orientation": np.linspace(-30, 30, 15),
}


def shapes3d(path: StrPath, *, cache_dir: StrPath | None = None) -> ImageDataset:
    """Open 3D Shapes: a shape in a room, in every combination of six factors.

    Args:
        path: ``3dshapes.h5``, from https://github.com/google-deepmind/3d-shapes.
        cache_dir: where the images are unpacked to (5.9 GB, once) if the file is compressed in chunks of
            many images; they are read from the file itself otherwise.

    Returns:
        480,000 images (3, 64, 64) with the factors floor_hue 10, wall_hue 10, object_hue 10, scale 8, shape 4
        (cube, cylinder, sphere, capsule) and orientation 15 (degrees), the last changing fastest.

    Raises:
        FileNotFoundError: there is no file at path.
        ValueError: the file is cut short or is not 3D Shapes; the message says what was expected.
        OSError: the images cannot be unpacked.

    Example:
        >>> import fastdis
        >>> fastdis.data.shapes3d("3dshapes.h5")  # doctest: +SKIP
    """
    path, grid = Path(path), Grid(FACTORS)
    with hdf5_file.opened("shapes3d", path, "3dshapes.h5") as file:
        images, labels = (hdf5_file.dataset("shapes3d", path, file, name) for name in ("images", "labels"))
        for found, shape, dtype in (
            (images, (len(grid), 64, 64, 3), np.uint8),
            (labels, (len(grid), len(FACTORS)), np.float64),
        ):
            name = found.name.removeprefix("/")
            expected.array("shapes3d", path, name, shape, dtype, (found.shape, found.dtype))
        values = labels[()]
        classes = [np.abs(values[:, [k]] - of).argmin(axis=1) for k, of in enumerate(FACTORS.values())]
        expected.order("shapes3d", path, "labels", grid.sizes, np.stack(classes, axis=1))
        pixels = ArrayPixels(hdf5_file.images("shapes3d", path, images, cache_dir), True)
    return ImageDataset(pixels, grid, f"3D Shapes, read from {path}")
