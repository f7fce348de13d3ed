"""Training objectives, one a file.

All are called as ``objective(reconstruction, target, z, mean, logvar, step=None)``: sums over pixels and
latents, means over the batch, nats. Any module of one's own that is called the same way and returns
`LossTerms` trains in the same loop.
"""

from .beta_tcvae import BetaTCVAE
from .beta_vae import BetaVAE
from .terms import LossTerms, reconstruction_loss
from .vae import VAE

__all__ = ["VAE", "BetaTCVAE", "BetaVAE", "LossTerms", "reconstruction_loss"]
