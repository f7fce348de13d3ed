import pytest
import torch
from torch import Tensor, distributions, nn

import fastdis
from fastdis.losses import (
    AE,
    DIPVAE,
    HFVAE,
    VAE,
    AdaGVAE,
    AnnealedVAE,
    BetaTCVAE,
    BetaVAE,
    FactorVAE,
    LossTerms,
    PerLatentCapacityVAE,
    SparseAE,
    reconstruction_loss,
)

WITH_KL = [
    VAE(),
    BetaVAE(),
    BetaTCVAE(dataset_size=100),
    HFVAE(dataset_size=100, groups=[(0, 2), (1,)]),
    AnnealedVAE(capacity=2.0, iterations=4),
    PerLatentCapacityVAE(capacities=[0.5, 1.0, 0.0], iterations=4),
    DIPVAE(variant="i"),
    DIPVAE(variant="ii"),
    FactorVAE(latents=3, discriminator=nn.Linear(3, 2)),
    AdaGVAE(),
]


def test_bernoulli_is_the_log_likelihood(arguments: tuple[Tensor, ...]) -> None:
    logits, target, *_ = arguments
    expected = -distributions.Bernoulli(logits=logits).log_prob(target).sum() / 5
    torch.testing.assert_close(reconstruction_loss(logits, target), expected)


def test_gaussian_is_the_log_likelihood_without_its_constant(arguments: tuple[Tensor, ...]) -> None:
    means, target, *_ = arguments
    normal = distributions.Normal(means, 1.0)
    expected = (normal.log_prob(means) - normal.log_prob(target)).sum() / 5
    torch.testing.assert_close(reconstruction_loss(means, target, likelihood="gaussian"), expected)


@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_beta_vae(arguments: tuple[Tensor, ...], beta: float) -> None:
    logits, target, _, mean, logvar = arguments
    terms = BetaVAE(beta=beta)(*arguments)
    posterior = distributions.Normal(mean, (0.5 * logvar).exp())
    kl = distributions.kl_divergence(posterior, distributions.Normal(0.0, 1.0)).sum() / 5
    torch.testing.assert_close(terms.kl, kl)
    torch.testing.assert_close(terms.total, reconstruction_loss(logits, target) + beta * kl)


def test_vae_is_beta_vae_with_one(arguments: tuple[Tensor, ...]) -> None:
    assert VAE()(*arguments).to_dict() == BetaVAE(beta=1.0)(*arguments).to_dict()


def test_normalised_beta_weighs_a_pixel_against_a_latent(arguments: tuple[Tensor, ...]) -> None:
    """β_norm = β D / pixels; the inverse ratio would give 0.0002 here."""
    objective = BetaVAE.normalised(beta_norm=0.01, pixels=4096, latents=10, likelihood="gaussian")
    assert objective.beta == pytest.approx(4.096)
    assert objective.likelihood == "gaussian"
    with pytest.raises(ValueError, match="BetaVAE: pixels must be at least 1, got 0"):
        BetaVAE.normalised(beta_norm=0.01, pixels=0, latents=10)
    with pytest.raises(ValueError, match="BetaVAE: beta_norm must be finite and at least 0, got -1"):
        BetaVAE.normalised(beta_norm=-1, pixels=1, latents=10)


def test_beta_tcvae_weighs_the_terms_of_the_decomposition(arguments: tuple[Tensor, ...]) -> None:
    terms = BetaTCVAE(dataset_size=100, alpha=2.0, beta=6.0, gamma=3.0)(*arguments)
    parts = fastdis.kl_decomposition(*arguments[2:], dataset_size=100)
    torch.testing.assert_close(terms.total_correlation, parts.total_correlation)
    expected = terms.reconstruction + 2 * parts[0] + 6 * parts[1] + 3 * parts[2]
    torch.testing.assert_close(terms.total, expected)
    assert list(terms.to_dict()) == ["total", "reconstruction", *parts._fields]


@pytest.mark.parametrize("objective", WITH_KL, ids=lambda objective: type(objective).__name__)
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_gradient_is_that_of_the_total_alone(
    arguments: tuple[Tensor, ...], objective: nn.Module, likelihood: str
) -> None:
    objective.likelihood = likelihood
    leaves = [argument.clone().requires_grad_() for argument in arguments]
    terms = objective(leaves[0], arguments[1], *leaves[2:], step=3)
    assert all(not value.requires_grad for value in terms.to_dict().values())
    terms.total.backward()
    for leaf in (leaves[0], leaves[3], leaves[4]):
        assert leaf.grad is not None
        assert leaf.grad.abs().sum() > 0


def test_terms_are_attributes() -> None:
    terms = LossTerms(torch.tensor(2.0), kl=torch.tensor(0.5))
    assert terms.kl == 0.5
    with pytest.raises(AttributeError, match="no term 'tc'; it has total, kl"):
        _ = terms.tc


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BetaVAE(beta=-1.0), "BetaVAE: beta must be finite and at least 0, got -1"),
        (lambda: BetaVAE(beta=float("nan")), "BetaVAE: beta must be finite and at least 0, got nan"),
        (lambda: BetaTCVAE(dataset_size=100, gamma=float("inf")), "BetaTCVAE: gamma must be finite"),
        (lambda: BetaTCVAE(dataset_size=1), "BetaTCVAE: dataset_size must be at least 2, got 1"),
        (
            lambda: BetaTCVAE(dataset_size=100, estimator="exact"),
            "BetaTCVAE: estimator must be one of 'mss', 'mws', got 'exact'",
        ),
        (lambda: AnnealedVAE(gamma=-1.0), "AnnealedVAE: gamma must be finite and at least 0, got -1"),
        (lambda: AnnealedVAE(capacity=float("inf")), "AnnealedVAE: capacity must be finite"),
        (lambda: AnnealedVAE(iterations=0), "AnnealedVAE: iterations must be at least 1, got 0"),
        (
            lambda: PerLatentCapacityVAE(capacities=[1.0, -2.0]),
            r"capacities\[1\] must be finite and at least 0, got -2",
        ),
        (lambda: DIPVAE(variant="iii"), "DIPVAE: variant must be one of 'i', 'ii', got 'iii'"),
        (lambda: DIPVAE(lambda_d=-1.0), "DIPVAE: lambda_d must be finite and at least 0, got -1"),
        (lambda: FactorVAE(gamma=-1.0), "FactorVAE: gamma must be finite and at least 0, got -1"),
        (lambda: FactorVAE(latents=0), "FactorVAE: latents must be at least 1, got 0"),
        (lambda: HFVAE(dataset_size=1, groups=[(0,)]), "HFVAE: dataset_size must be at least 2, got 1"),
        (
            lambda: AE(likelihood="laplace"),
            "AE: likelihood must be one of 'bernoulli', 'gaussian', got 'l",
        ),
        (lambda: SparseAE(weight=-1.0), "SparseAE: weight must be finite and at least 0, got -1"),
        (lambda: AdaGVAE(beta=-1.0), "AdaGVAE: beta must be finite and at least 0, got -1"),
        (
            lambda: VAE(likelihood="laplace"),
            "VAE: likelihood must be one of 'bernoulli', 'gaussian', got 'l",
        ),
    ],
)
def test_settings_out_of_range(make: type, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_weight_that_is_no_number() -> None:
    with pytest.raises(TypeError, match="BetaVAE: beta must be a number, got str '4'"):
        BetaVAE(beta="4")


def test_beta_tcvae_needs_two_images_and_the_size_of_the_data_set(arguments: tuple[Tensor, ...]) -> None:
    with pytest.raises(ValueError, match="BetaTCVAE: mean must hold at least 2 samples, got 1"):
        BetaTCVAE(dataset_size=100)(*(argument[:1] for argument in arguments))
    message = "BetaTCVAE: dataset_size must be the number of training images, at least the batch's 5, got 4"
    with pytest.raises(ValueError, match=message):
        BetaTCVAE(dataset_size=4)(*arguments)
