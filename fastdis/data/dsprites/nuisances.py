"""Color-, Noisy- and Scream-dSprites: a nuisance that is drawn whenever an image is looked at."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ... import _checks
from ...kernels.nuisances import nuisance_images
from ..factors import Grid
from ..image_dataset import ImageDataset, StrPath
from ..mapped import PickledByName
from ..pixels import ImageShape, moved
from . import dsprites

_LARGEST = 350, 274  # width and height of the picture behind the sprites


class NuisancePixels(PickledByName):
    """Packed sprites in three channels with a nuisance, a function of seed, row and visit.

    Args:
        nuisance: "color", "noise" or "scream".
        packed: (count, bytes) uint8.
        size: height and width.
        seed: of the nuisances.
        background: (H, W, 3) float32 in [0, 1], behind the sprites of "scream".
    """

    def __init__(
        self,
        nuisance: str,
        packed: NDArray[np.uint8] | Tensor,
        size: tuple[int, int],
        seed: int,
        background: NDArray[np.float32] | Tensor | None = None,
    ) -> None:
        self.image_shape: ImageShape = (3, *size)
        self._nuisance, self._packed, self._seed, self._background = nuisance, packed, seed, background

    @property
    def nbytes(self) -> int:
        return self._packed.nbytes

    def __len__(self) -> int:
        return len(self._packed)

    def read(self, rows: NDArray[np.int64], visit: int) -> Tensor:
        """Give (n, 3, height, width) float32."""
        return nuisance_images(
            self._nuisance,
            self._packed,
            rows,
            self.image_shape[1:],
            seed=self._seed,
            visit=visit,
            background=self._background,
        )

    def to(self, device: torch.device) -> "NuisancePixels":
        """Move the packed sprites into the memory of a device, which draws the nuisances itself."""
        background = None if self._background is None else moved(self._background, device)
        packed = moved(self._packed, device)
        return NuisancePixels(self._nuisance, packed, self.image_shape[1:], self._seed, background)


def color_dsprites(
    path: StrPath | None = None, *, seed: int = 0, cache_dir: StrPath | None = None
) -> ImageDataset:
    """Give dSprites with sprites of a random colour (Locatello et al. 2019).

    Each channel of a sprite is uniform in [0.5, 1]. The colour depends on the seed, the image and how often
    it has been seen: ``images(indices, visit)``. So a resumed run and any number of processes see the same
    pixels, and visit 0 is the one that is scored.

    Args:
        path: the official file, as for `dsprites`; None for the images drawn from their geometry.
        seed: of the colours.
        cache_dir: as for `dsprites`.

    Returns:
        737,280 images (3, 64, 64) with the factors of dSprites, whose one color is not the one drawn here.

    Raises:
        FileNotFoundError, ValueError, OSError: as `dsprites`.
        TypeError: seed is not an integer.

    Example:
        >>> data = color_dsprites()
        >>> heart = data.images([600_000])
        >>> [len(channel.unique()) for channel in heart[0]]  # black and the colour
        [2, 2, 2]
        >>> torch.equal(heart, data.images([600_000])), torch.equal(heart, data.images([600_000], visit=1))
        (True, False)
    """
    return _with("color", path, seed, cache_dir, "Color-dSprites")


def noisy_dsprites(
    path: StrPath | None = None, *, seed: int = 0, cache_dir: StrPath | None = None
) -> ImageDataset:
    """Give dSprites in front of uniform noise (Locatello et al. 2019).

    Each pixel and channel is min(sprite + U(0, 1), 1). Like the colours of `color_dsprites`, it depends on
    seed, image and visit; arguments and errors are the same.

    Example:
        >>> data = noisy_dsprites()
        >>> image = data.images([0])
        >>> image.shape, bool((image >= 0).all() and (image <= 1).all())
        (torch.Size([1, 3, 64, 64]), True)
    """
    return _with("noise", path, seed, cache_dir, "Noisy-dSprites")


def scream_dsprites(
    background: StrPath, path: StrPath | None = None, *, seed: int = 0, cache_dir: StrPath | None = None
) -> ImageDataset:
    """Give dSprites in front of pieces of a picture (Locatello et al. 2019; there Munch's The Scream).

    Behind each sprite lies a random crop of 64 x 64, each channel the mean of the picture and a uniform
    number; the sprite inverts it. Crop and numbers depend on seed, image and visit, as the colours of
    `color_dsprites` do.

    Args:
        background: the picture, scaled down to at most 350 x 274 by Pillow's bicubic filter.
        path: the official file, as for `dsprites`; None for the images drawn from their geometry.
        seed: of the crops and colours.
        cache_dir: as for `dsprites`.

    Returns:
        737,280 images (3, 64, 64) with the factors of dSprites.

    Raises:
        FileNotFoundError: there is no picture, or as `dsprites`.
        ValueError: the picture cannot be read or is smaller than 64 x 64, or as `dsprites`.

    Example:
        >>> scream_dsprites("the_scream.jpg")  # doctest: +SKIP
    """
    return _with("scream", path, seed, cache_dir, "Scream-dSprites", _picture(Path(background)))


def _with(
    nuisance: str,
    path: StrPath | None,
    seed: int,
    cache_dir: StrPath | None,
    name: str,
    background: NDArray[np.float32] | None = None,
) -> ImageDataset:
    seed = _checks.seed(name.lower().replace("-", "_"), seed)
    sprites = dsprites(path, cache_dir=cache_dir)
    pixels = NuisancePixels(nuisance, sprites.packed, sprites.image_shape[1:], seed, background)
    return ImageDataset(pixels, Grid(sprites.factor_values), f"{name}, seed {seed}, of {sprites.source}")


def _picture(path: Path) -> NDArray[np.float32]:
    """(H, W, 3) float32."""
    from PIL import Image

    from ..pictures import decode

    if not path.is_file():
        raise FileNotFoundError(f"scream_dsprites: background must be a picture; there is none at {path}")
    picture = Image.fromarray(decode(path, function="scream_dsprites", channels=3))
    picture.thumbnail(_LARGEST, Image.Resampling.BICUBIC)
    if picture.width < 64 or picture.height < 64:
        raise ValueError(
            f"scream_dsprites: {path} must be at least 64 x 64 pixels within {_LARGEST[0]} x {_LARGEST[1]}, "
            f"got {picture.width} x {picture.height}"
        )
    return np.asarray(picture).astype(np.float32) / np.float32(255)
