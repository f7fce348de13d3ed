"""Encoders, decoders and what joins them; the whole models are declared once each, in ``MODELS``.

The number of latents may be given by position, all else by name. A module of one's own works wherever a named
one does.
"""

from .autoencoder import Autoencoder
from .burgess import BurgessDecoder, BurgessEncoder, burgess_autoencoder, burgess_vae
from .declared import MODELS, Model
from .discriminator import Discriminator
from .foreign import DisentEncoder, load_foreign
from .hierarchical import GaussianLayer, HierarchicalOutput, HierarchicalVAE, hierarchical_vae
from .infogan import InfoGANCritic, InfoGANEncoder, InfoGANGenerator, infogan
from .ista import Dictionary, ISTAEncoder, ista_autoencoder
from .kim import KimDecoder, KimEncoder, kim_2d_vae, kim_3d_vae
from .mlp import MLPDecoder, MLPEncoder, chen_vae, linear_vae
from .song import SongDecoder, song_vae
from .tied import TiedDecoder, linear_autoencoder, mlp_autoencoder, stacked_autoencoder
from .vae import VAE, VAEOutput

__all__ = [
    "MODELS",
    "VAE",
    "Autoencoder",
    "BurgessDecoder",
    "BurgessEncoder",
    "Dictionary",
    "Discriminator",
    "DisentEncoder",
    "GaussianLayer",
    "HierarchicalOutput",
    "HierarchicalVAE",
    "ISTAEncoder",
    "InfoGANCritic",
    "InfoGANEncoder",
    "InfoGANGenerator",
    "KimDecoder",
    "KimEncoder",
    "MLPDecoder",
    "MLPEncoder",
    "Model",
    "SongDecoder",
    "TiedDecoder",
    "VAEOutput",
    "burgess_autoencoder",
    "burgess_vae",
    "chen_vae",
    "hierarchical_vae",
    "infogan",
    "ista_autoencoder",
    "kim_2d_vae",
    "kim_3d_vae",
    "linear_autoencoder",
    "linear_vae",
    "load_foreign",
    "mlp_autoencoder",
    "song_vae",
    "stacked_autoencoder",
]
