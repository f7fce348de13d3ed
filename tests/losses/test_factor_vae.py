"""FactorVAE: two players, neither of whom reaches the other's weights."""

import pytest
import torch
from torch import Tensor, nn

import fastdis
from fastdis.losses import VAE, FactorVAE
from fastdis.models import Discriminator
from support.small_training import bars, drawn, moved, small_vae, train, weights


def objective(gamma: float = 5.0) -> FactorVAE:
    torch.manual_seed(1)
    layers = nn.Sequential(nn.Linear(3, 16), nn.LeakyReLU(0.2), nn.Linear(16, 2))
    return FactorVAE(latents=3, gamma=gamma, discriminator=layers)


def test_the_loss_is_that_of_the_paper(arguments: tuple[Tensor, ...]) -> None:
    factor = objective()
    logits = factor.discriminator(arguments[2])
    correlation = sum((row[0] - row[1]).item() for row in logits) / 5
    terms = factor(*arguments)
    assert terms.total_correlation.item() == pytest.approx(correlation, rel=1e-5)
    expected = VAE()(*arguments).total.item() + 5 * correlation
    assert terms.total.item() == pytest.approx(expected, rel=1e-5)


def test_the_discriminator_s_loss_is_that_of_the_paper(arguments: tuple[Tensor, ...]) -> None:
    factor, z, other = objective(), arguments[2], arguments[3]
    torch.manual_seed(7)
    terms = factor.discriminator_terms(z, other)
    torch.manual_seed(7)
    shuffled = fastdis.permute_dims(other)
    expected = 0.0
    for own, product in zip(factor.discriminator(z), factor.discriminator(shuffled), strict=True):
        expected -= 0.5 * (own.log_softmax(0)[0] + product.log_softmax(0)[1]).item() / 5
    assert terms.total.item() == pytest.approx(expected, rel=1e-5)


def test_a_step_is_two_turns_with_a_batch_each() -> None:
    factor, model, data = objective(), small_vae(), bars()
    batches = [data[:16], data[16:32]]
    seen = []
    model.encoder.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    players = [player for player, _ in factor.turns(model, lambda: batches.pop(0), step=0)]
    assert players == ["model", "discriminator"]
    assert not batches
    assert torch.equal(seen[0], data[:16])
    assert torch.equal(seen[1], data[16:32])


def test_neither_turn_moves_the_other_player() -> None:
    factor, model = objective(), small_vae()
    optimizers = factor.optimizers(model, 1e-2)
    draw = drawn(bars())
    for player, terms in factor.turns(model, draw, step=0):
        other = factor.discriminator if player == "model" else model
        own = model if player == "model" else factor.discriminator
        held, before = weights(other), weights(own)
        for module in (model, factor.discriminator):
            module.zero_grad()
        terms.total.backward()
        assert all(parameter.grad is None for parameter in other.parameters())
        optimizers[player].step()
        assert moved(before, own)
        assert not moved(held, other)


def test_the_optimisers_are_those_of_the_paper() -> None:
    factor, model = objective(), small_vae()
    optimizers = factor.optimizers(model, 3e-3)
    assert list(optimizers) == ["model", "discriminator"]
    settings = optimizers["discriminator"].param_groups[0]
    assert (settings["lr"], settings["betas"]) == (1e-4, (0.5, 0.9))
    settings = optimizers["model"].param_groups[0]
    assert (settings["lr"], settings["betas"]) == (3e-3, (0.9, 0.999))
    held = {parameter for group in optimizers["model"].param_groups for parameter in group["params"]}
    assert held == set(model.parameters())


def test_the_discriminator_is_saved_and_moved_with_the_objective() -> None:
    factor = FactorVAE(latents=4)
    assert isinstance(factor.discriminator, Discriminator)
    assert len(factor.state_dict()) == 14
    assert next(factor.double().discriminator.parameters()).dtype == torch.float64


def test_both_players_get_better() -> None:
    """On codes that one latent repeats: the discriminator learns it, and then the model unlearns it."""
    factor, model = objective(gamma=20.0), small_vae()
    optimizer = torch.optim.Adam(factor.discriminator.parameters(), 1e-2)
    torch.manual_seed(0)
    losses = []
    for _ in range(100):
        z = torch.randn(64, 1).repeat(1, 3) + 0.1 * torch.randn(64, 3)
        other = torch.randn(64, 1).repeat(1, 3) + 0.1 * torch.randn(64, 3)
        terms = factor.discriminator_terms(z, other)
        optimizer.zero_grad()
        terms.total.backward()
        optimizer.step()
        losses.append(terms.total.item())
    assert losses[0] == pytest.approx(0.69, abs=0.2)
    assert losses[-1] < 0.5 * losses[0]
    log = train(factor, model, drawn(bars()), steps=60)
    first, last = log[0], log[-1]
    assert last["total"] < 0.7 * first["total"]
    assert last["total_correlation"] < first["total_correlation"]


def test_under_autocast_the_estimate_is_averaged_in_full(arguments: tuple[Tensor, ...]) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = objective()(*arguments)
    assert terms.total_correlation.dtype == torch.float32
