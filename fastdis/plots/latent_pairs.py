"""Show two latents together: where codes lie, posteriors of single images, and what the plane decodes to."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse
from numpy.typing import ArrayLike, NDArray

from ._style import COLORS, head

_BINS = 60
_CELL = 0.55  # inches


def joint_histogram(z: ArrayLike, names: Sequence[str] = ("z0", "z1"), title: str = "") -> Figure:
    """Draw where the codes lie in two latents, and the histogram of each alone at the edges.

    Args:
        z: (samples, 2), the codes of the two latents.
        names: of the two latents.
        title: stands above the picture.

    Raises:
        ValueError: z has not two columns, or no row.

    Example:
        >>> import numpy as np
        >>> figure = joint_histogram(np.random.default_rng(0).standard_normal((100, 2)), ["z3", "z7"])
        >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
        ('z3', 'z7')
    """
    codes = _pairs("joint_histogram", "z", z)
    figure = Figure(figsize=(5.2, 5.4), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(5, 1), height_ratios=(1, 5))
    axes = figure.add_subplot(grid[1, 0])
    above = figure.add_subplot(grid[0, 0], sharex=axes)
    right = figure.add_subplot(grid[1, 1], sharey=axes)
    counts, across, up = np.histogram2d(codes[:, 0], codes[:, 1], bins=_BINS)
    shown = np.where(counts > 0, counts, np.nan).T  # empty bins stay white
    axes.pcolormesh(across, up, shown, cmap="viridis_r", norm="log" if counts.max() > 1 else None)
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    above.stairs(counts.sum(axis=1), across, fill=True, color=COLORS[0])
    right.stairs(counts.sum(axis=0), up, fill=True, color=COLORS[0], orientation="horizontal")
    for edge in (above, right):
        edge.set_axis_off()
    head(figure, title)
    return figure


def posterior_ellipses(
    mean: ArrayLike, deviation: ArrayLike, names: Sequence[str] = ("z0", "z1"), title: str = ""
) -> Figure:
    """Draw q(z|x) of single images in two latents, as ellipses of one standard deviation.

    Dotted circles stand at one and two standard deviations of the prior. As figures 2.15 to 2.18 of Song
    2018: the larger beta is, the wider the ellipses are and the more they overlap.

    Args:
        mean: (images, 2), the means of the posteriors in the two latents.
        deviation: (images, 2), their standard deviations.
        names: of the two latents.
        title: stands above the picture.

    Raises:
        ValueError: an array has not two columns, or no row, or the two do not fit together.

    Example:
        >>> figure = posterior_ellipses([[0.0, 1.0], [2.0, -1.0]], [[0.1, 0.3], [0.2, 0.3]])
        >>> [(patch.width, patch.height) for patch in figure.axes[0].patches[2:]]
        [(0.2, 0.6), (0.4, 0.6)]
    """
    centres = _pairs("posterior_ellipses", "mean", mean)
    widths = _pairs("posterior_ellipses", "deviation", deviation)
    if centres.shape != widths.shape:
        raise ValueError(
            f"posterior_ellipses: deviation must have shape {centres.shape} like mean, got {widths.shape}"
        )
    figure = Figure(figsize=(5.2, 5.4), layout="constrained")
    axes = figure.subplots()
    for radius in (1, 2):
        axes.add_patch(Circle((0, 0), radius, fill=False, linestyle=":", edgecolor="#777777"))
    for number, (centre, width) in enumerate(zip(centres, widths, strict=True)):
        color = COLORS[number % len(COLORS)]
        axes.add_patch(
            Ellipse(
                (centre[0], centre[1]), *(2 * width).tolist(), facecolor=color, edgecolor=color, alpha=0.4
            )
        )
    axes.plot(*centres.T, ".", color="black", markersize=2)
    reach = max(2.2, float((np.abs(centres) + widths).max()) * 1.05)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel=names[0], ylabel=names[1], aspect="equal")
    axes.spines[["top", "right"]].set_visible(False)
    head(figure, title)
    return figure


def latent_plane(
    images: ArrayLike,
    across: Sequence[float],
    up: Sequence[float],
    names: Sequence[str] = ("z0", "z1"),
    title: str = "",
) -> Figure:
    """Draw what is decoded on a grid over two latents, as figure 2.10 of Song 2018.

    Args:
        images: (up, across, channels, height, width) in [0, 1], of 1 channel or 3.
        across, up: the values of the first latent, from left to right, and of the second, from below.
        names: of the two latents.
        title: stands above the picture.

    Raises:
        ValueError: images have not five axes, or there are not as many as values.

    Example:
        >>> import numpy as np
        >>> figure = latent_plane(np.zeros((2, 3, 1, 8, 8)), [-2, 0, 2], [-1, 1], ["z3", "z7"])
        >>> figure.axes[0].images[0].get_array().shape
        (16, 24)
    """
    cells = np.asarray(images, dtype=float)
    if cells.ndim != 5 or cells.shape[:2] != (len(up), len(across)):
        raise ValueError(
            f"latent_plane: images must have shape ({len(up)}, {len(across)}, channels, height, width), "
            f"got {cells.shape}"
        )
    rows, columns, _, height, width = cells.shape
    joined = cells[::-1].transpose(0, 3, 1, 4, 2).reshape(rows * height, columns * width, -1)
    figure = Figure(figsize=(_CELL * columns + 0.8, _CELL * rows + 1.0), layout="constrained")
    axes = figure.subplots()
    axes.imshow(joined.squeeze(-1) if joined.shape[-1] == 1 else joined, cmap="gray", vmin=0, vmax=1)
    middles = (np.arange(columns) + 0.5) * width - 0.5, (np.arange(rows) + 0.5) * height - 0.5
    axes.set_xticks(middles[0], [f"{value:.1f}" for value in across], fontsize="small")
    axes.set_yticks(middles[1], [f"{value:.1f}" for value in list(up)[::-1]], fontsize="small")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    head(figure, title)
    return figure


def _pairs(function: str, name: str, values: ArrayLike) -> NDArray[np.float64]:
    pairs = np.asarray(values, dtype=float)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not len(pairs):
        raise ValueError(f"{function}: {name} must have shape (n, 2), n at least 1, got {pairs.shape}")
    return pairs
