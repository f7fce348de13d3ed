"""What the figures of many runs share: colours, bare axes, a heading that fits the width."""

import textwrap
from typing import Literal

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# told apart by most colour-blind readers: Paul Tol's bright scheme
COLORS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
MARKERS = "osD^vPX*"


def color(index: int, count: int) -> str | tuple[float, ...]:
    """Return the colour of one of so many: one of COLORS, beyond its six those of tab20."""
    return COLORS[index] if count <= len(COLORS) else tuple(colormaps["tab20"](index % 20))


def bare(axes: Axes, grid: Literal["both", "x", "y"] = "y") -> None:
    """Leave the axes two spines and a light grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color="#e6e6e6")
    axes.set_axisbelow(True)


def head(figure: Figure, *lines: str) -> None:
    """Write the lines that are not empty above a figure, at its left, broken where they are too long."""
    width = max(24, int(figure.get_figwidth() * 12.5))
    broken = [part for line in filter(None, lines) for part in textwrap.wrap(line, width)]
    figure.suptitle("\n".join(broken), x=0.01, ha="left", fontsize="medium")
