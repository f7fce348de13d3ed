"""The loop that objectives with turns expect, in plain PyTorch, and models small enough for many steps."""

from collections.abc import Callable, Iterator
from itertools import count

import torch
from torch import Tensor, nn

from fastdis.losses import LossTerms
from fastdis.models import VAE, Autoencoder, MLPDecoder, MLPEncoder

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
    return VAE(MLPEncoder(latents, SHAPE, [32]), MLPDecoder(latents, SHAPE, [32]))


def small_autoencoder(k: int | None = None) -> Autoencoder:
    model = small_vae()
    return Autoencoder(model.encoder, model.decoder, k)


def play(
    objective: nn.Module,
    model: nn.Module,
    draw: Callable[[], Tensor],
    steps: int,
    learning_rate: float = 3e-3,
) -> list[dict[str, dict[str, float]]]:
    """Train, and give for each step the terms of every player's last turn."""
    if hasattr(objective, "optimizers"):
        optimizers = objective.optimizers(model, learning_rate)
    else:
        optimizers = {"model": torch.optim.Adam(model.parameters(), learning_rate)}
    log = []
    for step in range(steps):
        row = {}
        for player, terms in turns(objective, model, draw, step):
            optimizers[player].zero_grad()
            terms.total.backward()
            optimizers[player].step()
            row[player] = {name: value.item() for name, value in terms.to_dict().items()}
        log.append(row)
    return log


def turns(
    objective: nn.Module, model: nn.Module, draw: Callable[[], Tensor], step: int
) -> Iterator[tuple[str, LossTerms]]:
    """The turns of a step, those of an objective that has none of its own included."""
    if hasattr(objective, "turns"):
        yield from objective.turns(model, draw, step)
    else:
        images = draw()
        output = model(images)
        yield "model", objective(output.reconstruction, images, *output[1:], step=step)


def drawn(data: Tensor, batch: int = 16) -> Callable[[], Tensor]:
    """Batches of rows drawn at random, by a generator of their own."""
    generator = torch.Generator().manual_seed(0)
    places = (torch.randint(len(data), (batch,), generator=generator) for _ in count())
    return lambda: data[next(places)]


def weights(module: nn.Module) -> list[Tensor]:
    """Copies, to compare with later."""
    return [parameter.detach().clone() for parameter in module.parameters()]


def moved(before: list[Tensor], module: nn.Module) -> bool:
    return any(not torch.equal(old, new) for old, new in zip(before, module.parameters(), strict=True))
