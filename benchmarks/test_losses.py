"""The loss operations, forward and backward, against eager PyTorch and torch.compile."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import baselines
import fastdis

N, LATENT, BETA = 737_280, 10, 6.0
COLUMNS = ["eager", "torch.compile", "fastdis"]


def posteriors(batch: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    """mean, logvar and noise like those of a half-trained model."""
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(batch, LATENT, generator=generator, dtype=dtype)
    logvar = torch.randn(batch, LATENT, generator=generator, dtype=dtype) - 3
    noise = torch.randn(batch, LATENT, generator=generator, dtype=dtype)
    return mean.requires_grad_(), logvar.requires_grad_(), noise


def pick(column: str, usual: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
    if column == "fastdis":
        return ours
    return torch.compile(usual, dynamic=False) if column == "torch.compile" else usual


@pytest.mark.parametrize("column", [*COLUMNS, "fastdis, two calls"])
@pytest.mark.parametrize("batch", [64, 256, 1024, 2048, 4096])
def test_reparameterize_tcvae(measure: Callable[..., None], batch: int, column: str) -> None:
    mean, logvar, noise = posteriors(batch)

    def usual(mean: Tensor, logvar: Tensor) -> Tensor:
        z = mean + torch.exp(0.5 * logvar) * noise
        return baselines.tcvae_penalty(z, mean, logvar, N, BETA)

    def ours(mean: Tensor, logvar: Tensor) -> Tensor:
        return fastdis.reparameterize_tcvae(mean, logvar, noise=noise, dataset_size=N, beta=BETA)[1]

    def two_calls(mean: Tensor, logvar: Tensor) -> Tensor:
        z = fastdis.reparameterize(mean, logvar, noise=noise)
        return fastdis.tcvae_penalty(z, mean, logvar, dataset_size=N, beta=BETA)[0]

    penalty = pick(column, two_calls if column == "fastdis, two calls" else usual, ours)
    measure(
        lambda: torch.autograd.grad(penalty(mean, logvar), (mean, logvar)),
        group=f"reparameterize_tcvae, forward and backward, B = {batch}",
        column=column,
        exponentials=batch**2 * (LATENT + 1),
    )


@pytest.mark.parametrize("threads", [1, 2])
def test_threads(measure: Callable[..., None], threads: int) -> None:
    mean, logvar, noise = posteriors(2048)

    def call() -> Any:
        penalty = fastdis.reparameterize_tcvae(mean, logvar, noise=noise, dataset_size=N, beta=BETA)[1]
        return torch.autograd.grad(penalty, (mean, logvar))

    torch.set_num_threads(threads)
    try:
        measure(
            call,
            group="reparameterize_tcvae, by threads, forward and backward, B = 2048",
            column="fastdis" if threads == 2 else "one thread",
            exponentials=2048**2 * (LATENT + 1),
        )
    finally:
        torch.set_num_threads(2)


@pytest.mark.parametrize("column", ["eager", "fastdis"])
@pytest.mark.parametrize("batch", [64, 1024])
def test_reparameterize_tcvae_float64(measure: Callable[..., None], batch: int, column: str) -> None:
    mean, logvar, noise = posteriors(batch, torch.float64)

    def usual(mean: Tensor, logvar: Tensor) -> Tensor:
        z = mean + torch.exp(0.5 * logvar) * noise
        return baselines.tcvae_penalty(z, mean, logvar, N, BETA)

    def ours(mean: Tensor, logvar: Tensor) -> Tensor:
        return fastdis.reparameterize_tcvae(mean, logvar, noise=noise, dataset_size=N, beta=BETA)[1]

    penalty = pick(column, usual, ours)
    measure(
        lambda: torch.autograd.grad(penalty(mean, logvar), (mean, logvar)),
        group=f"reparameterize_tcvae, float64, forward and backward, B = {batch}",
        column=column,
        exponentials=batch**2 * (LATENT + 1),
    )


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("batch", [64, 4096])
def test_reparameterize_kl(measure: Callable[..., None], batch: int, column: str) -> None:
    mean, logvar, _ = posteriors(batch)
    grad_z, grad_kl = torch.randn(batch, LATENT), torch.randn(LATENT)
    function = pick(column, baselines.reparameterize_kl, fastdis.reparameterize_kl)
    measure(
        lambda: torch.autograd.grad(function(mean, logvar), (mean, logvar), (grad_z, grad_kl)),
        group=f"reparameterize_kl, noise drawn, forward and backward, B = {batch}",
        column=column,
        bytes=40 * batch * LATENT,
    )


@pytest.mark.parametrize("column", [*COLUMNS, "copy"])
def test_reparameterize_kl_of_four_million(measure: Callable[..., None], column: str) -> None:
    """Forward with the noise given: three arrays read and one written, beside a copy of as many bytes."""
    shape = (2**22 // 16, 16)
    mean, logvar, noise = torch.randn(shape), torch.randn(shape), torch.randn(shape)
    if column == "copy":
        source = torch.randn(2, *shape)
        target = torch.empty_like(source)

        def call() -> Tensor:
            return target.copy_(source)

    else:
        function = pick(
            column,
            baselines.reparameterize_kl,
            lambda m, v, n: fastdis.reparameterize_kl(m, v, noise=n),
        )

        def call() -> Any:
            return function(mean, logvar, noise)

    measure(call, group="reparameterize_kl, noise given, forward, 2^22 elements", column=column, bytes=2**26)


@pytest.mark.parametrize("column", ["eager", "fastdis"])
@pytest.mark.parametrize("batch", [64, 4096])
def test_permute_dims(measure: Callable[..., None], batch: int, column: str) -> None:
    z = torch.randn(batch, LATENT)
    function = pick(column, baselines.permute_dims, fastdis.permute_dims)
    measure(lambda: function(z), group=f"permute_dims, B = {batch}", column=column, bytes=8 * batch * LATENT)
