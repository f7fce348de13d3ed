"""The two penalties that are composed from torch: FactorVAE's terms and DIP-VAE's."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import fastdis
from fastdis import functional


def discriminator(latent: int = 4) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(latent, 16), nn.LeakyReLU(0.2), nn.Linear(16, 2)).double()


def codes(batch: int = 12, latent: int = 4, seed: int = 1) -> Tensor:
    return torch.randn(batch, latent, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_factor_vae_terms_are_those_of_the_definition() -> None:
    module, z, other = discriminator(), codes(), codes(seed=2)
    terms = fastdis.factor_vae_terms(module, z, other, generator=torch.Generator().manual_seed(5))
    shuffled = fastdis.permute_dims(other, generator=torch.Generator().manual_seed(5))
    logits, log_q, log_p = module(z), module(z).log_softmax(1), module(shuffled).log_softmax(1)
    torch.testing.assert_close(terms.total_correlation, (logits[:, 0] - logits[:, 1]).mean())
    torch.testing.assert_close(terms.discriminator_loss, 0.5 * (-log_q[:, 0].mean() - log_p[:, 1].mean()))


def test_the_two_losses_reach_only_what_they_should() -> None:
    module = discriminator()
    z, other = codes().requires_grad_(), codes(seed=2).requires_grad_()
    terms = fastdis.factor_vae_terms(module, z, other)
    terms.total_correlation.backward(retain_graph=True)
    assert z.grad is not None
    assert z.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in module.parameters())
    z.grad = None
    terms.discriminator_loss.backward()
    assert z.grad is None
    assert other.grad is None
    assert all(weight.grad is not None for weight in module.parameters())


def test_the_estimate_survives_a_step_of_the_discriminator() -> None:
    """Weights changed in place between the two backward passes must not disturb the encoder's gradient."""
    module, z = discriminator(), codes().requires_grad_()
    optimiser = torch.optim.Adam(module.parameters(), lr=0.1)
    terms = fastdis.factor_vae_terms(module, z, codes(seed=2))
    terms.total_correlation.backward(retain_graph=True)
    expected = z.grad.clone()
    z.grad = None
    terms = fastdis.factor_vae_terms(module, z, codes(seed=2))
    terms.total_correlation.backward()
    terms.discriminator_loss.backward()
    optimiser.step()
    assert torch.equal(z.grad, expected)


def test_a_trained_discriminator_estimates_the_total_correlation() -> None:
    """Two latents with correlation 0.9: TC = -1/2 log(1 - 0.81) = 0.83 nats."""
    torch.manual_seed(0)
    root = torch.linalg.cholesky(torch.tensor([[1.0, 0.9], [0.9, 1.0]]))
    module = nn.Sequential(
        nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 2)
    )
    optimiser = torch.optim.Adam(module.parameters(), lr=3e-3)
    for _ in range(600):
        terms = fastdis.factor_vae_terms(module, torch.randn(256, 2) @ root.T, torch.randn(256, 2) @ root.T)
        optimiser.zero_grad()
        terms.discriminator_loss.backward()
        optimiser.step()
    z = torch.randn(20_000, 2) @ root.T
    assert abs(fastdis.factor_vae_terms(module, z, z).total_correlation.item() - 0.83) < 0.15


@pytest.mark.parametrize(
    "function", [functional.factor_vae_terms, functional.discriminator_loss], ids=lambda f: f.__name__
)
def test_wrong_logits_and_codes_are_refused_by_the_function_called(function: Callable[..., Any]) -> None:
    name = function.__name__
    with pytest.raises(ValueError, match=rf"^{name}: .*logits of shape \(batch, 2\), got \(12, 1\)"):
        function(nn.Linear(4, 1).double(), codes(), codes())
    with pytest.raises(ValueError, match=f"^{name}: z_other must have shape"):
        function(discriminator(), codes(), codes()[0])


def test_the_estimate_alone_names_itself() -> None:
    with pytest.raises(ValueError, match=r"^discriminator_total_correlation: .*got \(12, 1\)"):
        functional.discriminator_total_correlation(nn.Linear(4, 1).double(), codes())


DRAWING: dict[str, Callable[..., Any]] = {
    "reparameterize": lambda mean: fastdis.reparameterize(mean, mean),
    "reparameterize_kl": lambda mean: fastdis.reparameterize_kl(mean, mean),
    "permute_dims": fastdis.permute_dims,
    "reference": lambda mean: (
        fastdis.reparameterize(mean, mean, backend="reference"),
        fastdis.permute_dims(mean, backend="reference"),
    ),
}


def assert_compiled_draws_the_same(function: Callable[..., Any], inputs: list[Tensor], **how: Any) -> None:
    torch.compiler.reset()
    compiled = torch.compile(function, fullgraph=True, **how)
    for tensor in inputs:
        torch.manual_seed(0)
        found = compiled(tensor)
        torch.manual_seed(0)
        torch.testing.assert_close(found, function(tensor))


@pytest.mark.parametrize("dynamic", [None, True])
@pytest.mark.parametrize("name", DRAWING)
def test_what_is_drawn_in_a_graph_is_drawn_at_any_batch_size(name: str, dynamic: bool | None) -> None:
    """64, 64 and 37: the last batch of an epoch is smaller."""
    inputs = [codes(batch).requires_grad_() for batch in (64, 64, 37)]
    assert_compiled_draws_the_same(DRAWING[name], inputs, backend="aot_eager", dynamic=dynamic)


def test_the_compiler_itself_takes_any_batch_size() -> None:
    def step(mean: Tensor) -> tuple[Tensor, Tensor]:
        z, kl = fastdis.reparameterize_kl(mean, mean)
        penalty, _ = fastdis.tcvae_penalty(fastdis.permute_dims(z), mean, mean, dataset_size=100)
        return penalty + kl.sum(), fastdis.reparameterize(z, z)

    inputs = [codes(batch).requires_grad_() for batch in (64, 64, 37, 10)]
    assert_compiled_draws_the_same(step, inputs, options={"fallback_random": True})


def test_a_compiled_model_takes_any_batch_size() -> None:
    model = fastdis.models.burgess_vae()
    inputs = [torch.rand(batch, 1, 64, 64) for batch in (4, 4, 3)]
    assert_compiled_draws_the_same(lambda images: tuple(model(images)), inputs, backend="aot_eager")


@pytest.mark.parametrize("variant", ["i", "ii"])
def test_dip_vae_penalty_is_that_of_the_definition(variant: str) -> None:
    mean, logvar = codes(50, 3), codes(50, 3, seed=2)
    covariance = torch.cov(mean.T, correction=0)
    if variant == "ii":
        covariance = covariance + torch.diag(logvar.exp().mean(0))
    expected = torch.zeros((), dtype=torch.float64)
    for a in range(3):
        for b in range(3):
            expected += 2.0 * covariance[a, b] ** 2 if a != b else 5.0 * (covariance[a, a] - 1) ** 2
    found = fastdis.dip_vae_penalty(mean, logvar, lambda_od=2.0, lambda_d=5.0, variant=variant)
    torch.testing.assert_close(found, expected)


def test_dip_vae_defaults() -> None:
    mean, logvar = codes(50, 3), codes(50, 3, seed=2)
    for variant, ratio in (("i", 10), ("ii", 1)):
        torch.testing.assert_close(
            fastdis.dip_vae_penalty(mean, logvar, variant=variant),
            fastdis.dip_vae_penalty(mean, logvar, lambda_od=10.0, lambda_d=10.0 * ratio, variant=variant),
        )
    torch.testing.assert_close(
        fastdis.dip_vae_penalty(mean, logvar), fastdis.dip_vae_penalty(mean, logvar, variant="ii")
    )


def test_dip_vae_ii_adds_only_to_the_diagonal() -> None:
    mean, logvar = codes(50, 3), codes(50, 3, seed=2)
    first = fastdis.dip_vae_penalty(mean, logvar, lambda_od=1.0, lambda_d=0.0, variant="i")
    second = fastdis.dip_vae_penalty(mean, logvar, lambda_od=1.0, lambda_d=0.0, variant="ii")
    torch.testing.assert_close(first, second)


def test_dip_vae_gradcheck_and_errors() -> None:
    mean, logvar = codes(6, 3).requires_grad_(), codes(6, 3, seed=2).requires_grad_()
    assert torch.autograd.gradcheck(lambda m, v: fastdis.dip_vae_penalty(m, v), (mean, logvar))
    with pytest.raises(ValueError, match="variant must be one of 'i', 'ii', got 'iii'"):
        fastdis.dip_vae_penalty(mean, logvar, variant="iii")


FORKED = """
import os, torch, fastdis
z = torch.randn(600, 10)
before = fastdis.total_correlation(z, z, z, dataset_size=600)   # the parent's threads have run
child = os.fork()
if child == 0:
    same = torch.equal(before, fastdis.total_correlation(z, z, z, dataset_size=600))
    os._exit(0 if same else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_goes_on_computing() -> None:
    result = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=120)
    assert result.stdout.strip() == "0", result.stderr


def test_warmup_leaves_nothing_to_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core.dispatcher import Dispatcher

    fastdis.warmup()

    def compile_again(*arguments: object) -> None:
        raise AssertionError("compiled after warmup")

    monkeypatch.setattr(Dispatcher, "_compile_for_args", compile_again)
    mean, logvar = torch.randn(8, 3, requires_grad=True), torch.randn(8, 3, requires_grad=True)
    z, kl = fastdis.reparameterize_kl(mean, logvar)
    penalty, _ = fastdis.tcvae_penalty(z, mean, logvar, dataset_size=100)
    gradient = torch.autograd.grad(penalty + kl.sum(), mean)[0]
    assert torch.isfinite(gradient).all()
