"""Show images side by side, in rows."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import ArrayLike, NDArray

INCHES = 0.72  # the side of an image
GAP = 2  # pixels between images


def image_rows(
    rows: Sequence[ArrayLike],
    labels: Sequence[str] | None = None,
    title: str = "",
    *,
    together: int = 1,
) -> Figure:
    """Draw rows of images: reconstructions below originals, samples, or paths from one image to another.

    Args:
        rows: arrays (images, channels, height, width) in [0, 1], of 1 channel or 3.
        labels: a name for each row, at its left; none if None.
        title: stands above the picture.
        together: how many rows belong together; a gap follows them.

    Raises:
        ValueError: there is no row, or another number of labels.

    Example:
        >>> import numpy as np
        >>> figure = image_rows(np.zeros((2, 5, 1, 8, 8)), ["image", "decoded"])
        >>> [axes.get_ylabel() for axes in figure.axes]
        ['image', 'decoded']
    """
    images = [np.asarray(row, dtype=float) for row in rows]
    names = [""] * len(images) if labels is None else list(labels)
    if not images or len(names) != len(images):
        raise ValueError(
            f"image_rows: labels must name the rows, at least 1, got {len(names)} for {len(images)}"
        )
    heights: list[float] = []
    for start in range(0, len(images), together):
        heights += [0.25] * (together > 1 and start > 0) + [1.0] * len(images[start : start + together])
    size = (INCHES * max(map(len, images)) + 1.0, INCHES * 1.06 * sum(heights) + 0.6)
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(h_pad=0.02, hspace=0, w_pad=0.04))
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    places = (row for row, height in enumerate(heights) if height == 1)
    for row, strip_of, name in zip(places, images, names, strict=True):
        strip(figure.add_subplot(grid[row]), strip_of, name)
    figure.suptitle(title, x=0.01, ha="left", fontsize="medium")
    return figure


def strip(axes: Axes, images: NDArray[np.float64], label: str, note: str = "") -> None:
    """Draw images (images, channels, height, width) side by side, with a name and a remark."""
    spaced = np.pad(images, ((0, 0), (0, 0), (0, 0), (0, GAP)), constant_values=1.0)
    joined = np.moveaxis(np.concatenate(list(spaced), axis=-1), 0, -1)[:, :-GAP]
    axes.imshow(joined.squeeze(-1) if joined.shape[-1] == 1 else joined, cmap="gray", vmin=0, vmax=1)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_ylabel(label, rotation=0, ha="right", va="center")
    axes.text(1.01, 0.5, note, transform=axes.transAxes, va="center", fontsize="small")
