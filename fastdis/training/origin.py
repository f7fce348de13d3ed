"""Where a run's model and data came from: what ``config.json`` says of them, and how they are made again."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from .. import models
from ..data import FactorDataset, Pairs, dsprites
from ..data.protocols import FactorData
from ..kernels.sprites import FACTOR_VALUES
from ..models import VAE
from .registry import MODELS, build

# the named models by their type, those of encoder and decoder, and the widths of the encoder's dense layers
_NAMED: dict[tuple[type, type, type, tuple[int, ...]], str] = {
    (models.VAE, models.BurgessEncoder, models.BurgessDecoder, (256, 256)): "burgess",
    (models.VAE, models.KimEncoder, models.KimDecoder, (128,)): "kim-2d",
    (models.VAE, models.KimEncoder, models.KimDecoder, (256,)): "kim-3d",
    (models.VAE, models.MLPEncoder, models.MLPDecoder, (1200, 1200)): "chen",
    (models.VAE, models.BurgessEncoder, models.SongDecoder, (256, 256)): "song",
    (models.VAE, models.MLPEncoder, models.MLPDecoder, ()): "linear",
    (models.Autoencoder, models.BurgessEncoder, models.BurgessDecoder, (256, 256)): "burgess-ae",
    (models.Autoencoder, models.MLPEncoder, models.MLPDecoder, (1200, 1200)): "mlp-ae",
    (models.Autoencoder, models.MLPEncoder, models.TiedDecoder, (1200, 1200)): "mlp-ae",
    (models.Autoencoder, models.MLPEncoder, models.TiedDecoder, (1000, 1000)): "stacked-ae",
    (models.Autoencoder, models.MLPEncoder, models.MLPDecoder, ()): "linear-ae",
    (models.Autoencoder, models.MLPEncoder, models.TiedDecoder, ()): "linear-ae",
    (models.Autoencoder, models.ISTAEncoder, models.Dictionary, ()): "ista-ae",
    (models.HierarchicalVAE, models.BurgessEncoder, models.BurgessDecoder, (256, 256)): "hierarchical",
    (models.VAE, models.InfoGANEncoder, models.InfoGANGenerator, (128,)): "infogan",
}


def described_run(model: nn.Module, objective: nn.Module, data: object) -> dict[str, Any]:
    """Describe what `fit` was given, for ``config.json``.

    ``architecture`` is as from `architecture_of`, ``data`` as from `described_data`; ``likelihood`` is the
    objective's, or None.
    """
    return {
        "architecture": architecture_of(model),
        "data": described_data(data),
        "likelihood": getattr(objective, "likelihood", None),
    }


def architecture_of(model: nn.Module) -> dict[str, Any] | None:
    """Find the named model that has exactly these layers, and the arguments that it is built with.

    Returns:
        ``{"name": ..., "arguments": {...}}``, the name one of MODELS; None for every other model.

    Example:
        >>> architecture_of(models.kim_2d_vae(latents=6))
        {'name': 'kim-2d', 'arguments': {'latents': 6, 'channels': 1}}
        >>> architecture_of(nn.Linear(2, 2))
    """
    if not isinstance(model, VAE):
        return None
    encoder, decoder = model.encoder, model.decoder
    widths = [layer.out_features for layer in encoder.modules() if isinstance(layer, nn.Linear)]
    name = _NAMED.get((type(model), type(encoder), type(decoder), tuple(widths[:-1])))
    if name is None:
        return None
    arguments: dict[str, Any] = {
        "latents": decoder.latents,
        "channels": encoder.image_shape[0] if isinstance(encoder, models.MLPEncoder) else encoder.channels,
    }
    if isinstance(decoder, models.InfoGANGenerator):
        arguments["noise"] = decoder.noise
        if decoder.categories:
            arguments["categories"] = decoder.categories
    if isinstance(model, models.HierarchicalVAE):
        *below, latents = model.widths
        arguments |= {"latents": latents, "below": below, "layer": model.layer}
    if isinstance(encoder, models.ISTAEncoder):
        arguments |= {name: getattr(encoder, name) for name in ("weight", "iterations", "learned")}
    if isinstance(model, models.Autoencoder):
        arguments |= {"tied": isinstance(decoder, models.TiedDecoder), "k": model.k}
    with torch.random.fork_rng([]):
        candidate = build(MODELS[name], arguments)
    return {"name": name, "arguments": arguments} if _layers(candidate) == _layers(model) else None


def _layers(model: nn.Module) -> tuple[str, list[type], dict[str, torch.Size]]:
    """All that makes two models the same but for their weights."""
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    return repr(model), [type(module) for module in model.modules()], shapes


def described_data(data: object) -> dict[str, Any]:
    """Describe a data set: its type, and of those of `fastdis.data` their source, factors and images.

    Of a `FactorDataset` ``every`` says which images of the grid it has: n where it has every n-th from the
    first, None for another part of it.
    """
    if isinstance(data, Pairs | DataLoader):
        data = data.dataset
    described: dict[str, Any] = {"type": type(data).__name__}
    if isinstance(data, FactorData):
        described |= {
            "source": data.source,
            "factors": dict(zip(data.factor_names, data.factor_sizes, strict=True)),
            "images": len(data),
        }
    if isinstance(data, FactorDataset):
        grid = int(np.prod(data.factor_sizes))
        every = int(data.rows[1] - data.rows[0]) if len(data) > 1 else grid
        regular = every > 0 and np.array_equal(data.rows, np.arange(0, grid, every))
        described["every"] = every if regular else None
    return described


def rebuilt_model(architecture: Any) -> VAE | None:
    """Build the model that `architecture_of` described, with new weights; None if there is no description.

    Raises:
        ValueError: it is not the description of a named model.
    """
    if architecture is None:
        return None
    try:
        name, arguments = architecture["name"], architecture["arguments"]
        model: VAE = build(MODELS[name], arguments)
        return model
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"architecture must be the name of a model with its arguments, got {architecture} ({error})"
        ) from error


def rebuilt_data(described: object) -> FactorDataset | None:
    """Make the data set again where it was the regenerated dSprites or every n-th image of it; else None."""
    if not isinstance(described, Mapping) or not isinstance(described.get("every"), int):
        return None
    sizes = {name: len(values) for name, values in FACTOR_VALUES.items()}
    if described.get("factors") != sizes or described["every"] < 1:
        return None
    data = dsprites()
    if described.get("source") != data.source:
        return None
    return data if described["every"] == 1 else data.subset(np.arange(0, len(data), described["every"]))
