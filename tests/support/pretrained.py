"""Weights that others trained, put into our modules."""

from pathlib import Path

import numpy as np
import torch

from fastdis.models import VAE, burgess_vae

_ENCODER = ("conv1", "conv2", "conv3", "conv_64", "lin1", "lin2", "mu_logvar_gen")
_DECODER = ("lin1", "lin2", "lin3", "convT_64", "convT1", "convT2", "convT3")


def load(path: Path) -> VAE:
    """A VAE from the arrays of a disentangling-vae state dict."""
    model = burgess_vae(latents=10)
    with np.load(path) as file:
        arrays = {name: torch.from_numpy(file[name]) for name in file}
    for module, part, names in ((model.encoder, "encoder", _ENCODER), (model.decoder, "decoder", _DECODER)):
        layers = [layer for layer in module.layers if hasattr(layer, "weight")]
        for layer, name in zip(layers, names, strict=True):
            weight, bias = arrays[f"{part}.{name}.weight"], arrays[f"{part}.{name}.bias"]
            if name == "mu_logvar_gen":  # mean and logvar take turns there; here one follows the other
                weight, bias = torch.cat([weight[::2], weight[1::2]]), torch.cat([bias[::2], bias[1::2]])
            layer.load_state_dict({"weight": weight, "bias": bias})
    return model
