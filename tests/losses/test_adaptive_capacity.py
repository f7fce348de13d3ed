"""Latents that are held at their KL once it has risen and settled, and weights that follow from the KL."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from fastdis import plots
from fastdis.losses import AdaptiveCapacityVAE, AnnealedVAE, BetaVAE, KLWeightedVAE
from fastdis.training import fit, fit_many
from fastdis.training.checkpoint_file import latest, read_file
from fastdis.training.log import read_log
from support.small_training import bars, small_vae


def posteriors(*kl: float) -> tuple[Tensor, Tensor]:
    """Mean and logvar of two images whose latents have that KL: mean² / 2."""
    mean = (2 * torch.tensor(kl)).sqrt().repeat(2, 1)
    return mean, torch.zeros_like(mean)


def adaptive(**settings: Any) -> AdaptiveCapacityVAE:
    small = {"latents": 3, "capacity": 9.0, "iterations": 100, "patience": 3, "band": 0.05, "rise": 0.5}
    return AdaptiveCapacityVAE(**small | settings)


def test_before_any_is_held_it_is_the_annealed_vae(arguments: tuple[Tensor, ...]) -> None:
    annealed = AnnealedVAE(capacity=9.0, iterations=100)
    for step in (0, 40, 200):
        found, expected = adaptive()(*arguments, step=step), annealed(*arguments, step=step)
        torch.testing.assert_close(found.total, expected.total)
        assert found.capacity == expected.capacity
    assert (found.held, adaptive().kl_targets(0).isnan().all()) == (0, True)


def test_a_latent_is_held_once_it_has_risen_and_settled() -> None:
    """z0 is settled, z1 has not risen, and z2 still rises by more than the band."""
    objective = adaptive()
    for step in range(5):
        objective.update(*posteriors(1.0, 0.4, 1.0 + 20 * step))
    assert objective.kl_targets(5)[0].item() == pytest.approx(1.0)
    assert objective.kl_targets(5)[1:].isnan().all()
    for _ in range(3):
        objective.update(*posteriors(3.0, 0.4, 81.0))  # z0 would leave its target now
    assert objective.held.tolist()[:2] == [5, 0]
    assert objective.kl_targets(8)[0].item() == pytest.approx(1.0)


def test_a_latent_that_begins_to_move_again_waits_again() -> None:
    objective = adaptive(patience=4)
    for kl in (1.0, 1.0, 1.0, 1.0, 20.0, 20.0, 20.0, 20.0):  # the average is moved by 0.19 a step
        objective.update(*posteriors(kl, 0.0, 0.0))
        assert objective.held[0] == 0
    assert objective.steady[0] == 0


def test_the_loss_with_a_latent_held_is_the_equation(arguments: tuple[Tensor, ...]) -> None:
    objective = adaptive(gamma=10.0, growth=0.5, likelihood="gaussian")
    objective.target[1], objective.held[1] = 0.75, 4
    terms = objective(*arguments, step=50)
    mean, logvar = arguments[3:]
    kl = 0.5 * (mean.double() ** 2 + logvar.double().exp() - logvar.double() - 1).mean(0)
    free, held = abs(kl[0] + kl[2] - (4.5 - 0.75)), abs(kl[1] - 0.75)
    expected = terms.reconstruction + 10 * free + 10 * (1 + 0.5 * 4) * held
    assert terms.total.item() == pytest.approx(expected.item(), rel=1e-5)
    assert terms.distance.item() == pytest.approx((free + held).item(), rel=1e-5)
    assert (terms.held, terms.capacity) == (1, 4.5)


def test_the_rise_of_the_capacity_goes_to_the_free_latents() -> None:
    """Of two latents at 2 nats with C = 5 the held one is on target; the free one is drawn up."""
    objective = AdaptiveCapacityVAE(latents=2, capacity=5.0, iterations=1, gamma=1.0)
    objective.target[0], objective.held[0] = 2.0, 1
    mean, logvar = posteriors(1.9, 2.0)
    mean.requires_grad_()
    images = torch.zeros(2, 1, 8, 8)
    objective(images, images, mean, mean, logvar, step=1).total.backward()
    assert (mean.grad < 0).all()  # both are drawn up, each to its own
    mean.grad = None
    objective.target[0] = 1.0
    objective(images, images, mean, mean, logvar, step=1).total.backward()
    assert mean.grad[0, 0] > 0 > mean.grad[0, 1]


def test_where_all_are_held_the_capacity_is_nobody_s() -> None:
    objective = AdaptiveCapacityVAE(latents=2, capacity=50.0, iterations=1)
    objective.target[:], objective.held[:] = 2.0, 1
    images, (mean, logvar) = torch.zeros(2, 1, 8, 8), posteriors(2.0, 2.0)
    terms = objective(images, images, mean, mean, logvar, step=1)
    assert terms.distance.item() == pytest.approx(0, abs=1e-5)


def trained(folder: Path | None, steps: int, **options: Any) -> tuple[list[Tensor], AdaptiveCapacityVAE]:
    """With settings under which latents are held at different steps."""
    model = small_vae()
    objective = adaptive(gamma=5.0, capacity=3.0, iterations=20, rise=0.0, patience=4, band=0.1)
    fit(
        model,
        objective,
        bars(),
        steps=steps,
        batch_size=16,
        learning_rate=1e-2,
        run_dir=folder,
        log_every=3,
        progress=False,
        **options,
    )
    return [*model.parameters(), *objective.buffers()], objective


def test_a_resumed_run_has_the_same_bits(tmp_path: Path) -> None:
    whole, objective = trained(tmp_path / "whole", 16)
    first = trained(tmp_path / "parts", 8)[1]
    parts, _ = trained(tmp_path / "parts", 16, resume=True)
    assert first.held.count_nonzero() > 0  # the state at the checkpoint is not the initial one
    assert first.steady.max() > 1
    assert all(torch.equal(a, b) for a, b in zip(whole, parts, strict=True))
    tensors, _ = read_file(latest(tmp_path / "parts"))
    assert torch.equal(tensors["objective.target"], objective.target)
    for name in ("kl_per_latent.jsonl", "kl_per_latent.csv"):
        assert (tmp_path / "whole" / name).read_text() == (tmp_path / "parts" / name).read_text()


def test_targets_are_logged_beside_the_kl_and_drawn(tmp_path: Path) -> None:
    _, objective = trained(tmp_path, 16)
    rows = read_log(tmp_path / "kl_per_latent.jsonl")
    assert list(rows[0]) == ["step", "z0", "z1", "z2", "target_z0", "target_z1", "target_z2"]
    assert "null" in (tmp_path / "kl_per_latent.jsonl").read_text().splitlines()[0]
    assert "NaN" not in (tmp_path / "kl_per_latent.jsonl").read_text()
    targets = np.array([[row[f"target_z{latent}"] for latent in range(3)] for row in rows])
    assert np.isnan(targets[0]).all()
    np.testing.assert_array_equal(targets[-1].astype(np.float32), objective.kl_targets(16).numpy())
    kl = np.array([[row[f"z{latent}"] for latent in range(3)] for row in rows])
    lines = plots.kl_and_targets([row["step"] for row in rows], kl, targets).axes[0].lines
    dashed = [line for line in lines if line.get_linestyle() == "--"]
    assert len(dashed) == np.isfinite(targets[-1]).sum() > 0


def test_several_models_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match="got AdaptiveCapacityVAE, which takes its steps in turns"):
        fit_many([small_vae()], [adaptive()], bars(), steps=1, batch_size=8)


def test_another_number_of_latents(arguments: tuple[Tensor, ...]) -> None:
    with pytest.raises(ValueError, match=r"mean must have shape \(batch, 4\), got \(5, 3\)"):
        AdaptiveCapacityVAE(latents=4)(*arguments, step=0)


def test_weights_follow_from_the_kl() -> None:
    weights = KLWeightedVAE(beta=4.0, share=0.5).weights(torch.tensor([3.0, 1.0, 0.0, 0.0]))
    torch.testing.assert_close(weights, torch.tensor([2 + 2 * 3.0, 2 + 2 * 1.0, 2.0, 2.0]))
    torch.testing.assert_close(KLWeightedVAE(beta=4.0).weights(torch.zeros(5)), torch.full((5,), 4.0))


def test_the_weighted_loss(arguments: tuple[Tensor, ...]) -> None:
    terms = KLWeightedVAE(beta=2.0, share=1.0)(*arguments)
    mean, logvar = arguments[3:]
    kl = 0.5 * (mean.double() ** 2 + logvar.double().exp() - logvar.double() - 1).mean(0)
    assert terms.weighted_kl.item() == pytest.approx((2 * 3 * (kl * kl).sum() / kl.sum()).item(), rel=1e-5)
    assert terms.total.item() == pytest.approx((terms.reconstruction + terms.weighted_kl).item())
    assert KLWeightedVAE(share=0.0)(*arguments).total.item() == pytest.approx(
        BetaVAE()(*arguments).total.item()
    )
    with pytest.raises(ValueError, match=r"KLWeightedVAE: share must be at most 1, got 1\.5"):
        KLWeightedVAE(share=1.5)


def test_no_gradient_passes_through_the_weights() -> None:
    mean = torch.tensor([[2.0, 1.0]], requires_grad=True)
    images = torch.zeros(1, 1, 8, 8)
    objective = KLWeightedVAE(beta=2.0, share=1.0)
    objective(images, images, mean, mean, torch.zeros(1, 2)).total.backward()
    weights = objective.weights(torch.tensor([2.0, 0.5]))
    torch.testing.assert_close(mean.grad, weights * mean.detach())
