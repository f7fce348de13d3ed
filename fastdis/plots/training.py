"""Show how training went: the terms of the loss over the steps."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from ._style import head

_COLUMNS = 3


def training_curves(steps: ArrayLike, terms: Mapping[str, ArrayLike], title: str = "") -> Figure:
    """Draw a panel for each term of the loss, with a scale of its own.

    Args:
        steps: (rows,), the steps at which the log has a row.
        terms: the values (rows,) of each term, by name.
        title: stands above the picture.

    Raises:
        ValueError: there is no term.

    Example:
        >>> figure = training_curves([1, 100], {"total": [300.0, 90.0], "kl": [0.1, 12.0]})
        >>> [axes.get_title(loc="left") for axes in figure.axes]
        ['total', 'kl']
    """
    if not terms:
        raise ValueError("training_curves: terms must hold at least 1 term, got none")
    at = np.asarray(steps, dtype=float)
    columns = min(_COLUMNS, len(terms))
    rows = -(-len(terms) // columns)
    figure = Figure(figsize=(2.9 * columns + 0.4, 1.9 * rows + 0.5), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True).ravel()
    for axes, (name, values) in zip(panels, terms.items(), strict=False):
        axes.plot(at, np.asarray(values, dtype=float), color="#4477aa")
        axes.set_title(name, fontsize="medium", loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#eeeeee")
    for axes in panels[len(terms) :]:
        axes.remove()
    figure.supxlabel("step", fontsize="medium")
    head(figure, title)
    return figure
