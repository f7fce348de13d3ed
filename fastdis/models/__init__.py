"""Encoders, decoders and what joins them. A module of one's own works wherever a named one does."""

from .burgess import BurgessDecoder, BurgessEncoder, burgess_vae
from .vae import VAE, VAEOutput

__all__ = ["VAE", "BurgessDecoder", "BurgessEncoder", "VAEOutput", "burgess_vae"]
