"""Show how much each latent carries: its KL divergence from the prior."""

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

ACTIVE = 0.1  # nats: a latent below it carries next to nothing


def kl_per_latent(kl: ArrayLike, title: str = "", capacities: ArrayLike | None = None) -> Figure:
    """Draw a bar for each latent, the largest KL first, within its capacity where it has one.

    Args:
        kl: (latent,), in nats.
        title: stands above the picture.
        capacities: (latent,), in nats: the KL that the objective sets for each latent, as in figure 5.1 of
            Song 2018.

    Example:
        >>> figure = kl_per_latent([0.1, 2.5], "two latents")
        >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
        ['z1', 'z0']
    """
    values = np.asarray(kl, dtype=float)
    order = np.argsort(-values, kind="stable")
    figure = Figure(figsize=(7, 0.9 + 0.3 * len(values)), layout="constrained")
    axes = figure.subplots()
    names = [f"z{latent}" for latent in order]
    bars = axes.barh(names, values[order], color="#4477aa")
    axes.bar_label(bars, fmt="%.2f", padding=3)
    if capacities is not None:
        outline = np.asarray(capacities, dtype=float)[order]
        axes.barh(names, outline, fill=False, edgecolor="black", linewidth=1.2, label="capacity")
        axes.legend(loc="lower right", frameon=False)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("KL(q(z|x) || p(z)), mean over the images, nats")
    lines = [title, f"KL of each latent, {values.sum():.2f} nats in all"]
    figure.suptitle("\n".join(filter(None, lines)), x=0.01, ha="left", fontsize="medium")
    return figure


def kl_over_training(steps: ArrayLike, kl: ArrayLike, title: str = "") -> Figure:
    """Draw a line for each latent; those that are active at the end are coloured and named there.

    Args:
        steps: (rows,), the steps at which the log has a row.
        kl: (rows, latent), in nats.
        title: stands above the picture.

    Example:
        >>> figure = kl_over_training([1, 100, 200], [[0.0, 0.0], [0.4, 0.1], [2.0, 0.0]])
        >>> [line.get_label() for line in figure.axes[0].lines]
        ['z0', 'z1']
    """
    at, values = np.asarray(steps, dtype=float), np.asarray(kl, dtype=float)
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    active = values[-1] >= ACTIVE
    colors = [
        colormaps["tab10"](latent % 10) if active[latent] else "#bbbbbb" for latent in range(len(active))
    ]
    for latent, line in enumerate(values.T):
        width = 1.5 if active[latent] else 0.8
        axes.plot(at, line, color=colors[latent], linewidth=width, label=f"z{latent}")
    height, gap = -np.inf, 0.055 * values.max()  # names that would overlap move up
    for latent in np.argsort(values[-1], kind="stable")[np.count_nonzero(~active) :]:
        height = max(values[-1, latent], height + gap)
        place, color = (at[-1], height), colors[latent]
        axes.annotate(f"z{latent}", place, (4, 0), textcoords="offset points", va="center", color=color)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("step")
    axes.set_ylabel("KL of a latent, nats")
    lines = [title, f"KL of each latent over training; grey below {ACTIVE} nats at the end"]
    figure.suptitle("\n".join(filter(None, lines)), x=0.01, ha="left", fontsize="medium")
    return figure


def kl_and_targets(steps: ArrayLike, kl: ArrayLike, targets: ArrayLike, title: str = "") -> Figure:
    """Draw the lines of `kl_over_training`, and a dashed one for each latent's target where it has one.

    As figure 5.1 of Song 2018 (after Burgess et al. 2018), with a target for each latent instead of one for
    their mean.

    Args:
        steps: (rows,), the steps at which the log has a row.
        kl: (rows, latent), in nats.
        targets: like kl, nan where a latent has no target.
        title: stands above the picture.

    Example:
        >>> nan = float("nan")
        >>> figure = kl_and_targets([1, 100, 200], [[0.0], [2.0], [2.1]], [[nan], [2.0], [2.0]])
        >>> [line.get_linestyle() for line in figure.axes[0].lines]
        ['-', '--']
    """
    figure = kl_over_training(steps, kl, title)
    axes = figure.axes[0]
    aims = np.asarray(targets, dtype=float).T
    for line, aim in zip(list(axes.lines), aims, strict=True):
        if not np.isnan(aim).all():
            axes.plot(line.get_xdata(), aim, "--", color=line.get_color(), linewidth=1)
    lines = [
        title,
        f"KL of each latent over training, grey below {ACTIVE} nats at the end; dashed: its target",
    ]
    figure.suptitle("\n".join(filter(None, lines)), x=0.01, ha="left", fontsize="medium")
    return figure
