"""Show what each latent changes in the image: images decoded along it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import ArrayLike

from .images import GAP, INCHES, strip


def traversals(
    originals: ArrayLike,
    reconstructions: ArrayLike,
    rows: ArrayLike,
    values: Sequence[float],
    labels: Sequence[str],
    notes: Sequence[str],
    title: str = "",
) -> Figure:
    """Draw originals and reconstructions on top, then a row for each latent, in which it alone moves.

    Args:
        originals: (images, channels, height, width) in [0, 1].
        reconstructions: the same images decoded.
        rows: (latents, values, channels, height, width) in [0, 1], in the order to show them.
        values: where along a latent the columns lie, in standard deviations of the prior.
        labels: a name for each row, at its left.
        notes: a remark on each row, at its right.
        title: stands above the picture.

    Example:
        >>> import numpy as np
        >>> images, rows = np.zeros((3, 1, 64, 64)), np.zeros((2, 3, 1, 64, 64))
        >>> figure = traversals(images, images, rows, [-2, 0, 2], ["z4", "z1"], ["", ""])
        >>> [axes.get_ylabel() for axes in figure.axes]
        ['image', 'decoded', 'z4', 'z1']
    """
    tops = [np.asarray(originals), np.asarray(reconstructions)]
    moved = list(np.asarray(rows))
    columns = max(len(tops[0]), len(values))
    heights = [1.0, 1.0, 0.35, *[1.0] * len(moved)]
    size = (INCHES * columns + 2.9, INCHES * 1.06 * sum(heights) + 0.9)
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(h_pad=0.02, hspace=0, w_pad=0.08))
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    for row, (images, label) in enumerate(zip(tops, ("image", "decoded"), strict=True)):
        strip(figure.add_subplot(grid[row]), images, label)
    for row, images in enumerate(moved):
        axes = figure.add_subplot(grid[row + 3])
        strip(axes, images, labels[row], notes[row])
    width = tops[0].shape[-1]
    middles = (width + GAP) * np.arange(len(values)) + (width - 1) / 2
    axes.set_xticks(middles, [f"{value:+.1f}" if value else "0" for value in values])
    axes.set_xlabel("value of the latent, in standard deviations")
    figure.suptitle(title, x=0.01, ha="left")
    return figure
