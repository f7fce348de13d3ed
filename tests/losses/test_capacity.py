"""The KL, or that of each latent, held to a capacity that grows."""

import pytest
import torch
from torch import Tensor

from fastdis.losses import AnnealedVAE, PerLatentCapacityVAE

STEPS = [(0, 0.0), (10, 0.5), (40, 2.0), (100, 5.0), (100_000, 5.0)]


def kl_of_each(mean: Tensor, logvar: Tensor) -> list[list[float]]:
    """By latent and image, in a loop."""
    kl = 0.5 * (mean.double() ** 2 + logvar.double().exp() - logvar.double() - 1)
    return [[kl[i, d].item() for i in range(len(kl))] for d in range(kl.shape[1])]


@pytest.mark.parametrize(("step", "capacity"), STEPS)
def test_annealed_vae(arguments: tuple[Tensor, ...], step: int, capacity: float) -> None:
    terms = AnnealedVAE(gamma=100.0, capacity=5.0, iterations=100)(*arguments, step=step)
    kl = sum(sum(values) for values in kl_of_each(*arguments[3:])) / 5
    assert terms.capacity.item() == pytest.approx(capacity)
    assert terms.kl.item() == pytest.approx(kl, rel=1e-5)
    expected = terms.reconstruction.item() + 100 * abs(kl - capacity)
    assert terms.total.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("step", "share"), [(0, 0.0), (50, 0.5), (200, 1.0)])
def test_per_latent_capacity_vae(arguments: tuple[Tensor, ...], step: int, share: float) -> None:
    ends = [2.0, 0.25, 0.0]
    objective = PerLatentCapacityVAE(capacities=ends, gamma=10.0, iterations=100)
    terms = objective(*arguments, step=step)
    kl = [sum(values) / 5 for values in kl_of_each(*arguments[3:])]
    distance = sum(abs(of_latent - share * end) for of_latent, end in zip(kl, ends, strict=True))
    assert terms.distance.item() == pytest.approx(distance, rel=1e-5)
    assert terms.capacity.item() == pytest.approx(share * 2.25)
    assert terms.kl.item() == pytest.approx(sum(kl), rel=1e-5)
    assert terms.total.item() == pytest.approx(terms.reconstruction.item() + 10 * distance, rel=1e-5)


def two_images() -> tuple[Tensor, ...]:
    """One latent; the KL of the images is 0 and 2 nats, 1 on average."""
    images, mean = torch.zeros(2, 1, 8, 8), torch.tensor([[0.0], [2.0]], requires_grad=True)
    return images, images, mean, mean, torch.zeros(2, 1)


@pytest.mark.parametrize(
    "objective",
    [AnnealedVAE(capacity=1.0, iterations=1), PerLatentCapacityVAE(capacities=[1.0], iterations=1)],
)
def test_the_absolute_value_is_that_of_the_mean(objective: AnnealedVAE | PerLatentCapacityVAE) -> None:
    """Inside the batch mean it would be |0 - 1| / 2 + |2 - 1| / 2 = 1, where the mean is on target."""
    terms = objective(*two_images(), step=1)
    assert terms.total.item() == terms.reconstruction.item()


def test_below_the_capacity_the_kl_is_drawn_up() -> None:
    arguments = two_images()
    AnnealedVAE(gamma=1.0, capacity=3.0, iterations=1)(*arguments, step=1).total.backward()
    assert arguments[2].grad[1].item() < 0  # a descent step makes the mean larger
    AnnealedVAE(gamma=1.0, capacity=0.5, iterations=1)(*arguments, step=1).total.backward()
    assert arguments[2].grad[1].item() == pytest.approx(0)  # the two gradients cancel


@pytest.mark.parametrize(
    "objective",
    [
        AnnealedVAE(capacity=8.0, iterations=16),
        PerLatentCapacityVAE(capacities=[4.0, 4.0, 0.0], iterations=16),
    ],
)
def test_a_step_on_the_device_counts_as_a_number_does(
    arguments: tuple[Tensor, ...], objective: AnnealedVAE | PerLatentCapacityVAE
) -> None:
    for step in (0, 4, 16, 64):
        torch.testing.assert_close(
            objective(*arguments, step=torch.tensor(step)).total, objective(*arguments, step=step).total
        )


def test_a_step_must_be_given(arguments: tuple[Tensor, ...]) -> None:
    message = "step must be the number of steps done before this one, got None"
    for objective in (AnnealedVAE(), PerLatentCapacityVAE(capacities=[1.0, 1.0, 1.0])):
        with pytest.raises(TypeError, match=f"{type(objective).__name__}: {message}"):
            objective(*arguments)


def test_one_capacity_a_latent(arguments: tuple[Tensor, ...]) -> None:
    with pytest.raises(ValueError, match="mean must have 2 latents, one for each capacity, got 3"):
        PerLatentCapacityVAE(capacities=[1.0, 2.0])(*arguments, step=0)


def test_capacities_are_saved_and_move_with_the_objective() -> None:
    objective = PerLatentCapacityVAE(capacities=[1.0, 2.0])
    assert objective.state_dict()["capacities"].tolist() == [1, 2]
    assert objective.double().capacities.dtype == torch.float64
    assert "capacities=[1.0, 2.0]" in repr(objective)
