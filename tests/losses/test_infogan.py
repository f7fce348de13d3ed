"""InfoGAN with gradient penalty: a critic and a model, each with turns of its own."""

import math

import pytest
import torch
from torch import Tensor, nn

from fastdis.losses import InfoGAN
from fastdis.losses.infogan import gradient_penalty
from fastdis.models import VAE, InfoGANCritic
from support.small_training import SHAPE, bars, drawn, moved, small_vae, train, weights


def small_critic() -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))


def objective(**settings: float) -> InfoGAN:
    return InfoGAN(latents=3, critic=small_critic(), **settings)


class Known(nn.Module):
    """Reads each code off the pixels, with a standard deviation of 0.5; pixels are sigmoids of codes."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean = images.flatten(1)[:, :3].logit()
        return mean, torch.full_like(mean, 2 * math.log(0.5))


class Shown(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return torch.cat([z, z.new_zeros(len(z), 61)], dim=1).view(-1, *SHAPE)


def test_the_penalty_of_a_linear_critic_is_known() -> None:
    slope = torch.randn(64)
    images, generated = torch.rand(5, *SHAPE), torch.rand(5, *SHAPE)
    found = gradient_penalty(lambda x: x.flatten(1) @ slope, images, generated)
    assert found.item() == pytest.approx((slope.norm().item() - 1) ** 2, rel=1e-5)


def test_the_penalty_is_of_each_image_between_its_own_pair() -> None:
    """D(x) = |x|²/2 has gradient x, so that the penalty tells where it was taken."""
    images, generated = torch.full((400, *SHAPE), 1.0), torch.full((400, *SHAPE), 3.0)
    torch.manual_seed(0)
    found = gradient_penalty(lambda x: 0.5 * x.square().flatten(1).sum(1), images, generated)
    torch.manual_seed(0)
    between = 3 - 2 * torch.rand(400)  # every pixel has this value
    expected = (between * 8 - 1).square().mean()  # 64 pixels: a norm of 8
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_penalty_s_gradient_reaches_the_critic() -> None:
    images, generated = torch.rand(3, 1, 2, 2).double(), torch.rand(3, 1, 2, 2).double()

    def penalty(hidden: Tensor, last: Tensor) -> Tensor:
        torch.manual_seed(0)
        return gradient_penalty(lambda x: (x.flatten(1) @ hidden).tanh() @ last, images, generated)

    layers = [torch.randn(4, 5).double().requires_grad_(), torch.randn(5).double().requires_grad_()]
    assert torch.autograd.gradcheck(penalty, layers)


def test_the_critic_s_loss_is_that_of_the_paper() -> None:
    info, images, generated = objective(penalty=10.0), bars(16), torch.rand(16, *SHAPE)
    torch.manual_seed(0)
    terms = info.critic_terms(images, generated)
    torch.manual_seed(0)
    penalty = gradient_penalty(info.critic, images, generated)
    distance = info.critic(images).mean() - info.critic(generated).mean()
    torch.testing.assert_close(terms.wasserstein, distance)
    torch.testing.assert_close(terms.total, 10 * penalty - distance)


def test_the_model_s_loss_is_that_of_the_paper() -> None:
    info, codes = objective(information=0.5), torch.randn(6, 3)
    terms = info.model_terms(VAE(Known(), Shown()), codes)
    log_q = 3 * torch.distributions.Normal(0.0, 0.5).log_prob(torch.tensor(0.0)).item()  # codes read exactly
    entropy = 3 * torch.distributions.Normal(0.0, 1.0).entropy().item()
    assert terms.mutual_information.item() == pytest.approx(log_q + entropy, rel=1e-4)
    adversarial = -info.critic(Shown()(codes).sigmoid()).mean().item()
    assert terms.adversarial.item() == pytest.approx(adversarial, rel=1e-5)
    assert terms.total.item() == pytest.approx(adversarial - 0.5 * (log_q + entropy), rel=1e-4)


def test_codes_that_nobody_can_read_carry_no_information() -> None:
    """q(c|x) = p(c) is the best guess then, and the bound is 0."""

    class Blind(nn.Module):
        def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
            return torch.zeros(len(images), 3), torch.zeros(len(images), 3)

    torch.manual_seed(0)
    terms = objective().model_terms(VAE(Blind(), Shown()), torch.randn(20_000, 3))
    assert terms.mutual_information.item() == pytest.approx(0, abs=0.05)


def test_a_step_is_some_turns_of_the_critic_and_one_of_the_model() -> None:
    info, model, drawn_batches = objective(critic_steps=3), small_vae(), []

    def draw() -> Tensor:
        drawn_batches.append(bars(8))
        return drawn_batches[-1]

    assert [player for player, _ in info.turns(model, draw, 0)] == ["critic", "critic", "critic", "model"]
    assert len(drawn_batches) == 3


def test_neither_turn_moves_the_other_player() -> None:
    info, model = objective(critic_steps=1), small_vae()
    optimizers = info.optimizers(model, 1e-2)
    assert list(optimizers) == ["model", "critic"]
    for player, terms in info.turns(model, drawn(bars()), step=0):
        other, own = (info.critic, model) if player == "model" else (model, info.critic)
        held, before = weights(other), weights(own)
        for module in (model, info.critic):
            module.zero_grad()
        terms.total.backward()
        assert all(parameter.grad is None for parameter in other.parameters())
        optimizers[player].step()
        assert moved(before, own)
        assert not moved(held, other)


def test_both_players_get_better() -> None:
    info, model = objective(information=1.0), small_vae()
    log = train(info, model, drawn(bars()), steps=60)
    assert log[-1]["mutual_information"] > log[0]["mutual_information"] + 1
    critic = torch.optim.Adam(info.critic.parameters(), 1e-2)
    generated = model.decode(torch.randn(64, 3)).sigmoid().detach()
    losses = []
    for _ in range(30):
        terms = info.critic_terms(bars(), generated)
        critic.zero_grad()
        terms.total.backward()
        critic.step()
        losses.append(terms.total.item())
    assert losses[-1] < losses[0]
    assert terms.wasserstein > 0


def test_the_named_critic_and_settings_out_of_range() -> None:
    assert isinstance(InfoGAN(channels=3).critic, InfoGANCritic)
    assert len(InfoGAN().state_dict()) == 12
    for settings, message in (
        ({"latents": 0}, "latents must be at least 1, got 0"),
        ({"critic_steps": 0}, "critic_steps must be at least 1, got 0"),
        ({"information": -1.0}, "information must be finite and at least 0, got -1"),
        ({"penalty": float("inf")}, "penalty must be finite and at least 0, got inf"),
        ({"channels": 0}, "InfoGAN: channels must be at least 1, got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            InfoGAN(**settings)
