"""Objectives that take a step in turns of several players."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn.functional import softplus

from fastdis import permute_dims
from fastdis.losses import BetaVAE, FactorVAE, LossTerms
from fastdis.losses.terms import Draw
from fastdis.models import VAE
from fastdis.training import fit
from fastdis.training.turns import Turns, play
from support.toys import small_vae, squares

SETTINGS = {"batch_size": 8, "log_every": 4, "checkpoint_every": 1000, "progress": False}


class Adversarial(nn.Module):
    """A β-VAE and a discriminator that learns every second step, from a batch of its own, through dropout."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.plain = BetaVAE(beta=1.0)
        self.discriminator = nn.Sequential(nn.Dropout(0.1), nn.Linear(3, 1))

    def optimizers(self, model: nn.Module, learning_rate: float) -> dict[str, torch.optim.Optimizer]:
        return {"discriminator": torch.optim.SGD(self.discriminator.parameters(), 0.05, momentum=0.9)}

    def turns(self, model: nn.Module, draw: Draw, step: int) -> Turns:
        images = draw()
        reconstruction, z, mean, logvar = model(images)
        terms = self.plain(reconstruction, images, z, mean, logvar, step=step)
        deceived = self.discriminator(z).mean()
        yield "model", LossTerms(terms.total + deceived, reconstruction=terms.reconstruction, kl=terms.kl)
        z = model(draw())[1].detach() if step % 2 else z.detach()
        real, fake = self.discriminator(z), self.discriminator(permute_dims(z))
        yield "discriminator", LossTerms((softplus(-real) + softplus(fake)).mean(), real=real.mean())


def state(*modules: nn.Module) -> list[Tensor]:
    return [value.clone() for module in modules for value in module.state_dict().values()]


def factor_vae() -> FactorVAE:
    torch.manual_seed(5)
    return FactorVAE(latents=3, discriminator=nn.Sequential(nn.Linear(3, 8), nn.LeakyReLU(), nn.Linear(8, 2)))


@pytest.mark.parametrize(
    ("make", "drawn", "names"),
    [
        (Adversarial, 28, ["total", "reconstruction", "kl", "discriminator/loss", "discriminator/real"]),
        (factor_vae, 38, ["total", "reconstruction", "kl", "total_correlation", "discriminator/loss"]),
    ],
)
def test_a_resumed_run_of_several_players_gives_the_same_bits(
    tmp_path: Path, make: Callable[[], nn.Module], drawn: int, names: list[str]
) -> None:
    data = squares()

    def run(folder: str, steps: int, resume: bool = False) -> tuple[list[Tensor], list[dict[str, float]]]:
        model, objective = small_vae(), make()
        settings = SETTINGS | {"run_dir": tmp_path / folder, "resume": resume}
        rows = fit(model, objective, data, steps=steps, **settings)
        return state(model, objective), [row | {"seconds": 0} for row in rows]

    whole, rows = run("whole", 19)
    for steps in (5, 10, 19):  # over three epochs of 12 batches and more
        parts, rows_of_parts = run("parts", steps, resume=steps > 5)
    assert all(torch.equal(a, b) for a, b in zip(whole, parts, strict=True))
    assert rows == rows_of_parts
    assert list(rows[0]) == ["step", "seconds", *names]
    with safe_open(tmp_path / "whole" / "checkpoint-00000019.safetensors", "pt") as file:
        assert file.metadata()["drawn"] == str(drawn)


def test_the_discriminators_turn_follows_from_its_own_loss_alone() -> None:
    """The model's turn leaves a gradient on the discriminator, which must not reach its optimiser."""
    torch.manual_seed(0)
    model, discriminator = nn.Linear(2, 2), nn.Linear(2, 1)
    images, before = torch.randn(5, 2), state(discriminator)

    def turns() -> Turns:
        yield "model", LossTerms(discriminator(model(images)).square().sum())
        yield "discriminator", LossTerms(discriminator(model(images).detach()).mean())

    optimizers = {
        "model": torch.optim.SGD(model.parameters(), 0.1),
        "discriminator": torch.optim.SGD(discriminator.parameters(), 0.1),
    }
    play(turns(), optimizers, torch.autocast("cpu", enabled=False))
    gradient = model(images).detach().mean(0, keepdim=True)
    torch.testing.assert_close(discriminator.weight.detach(), before[0] - 0.1 * gradient)
    torch.testing.assert_close(discriminator.bias.detach(), before[1] - 0.1)


def test_an_objective_may_bring_the_models_optimizer() -> None:
    class Slow(BetaVAE):
        def optimizers(self, model: nn.Module, learning_rate: float) -> dict[str, torch.optim.Optimizer]:
            return {"model": torch.optim.SGD(model.parameters(), 0.0)}

    model = small_vae()
    fit(model, Slow(), squares(), steps=2, **SETTINGS)
    assert all(torch.equal(a, b) for a, b in zip(state(model), state(small_vae()), strict=True))


def test_a_player_without_an_optimizer() -> None:
    class Unknown(BetaVAE):
        def turns(self, model: VAE, draw: Draw, step: int) -> Turns:
            yield "critic", LossTerms(model(draw()).reconstruction.sum())

    with pytest.raises(ValueError, match="players must be among model, got 'critic'"):
        fit(small_vae(), Unknown(), squares(), steps=2, **SETTINGS)


def test_terms_that_come_and_go() -> None:
    class Sometimes(BetaVAE):
        def forward(self, *arguments: Tensor, step: int | None = None) -> LossTerms:
            terms = super().forward(*arguments, step=step)
            return terms if step == 0 else LossTerms(terms.total, kl=terms.kl)

    message = "the terms of a step must be total, reconstruction, kl like .*, got total, kl"
    with pytest.raises(ValueError, match=message):
        fit(small_vae(), Sometimes(), squares(), steps=2, **SETTINGS)
