"""Faces drawn from the Basel face model: Paysan et al. 2009, in the form that Chen et al. 2018 used."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import torch

from .. import expected
from ..factors import Grid
from ..image_dataset import ImageDataset, StrPath
from ..pixels import ArrayPixels

FACTORS = {
    "identity": np.arange(50),
    "azimuth": np.arange(21),
    "elevation": np.arange(11),
    "lighting": np.arange(11),
}


def basel_faces(path: StrPath) -> ImageDataset:
    """Open the 3D faces: 50 people from 21 azimuths and 11 elevations in 11 lightings.

    Args:
        path: ``basel_face_renders.pth``, a uint8 tensor (50, 21, 11, 11, 64, 64) that the authors of
            https://github.com/rtqichen/beta-tcvae give to those who have the licence of the Basel face model
            (https://faces.dmi.unibas.ch/bfm/). It is mapped if torch wrote it in its present format, else
            read into memory (520 MB).

    Returns:
        127,050 images (1, 64, 64) with the factors identity 50, azimuth 21, elevation 11 and lighting 11, the
        last changing fastest.

    Raises:
        FileNotFoundError: there is no file at path.
        ValueError: the file is cut short or holds another tensor.

    Example:
        >>> import fastdis
        >>> fastdis.data.basel_faces("basel_face_renders.pth")  # doctest: +SKIP
    """
    path, grid = Path(path), Grid(FACTORS)
    if not path.is_file():
        raise FileNotFoundError(
            f"basel_faces: path must be a file, basel_face_renders.pth; there is none at {path}"
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"basel_faces: {path} must be a tensor that torch saved, but is cut short or not one: {reason}"
        ) from error
    if not isinstance(content, torch.Tensor):
        raise ValueError(f"basel_faces: {path} must hold a tensor, got {type(content).__name__}")
    faces = content.numpy()
    found = faces.shape, faces.dtype
    expected.array("basel_faces", path, "the tensor", (*grid.sizes, 64, 64), np.uint8, found)
    pixels = ArrayPixels(faces.reshape(-1, 1, 64, 64), False)
    return ImageDataset(pixels, grid, f"Basel faces, read from {path}")
