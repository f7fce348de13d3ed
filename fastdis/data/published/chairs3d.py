"""3D Chairs: Aubry et al. 2014 (Seeing 3D Chairs)."""

import re
from pathlib import Path

import numpy as np

from .. import expected
from ..cached import stamp, unpacked
from ..factors import Grid
from ..image_dataset import ImageDataset, StrPath
from ..pictures import decoded
from ..pixels import ArrayPixels

OBJECTS, AZIMUTHS, ELEVATIONS = 1393, 31, 2
CROP = 400  # pixels around the centre of 600: the field's choice, which cuts off white alone
SIDE = 64
_NAME = re.compile(r"image_\d+_p(\d+)_t(\d+)_r\d+\.png")  # elevation, azimuth


def chairs3d(path: StrPath, *, channels: int = 1, cache_dir: StrPath | None = None) -> ImageDataset:
    """Open 3D Chairs: 1,393 chairs, each drawn from 31 azimuths and 2 elevations.

    Of each picture of 600 x 600 the 400 x 400 around the centre are scaled to 64 x 64 by Lanczos's filter,
    once, and kept: that takes minutes.

    Args:
        path: ``rendered_chairs``, a folder of 1,393 folders with 62 pictures in ``renders`` each, from
            https://www.di.ens.fr/willow/research/seeing3Dchairs/.
        channels: 1 for grey, as most papers have them, or 3 for colour.
        cache_dir: where the images are kept (354 MB grey, 1.1 GB in colour).

    Returns:
        86,366 images (channels, 64, 64) with the factors object 1,393 (folders in the order of their names),
        azimuth 31 and elevation 2 (both in degrees), the last changing fastest.

    Raises:
        FileNotFoundError: there is no folder at path.
        ValueError: channels is neither 1 nor 3, a folder or a picture is missing, or cannot be read.
        OSError: the images cannot be kept.

    Example:
        >>> import fastdis
        >>> fastdis.data.chairs3d("rendered_chairs/")  # doctest: +SKIP
    """
    if channels not in (1, 3):
        raise ValueError(f"chairs3d: channels must be 1 or 3, got {channels}")
    path = Path(path)
    expected.folder("chairs3d", path, "rendered_chairs")
    chairs = sorted(folder.parent for folder in path.glob("*/renders"))
    if len(chairs) != OBJECTS:
        raise ValueError(
            f"chairs3d: {path} must hold {OBJECTS:,} folders with renders/ in them, but holds {len(chairs):,}"
        )
    files: list[Path] = []
    angles: list[tuple[int, int]] = []
    for chair in chairs:
        views = {}
        for picture in (chair / "renders").glob("*.png"):
            match = _NAME.fullmatch(picture.name)
            if match:
                views[int(match[2]), int(match[1])] = picture
        angles = angles or sorted(views)
        grid_like = len({azimuth for azimuth, _ in angles}) == AZIMUTHS
        if len(views) != AZIMUTHS * ELEVATIONS or sorted(views) != angles or not grid_like:
            raise ValueError(
                f"chairs3d: {chair}/renders must hold {AZIMUTHS * ELEVATIONS} pictures "
                f"image_*_p*_t*_r*.png, {AZIMUTHS} azimuths t with {ELEVATIONS} elevations p each, the same "
                f"for every chair, but holds {len(views)}"
            )
        files += [views[angle] for angle in angles]
    grid = Grid(
        {
            "object": np.array([chair.name for chair in chairs]),
            "azimuth": np.unique([azimuth for azimuth, _ in angles]),
            "elevation": np.unique([elevation for _, elevation in angles]),
        }
    )
    shape = (SIDE, SIDE, channels)
    parts = decoded(files, shape, function="chairs3d", channels=channels, size=SIDE, crop=CROP)
    version = [channels, *(stamp(file) for file in files)]
    images = unpacked("chairs3d", path, version, (len(files), *shape), parts, cache_dir)
    source = f"3D Chairs, read from {path}, {CROP} x {CROP} of the centre scaled to {SIDE} x {SIDE}"
    return ImageDataset(ArrayPixels(images, True), grid, source)
