"""Models with several layers of latents."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from fastdis.evaluation import encode
from fastdis.losses import HierarchicalELBO
from fastdis.models import GaussianLayer, HierarchicalVAE, MLPDecoder, MLPEncoder, hierarchical_vae
from fastdis.models.hierarchical import log_density
from fastdis.training import fit, fit_many
from support.small_training import SHAPE, bars, small_vae, train


class Affine(nn.Module):
    """The Gaussian of mean ``inputs @ weight`` and a constant variance."""

    def __init__(self, weight: Tensor, variance: Tensor) -> None:
        super().__init__()
        self.weight, self.variance = nn.Parameter(weight), variance

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        mean = inputs.flatten(1) @ self.weight
        return mean, self.variance.log().expand(mean.shape)


class Mean(nn.Module):
    """The mean of p(x|h_1), which has unit variance."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, z: Tensor) -> Tensor:
        return (z @ self.weight).view(len(z), *SHAPE)


def linear_gaussian(levels: int, images: Tensor) -> tuple[HierarchicalVAE, Tensor]:
    """A hierarchy whose exact posterior has diagonal Gaussians, and log p(x) of images in closed form.

    h_L ~ N(0, I), h_l ~ N(a_l h_{l+1}, s_l), x ~ N(W h_1, I), with orthogonal rows of W: each coordinate is a
    chain of its own.
    """
    generator = torch.Generator().manual_seed(0)
    wide = torch.linalg.qr(torch.randn(64, 3, generator=generator, dtype=torch.float64)).Q
    length = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    loading = (wide * length).T
    slopes = torch.rand(levels - 1, 3, generator=generator, dtype=torch.float64) + 0.5
    noises = torch.rand(levels - 1, 3, generator=generator, dtype=torch.float64) + 0.2
    variances = [torch.ones(3, dtype=torch.float64)]  # of h_L, h_{L-1}, ..., h_1
    for slope, noise in zip(reversed(slopes), reversed(noises), strict=True):
        variances.append(slope**2 * variances[-1] + noise)
    variances.reverse()  # from h_1 upwards
    shrunk = 1 / (1 / variances[0] + length**2)
    encoders: list[nn.Module] = [Affine(loading.T * shrunk, shrunk)]
    decoders: list[nn.Module] = [Mean(loading)]
    for level in range(levels - 1):
        slope, noise = slopes[level], noises[level]
        posterior = 1 / (1 / variances[level + 1] + slope**2 / noise)
        encoders.append(Affine(torch.diag(posterior * slope / noise), posterior))
        decoders.append(Affine(torch.diag(slope), noise))
    covariance = loading.T @ torch.diag(variances[0]) @ loading + torch.eye(64, dtype=torch.float64)
    exact = torch.distributions.MultivariateNormal(torch.zeros(64, dtype=torch.float64), covariance)
    return HierarchicalVAE(encoders, decoders, widths=[3] * levels), exact.log_prob(images.flatten(1))


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_with_the_exact_posterior_the_bound_is_the_likelihood_of_every_image(levels: int) -> None:
    torch.manual_seed(1)
    images = torch.randn(6, *SHAPE, dtype=torch.float64)
    model, log_likelihood = linear_gaussian(levels, images)
    output = model(images)
    squared = (output.reconstruction - images).flatten(1).square().sum(1)
    bound = -0.5 * squared - 32 * math.log(2 * math.pi) - output.kl.sum(0)
    torch.testing.assert_close(bound, log_likelihood, rtol=1e-12, atol=1e-10)
    terms = HierarchicalELBO(likelihood="gaussian").terms(output, images)
    constant = 32 * math.log(2 * math.pi)
    assert -terms.total.item() - constant == pytest.approx(log_likelihood.mean().item(), rel=1e-12)


def test_with_another_posterior_the_bound_is_below_by_its_divergence() -> None:
    torch.manual_seed(1)
    images = torch.randn(4, *SHAPE, dtype=torch.float64)
    model, log_likelihood = linear_gaussian(2, images)
    model.upwards[0].variance = 2 * model.upwards[0].variance
    output = model(images.repeat(4000, 1, 1, 1))
    squared = (output.reconstruction.unflatten(0, (4000, 4)) - images).flatten(2).square().sum(2)
    bounds = -0.5 * squared - 32 * math.log(2 * math.pi) - output.kl.sum(0).unflatten(0, (4000, 4))
    gap = 3 * 0.5 * (2 - 1 - math.log(2))  # KL of N(m, 2 v) from N(m, v), in each of three latents
    found = log_likelihood - bounds.mean(0)
    torch.testing.assert_close(found, torch.full_like(found, gap), rtol=0, atol=0.1)


def test_the_kl_of_a_layer_is_that_of_the_equation() -> None:
    torch.manual_seed(0)
    model, images = hierarchical_vae(latents=3, below=[5]), torch.rand(4, 1, 64, 64)
    torch.manual_seed(1)
    output = model(images)
    torch.manual_seed(1)
    mean, logvar = model.encoder(images)
    normal = torch.distributions.Normal
    first = normal(mean, (logvar / 2).exp())
    h1 = mean + (logvar / 2).exp() * torch.randn(4, 5)
    above_mean, above_logvar = model.upwards[0](h1)
    second = normal(above_mean, (above_logvar / 2).exp())
    h2 = output.z
    prior_mean, prior_logvar = model.downwards[0](h2)
    prior = normal(prior_mean, (prior_logvar / 2).exp())
    torch.testing.assert_close(output.mean, above_mean, rtol=1e-4, atol=1e-5)
    expected = torch.stack(
        [
            (first.log_prob(h1) - prior.log_prob(h1)).sum(1),
            (second.log_prob(h2) - normal(0.0, 1.0).log_prob(h2)).sum(1),
        ]
    )
    torch.testing.assert_close(output.kl, expected, rtol=1e-3, atol=1e-3)
    terms = HierarchicalELBO(beta=2.0).terms(output, images)
    torch.testing.assert_close(terms.kl_layer1, output.kl[0].mean())
    torch.testing.assert_close(terms.kl, output.kl.sum(0).mean())
    torch.testing.assert_close(terms.total, terms.reconstruction + 2 * terms.kl)


def test_the_code_is_that_of_the_chosen_layer() -> None:
    torch.manual_seed(0)
    model, images = hierarchical_vae(latents=3, below=[8, 5]), torch.rand(4, 1, 64, 64)
    for layer, width in ((1, 8), (2, 5), (3, 3)):
        mean, logvar = model.encode(images, layer=layer)
        assert mean.shape == logvar.shape == (4, width)
        assert model.decode(mean, layer=layer).shape == images.shape
    torch.testing.assert_close(model.encode(images), model.encode(images, layer=3))
    mean = model.encode(images, layer=2)[0]
    torch.testing.assert_close(model.upwards[1](mean)[0], model.encode(images)[0])
    torch.testing.assert_close(
        model.decode(mean, layer=2), model.decode(model.downwards[0](mean)[0], layer=1)
    )
    model.layer = 2  # scores and the exact posterior read what the model encodes
    codes = encode(model, images, progress=False)
    assert codes[0].shape == codes[1].shape == model(images).z.shape == (4, 5)


def test_ancestral_samples_have_the_moments_of_the_model() -> None:
    model, _ = linear_gaussian(2, torch.zeros(1, *SHAPE, dtype=torch.float64))
    generator = torch.Generator().manual_seed(0)
    found = model.sample(40_000, generator=generator).flatten(1)
    assert torch.equal(
        model.sample(2, generator=torch.Generator().manual_seed(3)),
        model.sample(2, generator=torch.Generator().manual_seed(3)),
    )
    slope, noise = model.downwards[0].weight.diagonal(), model.downwards[0].variance
    loading = model.decoder.weight
    expected = loading.T @ torch.diag(slope**2 + noise) @ loading
    torch.testing.assert_close(torch.cov(found.T), expected, rtol=0, atol=0.03)


def dense(layers: int = 2) -> HierarchicalVAE:
    torch.manual_seed(0)
    sizes = {"image_shape": SHAPE, "hidden": [32]}
    above = [GaussianLayer(4, 4, hidden=16) for _ in range(2 * (layers - 1))]
    encoders = [MLPEncoder(4, **sizes), *above[::2]]
    return HierarchicalVAE(encoders, [MLPDecoder(4, **sizes), *above[1::2]], widths=[4] * layers)


def test_it_trains_and_can_be_resumed(tmp_path: Path) -> None:
    log = train(HierarchicalELBO(), dense(3), bars, steps=40)
    assert log[-1]["total"] < 0.8 * log[0]["total"]
    found = []
    for folder, parts in (("whole", (6,)), ("parts", (3, 6))):
        for steps in parts:
            model = dense()
            fit(
                model,
                HierarchicalELBO(),
                bars(),
                steps=steps,
                batch_size=16,
                run_dir=tmp_path / folder,
                resume=steps == 6 and len(parts) == 2,
                progress=False,
            )
        found.append(list(model.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="equal in number, at least 1, got 1, 1 and 2"):
        HierarchicalVAE([nn.Identity()], [nn.Identity()], widths=[3, 4])
    for layer, kind, message in (
        (3, ValueError, "layer must be between 1 and 2, got 3"),
        (1.0, TypeError, "layer must be an integer, got"),
    ):
        with pytest.raises(kind, match=f"HierarchicalVAE: {message}"):
            hierarchical_vae(layer=layer)
    with pytest.raises(ValueError, match=r"hierarchical_vae: below\[0\] must be at least 1, got 0"):
        hierarchical_vae(below=[0])
    with pytest.raises(ValueError, match="HierarchicalVAE: count must be at least 1, got 0"):
        hierarchical_vae().sample(0)
    with pytest.raises(TypeError, match=r"must give the KL of each layer, .* got VAEOutput"):
        next(HierarchicalELBO().turns(small_vae(), bars, 0))
    with pytest.raises(TypeError, match=r"models must be instances of fastdis\.models\.VAE itself"):
        fit_many([dense()], [HierarchicalELBO()], bars(), steps=1)


def test_log_density_in_half_precision_is_summed_in_float32() -> None:
    z = torch.full((1, 3000), 8.0, dtype=torch.float16)  # the squares sum to more than half precision holds
    assert log_density(z, z * 0, z * 0).isfinite()
