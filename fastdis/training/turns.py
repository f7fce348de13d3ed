"""A training step as the turns of its players, each with an optimiser of its own."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from ..losses.terms import Draw, Turn
from .distributed import average_gradients

Turns = Iterator[Turn]


def optimizers_of(
    model: nn.Module, objective: nn.Module, learning_rate: float
) -> dict[str, torch.optim.Optimizer]:
    """Build the optimisers by player: those of the objective, and Adam for the model unless it has one.

    The objective's are ``objective.optimizers(model, learning_rate)``, if it has that method.
    """
    own = getattr(objective, "optimizers", None)
    optimizers: dict[str, torch.optim.Optimizer] = own(model, learning_rate) if own else {}
    if "model" not in optimizers:
        optimizers["model"] = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    return optimizers


def turns_of(model: nn.Module, objective: nn.Module, draw: Draw, step: int) -> Turns:
    """Return ``objective.turns(model, draw, step)``, or the one turn of an objective that is only called."""
    turns: Callable[[nn.Module, Draw, int], Turns] | None = getattr(objective, "turns", None)
    return turns(model, draw, step) if turns else _only_turn(model, objective, draw, step)


def _only_turn(model: nn.Module, objective: nn.Module, draw: Draw, step: int) -> Turns:
    images = draw()
    output = model(images)
    yield (
        "model",
        objective(output.reconstruction, images, output.z, output.mean, output.logvar, step=step),
    )


def play(
    turns: Turns,
    optimizers: Mapping[str, torch.optim.Optimizer],
    autocast: AbstractContextManager[object],
) -> dict[str, Tensor]:
    """Let every player take its optimiser's step in turn; forward passes run under autocast.

    A turn may leave gradients on the parameters of other players; these are dropped before their own turn.

    Returns:
        The terms by name: those of a player ``p`` other than the model as ``p/name``, their total as
        ``p/loss``. Of a player with several turns in the step, those of the last.

    Raises:
        ValueError: a player has no optimiser.
    """
    logged: dict[str, Tensor] = {}
    while True:
        with autocast:
            turn = next(turns, None)
        if turn is None:
            return logged
        player, terms = turn
        if player not in optimizers:
            raise ValueError(f"fit: players must be among {', '.join(optimizers)}, got {player!r}")
        optimizers[player].zero_grad()
        terms.total.backward()
        average_gradients(optimizers[player])
        optimizers[player].step()
        logged |= terms.to_dict() if player == "model" else _prefixed(player, terms.to_dict())


def _prefixed(player: str, terms: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{player}/{'loss' if name == 'total' else name}": value for name, value in terms.items()}
