"""Pictures, as Matplotlib figures that the caller saves."""

from .kl import kl_per_latent
from .posterior import aggregated_marginals
from .scores import importance, mutual_information, scores
from .traversals import traversals

__all__ = [
    "aggregated_marginals",
    "importance",
    "kl_per_latent",
    "mutual_information",
    "scores",
    "traversals",
]
