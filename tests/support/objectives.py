"""Every declared objective, built as its preset has it, with what it needs to be called."""

import inspect
from typing import Any

import torch
from torch import Tensor, nn

import fastdis
from fastdis.losses import OBJECTIVES
from fastdis.models import MODELS
from fastdis.training.presets import PRESETS
from fastdis.training.registry import build, settings_of

LATENTS, IMAGES = 10, 96  # presets have settings for ten latents
CALLED = [name for name, entry in OBJECTIVES.items() if entry.make.forward is not nn.Module.forward]
FROM_A_BATCH = [  # they estimate the aggregated posterior, for which one sample is not enough
    name for name in CALLED if "dataset_size" in inspect.signature(OBJECTIVES[name].make).parameters
]


def settings(name: str) -> dict[str, Any]:
    """All arguments but networks, with the values of the first preset of the objective."""
    preset = next(config for config in PRESETS.values() if config.objective == name)
    own = settings_of(OBJECTIVES[name])
    own |= {setting: value for setting, value in preset.settings.items() if setting in own}
    given = {"dataset_size": IMAGES, "latents": LATENTS}
    wanted = inspect.signature(OBJECTIVES[name].make).parameters
    return own | {setting: value for setting, value in given.items() if setting in wanted}


def objective(name: str, **changes: Any) -> nn.Module:
    torch.manual_seed(0)
    built: nn.Module = build(OBJECTIVES[name], settings(name) | changes)
    return built


def model(name: str) -> nn.Module:
    """The model that an objective trains unless told otherwise."""
    torch.manual_seed(0)
    return MODELS[OBJECTIVES[name].model].make(LATENTS)


def numbers(name: str) -> dict[str, int | float]:
    """The arguments that are one number."""
    return {key: value for key, value in settings(name).items() if type(value) in (int, float)}


def batch(images: int = 5, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """reconstruction, target, z, mean, logvar of so many images."""
    generator = torch.Generator().manual_seed(0)
    logits, target, mean, logvar, noise = (
        torch.randn(images, *shape, generator=generator)
        for shape in ((1, 8, 8), (1, 8, 8), (LATENTS,), (LATENTS,), (LATENTS,))
    )
    z = fastdis.reparameterize(mean, logvar, noise=noise, backend="reference")
    return [tensor.to(dtype) for tensor in (logits, target.sigmoid(), z, mean, logvar)]
