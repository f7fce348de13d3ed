"""Files of pictures, decoded by Pillow into uint8 arrays of one size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
_TOGETHER = 256  # pictures of a block
_GREY = ("1", "L", "LA")
_COLOUR = ("RGB", "RGBA", "P", "PA", "CMYK", "YCbCr", "HSV", "LAB")


def grey_or_colour(picture: Image.Image) -> Image.Image:
    """Give the picture 1 channel (mode L) if it is grey, else 3 (RGB); transparency is dropped.

    Raises:
        ValueError: it has more than 8 bits a channel.
    """
    if picture.mode not in _GREY + _COLOUR:
        raise ValueError(f"its mode must be one of {', '.join(_GREY + _COLOUR)}, got {picture.mode}")
    mode = "L" if picture.mode in _GREY else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)


def scaled(picture: Image.Image, size: int | None, crop: int | None = None) -> Image.Image:
    """Cut out the square of ``crop`` pixels around the centre, then scale it to size x size.

    The filter is Lanczos's, as in the field's loaders (Pillow's LANCZOS, formerly ANTIALIAS).
    """
    from PIL import Image

    if crop is not None:
        left, top = (picture.width - crop) // 2, (picture.height - crop) // 2
        picture = picture.crop((left, top, left + crop, top + crop))
    if size is not None and picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.LANCZOS)
    return picture


def decode(
    path: Path,
    *,
    function: str,
    channels: int | None = None,
    size: int | None = None,
    crop: int | None = None,
) -> NDArray[np.uint8]:
    """Decode a picture into (height, width, channels) uint8.

    Args:
        path: the file.
        function: the name that messages begin with.
        channels: 1 turns colour into grey, 3 grey into colour; None leaves the picture as it is.
        size: height and width to scale to.
        crop: height and width of the part around the centre that is scaled.

    Raises:
        ValueError: it is not a picture, is cut short, or has more than 8 bits a channel.
    """
    from PIL import Image

    try:
        with Image.open(path) as file:
            picture = grey_or_colour(file)
            if channels is not None:
                picture = picture.convert("L" if channels == 1 else "RGB")
            array = np.asarray(scaled(picture, size, crop))
    except (
        OSError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombError,
    ) as error:  # a broken PNG's is Syntax
        reason = str(error).replace(f" {str(path)!r}", "")
        raise ValueError(f"{function}: {path} must be a picture that Pillow reads: {reason}") from error
    return array[:, :, None] if array.ndim == 2 else array


def decoded(
    paths: Sequence[Path],
    shape: tuple[int, ...],
    *,
    function: str,
    channels: int | None = None,
    size: int | None = None,
    crop: int | None = None,
) -> Iterator[NDArray[np.uint8]]:
    """Decode pictures into blocks (n, height, width, channels), in their order, on several threads.

    Raises:
        ValueError: as `decode`, or a picture has not that shape.
    """
    one = partial(decode, function=function, channels=channels, size=size, crop=crop)
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for first in range(0, len(paths), _TOGETHER):
            part = paths[first : first + _TOGETHER]
            block = np.empty((len(part), *shape), np.uint8)
            for path, into, picture in zip(part, block, pool.map(one, part), strict=True):
                if picture.shape != shape:
                    raise ValueError(
                        f"{function}: {path} must have (height, width, channels) {shape} like {paths[0]}, "
                        f"got {picture.shape}; size= scales them and channels= makes all grey or colour"
                    )
                into[:] = picture
            yield block
