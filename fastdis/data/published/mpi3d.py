"""MPI3D: a robot arm that holds an object, drawn and photographed. Gondal et al. 2019."""

from pathlib import Path

import numpy as np

from .. import expected, npz_file
from ..factors import Grid
from ..image_dataset import ImageDataset, StrPath
from ..pixels import ArrayPixels

_OTHERS = {
    "object_size": np.array(["small", "large"]),
    "camera_height": np.array(["top", "center", "bottom"]),
    "background_color": np.array(["purple", "sea green", "salmon"]),
    "horizontal_axis": np.arange(40),
    "vertical_axis": np.arange(40),
}
FACTORS = {
    "object_color": np.array(["white", "green", "red", "blue", "brown", "olive"]),
    "object_shape": np.array(["cone", "cube", "cylinder", "hexagonal", "pyramid", "sphere"]),
    **_OTHERS,
}
OLDER_FACTORS = {  # the first version of the toy set
    "object_color": np.array(["green", "red", "blue", "brown"]),
    "object_shape": np.array(["cone", "cube", "hexagonal", "sphere"]),
    **_OTHERS,
}
COMPLEX_FACTORS = {
    "object_color": np.array(["yellow", "green", "olive", "red"]),
    "object_shape": np.array(["coffee-cup", "tennis-ball", "croissant", "beer-cup"]),
    **_OTHERS,
}


def mpi3d(path: StrPath, *, cache_dir: StrPath | None = None) -> ImageDataset:
    """Open one of MPI3D's three sets of simple objects: toy, realistic or real.

    Args:
        path: ``mpi3d_toy.npz``, ``mpi3d_realistic.npz`` or ``mpi3d_real.npz``, from
            https://github.com/rr-learning/disentanglement_dataset.
        cache_dir: where the images are unpacked to (12.7 GB, once) if the file is compressed; they are read
            from the file itself otherwise.

    Returns:
        1,036,800 images (3, 64, 64) with the factors object_color 6, object_shape 6, object_size 2,
        camera_height 3, background_color 3, horizontal_axis 40 and vertical_axis 40, the last changing
        fastest. Of the older toy set 460,800, with 4 colours and 4 shapes.

    Raises:
        FileNotFoundError: there is no file at path.
        ValueError: the file is cut short or is not MPI3D; the message says what was expected.
        OSError: the images cannot be unpacked.

    Example:
        >>> import fastdis
        >>> fastdis.data.mpi3d("mpi3d_real.npz")  # doctest: +SKIP
    """
    return _read(path, "mpi3d", "mpi3d_toy.npz, mpi3d_realistic.npz or mpi3d_real.npz", cache_dir)


def mpi3d_complex(path: StrPath, *, cache_dir: StrPath | None = None) -> ImageDataset:
    """Open MPI3D's set of photographs of complex objects.

    Args:
        path: ``real3d_complicated_shapes_ordered.npz``, from
            https://github.com/rr-learning/disentanglement_dataset.
        cache_dir: as for `mpi3d`.

    Returns:
        460,800 images (3, 64, 64) with the factors of `mpi3d`, but object_color 4 and object_shape 4.

    Raises:
        FileNotFoundError, ValueError, OSError: as `mpi3d`.

    Example:
        >>> import fastdis
        >>> fastdis.data.mpi3d_complex("real3d_complicated_shapes_ordered.npz")  # doctest: +SKIP
    """
    return _read(path, "mpi3d_complex", "real3d_complicated_shapes_ordered.npz", cache_dir)


def _read(path: StrPath, function: str, what: str, cache_dir: StrPath | None) -> ImageDataset:
    path = Path(path)
    with npz_file.opened(function, path, what) as archive:
        expected.present(function, path, "images.npy", archive.namelist())
        head = npz_file.header(archive, "images")
        grid = Grid(FACTORS if function == "mpi3d" else COMPLEX_FACTORS)
        if function == "mpi3d" and head.shape[:1] == (len(Grid(OLDER_FACTORS)),):
            grid = Grid(OLDER_FACTORS)
        expected.array(function, path, "images", (len(grid), 64, 64, 3), np.uint8, (head.shape, head.dtype))
        images = npz_file.array(function, path, archive, "images", cache_dir)
    return ImageDataset(ArrayPixels(images, True), grid, f"MPI3D, read from {path}")
