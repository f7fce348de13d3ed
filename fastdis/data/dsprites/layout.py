"""What a published dSprites file is called, and what its pixels must be."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64"


def check_binary(path: Path, images: NDArray[np.uint8]) -> None:
    """Require pixels of 0 and 1."""
    if images.max() > 1:
        raise ValueError(f"dsprites: imgs of {path} must be 0 or 1 in every pixel, got {images.max()}")
