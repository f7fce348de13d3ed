"""Training objectives, each in a file of its own and declared once in ``OBJECTIVES``.

All are called as ``objective(reconstruction, target, z, mean, logvar, step=None)``: sums over pixels and
latents, means over the batch, nats. Settings are given by name, and kept as Python numbers. Any module of
one's own that is called the same way and returns `LossTerms` trains in the same loop.

An objective that needs more for a step than one batch and one optimiser also has a generator,
``turns(model, draw, step)``. ``draw()`` gives the next batch. Each ``yield player, terms`` lets the loop take
one step of that player's optimiser with ``terms.total`` before it resumes the generator. Where there are
players besides "model", ``optimizers(model, learning_rate)`` gives the optimiser of each; networks that they
train are part of the objective.

What an objective learns besides, it keeps in buffers: a call reads them, and ``update`` advances them after
each step, through ``turns`` or in one's own loop. An objective with a target for the KL of each latent has
``kl_targets(step)``, which the log asks for.
"""

from .ada_gvae import AdaGVAE
from .ada_ml_vae import AdaMLVAE
from .adaptive_capacity_vae import AdaptiveCapacityVAE
from .ae import AE
from .annealed_vae import AnnealedVAE
from .beta_tcvae import BetaTCVAE
from .beta_vae import BetaVAE
from .constrained_vae import ConstrainedVAE
from .contractive_ae import ContractiveAE
from .declared import OBJECTIVES, Objective
from .denoising_ae import DenoisingAE
from .dip_vae import DIPVAE
from .factor_vae import FactorVAE
from .hfvae import HFVAE
from .hierarchical_elbo import HierarchicalELBO
from .infogan import InfoGAN
from .kl_weighted_vae import KLWeightedVAE
from .per_latent_capacity_vae import PerLatentCapacityVAE
from .reconstruction import reconstruction_loss
from .sparse_ae import SparseAE
from .stacked_denoising_ae import StackedDenoisingAE
from .terms import LossTerms
from .vae import VAE

__all__ = [
    "AE",
    "DIPVAE",
    "HFVAE",
    "OBJECTIVES",
    "VAE",
    "AdaGVAE",
    "AdaMLVAE",
    "AdaptiveCapacityVAE",
    "AnnealedVAE",
    "BetaTCVAE",
    "BetaVAE",
    "ConstrainedVAE",
    "ContractiveAE",
    "DenoisingAE",
    "FactorVAE",
    "HierarchicalELBO",
    "InfoGAN",
    "KLWeightedVAE",
    "LossTerms",
    "Objective",
    "PerLatentCapacityVAE",
    "SparseAE",
    "StackedDenoisingAE",
    "reconstruction_loss",
]
