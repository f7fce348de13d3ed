"""Small models and images for many steps, taken by the training loop's own turns."""

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from fastdis.models import VAE, Autoencoder, MLPDecoder, MLPEncoder
from fastdis.training.turns import optimizers_of, play, turns_of

SHAPE = (1, 8, 8)


def bars(images: int = 64) -> Tensor:
    """Images of a bright row and a bright column, each in one of 8 places."""
    data = torch.zeros(images, *SHAPE)
    for index in range(images):
        data[index, 0, index % 8] = 1
        data[index, 0, :, index // 8 % 8] = 1
    return data


def small_vae(latents: int = 3) -> VAE:
    torch.manual_seed(0)
    sizes = {"image_shape": SHAPE, "hidden": [32]}
    return VAE(MLPEncoder(latents, **sizes), MLPDecoder(latents, **sizes))


def small_autoencoder(k: int | None = None) -> Autoencoder:
    model = small_vae()
    return Autoencoder(model.encoder, model.decoder, k=k)


def train(
    objective: nn.Module, model: nn.Module, draw: Callable[[], Tensor], steps: int
) -> list[dict[str, float]]:
    """The terms of each step."""
    optimizers = optimizers_of(model, objective, 1e-2)
    log = []
    for step in range(steps):
        terms = play(turns_of(model, objective, draw, step), optimizers, nullcontext())
        log.append({name: value.item() for name, value in terms.items()})
    return log


def drawn(data: Tensor) -> Callable[[], Tensor]:
    """Batches of 16 rows drawn at random, by a generator of their own."""
    generator = torch.Generator().manual_seed(0)
    return lambda: data[torch.randint(len(data), (16,), generator=generator)]


def weights(module: nn.Module) -> list[Tensor]:
    """Copies, to compare with later."""
    return [parameter.detach().clone() for parameter in module.parameters()]


def moved(before: list[Tensor], module: nn.Module) -> bool:
    return any(not torch.equal(old, new) for old, new in zip(before, module.parameters(), strict=True))
