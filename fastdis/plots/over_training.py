"""Show how scores come about: their values at points of the training."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from ._style import bare, color, head

_NATS = ("kl", "index_code_mi", "total_correlation", "dimwise_kl")


def scores_over_training(steps: ArrayLike, values: Mapping[str, ArrayLike], title: str = "") -> Figure:
    """Draw the scores over training on the left, and on the right the KL and its parts.

    Args:
        steps: (rows,), the steps at which the model was scored.
        values: by its name each number at these steps, (rows,); nan where there is none. "kl",
            "index_code_mi", "total_correlation" and "dimwise_kl" are in nats and stand on the right.
        title: stands above the picture.

    Raises:
        ValueError: there is no number.

    Example:
        >>> figure = scores_over_training([100, 200], {"mig": [0.1, 0.2], "kl": [9.0, 12.0]})
        >>> [[line.get_label() for line in axes.lines] for axes in figure.axes]
        [['mig'], ['kl']]
    """
    sides = [
        {name: column for name, column in values.items() if (name in _NATS) == nats} for nats in (False, True)
    ]
    panels = [(side, label) for side, label in zip(sides, ("score", "nats"), strict=True) if side]
    if not panels:
        raise ValueError("scores_over_training: values must hold at least 1 number, got none")
    figure = Figure(figsize=(5.2 * len(panels), 4.2), layout="constrained")
    for axes, (side, label) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for index, (name, column) in enumerate(side.items()):
            shade, marker = color(index, len(side)), "." if np.size(steps) <= 60 else ""
            axes.plot(steps, np.asarray(column, dtype=float), marker=marker, color=shade, label=name)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("step")
        axes.set_ylabel(label)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, frameon=False, fontsize="small")
        bare(axes)
    head(figure, title, "scores of 10,000 images while training")
    return figure
