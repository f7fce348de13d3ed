"""Losses and scores for disentangled representation learning in PyTorch."""

import importlib
from types import ModuleType

from .functional import (
    FactorVAETerms,
    KLDecomposition,
    dip_vae_penalty,
    factor_vae_terms,
    gaussian_kl,
    kl_decomposition,
    permute_dims,
    reparameterize,
    reparameterize_kl,
    reparameterize_tcvae,
    tcvae_penalty,
    total_correlation,
    warmup,
)
from .version import __version__

__all__ = [
    "FactorVAETerms",
    "KLDecomposition",
    "__version__",
    "dip_vae_penalty",
    "factor_vae_terms",
    "gaussian_kl",
    "kl_decomposition",
    "permute_dims",
    "reparameterize",
    "reparameterize_kl",
    "reparameterize_tcvae",
    "tcvae_penalty",
    "total_correlation",
    "warmup",
]

_SUBMODULES = frozenset(
    ("cli", "data", "evaluation", "losses", "metrics", "models", "plots", "posterior", "studies", "training")
)


def __getattr__(name: str) -> ModuleType:
    """Submodules load on first use, so that ``import fastdis`` costs little more than ``import torch``."""
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | _SUBMODULES)
