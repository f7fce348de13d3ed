"""The regenerated dSprites images, kept as bits in the user's cache directory."""

import hashlib
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...kernels.sprites import GRID_SIZE, SIDE, render
from ..cached import cache_folder, keep, say

SHA256 = "3a228f4037ef3d42a42588e0e01f1078aa2df13cfa17584e88c95ed9fb5672da"
_SHAPE = (GRID_SIZE, SIDE * SIDE // 8)
_BYTES = GRID_SIZE * SIDE * SIDE // 8


def regenerated(cache_dir: str | PathLike[str] | None = None) -> NDArray[np.uint8]:
    """Map the (737280, 512) packed images from a file that is written on first use.

    The file's digest is compared with the one of the verified images on every opening; a file that differs is
    replaced. Several processes may do this at once.

    Raises:
        OSError: the file cannot be written, for example because the disk is full.
        RuntimeError: the images drawn on this machine are not the verified ones.
    """
    path = cache_folder(cache_dir) / f"dsprites-{SHA256[:12]}.bits"
    if path.is_file():
        if path.stat().st_size == _BYTES:
            images = np.memmap(path, np.uint8, "r", shape=_SHAPE)
            if _digest(images) == SHA256:
                return images
        say(f"{path} is damaged: drawing the images again")
    else:
        say(
            f"drawing the {GRID_SIZE:,} images of dSprites from their recovered geometry into {path} "
            f"({_BYTES // 10**6} MB). This geometry gives all 320 frames of the authors' animation "
            "without a wrong pixel."
        )
    _write(path)
    return np.memmap(path, np.uint8, "r", shape=_SHAPE)


def _write(path: Path) -> None:
    images = render()
    digest = _digest(images)
    if digest != SHA256:
        raise RuntimeError(
            f"dsprites: the images drawn on this machine differ from the verified ones: SHA-256 {digest}, "
            f"not {SHA256}"
        )
    keep("dsprites", path, [images], images.nbytes, "regenerated images")


def _digest(images: NDArray[np.uint8]) -> str:
    return hashlib.sha256(images.data).hexdigest()
