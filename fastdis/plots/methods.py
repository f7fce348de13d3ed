"""Draw methods beside each other: each score of each of them, and what reconstruction it costs."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from ._style import MARKERS, bare, color, head


class Series(NamedTuple):
    """Hold an objective at several strengths, each with one or more models.

    name: of the objective. labels: of its strengths, in rising order.
    x, y: of each strength the values of its models, (models,).
    """

    name: str
    labels: Sequence[str]
    x: Sequence[ArrayLike]
    y: Sequence[ArrayLike]


def scores_by_method(
    methods: Sequence[str],
    values: Mapping[str, Sequence[ArrayLike]],
    families: Sequence[str] | None = None,
    title: str = "",
    note: str = "",
) -> Figure:
    """Draw a panel for each score: per method a row, with a dot per run, the mean and a bar of one sd.

    Args:
        methods: their names.
        values: by the name of the score, for each method the scores of its runs; empty where it has none.
        families: what each method belongs to, such as its objective; those of one have one colour. None: each
            method has its own.
        title: stands above the picture.
        note: a second line above it.

    Raises:
        ValueError: there is no method or no score, or a score has not one entry for each method.

    Example:
        >>> figure = scores_by_method(["vae", "beta-vae"], {"mig": [[0.1, 0.2], [0.3]], "sap": [[0.4], []]})
        >>> [axes.get_title(loc="left") for axes in figure.axes]
        ['mig', 'sap']
    """
    if not methods or not values:
        raise ValueError(
            f"scores_by_method: methods and values must hold at least 1, got {len(methods)} and {len(values)}"
        )
    for name, of_methods in values.items():
        if len(of_methods) != len(methods):
            raise ValueError(
                f"scores_by_method: values must hold {len(methods)} methods, got {len(of_methods)} of {name}"
            )
    families = methods if families is None else families
    shades = {name: color(k, len(set(families))) for k, name in enumerate(dict.fromkeys(families))}
    columns = min(4, len(values))
    rows = -(-len(values) // columns)
    longest = 0.075 * max(map(len, methods))
    size = (longest + 2.1 * columns, 0.75 + rows * (0.75 + 0.24 * len(methods)))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for axes, (name, of_methods) in zip(panels, values.items(), strict=False):
        for row, runs in enumerate(map(_array, of_methods)):
            shade = shades[families[row]]
            axes.plot(runs, np.full(len(runs), row), "o", color=shade, markersize=4, alpha=0.5, mew=0)
            if len(runs):
                spread = runs.std(ddof=1) if len(runs) > 1 else np.nan
                axes.errorbar(runs.mean(), row, xerr=spread, fmt="|", color=shade, markersize=11, mew=2)
        bare(axes, "x")
        axes.set_title(name, loc="left", fontsize="small")
        axes.tick_params(labelsize="small")
        axes.locator_params(axis="x", nbins=4)
        axes.margins(x=0.08)
    panels[0].set_yticks(range(len(methods)), methods)
    panels[0].set_ylim(len(methods) - 0.5, -0.5)
    for axes in panels[len(values) :]:
        axes.set_visible(False)
    head(figure, title, note)
    return figure


def trade_off(
    series: Sequence[Series], x_label: str, y_label: str, title: str = "", note: str = ""
) -> Figure:
    """Draw one number of models against another, as the score against the reconstruction.

    Each objective has a colour, each model a faint dot; a line joins the means of the strengths, with their
    names.

    Args:
        series: the objectives.
        x_label, y_label: stand at the axes.
        title, note: stand above the picture.

    Raises:
        ValueError: there is no series.

    Example:
        >>> beta_vae = Series("beta-vae", ["1", "4"], x=[[20, 22], [31]], y=[[0.1, 0.2], [0.3]])
        >>> figure = trade_off([beta_vae], "reconstruction", "mig")
        >>> [float(x) for x in figure.axes[0].lines[-1].get_xdata()]
        [21.0, 31.0]
    """
    if not series:
        raise ValueError("trade_off: series must hold at least 1 objective, got none")
    figure = Figure(figsize=(7, 4.6), layout="constrained")
    axes = figure.subplots()
    for index, one in enumerate(series):
        shade, marker = color(index, len(series)), MARKERS[index % len(MARKERS)]
        points = [(_array(x), _array(y)) for x, y in zip(one.x, one.y, strict=True)]
        for x, y in points:
            axes.plot(x, y, marker, color=shade, markersize=4, alpha=0.35, mew=0)
        means = np.array([(x.mean(), y.mean()) for x, y in points])
        axes.plot(
            *means.T, f"-{marker}", color=shade, linewidth=1.4, markersize=7, label=one.name, mec="white"
        )
        for label, mean in zip(one.labels, means, strict=True):
            axes.annotate(
                label, mean, (5, 5), textcoords="offset points", fontsize="small", color=shade, clip_on=True
            )
    bare(axes, "both")
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    figure.legend(loc="outside lower center", ncols=min(4, len(series)), frameon=False)
    head(figure, title, note)
    return figure


def _array(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, dtype=float).reshape(-1)
