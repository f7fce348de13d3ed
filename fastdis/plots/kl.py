"""How much each latent says: its KL divergence from the prior."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike


def kl_per_latent(kl: ArrayLike, title: str = "") -> Figure:
    """A bar for each latent, the largest first.

    Args:
        kl: (latent,), in nats.
        title: stands above the picture.

    Example:
        >>> figure = kl_per_latent([0.1, 2.5], "two latents")
        >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
        ['z1', 'z0']
    """
    values = np.asarray(kl, dtype=float)
    order = np.argsort(-values, kind="stable")
    figure = Figure(figsize=(7, 0.9 + 0.3 * len(values)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh([f"z{latent}" for latent in order], values[order], color="#4477aa")
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("KL(q(z|x) || p(z)), mean over the images, nats")
    lines = [title, f"KL of each latent, {values.sum():.2f} nats in all"]
    figure.suptitle("\n".join(filter(None, lines)), x=0.01, ha="left", fontsize="medium")
    return figure
