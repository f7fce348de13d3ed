"""Data sets whose factors of variation are known."""

from os import PathLike
from pathlib import Path

from ..kernels.sprites import FACTOR_VALUES, SIDE
from .cache import regenerated
from .factor_dataset import FactorDataset
from .npz import write_npz
from .pairs import Pairs
from .published import read
from .room import room
from .scenes import scenes
from .simulator import Simulator

__all__ = ["FactorDataset", "Pairs", "Simulator", "dsprites", "room", "scenes", "write_npz"]


def dsprites(
    path: str | PathLike[str] | None = None, *, cache_dir: str | PathLike[str] | None = None
) -> FactorDataset:
    """All 737,280 images of dSprites (Matthey et al. 2017): from the published file, or drawn anew.

    With a path the published npz or its HDF5 twin is read into memory, eight pixels to a byte (377 MB).
    Without one the images are drawn from the geometry in `fastdis.kernels.sprites`, which gives all 320
    frames of the authors' animation without a wrong pixel. A file of 377 MB in the user's cache directory
    keeps them; its SHA-256 is checked on every opening.

    Args:
        path: ``dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz`` or ``.hdf5``.
        cache_dir: where to keep the images that are drawn anew.

    Returns:
        A dataset of (1, 64, 64) images with the factors color 1, shape 3, scale 6, orientation 40, posX 32
        and posY 32, posY changing fastest.

    Raises:
        FileNotFoundError: there is no file at path.
        ValueError: the file is cut short or is not a dSprites file; the message says what was expected.
        OSError: the cache cannot be written.

    Example:
        >>> dataset = dsprites()
        >>> len(dataset), dataset.factor_sizes
        (737280, (1, 3, 6, 40, 32, 32))
        >>> dataset.images([0, 737279]).shape
        torch.Size([2, 1, 64, 64])
        >>> dataset.factors([0, 737279])
        array([[ 0,  0,  0,  0,  0,  0],
               [ 0,  2,  5, 39, 31, 31]])
    """
    if path is None:
        source = "dSprites, regenerated from its geometry (320 of 320 published frames without a wrong pixel)"
        packed = regenerated(cache_dir)
    else:
        source = f"dSprites, read from {path}"
        packed = read(Path(path), tuple(len(values) for values in FACTOR_VALUES.values()))
    return FactorDataset(packed, FACTOR_VALUES, (1, SIDE, SIDE), source)
