"""Cars3D: Reed et al. 2015 (Deep Visual Analogy-Making), after Fidler et al. 2012."""

import re
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import expected
from ..factors import Grid
from ..image_dataset import ImageDataset, StrPath
from ..pictures import scaled
from ..pixels import ArrayPixels

FACTORS = {"elevation": np.arange(4), "azimuth": np.arange(24), "object": np.arange(183)}
SIDE = 64  # of the images, scaled from 128


def cars3d(path: StrPath) -> ImageDataset:
    """Open Cars3D: 183 car models from 24 azimuths and 4 elevations.

    The images are scaled from 128 x 128 to 64 x 64 by Lanczos's filter, as the field does, and kept in memory
    (216 MB). That takes some seconds.

    Args:
        path: the folder of 183 files ``car_*_mesh.mat``, from http://www.scottreed.info
            (nips2015-analogy-data).

    Returns:
        17,568 images (3, 64, 64) with the factors elevation 4, azimuth 24 and object 183 (the files in the
        order of their numbers), the last changing fastest.

    Raises:
        FileNotFoundError: there is no folder at path.
        ValueError: another number of files, or one that is cut short or is not of Cars3D.

    Example:
        >>> import fastdis
        >>> fastdis.data.cars3d("cars/")  # doctest: +SKIP
    """
    path, grid = Path(path), Grid(FACTORS)
    elevations, azimuths, objects = grid.sizes
    expected.folder("cars3d", path, f"the one of {objects} files car_*_mesh.mat")
    files = sorted(path.glob("car_*_mesh.mat"), key=_numbers)
    if len(files) != objects:
        raise ValueError(f"cars3d: {path} must hold {objects} files car_*_mesh.mat, but holds {len(files)}")
    images = np.empty((elevations, azimuths, objects, SIDE, SIDE, 3), np.uint8)
    for k, file in enumerate(files):
        images[:, :, k] = _car(file, (azimuths, elevations)).swapaxes(0, 1)
    pixels = ArrayPixels(images.reshape(len(grid), SIDE, SIDE, 3), True)
    return ImageDataset(pixels, grid, f"Cars3D, read from {path}, scaled to {SIDE} x {SIDE}")


def _numbers(file: Path) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", file.name)]


def _car(file: Path, views: tuple[int, int]) -> NDArray[np.uint8]:
    """(azimuths, elevations, SIDE, SIDE, 3) uint8."""
    from PIL import Image
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content = loadmat(file, variable_names=["im"])
    except (
        MatReadError,
        ValueError,
        TypeError,
        NotImplementedError,
        OSError,
        zlib.error,
    ) as error:
        raise ValueError(
            f"cars3d: {file} must be a MATLAB 5 file, but is cut short, damaged or another: {error}"
        ) from error
    if "im" not in content:
        raise ValueError(f"cars3d: {file} must hold an array im, but holds none of that name")
    meshes = content["im"]
    found = meshes.shape, meshes.dtype
    expected.array("cars3d", file, "im", (128, 128, 3, *views), np.uint8, found)
    pictures = meshes.transpose(3, 4, 0, 1, 2).reshape(-1, 128, 128, 3)
    small = [np.asarray(scaled(Image.fromarray(picture), SIDE)) for picture in pictures]
    return np.stack(small).reshape(*views, SIDE, SIDE, 3)
