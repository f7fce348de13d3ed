"""Decompose the KL with the exact aggregated posterior: q(z) over all images, not over a batch.

q(z) = 1/N sum_j q(z|x_j), and KL = index-code MI + total correlation + dimension-wise KL (Chen et al. 2018,
Isolating Sources of Disentanglement, equation 2). Every minibatch estimate of these three numbers is biased;
here the mixture is summed over all N posteriors to a certified tolerance, and only the outer expectation over
z is sampled.
"""

from ._arguments import MAX_PAIRS
from .decompose import decompose
from .density import log_density, sharded_log_density
from .marginals import marginal_curves, marginal_log_density
from .result import PosteriorDecomposition
from .rotation import entangled, gaussian_kl_full, rotated

__all__ = [
    "MAX_PAIRS",
    "PosteriorDecomposition",
    "decompose",
    "entangled",
    "gaussian_kl_full",
    "log_density",
    "marginal_curves",
    "marginal_log_density",
    "rotated",
    "sharded_log_density",
]
