"""Draw pictures, as Matplotlib figures that the caller saves."""

from .animation import traversal_animation
from .axes import Grid, score_lines, score_maps
from .curves import Curve, latent_curves
from .distributions import explained_variance, rank_correlations, violins
from .images import image_rows
from .kl import kl_and_targets, kl_over_training, kl_per_latent
from .latent_pairs import joint_histogram, latent_plane, posterior_ellipses
from .methods import Series, scores_by_method, trade_off
from .over_training import scores_over_training
from .posterior import aggregated_marginals
from .scores import importance, mutual_information, scores
from .training import training_curves
from .traversals import traversals

__all__ = [
    "Curve",
    "Grid",
    "Series",
    "aggregated_marginals",
    "explained_variance",
    "image_rows",
    "importance",
    "joint_histogram",
    "kl_and_targets",
    "kl_over_training",
    "kl_per_latent",
    "latent_curves",
    "latent_plane",
    "mutual_information",
    "posterior_ellipses",
    "rank_correlations",
    "score_lines",
    "score_maps",
    "scores",
    "scores_by_method",
    "scores_over_training",
    "trade_off",
    "training_curves",
    "traversal_animation",
    "traversals",
    "violins",
]
