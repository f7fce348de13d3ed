"""Ada-GVAE and Ada-ML-VAE: what a pair shares, and what becomes of it."""

import pytest
import torch
from torch import Tensor, distributions

from fastdis.data import Pairs
from fastdis.losses import AdaGVAE, AdaMLVAE, BetaVAE
from fastdis.losses.ada_gvae import posterior_kl
from support.small_training import bars, drawn, small_vae, train
from support.toys import small_vae as image_vae
from support.toys import squares


@pytest.fixture
def posteriors() -> tuple[Tensor, Tensor]:
    """mean and logvar of 20 pairs with 6 latents, float64."""
    torch.manual_seed(0)
    return torch.randn(20, 2, 6).double(), torch.randn(20, 2, 6).double()


def normal(mean: Tensor, logvar: Tensor) -> distributions.Normal:
    return distributions.Normal(mean, (0.5 * logvar).exp())


def test_the_distance_is_the_kl_of_the_first_from_the_second(posteriors: tuple[Tensor, Tensor]) -> None:
    mean, logvar = posteriors
    first, second = (normal(mean[:, side], logvar[:, side]) for side in (0, 1))
    torch.testing.assert_close(posterior_kl(mean, logvar), distributions.kl_divergence(first, second))


def test_gvae_averages_means_and_variances(posteriors: tuple[Tensor, Tensor]) -> None:
    """Averaged logarithms, as in some public code, would give the geometric mean of the variances."""
    mean, logvar = posteriors
    averaged_mean, averaged_logvar = AdaGVAE.average(mean, logvar)
    torch.testing.assert_close(averaged_mean[:, 0], (mean[:, 0] + mean[:, 1]) / 2)
    variance = (logvar[:, 0].exp() + logvar[:, 1].exp()) / 2
    torch.testing.assert_close(averaged_logvar[:, 0].exp(), variance)
    assert not torch.allclose(averaged_logvar, logvar.mean(1, keepdim=True))


def test_mlvae_multiplies_the_densities(posteriors: tuple[Tensor, Tensor]) -> None:
    """log N_1 + log N_2 - log N is the same at every point; twice the variance would not do."""
    mean, logvar = posteriors
    product = normal(*(codes[:, 0] for codes in AdaMLVAE.average(mean, logvar)))
    first, second = (normal(mean[:, side], logvar[:, side]) for side in (0, 1))
    rest = [
        first.log_prob(z) + second.log_prob(z) - product.log_prob(z)
        for z in (torch.full_like(mean[:, 0], value) for value in (-2.0, 0.0, 3.0))
    ]
    torch.testing.assert_close(rest[0], rest[1])
    torch.testing.assert_close(rest[0], rest[2])


@pytest.mark.parametrize("objective", [AdaGVAE(), AdaMLVAE()])
def test_latents_below_the_middle_are_shared(posteriors: tuple[Tensor, Tensor], objective: AdaGVAE) -> None:
    mean, logvar = posteriors
    found = objective.shared(mean, logvar)
    averages = objective.average(mean, logvar)
    for pair, distances in enumerate(posterior_kl(mean, logvar).tolist()):
        middle = (min(distances) + max(distances)) / 2
        for latent, distance in enumerate(distances):
            for codes, average, own in zip(found, averages, posteriors, strict=True):
                for side in (0, 1):
                    expected = average[pair, 0, latent] if distance < middle else own[pair, side, latent]
                    assert codes[pair, side, latent] == expected
    differs = (found[0][:, 0] != found[0][:, 1]).sum(1)
    assert differs.min() >= 1
    assert differs.max() < 6


def test_gradients_reach_both_images_through_a_shared_latent(posteriors: tuple[Tensor, Tensor]) -> None:
    for objective in (AdaGVAE(), AdaMLVAE()):
        leaves = [codes[:4].clone().requires_grad_() for codes in posteriors]
        assert torch.autograd.gradcheck(objective.shared, leaves)


def pairs_of_bars() -> Tensor:
    """Pairs that share their column, (16, 2, 1, 8, 8)."""
    images = bars()
    return torch.stack([images[:16], images[torch.arange(16) ^ 1]], dim=1)


@pytest.mark.parametrize("objective", [AdaGVAE(beta=2.0), AdaMLVAE(beta=2.0)])
def test_the_loss_is_the_beta_vae_s_of_the_averaged_posteriors(objective: AdaGVAE) -> None:
    model, pairs = small_vae(), pairs_of_bars()
    torch.manual_seed(4)
    ((player, terms),) = objective.turns(model, lambda: pairs, step=0)
    assert player == "model"
    first, second = (model.encode(pairs[:, side]) for side in (0, 1))
    mean, logvar = objective.shared(*(torch.stack(both, dim=1) for both in zip(first, second, strict=True)))
    kl = distributions.kl_divergence(normal(mean, logvar), distributions.Normal(0.0, 1.0)).sum() / 32
    torch.testing.assert_close(terms.kl, kl)
    torch.testing.assert_close(terms.total, terms.reconstruction + 2 * kl)


def test_each_image_is_decoded_from_a_sample_of_its_own() -> None:
    model, pairs = small_vae(), pairs_of_bars()
    seen = []
    model.decoder.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    list(AdaGVAE().turns(model, lambda: pairs, step=0))
    z = seen[0].unflatten(0, (16, 2))
    assert not (z[:, 0] == z[:, 1]).any()


def test_batches_without_pairs_are_refused() -> None:
    message = r"AdaMLVAE: batches must have shape \(pairs, 2, channels.*got \(16, 1, 8, 8\)"
    with pytest.raises(ValueError, match=message):
        next(AdaMLVAE().turns(small_vae(), lambda: bars(16), step=0))


@pytest.mark.parametrize("objective", [AdaGVAE(beta=0.1), AdaMLVAE(beta=0.1)])
def test_training_reduces_the_loss(objective: AdaGVAE) -> None:
    log = train(objective, small_vae(), drawn(pairs_of_bars()), steps=40)
    assert log[-1]["total"] < 0.7 * log[0]["total"]


def test_pairs_of_a_data_set() -> None:
    pairs = Pairs(squares(), k=1)
    ((_, terms),) = AdaGVAE().turns(image_vae(), lambda: pairs.images(slice(0, 8)), step=0)
    assert terms.total.isfinite()
    assert isinstance(AdaGVAE(), BetaVAE)
