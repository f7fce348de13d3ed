"""InfoGAN with gradient penalty: a critic and a model, each with turns of its own."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fastdis.losses import InfoGAN
from fastdis.losses._input_gradient import rectified_layers
from fastdis.losses.infogan import gradient_penalty
from fastdis.models import VAE, InfoGANCritic, infogan
from fastdis.training import fit
from fastdis.training.saved_run import SavedRun
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


def odd_critic() -> nn.Module:
    """Layers of other sizes and strides than ours; 9 pixels a side leave a row out."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(4, 6, 2), nn.Flatten(), nn.Linear(96, 1)
    )


@pytest.mark.parametrize(
    ("make", "shape"),
    [(small_critic, SHAPE), (InfoGANCritic, (1, 64, 64)), (odd_critic, (3, 9, 9))],
    ids=["dense", "ours", "odd"],
)
def test_the_penalty_of_rectified_layers_is_autograd_s(
    make: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    """A function that wraps the critic hides its layers."""
    torch.manual_seed(0)
    critic = make().double()
    images, generated = torch.rand(2, 4, *shape).double()
    assert rectified_layers(critic) is not None
    found = []
    for function in (critic, lambda x: critic(x)):
        torch.manual_seed(1)
        critic.zero_grad()
        penalty = gradient_penalty(function, images, generated)
        penalty.backward()
        found.append([penalty, *(weight.grad for weight in critic.parameters())])
    for ours, theirs in zip(*found, strict=True):
        if ours is None:  # a bias moves no gradient
            assert theirs is None or not theirs.any()
        else:
            torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


def half_known_critic() -> nn.Module:
    """Convolutions that the kernel has, with and without rectifiers, and one after them that it has not."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 64, 4, stride=2, padding=1),
        nn.Conv2d(64, 32, 4, stride=2, padding=1),
        nn.LeakyReLU(0.3),
        nn.Conv2d(32, 3, 3),
        nn.Flatten(),
        nn.Linear(12, 1),
    )


@pytest.mark.parametrize(("make", "shape"), [(InfoGANCritic, (1, 64, 64)), (half_known_critic, (3, 32, 32))])
def test_the_kernel_takes_the_convolutions_that_it_has(
    make: Callable[[], nn.Module], shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    critic, images, generated = make(), *torch.rand(2, 5, *shape)

    def gradients(function: Callable[[Tensor], Tensor]) -> list[Tensor]:
        torch.manual_seed(1)
        critic.zero_grad()
        gradient_penalty(function, images, generated).backward()
        return [parameter.grad for name, parameter in critic.named_parameters() if "weight" in name]

    expected = gradients(lambda x: critic(x))
    convolve, sizes = functional.conv2d, []

    def noted(images: Tensor, weight: Tensor, *rest: Any) -> Tensor:
        sizes.append(weight.shape[2])
        return convolve(images, weight, *rest)

    monkeypatch.setattr(functional, "conv2d", noted)
    found = gradients(critic)
    assert 4 not in sizes
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours - theirs).norm() < 1e-4 * theirs.norm()


def test_critics_with_more_than_rectified_layers_are_left_to_autograd() -> None:
    class Scaled(nn.Sequential):
        def forward(self, images: Tensor) -> Tensor:
            return 3 * super().forward(images)

    hooked = small_critic()
    hooked[1].register_forward_hook(lambda module, inputs, output: 2 * output)
    for critic in (
        Scaled(*small_critic()),
        hooked,
        nn.Sequential(nn.Flatten(), nn.Linear(64, 1), nn.Sigmoid()),
        nn.Sequential(nn.Flatten(), nn.Linear(64, 2)),
        nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(64, 1)),
        nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"), nn.Flatten(), nn.Linear(64, 1)),
        nn.Sequential(nn.Linear(8, 1), nn.Flatten(), nn.Linear(8, 1)),
    ):
        assert rectified_layers(critic) is None
        assert gradient_penalty(critic, torch.rand(2, *SHAPE), torch.rand(2, *SHAPE)).requires_grad
    with torch.autocast("cpu", torch.bfloat16):
        assert rectified_layers(small_critic()) is None


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


def test_categories_have_a_bound_of_their_own() -> None:
    torch.manual_seed(0)
    info = InfoGAN(latents=2, categories=[3, 4], categorical_information=2.0)
    model = infogan(2, categories=[3, 4], noise=0)
    codes = torch.cat([torch.randn(8, 2), torch.tensor([[0.0, 3.0], [1.0, 2.0]]).repeat(4, 1)], dim=1)
    terms = info.model_terms(model, codes)
    mean, logvar, three, four = model.encoder.read(model.decode(codes).sigmoid())
    assert (three.shape, four.shape) == ((8, 3), (8, 4))
    log_q = (
        three.log_softmax(1)[range(8), codes[:, 2].long()] + four.log_softmax(1)[range(8), codes[:, 3].long()]
    )
    expected = math.log(3) + math.log(4) + log_q.mean().item()
    assert terms.categorical_information.item() == pytest.approx(expected, rel=1e-4)
    normal = torch.distributions.Normal
    known = normal(mean, (logvar / 2).exp()).log_prob(codes[:, :2]).sum(1).mean()
    known = known + 2 * normal(0.0, 1.0).entropy()
    assert terms.mutual_information.item() == pytest.approx(known.item(), rel=1e-3, abs=1e-4)
    total = terms.adversarial - 0.2 * terms.mutual_information - 2 * terms.categorical_information
    torch.testing.assert_close(terms.total, total)


def test_categories_that_are_read_exactly_carry_their_entropy_and_guesses_nothing() -> None:
    info = InfoGAN(latents=1, categories=[5], critic=small_critic())
    numbers = torch.arange(5.0)[:, None]
    for logits, expected in ((100 * torch.eye(5), math.log(5)), (torch.zeros(5, 5), 0.0)):
        assert info._of_categories(numbers, [logits]).item() == pytest.approx(expected, abs=1e-5)


def test_codes_are_drawn_from_every_category_alike() -> None:
    info = InfoGAN(latents=2, categories=[3])
    torch.manual_seed(0)
    codes = info._codes(torch.zeros(30_000, 1))
    assert codes.shape == (30_000, 3)
    assert torch.bincount(codes[:, 2].long()).double().div(30_000).tolist() == pytest.approx(
        [1 / 3] * 3, abs=0.01
    )
    assert codes[:, :2].std().item() == pytest.approx(1, abs=0.02)


def test_a_code_with_categories_goes_through_the_model_as_others_do() -> None:
    torch.manual_seed(0)
    model = infogan(2, categories=[3]).eval()
    z = torch.tensor([[0.5, -1.0, 2.0]])
    rows = model.decoder.by_category(z.repeat(2, 1))
    assert rows.shape == (3, 2, 1, 64, 64)
    torch.testing.assert_close(rows[2, :1], model.decode(z))
    assert not torch.allclose(rows[0], rows[1])
    for number, category in ((2.4, 2), (-3.0, 0), (9.0, 2), (0.6, 1)):
        torch.testing.assert_close(model.decode(torch.tensor([[0.5, -1.0, number]])), rows[category, :1])
    mean, logvar = model.encode(rows.flatten(0, 1).sigmoid())
    assert mean.shape == logvar.shape == (6, 3)
    assert torch.equal(mean[:, 2].long(), model.encoder.read(rows.flatten(0, 1).sigmoid())[2].argmax(1))
    with pytest.raises(ValueError, match="InfoGANGenerator: code must be between 0 and 0, got 1"):
        model.decoder.by_category(z, 1)


def test_categories_of_model_and_objective_must_agree() -> None:
    info = InfoGAN(latents=2, categories=[3])
    with pytest.raises(ValueError, match=r"the model's encoder must have categories \[3\], got \[4\]"):
        info.model_terms(infogan(2, categories=[4]), torch.zeros(2, 3))
    for make in (InfoGAN, infogan):
        with pytest.raises(ValueError, match=r"categories\[0\] must be at least 2, got 1"):
            make(categories=[1])
    assert "categories=[3]" in repr(info)
    assert "categor" not in repr(InfoGAN(latents=2))


def test_a_step_with_categories_trains(tmp_path: Path) -> None:
    model, info = infogan(2, categories=[3]), InfoGAN(latents=2, categories=[3], critic_steps=1)
    images = torch.rand(4, 1, 64, 64)
    log = fit(model, info, images, steps=2, batch_size=4, run_dir=tmp_path, progress=False)
    assert {"mutual_information", "categorical_information"} <= log[0].keys()
    assert SavedRun.read(tmp_path).load_model()[0].decoder.categories == [3]
