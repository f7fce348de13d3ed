"""The multiplier of a constraint, which is learnt."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from fastdis.losses import BetaVAE, ConstrainedVAE
from fastdis.training import LinearSchedule, fit
from support.small_training import bars, small_vae


@pytest.mark.parametrize("constraint", ["kl", "reconstruction"])
def test_the_loss_is_the_lagrangian(arguments: tuple[Tensor, ...], constraint: str) -> None:
    objective = ConstrainedVAE(constraint=constraint, bound=3.0)
    objective.log_multiplier.fill_(math.log(4))
    terms, plain = objective(*arguments), BetaVAE()(*arguments)
    minimised, bounded = plain.reconstruction, plain.kl
    if constraint == "reconstruction":
        minimised, bounded = bounded, minimised
    torch.testing.assert_close(terms.total, minimised + 4 * (bounded - 3))
    assert terms.multiplier.item() == pytest.approx(4)


def test_its_gradient_is_the_beta_vae_s(arguments: tuple[Tensor, ...]) -> None:
    """The bound is a constant: λ is the β of the β-VAE."""
    objective = ConstrainedVAE(constraint="kl", bound=7.0)
    objective.log_multiplier.fill_(math.log(4))
    gradients = []
    for loss in (objective, BetaVAE(beta=4.0)):
        mean = arguments[3].clone().requires_grad_()
        loss(*arguments[:3], mean, arguments[4]).total.backward()
        gradients.append(mean.grad)
    torch.testing.assert_close(*gradients)


def test_the_ascent_is_that_of_the_logarithm() -> None:
    objective = ConstrainedVAE(constraint="kl", bound=2.0, rate=0.1)
    images, logvar = torch.zeros(2, 1, 8, 8), torch.zeros(2, 1)
    average = log_multiplier = 0.0
    for step, mean in enumerate((4.0, 1.0, 0.0)):
        mean = torch.full((2, 1), mean)
        objective.update(objective(images, images, mean, mean, logvar))
        kl = mean[0, 0].item() ** 2 / 2
        average = kl if step == 0 else 0.9 * average + 0.1 * kl
        log_multiplier += 0.1 * (average - 2) / (average + 2)
        assert objective.average.item() == pytest.approx(average, rel=1e-5)
        assert objective.log_multiplier.item() == pytest.approx(log_multiplier, rel=1e-5)
    slack = ConstrainedVAE(constraint="kl", bound=0.0, rate=1000.0)
    slack.update(slack(images, images, logvar, logvar, logvar))  # 0 <= 0 is met
    assert slack.log_multiplier == 0


def test_the_multiplier_stays_finite() -> None:
    objective = ConstrainedVAE(constraint="reconstruction", bound=0.0, rate=5.0)
    images, codes = torch.zeros(2, 1, 8, 8), torch.zeros(2, 1)
    for _ in range(20):
        objective.update(objective(images, images, codes, codes, codes))
    assert objective(images, images, codes, codes, codes).total.isfinite()
    assert objective.log_multiplier == 12


@pytest.mark.parametrize(("constraint", "bound"), [("kl", 2.0), ("reconstruction", 18.0)])
def test_training_comes_to_the_bound(constraint: str, bound: float) -> None:
    model, objective = small_vae(), ConstrainedVAE(constraint=constraint, bound=bound)
    log = fit(
        model,
        objective,
        bars(),
        steps=800,
        batch_size=64,
        schedules={"learning_rate": LinearSchedule(1e-2, 1e-3, steps=600)},
        log_every=100,
        progress=False,
    )
    assert log[0][constraint] != pytest.approx(bound, rel=0.3)
    assert log[-1][constraint] == pytest.approx(bound, rel=0.02)


def test_a_resumed_run_has_the_same_bits(tmp_path: Path) -> None:
    found = []
    for folder, parts in (("whole", (9,)), ("parts", (5, 9))):
        for steps in parts:
            model, objective = small_vae(), ConstrainedVAE(bound=1.0)
            fit(
                model,
                objective,
                bars(),
                steps=steps,
                batch_size=16,
                run_dir=tmp_path / folder,
                resume=steps == 9 and len(parts) == 2,
                progress=False,
            )
        found.append([*model.parameters(), *objective.buffers()])
    assert found[0][-1] == 9  # updates
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
