"""Show what each latent changes in the image, moving."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from PIL import Image

_SIDE, _TEXT, _MARGIN, _COLUMNS = 128, 18, 10, 5  # pixels; panels a row
_DPI = 100


def traversal_animation(rows: ArrayLike, labels: Sequence[str], title: str = "") -> list[Image.Image]:
    """Draw frames in which every latent moves in a panel of its own.

    Args:
        rows: (latents, frames, channels, height, width) in [0, 1], of 1 channel or 3.
        labels: a name for each panel.
        title: stands above all of them.

    Returns:
        Images of equal size, one per frame. ``frames[0].save("it.gif", save_all=True,
        append_images=frames[1:], duration=80, loop=0)`` writes them.

    Example:
        >>> import numpy as np
        >>> frames = traversal_animation(np.zeros((2, 4, 1, 64, 64)), ["z4", "z1"])
        >>> len(frames), frames[0].size
        (4, (286, 166))
    """
    moved = np.asarray(rows)
    columns = min(_COLUMNS, len(moved))
    above = _TEXT + _MARGIN if title else _MARGIN
    width = _MARGIN + columns * (_SIDE + _MARGIN)
    height = above + -(-len(moved) // columns) * (_TEXT + _SIDE + _MARGIN)
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
    figure.text(_MARGIN / width, 1 - _MARGIN / 2 / height, title, va="top", fontsize=8)
    corners = []
    for panel, label in enumerate(labels):
        row, column = divmod(panel, columns)
        left, top = _MARGIN + column * (_SIDE + _MARGIN), above + row * (_TEXT + _SIDE + _MARGIN)
        figure.text(left / width, 1 - top / height, label, va="top", fontsize=7)
        corners.append((left, top + _TEXT))
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=_DPI)
    background = Image.open(drawn).convert("RGB")
    frames = []
    for images in np.swapaxes(moved, 0, 1):
        frame = background.copy()
        for corner, image in zip(corners, images, strict=True):
            pixels = np.moveaxis(np.rint(255 * image).astype(np.uint8), 0, -1)
            picture = Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)
            frame.paste(picture.resize((_SIDE, _SIDE), Image.Resampling.NEAREST), corner)
        frames.append(frame if moved.shape[2] > 1 else frame.convert("L"))
    return frames
