"""Draw scores: what codes know of factors, how important they are for them, scores with intervals."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from ._style import head

_BLUE = "#4477aa"


def mutual_information(
    information: ArrayLike, factor_names: Sequence[str] | None = None, title: str = ""
) -> Figure:
    """Draw a heat map of the mutual information of every code and factor.

    Args:
        information: (codes, factors), in nats, as ``mig(...).mutual_information``.
        factor_names: a name for each factor; their numbers if None.
        title: stands above the picture.

    Raises:
        ValueError: not a matrix, or another number of names than factors.

    Example:
        >>> figure = mutual_information([[0.0, 1.2], [0.7, 0.1]], ["shape", "scale"])
        >>> [label.get_text() for label in figure.axes[0].get_xticklabels()]
        ['shape', 'scale']
    """
    matrix, names = _labelled("mutual_information", "information", information, factor_names)
    figure = Figure(figsize=(2.2 + 0.8 * matrix.shape[1], 1.4 + 0.36 * matrix.shape[0]), layout="constrained")
    axes = figure.subplots()
    largest = max(float(matrix.max()), 1e-12)
    image = axes.imshow(matrix, cmap="Blues", vmin=0, vmax=largest, aspect="auto")
    for (d, k), value in np.ndenumerate(matrix):
        shade = "white" if value > 0.6 * largest else "black"
        axes.text(k, d, f"{value:.2f}", ha="center", va="center", color=shade, fontsize="small")
    _label(axes, matrix, names)
    figure.colorbar(image, ax=axes, label="mutual information, nats")
    head(figure, title)
    return figure


def importance(matrix: ArrayLike, factor_names: Sequence[str] | None = None, title: str = "") -> Figure:
    """Draw a Hinton diagram: a square for each code and factor whose area is the importance.

    Args:
        matrix: (codes, factors), at least 0, as ``dci(...).importance``; the largest fills its cell.
        factor_names: a name for each factor; their numbers if None.
        title: stands above the picture.

    Raises:
        ValueError: not a matrix, or another number of names than factors.

    Example:
        >>> figure = importance([[1.0, 0.0], [0.25, 0.5]])
        >>> [round(float(s.get_width()), 4) for s in figure.axes[0].patches]  # an empty cell has no square
        [1.0, 0.5, 0.7071]
    """
    values, names = _labelled("importance", "matrix", matrix, factor_names)
    figure = Figure(figsize=(1.4 + 0.5 * values.shape[1], 1.4 + 0.36 * values.shape[0]), layout="constrained")
    axes = figure.subplots()
    sides = np.sqrt(values / max(float(values.max()), 1e-12))
    for (d, k), side in np.ndenumerate(sides):
        if side > 0:
            axes.add_patch(Rectangle((k - side / 2, d - side / 2), side, side, color=_BLUE))
    axes.set_xlim(-0.6, values.shape[1] - 0.4)
    axes.set_ylim(values.shape[0] - 0.4, -0.6)
    axes.set_aspect("equal")
    _label(axes, values, names)
    head(figure, title)
    return figure


def scores(
    values: Mapping[str, float],
    intervals: Mapping[str, tuple[float, float]] | None = None,
    title: str = "",
) -> Figure:
    """Draw a dot for each score with its interval; a ring where the interval is exact, as on a complete grid.

    Args:
        values: the scores by the name that stands beside them.
        intervals: (low, high) of those that have one.
        title: stands above the picture.

    Raises:
        ValueError: there is no score.

    Example:
        >>> figure = scores({"mig": 0.31, "irs": 0.5}, {"mig": (0.29, 0.33)})
        >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
        ['mig', 'irs']
    """
    if not values:
        raise ValueError("scores: values must hold at least 1 score, got none")
    figure = Figure(figsize=(6, 1.0 + 0.3 * len(values)), layout="constrained")
    axes = figure.subplots()
    for row, (name, score) in enumerate(values.items()):
        low, high = (intervals or {}).get(name, (np.nan, np.nan))
        axes.plot([low, high], [row, row], color=_BLUE, linewidth=2)
        axes.plot(score, row, "o", color=_BLUE, markerfacecolor="white" if low == high else _BLUE)
        axes.annotate(f"{score:.3f}", (score, row), (0, 6), textcoords="offset points", ha="center")
    axes.set_yticks(range(len(values)), list(values))
    axes.set_ylim(len(values) - 0.5, -0.7)
    axes.set_xlim(min(0.0, *values.values()) - 0.03, max(1.0, *values.values()) + 0.03)
    axes.grid(axis="x", color="#dddddd")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    head(figure, title)
    return figure


def _labelled(
    function: str, name: str, values: ArrayLike, factor_names: Sequence[str] | None
) -> tuple[NDArray[np.float64], list[str]]:
    matrix = np.asarray(values, dtype=float)
    if matrix.ndim != 2 or not matrix.size:
        raise ValueError(f"{function}: {name} must have shape (codes, factors), got {matrix.shape}")
    count = matrix.shape[1]
    names = [f"v{k}" for k in range(count)] if factor_names is None else [str(name) for name in factor_names]
    if len(names) != count:
        raise ValueError(f"{function}: factor_names must name {count} factors, got {len(names)}")
    return matrix, names


def _label(axes: Axes, matrix: NDArray[np.float64], names: list[str]) -> None:
    axes.set_xticks(range(len(names)), names, rotation=30 if max(map(len, names)) > 6 else 0)
    axes.set_yticks(range(len(matrix)), [f"z{code}" for code in range(len(matrix))])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
