"""Objectives and models by the names that the command line and ``config.json`` give them."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from torch import nn

from .. import losses, models

OBJECTIVES: dict[str, Callable[..., nn.Module]] = {
    "vae": losses.VAE,
    "beta-vae": losses.BetaVAE,
    "annealed-vae": losses.AnnealedVAE,
    "per-latent-capacity-vae": losses.PerLatentCapacityVAE,
    "beta-tcvae": losses.BetaTCVAE,
    "factor-vae": losses.FactorVAE,
    "dip-vae": losses.DIPVAE,
    "hfvae": losses.HFVAE,
    "ada-gvae": losses.AdaGVAE,
    "ada-ml-vae": losses.AdaMLVAE,
    "ae": losses.AE,
    "denoising-ae": losses.DenoisingAE,
    "sparse-ae": losses.SparseAE,
    "infogan": losses.InfoGAN,
}
PAIRED = ("ada-gvae", "ada-ml-vae")  # they learn from pairs of images


def burgess_autoencoder(latents: int = 10, channels: int = 1, *, k: int | None = None) -> models.Autoencoder:
    """Burgess's encoder and decoder without noise between them; with k a k-sparse autoencoder."""
    encoder, decoder = models.BurgessEncoder(latents, channels), models.BurgessDecoder(latents, channels)
    return models.Autoencoder(encoder, decoder, k)


MODELS: dict[str, Callable[..., models.VAE]] = {
    "burgess": models.burgess_vae,
    "kim-2d": models.kim_2d_vae,
    "kim-3d": models.kim_3d_vae,
    "chen": models.chen_vae,
    "song": models.song_vae,
    "linear": models.linear_vae,
    "burgess-ae": burgess_autoencoder,
    "mlp-ae": models.mlp_autoencoder,
    "linear-ae": models.linear_autoencoder,
    "infogan": models.infogan,
}
_GIVEN = ("dataset_size", "latents", "discriminator", "critic")  # not settings: they follow from the rest


def model_for(objective: str) -> str:
    """The model that an objective trains unless told otherwise: an AE has no noise, a GAN other networks."""
    if objective == "infogan":
        return "infogan"
    return "burgess-ae" if objective == "ae" or objective.endswith("-ae") else "burgess"


def settings_of(make: Callable[..., object]) -> dict[str, Any]:
    """What can be set, with the defaults; ``inspect.Parameter.empty`` for what has none."""
    parameters = inspect.signature(make).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.name not in _GIVEN}


def build(make: Callable[..., Any], available: Mapping[str, Any]) -> Any:
    """Call with those of the available arguments that it takes."""
    return make(**{name: available[name] for name in inspect.signature(make).parameters if name in available})


def require_known(what: str, name: str, known: Iterable[str]) -> None:
    """Raise a ValueError that names the close matches, unless the name is one of those known."""
    known = list(known)
    if name not in known:
        close = get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise ValueError(f"{what} must be one of {', '.join(known)}, got {name!r}{hint}")
