"""Every differentiable operation of `fastdis.functional`: how it is called, and with what."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

import fastdis
from fastdis import functional


class Operation(NamedTuple):
    """How to call one.

    call: gives the differentiable outputs for the tensors by position and the numbers by name.
    tensors: their names; all (batch, latent) but "weight" (latent, 2), the discriminator's.
    numbers: the arguments that are numbers, with a value.
    varied: the tensors with respect to which it has derivatives; all if empty.
    smallest: the least batch.
    """

    call: Callable[..., Sequence[Tensor]]
    tensors: tuple[str, ...]
    numbers: Mapping[str, float] = MappingProxyType({})
    varied: tuple[str, ...] = ()
    smallest: int = 1


def of_discriminator(function: Callable[..., Any]) -> Callable[..., Sequence[Tensor]]:
    """The discriminator is the last argument, the weight of one layer."""

    def call(*tensors: Tensor) -> Sequence[Tensor]:
        *codes, weight = tensors
        outputs = function(lambda z: torch.tanh(z) @ weight, *codes)
        return outputs if isinstance(outputs, tuple) else [outputs]

    return call


POSTERIORS = ("z", "mean", "logvar")
OPERATIONS = {
    "reparameterize": Operation(
        lambda mean, logvar, noise, **k: [fastdis.reparameterize(mean, logvar, noise=noise, **k)],
        ("mean", "logvar", "noise"),
    ),
    "gaussian_kl": Operation(lambda *a, **k: [fastdis.gaussian_kl(*a, **k)], ("mean", "logvar")),
    "reparameterize_kl": Operation(
        lambda mean, logvar, noise, **k: fastdis.reparameterize_kl(mean, logvar, noise=noise, **k),
        ("mean", "logvar", "noise"),
    ),
    "kl_decomposition": Operation(fastdis.kl_decomposition, POSTERIORS, {"dataset_size": 1000}, smallest=2),
    "total_correlation": Operation(
        lambda *a, **k: [fastdis.total_correlation(*a, **k)], POSTERIORS, {"dataset_size": 1000}, smallest=2
    ),
    "tcvae_penalty": Operation(
        lambda *a, **k: [fastdis.tcvae_penalty(*a, **k)[0]],
        POSTERIORS,
        {"dataset_size": 1000, "alpha": 2.0, "beta": 6.0, "gamma": -1.0},
        smallest=2,
    ),
    "reparameterize_tcvae": Operation(
        lambda mean, logvar, noise, **k: fastdis.reparameterize_tcvae(mean, logvar, noise=noise, **k)[:2],
        ("mean", "logvar", "noise"),
        {"dataset_size": 1000, "alpha": 2.0, "beta": 6.0, "gamma": -1.0},
        smallest=2,
    ),
    "permute_dims": Operation(lambda *a, **k: [fastdis.permute_dims(*a, **k)], ("z",)),
    "dip_vae_penalty": Operation(
        lambda *a, **k: [functional.dip_vae_penalty(*a, **k)],
        ("mean", "logvar"),
        {"lambda_od": 3.0, "lambda_d": 5.0},
    ),
    "discriminator_total_correlation": Operation(
        of_discriminator(functional.discriminator_total_correlation), ("z", "weight")
    ),
    "discriminator_loss": Operation(
        of_discriminator(functional.discriminator_loss), ("z", "z_other", "weight"), varied=("weight",)
    ),
    "factor_vae_terms": Operation(
        of_discriminator(functional.factor_vae_terms), ("z", "z_other", "weight"), varied=("weight",)
    ),
}
COMPOSED = {"dip_vae_penalty", *(name for name in OPERATIONS if "weight" in OPERATIONS[name].tensors)}
WITH_NUMBERS = [(name, number) for name, entry in OPERATIONS.items() for number in entry.numbers]
every_operation = pytest.mark.parametrize("name", OPERATIONS)


def samples(name: str, batch: int = 7, latent: int = 3, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """z lies within reach of its posteriors; z_other has equal rows, which no permutation changes."""
    generator = torch.Generator().manual_seed(batch)
    draws = [torch.randn(batch, latent, generator=generator, dtype=torch.float64) for _ in range(3)]
    named = {
        "mean": draws[0],
        "logvar": draws[1] - 1,
        "noise": draws[2],
        "z": draws[0] + draws[2] * torch.exp(0.5 * draws[1] - 0.5),
        "z_other": draws[1][:1].repeat(batch, 1),
        "weight": torch.linspace(-1, 1, 2 * latent, dtype=torch.float64).reshape(latent, 2),
    }
    return [named[tensor].to(dtype) for tensor in OPERATIONS[name].tensors]


def run(name: str, tensors: Sequence[Tensor], **options: Any) -> tuple[Tensor, ...]:
    """The outputs, with the same draws every time."""
    torch.manual_seed(0)
    entry = OPERATIONS[name]
    return tuple(entry.call(*tensors, **{**entry.numbers, **options}))


def reference(name: str, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Of a permutation, which each backend draws in its own way, the reference is the same one in float64."""
    options = {} if name in COMPOSED or name == "permute_dims" else {"backend": "reference"}
    return run(name, tensors, **options)


def gradients(outputs: Sequence[Tensor], leaves: Sequence[Tensor]) -> tuple[Tensor, ...]:
    weights = [torch.linspace(-1, 2, output.numel()).reshape(output.shape).to(output) for output in outputs]
    return torch.autograd.grad(outputs, leaves, weights, materialize_grads=True)


def leaves_of(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [tensor.detach().requires_grad_() for tensor in tensors]
