"""Show where the codes of all images lie: the aggregated posterior of each latent against the prior."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

_COLUMNS = 5


def aggregated_marginals(z: ArrayLike, density: ArrayLike, kl: ArrayLike, title: str = "") -> Figure:
    """Draw a panel for each latent: q(z_d) filled, the standard normal prior as a line, their KL above.

    Args:
        z: (points, latent), where the densities were taken; see :func:`fastdis.posterior.marginal_curves`.
        density: q(z_d), (points, latent).
        kl: KL(q(z_d) || p(z_d)), (latent,), in nats.
        title: stands above the picture.

    Example:
        >>> import numpy as np
        >>> z = np.linspace(-4, 4, 9).reshape(9, 1)
        >>> figure = aggregated_marginals(z, np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), [0.0])
        >>> figure.axes[0].get_title()
        'z0: 0.000 nats'
    """
    points, values, divergence = (np.asarray(array, dtype=float) for array in (z, density, kl))
    latent = points.shape[1]
    columns = min(_COLUMNS, latent)
    rows = -(-latent // columns)
    figure = Figure(figsize=(2.2 * columns + 0.6, 1.8 * rows + 0.8), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for d, axes in enumerate(panels[:latent]):
        prior = np.exp(-0.5 * points[:, d] ** 2) / np.sqrt(2 * np.pi)
        axes.fill_between(points[:, d], values[:, d], color="#4477aa", alpha=0.5, linewidth=0)
        axes.plot(points[:, d], prior, color="black", linewidth=1)
        axes.set_ylim(bottom=0)
        axes.set_yticks([])
        axes.spines[["left", "top", "right"]].set_visible(False)
        axes.set_title(f"z{d}: {divergence[d]:.3f} nats", fontsize="medium")
    for axes in panels[latent:]:
        axes.set_visible(False)
    legend = "q(z) over all images, filled, and the prior, line; KL in nats"
    figure.suptitle("\n".join(filter(None, [title, legend])), fontsize="medium", x=0.01, ha="left")
    return figure
