"""Pictures, as Matplotlib figures that the caller saves."""

from .kl import kl_per_latent
from .traversals import traversals

__all__ = ["kl_per_latent", "traversals"]
