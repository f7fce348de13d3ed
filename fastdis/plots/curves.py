"""Show what a latent says of a factor: its mean code over the values of the factor."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from ._style import COLORS, head


class Curve(NamedTuple):
    """Hold a factor, its values (values,) and the mean codes at each (lines, values, latents)."""

    factor: str
    values: ArrayLike
    means: ArrayLike


def latent_curves(
    curves: Sequence[Curve],
    latents: Sequence[str],
    lines: Sequence[str] = ("",),
    title: str = "",
) -> Figure:
    """Draw a panel for each latent and factor: the mean code at each value, with a line for each shape.

    A latent that stands for a factor climbs or falls along it and is level along the others; where the lines
    part, the code depends on the shape too.

    Args:
        curves: what is drawn in each column.
        latents: the names of the latents, one row each.
        lines: the names of the lines.
        title: stands above the picture.

    Returns:
        The figure, with latents down and factors across.

    Example:
        >>> import numpy as np
        >>> means = np.linspace([[-1.0, 0.0]], [[1.0, 0.0]], 5, axis=1)
        >>> figure = latent_curves([Curve("scale", np.arange(5), means)], ["z3", "z7"])
        >>> [line.get_ydata().tolist() for line in figure.axes[0].lines]
        [[-1.0, -0.5, 0.0, 0.5, 1.0]]
    """
    size = (2.0 * len(curves) + 0.9, 1.25 * len(latents) + 1.1)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(latents), len(curves), squeeze=False, sharex="col", sharey="row")
    for column, curve in enumerate(curves):
        means = np.asarray(curve.means)
        for row, name in enumerate(latents):
            axes = panels[row, column]
            for line, label in enumerate(lines):
                axes.plot(curve.values, means[line, :, row], color=COLORS[line % len(COLORS)], label=label)
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(color="#eeeeee")
            if column == 0:
                axes.set_ylabel(name, rotation=0, ha="right", va="center")
        panels[-1, column].set_xlabel(curve.factor)
    figure.align_ylabels()
    if len(lines) > 1:
        handles = panels[0, 0].get_lines()
        figure.legend(handles=handles, loc="outside lower center", ncols=len(lines), frameon=False)
    head(figure, *title.splitlines())
    return figure
