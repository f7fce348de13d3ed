"""The density of every group of Gaussians on a grid: what entropies of q(z_d | v_k) are integrated from.

For Gaussians i in one dimension d, and groups that each of several columns of classes puts them into::

    density[c, g] = sum over i in group c of N(grid_g; mean_i, sigma_i^2),    grid_g = low + g step

cut off at 8 sigma, where a Gaussian is 1e-14 of its peak. Every Gaussian is evaluated once, at some
16 sigma / step points, and added to one group of each column.
"""

from collections.abc import Sequence

from torch import Tensor

from .. import _dispatch
from . import reference

REACH = 8.0


def grouped_density(
    mean: Tensor,
    deviation: Tensor,
    classes: Tensor,
    sizes: Sequence[int],
    low: Tensor,
    step: Tensor,
    points: int,
    *,
    backend: str = "auto",
) -> Tensor:
    """Sum the densities, (latent, sum of sizes, points) float64.

    Args:
        mean: (samples, latent), float64.
        deviation: standard deviations, like mean.
        classes: (samples, columns), integers, each below its size.
        sizes: the number of classes of each column.
        low: (latent,), the first point of the grid.
        step: (latent,), the distance of two points.
        points: how many.
        backend: "auto", "reference" or "numba".

    Example:
        >>> import torch
        >>> mean, deviation = torch.tensor([[0.0], [1.0]]).double(), torch.ones(2, 1).double()
        >>> low, step = torch.tensor([-9.0]).double(), torch.tensor([0.25]).double()
        >>> density = grouped_density(mean, deviation, torch.tensor([[0], [1]]), [2], low, step, 80)
        >>> [round(mass, 6) for mass in (density.sum(dim=2) * step)[0].tolist()]
        [1.0, 1.0]
    """
    arguments = (mean, deviation, classes, sizes, low, step, points)
    if _dispatch.choose("grouped_density", backend, mean) == "numba":
        from . import numba_cpu

        return numba_cpu.grouped_density(*arguments)
    return reference.grouped_density(*arguments)
