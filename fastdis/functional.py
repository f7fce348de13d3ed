"""Differentiable operations on (batch, latent) tensors, as ``torch.nn.functional`` is to ``torch.nn``."""

from .kernels.gaussian_kl import gaussian_kl, reparameterize, reparameterize_kl
from .kernels.total_correlation import KLDecomposition, kl_decomposition, tcvae_penalty, total_correlation

__all__ = [
    "KLDecomposition",
    "gaussian_kl",
    "kl_decomposition",
    "reparameterize",
    "reparameterize_kl",
    "tcvae_penalty",
    "total_correlation",
]
