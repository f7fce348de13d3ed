"""Weights that others trained, put into our modules."""

from pathlib import Path

from fastdis.models import VAE, load_foreign


def load(path: Path) -> VAE:
    """A VAE from the arrays of a disentangling-vae state dict."""
    return load_foreign(path, source="disentangling-vae")
