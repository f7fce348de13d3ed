"""Draw what many models share: distributions by method, rank correlations, what explains a score."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from ._style import bare, color, head


def violins(
    methods: Sequence[str], values: Mapping[str, Sequence[ArrayLike]], title: str = "", note: str = ""
) -> Figure:
    """Draw a panel for each score: per method a violin, with its models as dots and its median as a line.

    Args:
        methods: their names.
        values: by the name of the score, for each method the scores of its models; empty where it has none.
            Fewer than three models have dots alone.
        title, note: stand above the picture.

    Raises:
        ValueError: there is no method or no score.

    Example:
        >>> figure = violins(["vae", "beta-vae"], {"mig": [[0.1, 0.2, 0.4], [0.3]]})
        >>> [label.get_text() for label in figure.axes[0].get_xticklabels()]
        ['vae', 'beta-vae']
    """
    if not methods or not values:
        raise ValueError(
            f"violins: methods and values must hold at least 1, got {len(methods)} and {len(values)}"
        )
    columns = min(len(values), max(1, 12 // len(methods)), 4)
    rows = -(-len(values) // columns)
    turned = len(methods) > 5 or max(map(len, methods)) > 9
    size = (max(3.6, 0.8 + columns * (0.5 + 0.62 * len(methods))), 0.8 + rows * (2.0 + 0.5 * turned))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True).ravel()
    jitter = np.random.default_rng(0)
    for axes, (name, of_methods) in zip(panels, values.items(), strict=False):
        for place, models in enumerate(of_methods):
            known = np.asarray(models, dtype=float)
            shade = color(place, len(methods))
            if len(known) > 2 and np.ptp(known) > 0:
                drawn = axes.violinplot([known], [place], widths=0.8, showextrema=False, showmedians=True)
                for body in drawn["bodies"]:
                    body.set(facecolor=shade, alpha=0.35)
                drawn["cmedians"].set_color(shade)
            shifts = place + 0.12 * (jitter.random(len(known)) - 0.5)
            axes.plot(shifts, known, "o", color=shade, markersize=3, alpha=0.8, mew=0)
        bare(axes)
        axes.set_title(name, loc="left", fontsize="small")
        axes.tick_params(labelsize="small")
        axes.set_xticks(
            range(len(methods)), methods, rotation=30 if turned else 0, ha="right" if turned else "center"
        )
    for axes in panels[len(values) :]:
        axes.set_visible(False)
    head(figure, title, note)
    return figure


def rank_correlations(
    rows: Sequence[str],
    columns: Sequence[str],
    values: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    title: str = "",
    note: str = "",
) -> Figure:
    """Draw rank correlations times 100, each with its interval below it; grey where that holds 0.

    Args:
        rows, columns: the names of the numbers.
        values, low, high: (rows, columns), from -1 to 1; nan where there is none.
        title, note: stand above the picture.

    Raises:
        ValueError: the matrices have another shape.

    Example:
        >>> figure = rank_correlations(["mig"], ["kl"], [[-0.5]], [[-0.75]], [[0.25]])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['-50', '-75 .. 25']
    """
    matrix, lower, upper = (np.asarray(array, dtype=float) for array in (values, low, high))
    if {matrix.shape, lower.shape, upper.shape} != {(len(rows), len(columns))}:
        raise ValueError(
            f"rank_correlations: values, low and high must have shape ({len(rows)}, {len(columns)}), "
            f"got {matrix.shape}, {lower.shape} and {upper.shape}"
        )
    longest = 0.085 * max(map(len, rows))
    size = (longest + 0.78 * len(columns) + 0.4, 1.5 + 0.07 * max(map(len, columns)) + 0.52 * len(rows))
    figure = Figure(figsize=(max(4.5, size[0]), size[1]), layout="constrained")
    axes = figure.subplots()
    axes.imshow(matrix, cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(matrix):
        if np.isnan(value):
            continue
        ends = (float(lower[row, column]), float(upper[row, column]))
        sure = not ends[0] <= 0 <= ends[1]
        shade = "white" if abs(value) > 0.65 else "black" if sure else "#777777"
        weight = "bold" if sure else "normal"
        middle: Any = {"ha": "center", "va": "center"}
        axes.text(
            column, row - 0.14, _per_cent(float(value)), ha="center", va="center", color=shade, weight=weight
        )
        if rows[row] != columns[column]:
            interval = f"{_per_cent(ends[0])} .. {_per_cent(ends[1])}"
            axes.text(column, row + 0.26, interval, color=shade, fontsize=6.5, **middle)
    axes.set_xticks(range(len(columns)), columns, rotation=40, ha="right")
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0, labelsize="small")
    axes.spines[:].set_visible(False)
    head(figure, title, note)
    return figure


def explained_variance(
    scores: Sequence[str],
    shares: Mapping[str, ArrayLike],
    title: str = "",
    note: str = "",
) -> Figure:
    """Draw a bar for each score, divided into what explains its variance.

    Args:
        scores: their names.
        shares: by what explains it the share of each score, (scores,), from 0 to 1; they add up to 1.
        title, note: stand above the picture.

    Raises:
        ValueError: there is no score.

    Example:
        >>> figure = explained_variance(["mig"], {"objective": [0.3], "strength": [0.2], "seed": [0.5]})
        >>> [round(float(bar.get_width()), 2) for bar in figure.axes[0].patches]
        [0.3, 0.2, 0.5]
    """
    if not scores:
        raise ValueError("explained_variance: scores must hold at least 1 name, got none")
    figure = Figure(figsize=(7, 1.3 + 0.32 * len(scores)), layout="constrained")
    axes = figure.subplots()
    start = np.zeros(len(scores))
    for k, (name, share) in enumerate(shares.items()):
        widths = np.nan_to_num(np.asarray(share, dtype=float))
        shade = "#cccccc" if k == len(shares) - 1 else color(k, len(shares))
        bars = axes.barh(range(len(scores)), widths, left=start, color=shade, label=name)
        texts = [f"{100 * width:.0f}" if width > 0.04 else "" for width in widths]
        axes.bar_label(bars, texts, label_type="center", fontsize="small")
        start = start + widths
    axes.set_yticks(range(len(scores)), scores)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of the variance over all models; the numbers are per cent")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=len(shares), frameon=False)
    head(figure, title, note)
    return figure


def _per_cent(value: float) -> str:
    return str(round(100 * value))
