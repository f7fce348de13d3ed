"""Draw a score over the settings of many models: lines against an axis, and maps over two."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ._style import MARKERS, bare, color, head


class Grid(NamedTuple):
    """Hold a score on a grid of settings, over the models of each.

    name: what sets this grid apart from others beside it, such as "at the last step".
    mean, sd: (rows, columns); nan where there is no model, and the sd where there is one.
    """

    name: str
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]


def score_lines(
    panels: Sequence[Sequence[Grid]],
    rows: tuple[str, Sequence[str]],
    columns: tuple[str, Sequence[str]],
    score: str,
    title: str = "",
    note: str = "",
) -> Figure:
    """Draw means over one axis, a line for each value of another, with one standard deviation either way.

    Args:
        panels: grids in rows and columns of the picture, each drawn in a panel of its own.
        rows: the name of the axis of the lines, "" for none, and its values.
        columns: the name of the axis across and its values.
        score: stands at the axis upwards.
        title, note: stand above the picture.

    Raises:
        ValueError: there is no grid.

    Example:
        >>> grid = Grid("at the last step", np.array([[0.2, 0.4]]), np.array([[0.1, np.nan]]))
        >>> figure = score_lines([[grid]], ("beta", ["4"]), ("latents", ["5", "10"]), "mig")
        >>> figure.axes[0].get_title(loc="left"), figure.axes[0].get_xlabel()
        ('at the last step', 'latents')
    """
    count = _grids("score_lines", panels)
    figure = Figure(figsize=(0.8 + 4.2 * count, 1.4 + 2.9 * len(panels)), layout="constrained")
    drawn = figure.subplots(len(panels), count, squeeze=False, sharey=True)
    places = np.arange(len(columns[1]), dtype=float)
    for of_row, grids in zip(drawn, panels, strict=True):
        for axes, grid in zip(of_row, grids, strict=True):
            for k, (mean, sd) in enumerate(zip(grid.mean, grid.sd, strict=True)):
                shift = 0.06 * (k - (len(grid.mean) - 1) / 2)  # so that bars do not hide each other
                axes.errorbar(
                    places + shift,
                    mean,
                    yerr=np.nan_to_num(sd),
                    color=color(k, len(grid.mean)),
                    marker=MARKERS[k % len(MARKERS)],
                    markersize=5,
                    capsize=2,
                    elinewidth=1,
                    label=rows[1][k],
                )
            bare(axes)
            axes.set_xticks(places, columns[1], rotation=30 if max(map(len, columns[1])) > 9 else 0)
            axes.set_xlim(-0.4, len(places) - 0.6)
            axes.set_title(grid.name, loc="left", fontsize="medium")
    for axes in drawn[-1]:
        axes.set_xlabel(columns[0])
    for axes in drawn[:, 0]:
        axes.set_ylabel(score)
    if rows[0]:
        handles, labels = drawn[0, 0].get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            title=rows[0],
            loc="outside lower center",
            ncols=min(6, len(labels)),
            frameon=False,
        )
    head(figure, title, note)
    return figure


def score_maps(
    grids: Sequence[Grid],
    rows: tuple[str, Sequence[str]],
    columns: tuple[str, Sequence[str]],
    title: str = "",
    note: str = "",
) -> Figure:
    """Draw for each grid a map of the means, one of the standard deviations, and the spread of the means.

    The spread is the largest mean of a column less its smallest: how much the axis downwards matters there.

    Args:
        grids: one row of the picture each.
        rows: the name of the axis downwards and its values.
        columns: the name of the axis across and its values.
        title, note: stand above the picture.

    Raises:
        ValueError: there is no grid.

    Example:
        >>> grid = Grid("", np.array([[0.2, 0.4], [0.3, 0.9]]), np.full((2, 2), 0.1))
        >>> figure = score_maps([grid], ("beta", ["1", "4"]), ("latents", ["5", "10"]))
        >>> [round(float(y), 2) for y in figure.axes[2].lines[0].get_ydata()]
        [0.1, 0.5]
    """
    _grids("score_maps", [grids])
    down, across = len(rows[1]), len(columns[1])
    width = 0.09 * max(map(len, rows[1])) + max(1.6, 0.62 * across)
    size = (1.2 + 3 * width, 1.3 + len(grids) * (0.8 + 0.42 * max(down, 3)))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(grids), 3, squeeze=False)
    means = np.concatenate([grid.mean.ravel() for grid in grids])
    low, high = (np.nanmin(means), np.nanmax(means)) if np.isfinite(means).any() else (0, 1)
    deviations = np.concatenate([grid.sd.ravel() for grid in grids])
    most = np.nanmax(deviations) if np.isfinite(deviations).any() else 1.0
    for (left, middle, right), grid in zip(panels, grids, strict=True):
        _map(left, grid.mean, "Blues", low, high)
        _map(middle, grid.sd, "Oranges", 0.0, most)
        spread = [np.ptp(known) if len(known := c[np.isfinite(c)]) > 1 else np.nan for c in grid.mean.T]
        right.plot(range(across), spread, "-o", color=color(1, 2))
        right.set_xlim(-0.5, across - 0.5)
        right.set_ylim(0, 1.1 * max((value for value in spread if value > 0), default=1.0))
        bare(right)
        for axes, name in ((left, "mean"), (middle, "standard deviation"), (right, f"spread over {rows[0]}")):
            axes.set_title(" ".join(filter(None, [grid.name, name])), loc="left", fontsize="small")
            axes.set_xticks(range(across), columns[1], rotation=30 if max(map(len, columns[1])) > 5 else 0)
            axes.tick_params(labelsize="small")
            axes.set_xlabel(columns[0], fontsize="small")
        for axes in (left, middle):
            axes.set_yticks(range(down), rows[1])
        left.set_ylabel(rows[0], fontsize="small")
    head(figure, title, note)
    return figure


def _grids(function: str, panels: Sequence[Sequence[Grid]]) -> int:
    count = min((len(grids) for grids in panels), default=0)
    if not count:
        raise ValueError(f"{function}: at least 1 grid must be given, got none")
    return count


def _map(axes: Axes, values: NDArray[np.float64], cmap: str, low: float, high: float) -> None:
    """Draw a heat map with the numbers in its cells; a cell without a number stays white."""
    high = high if high > low else low + 1e-9
    axes.imshow(values, cmap=cmap, vmin=low, vmax=high, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            shade = "white" if value > low + 0.6 * (high - low) else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=shade, fontsize="small")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
