"""Differentiable operations on (batch, latent) tensors, as ``torch.nn.functional`` is to ``torch.nn``."""

from .kernels.gaussian_kl import gaussian_kl, reparameterize, reparameterize_kl

__all__ = ["gaussian_kl", "reparameterize", "reparameterize_kl"]
