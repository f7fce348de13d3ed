"""HFVAE against sums over posteriors and groups, and against the objectives it contains."""

import math

import pytest
import torch
from torch import Tensor

from fastdis.kernels.total_correlation import reference
from fastdis.losses import HFVAE, VAE, BetaTCVAE

GROUPS = [(0, 3), (1, 2, 4)]


@pytest.fixture
def wide() -> tuple[Tensor, ...]:
    """reconstruction, target, z, mean, logvar of seven images with five latents, float64."""
    torch.manual_seed(0)
    mean, logvar = torch.randn(7, 5).double(), torch.randn(7, 5).double() - 1
    images = torch.rand(7, 1, 4, 4).double()
    return images, images, mean + (0.5 * logvar).exp() * torch.randn(7, 5), mean, logvar


def log_density(z: Tensor, mean: Tensor, logvar: Tensor, latents: tuple[int, ...], n: int) -> float:
    """Mean over the batch of log q of some latents together, by loops."""
    total = 0.0
    weights = reference.log_weights(len(z), n, "mss").exp()
    for i in range(len(z)):
        density = 0.0
        for j in range(len(z)):
            joint = 1.0
            for d in latents:
                scaled = (z[i, d] - mean[j, d]).item() / math.exp(0.5 * logvar[j, d].item())
                joint *= math.exp(-0.5 * scaled**2 - 0.5 * logvar[j, d].item()) / math.sqrt(2 * math.pi)
            density += weights[i, j].item() * joint
        total += math.log(density) / len(z)
    return total


def test_the_terms_are_those_of_the_definition(wide: tuple[Tensor, ...]) -> None:
    codes = wide[2:]
    whole = log_density(*codes, (0, 1, 2, 3, 4), 100)
    of_groups = [log_density(*codes, group, 100) for group in GROUPS]
    of_latents = [log_density(*codes, (d,), 100) for d in range(5)]
    terms = HFVAE(dataset_size=100, groups=GROUPS, alpha=2.0, beta=6.0, gamma=0.5)(*wide)
    assert terms.between_groups.item() == pytest.approx(whole - sum(of_groups), rel=1e-9)
    assert terms.within_groups.item() == pytest.approx(sum(of_groups) - sum(of_latents), rel=1e-9)
    prior = torch.distributions.Normal(0.0, 1.0).log_prob(codes[0]).sum(1).mean().item()
    assert terms.dimwise_kl.item() == pytest.approx(sum(of_latents) - prior, rel=1e-9)
    expected = 2.0 * terms.index_code_mi + 6.0 * terms.between_groups + 0.5 * terms.within_groups
    torch.testing.assert_close(terms.total, terms.reconstruction + expected + terms.dimwise_kl)


def test_equal_weights_give_the_kl_of_the_batch(wide: tuple[Tensor, ...]) -> None:
    terms = HFVAE(dataset_size=100, groups=GROUPS, beta=1.0)(*wide)
    z, mean, logvar = wide[2:]
    posterior = torch.distributions.Normal(mean, (0.5 * logvar).exp())
    prior = torch.distributions.Normal(0.0, 1.0)
    kl = (posterior.log_prob(z) - prior.log_prob(z)).sum(1).mean()  # of these samples
    torch.testing.assert_close(terms.total - terms.reconstruction, kl)
    assert terms.reconstruction == VAE()(*wide).reconstruction


@pytest.mark.parametrize("groups", [[(0, 1, 2, 3, 4)], [(0,), (1,), (2,), (3,), (4,)]])
def test_one_group_or_groups_of_one_are_the_beta_tcvae(
    wide: tuple[Tensor, ...], groups: list[tuple[int, ...]]
) -> None:
    weight = {"gamma": 4.0, "beta": 9.0} if len(groups) == 1 else {"gamma": 9.0, "beta": 4.0}
    expected = BetaTCVAE(dataset_size=100, beta=4.0)(*wide).total
    torch.testing.assert_close(HFVAE(dataset_size=100, groups=groups, **weight)(*wide).total, expected)


def test_gradients(wide: tuple[Tensor, ...]) -> None:
    objective = HFVAE(dataset_size=100, groups=GROUPS, alpha=2.0, beta=6.0, gamma=0.5)
    codes = [code.clone().requires_grad_() for code in wide[2:]]
    assert torch.autograd.gradcheck(lambda *codes: objective(*wide[:2], *codes).total, codes)


def test_dependence_within_a_group_is_told_from_dependence_between_groups() -> None:
    """Latents 0 and 1 are equal, 2 is independent of them."""
    torch.manual_seed(0)
    mean = torch.randn(256, 3).double()
    mean[:, 1] = mean[:, 0]
    logvar = torch.full_like(mean, -4)
    images = torch.zeros(256, 1, 2, 2).double()
    z = mean + 0.135 * torch.randn(256, 3)
    together = HFVAE(dataset_size=256, groups=[(0, 1), (2,)])(images, images, z, mean, logvar)
    apart = HFVAE(dataset_size=256, groups=[(0, 2), (1,)])(images, images, z, mean, logvar)
    assert together.within_groups > 1 > apart.within_groups
    assert apart.between_groups > 1


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([], "groups must hold at least 1 item, got none"),
        ([()], r"groups\[0\] must hold at least 1 item, got none"),
        ([(0, 1), ()], r"groups\[1\] must hold at least 1 item, got none"),
        ([(0, 1), (1, 2)], "groups must hold each latent 0, 1, 2, ... exactly once, got"),
        ([(0,), (2,)], "groups must hold each latent 0, 1, 2, ... exactly once, got"),
        ([(0, -1)], r"groups\[0\]\[1\] must be at least 0, got -1"),
    ],
)
def test_groups_must_be_a_partition(groups: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=f"HFVAE: {message}"):
        HFVAE(dataset_size=100, groups=groups)


def test_groups_are_integers_in_sequences() -> None:
    with pytest.raises(TypeError, match=r"HFVAE: groups\[0\]\[1\] must be an integer, got float 1.5"):
        HFVAE(dataset_size=100, groups=[(0, 1.5)])
    with pytest.raises(TypeError, match=r"HFVAE: groups\[0\] must be a sequence, got int"):
        HFVAE(dataset_size=100, groups=[0, 1])


def test_another_number_of_latents(wide: tuple[Tensor, ...]) -> None:
    with pytest.raises(ValueError, match=r"HFVAE: mean must have shape \(batch, 3\) for groups .*got \(7, 5"):
        HFVAE(dataset_size=100, groups=[(0, 1, 2)])(*wide)
