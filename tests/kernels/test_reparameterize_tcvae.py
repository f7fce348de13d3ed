"""The sample and the penalty in one operation are those of the two operations."""

import pytest
import torch
from torch import Tensor

import fastdis
from support.agreement import assert_as_accurate

SETTINGS = {"dataset_size": 737_280, "alpha": 2.0, "beta": 6.0, "gamma": 0.5}


def posteriors(batch: int, latent: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    generator = torch.Generator().manual_seed(batch + latent)
    mean, logvar, noise = torch.randn(3, batch, latent, generator=generator, dtype=torch.float64)
    return [mean.to(dtype).requires_grad_(), (logvar - 2).to(dtype).requires_grad_(), noise.to(dtype)]


def outcome(function: object, arguments: list[Tensor], backend: str = "auto") -> list[Tensor]:
    """z, the penalty and the terms, and the gradients of a loss that depends on z and the penalty."""
    mean, logvar, noise = arguments
    z, penalty, terms = function(mean, logvar, noise=noise, backend=backend, **SETTINGS)
    decoder = torch.linspace(-1, 2, mean.numel(), dtype=z.dtype).reshape(mean.shape)
    gradients = torch.autograd.grad((z * decoder).sum() + 3 * penalty, (mean, logvar))
    return [z, penalty, *terms, *gradients]


def in_two(mean: Tensor, logvar: Tensor, *, noise: Tensor, backend: str, **settings: float) -> object:
    z = fastdis.reparameterize(mean, logvar, noise=noise, backend=backend)
    return z, *fastdis.tcvae_penalty(z, mean, logvar, backend=backend, **settings)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize(("batch", "latent"), [(2, 1), (7, 3), (64, 10), (129, 33)])
def test_it_is_as_accurate_as_the_reference(batch: int, latent: int, dtype: torch.dtype) -> None:
    mean, logvar, noise = posteriors(batch, latent, torch.float64)
    cotangents = [torch.linspace(-1, 2, batch * latent).reshape(batch, latent), torch.tensor(3.0)]

    def pair(mean: Tensor, logvar: Tensor, backend: str) -> tuple[Tensor, ...]:
        drawn = noise.to(mean.dtype)
        return fastdis.reparameterize_tcvae(mean, logvar, noise=drawn, backend=backend, **SETTINGS)[:2]

    ours, plain = (lambda *a, backend=backend: pair(*a, backend) for backend in ("auto", "reference"))
    assert_as_accurate(ours, plain, [mean, logvar], cotangents, dtype)


def test_values_are_those_of_the_two_operations_bit_for_bit() -> None:
    arguments = posteriors(64, 10)
    one, two = outcome(fastdis.reparameterize_tcvae, arguments), outcome(in_two, arguments)
    assert all(torch.equal(a, b) for a, b in zip(one[:5], two[:5], strict=True))


@pytest.mark.parametrize("part", ["z", "penalty"])
def test_a_loss_of_one_output_alone(part: str) -> None:
    mean, logvar, noise = posteriors(9, 4)
    found, expected = [], []
    for function, gradients in ((fastdis.reparameterize_tcvae, found), (in_two, expected)):
        z, penalty, _ = function(mean, logvar, noise=noise, backend="auto", **SETTINGS)
        loss = z.square().sum() if part == "z" else penalty
        gradients += torch.autograd.grad(loss, (mean, logvar))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_the_noise_is_that_of_reparameterize() -> None:
    mean, logvar, _ = posteriors(16, 5)
    torch.manual_seed(3)
    z = fastdis.reparameterize_tcvae(mean, logvar, dataset_size=100)[0]
    torch.manual_seed(3)
    assert torch.equal(z, fastdis.reparameterize(mean, logvar))
    generator = torch.Generator().manual_seed(4)
    z = fastdis.reparameterize_tcvae(mean, logvar, dataset_size=100, generator=generator)[0]
    assert torch.equal(z, fastdis.reparameterize(mean, logvar, generator=generator.manual_seed(4)))


def test_without_gradients_there_are_none() -> None:
    mean, logvar, noise = posteriors(8, 2)
    with torch.no_grad():
        z, penalty, terms = fastdis.reparameterize_tcvae(mean, logvar, noise=noise, dataset_size=100)
    assert not any(tensor.requires_grad for tensor in (z, penalty, *terms))
    trained = fastdis.reparameterize_tcvae(mean, logvar, noise=noise, dataset_size=100)
    assert torch.equal(penalty, trained[1])


def test_a_second_derivative_is_refused() -> None:
    mean, logvar, noise = posteriors(8, 2)
    z, penalty, _ = fastdis.reparameterize_tcvae(mean, logvar, noise=noise, dataset_size=100)
    (first,) = torch.autograd.grad(penalty + z.sum(), mean, create_graph=True)
    with pytest.raises(RuntimeError, match="backend='reference'"):
        first.sum().backward()


def test_bad_arguments_name_the_function() -> None:
    mean, logvar, noise = posteriors(8, 2)
    with pytest.raises(ValueError, match=r"^reparameterize_tcvae: mean must hold at least 2 samples, got 1"):
        fastdis.reparameterize_tcvae(mean[:1], logvar[:1], dataset_size=100)
    with pytest.raises(ValueError, match=r"^reparameterize_tcvae: dataset_size .*the batch's 8, got 7"):
        fastdis.reparameterize_tcvae(mean, logvar, dataset_size=7)
    with pytest.raises(ValueError, match=r"^reparameterize_tcvae: beta"):
        fastdis.reparameterize_tcvae(mean, logvar, dataset_size=9, beta=float("nan"))
    generator = torch.Generator()
    with pytest.raises(ValueError, match=r"^reparameterize_tcvae: noise and generator"):
        fastdis.reparameterize_tcvae(mean, logvar, dataset_size=9, noise=noise, generator=generator)
