"""The decomposition as torch uses it: derivatives, registration, compilation, threads, wrong arguments."""

import numpy as np
import pytest
import torch
from torch import Tensor

import fastdis
from support.posteriors import posteriors

N = 737_280
ESTIMATORS = ["mss", "mws"]


def test_gradcheck() -> None:
    leaves = [tensor.requires_grad_() for tensor in posteriors(6, 3)]
    for estimator in ESTIMATORS:
        assert torch.autograd.gradcheck(
            lambda *a, e=estimator: tuple(fastdis.kl_decomposition(*a, dataset_size=50, estimator=e)), leaves
        )
        assert torch.autograd.gradcheck(
            lambda *a, e=estimator: fastdis.tcvae_penalty(*a, dataset_size=50, estimator=e)[0], leaves
        )


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("layout", ["contiguous", "permuted"])
@pytest.mark.parametrize("batch", [2, 33])
def test_opcheck(batch: int, layout: str, gradient: bool) -> None:
    tensors = [tensor.float() for tensor in posteriors(batch, 6)]
    if layout == "permuted":
        tensors = [tensor.t().contiguous().t() for tensor in tensors]
    leaves = [tensor.requires_grad_(gradient) for tensor in tensors]
    for operation, arguments in [
        (torch.ops.fastdis.kl_decomposition, (*leaves, N, True)),
        (torch.ops.fastdis.tcvae_penalty, (*leaves, N, False, [1.0, 6.0, 1.0], gradient)),
    ]:
        outcome = torch.library.opcheck(operation.default, arguments)
        assert set(outcome.values()) == {"SUCCESS"}


def test_compiles_to_one_graph_at_any_batch_size() -> None:
    def loss(z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
        penalty, logged = fastdis.tcvae_penalty(z, mean, logvar, dataset_size=N)
        terms = fastdis.kl_decomposition(z, mean, logvar, dataset_size=N)
        return penalty + terms.total_correlation * 0.5 + logged.dimwise_kl

    compiled = torch.compile(loss, fullgraph=True, dynamic=True)
    for batch in (64, 37):
        leaves = [tensor.float().requires_grad_() for tensor in posteriors(batch, 10)]
        torch.testing.assert_close(compiled(*leaves), loss(*leaves))
        torch.testing.assert_close(
            torch.autograd.grad(compiled(*leaves), leaves), torch.autograd.grad(loss(*leaves), leaves)
        )


def test_a_second_derivative_is_refused() -> None:
    leaves = [tensor.requires_grad_() for tensor in posteriors(5, 2)]
    for value in (
        fastdis.total_correlation(*leaves, dataset_size=N),
        fastdis.tcvae_penalty(*leaves, dataset_size=N)[0],
    ):
        (gradient, *_) = torch.autograd.grad(value, leaves, create_graph=True)
        with pytest.raises(RuntimeError, match="backend='reference'"):
            gradient.sum().backward()


def test_concurrent_callers_get_their_own_results() -> None:
    from concurrent.futures import ThreadPoolExecutor

    batches = [[tensor.float() for tensor in posteriors(300, 10, seed)] for seed in range(8)]
    expected = [fastdis.total_correlation(*batch, dataset_size=N) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda batch: fastdis.total_correlation(*batch, dataset_size=N), batches * 4))
    assert all(torch.equal(a, b) for a, b in zip(found, expected * 4, strict=True))


@pytest.mark.parametrize("backend", ["auto", "reference", "numba"])
def test_wrong_arguments_are_named(backend: str) -> None:
    z = torch.zeros(64, 10)
    with pytest.raises(
        ValueError, match=r"total_correlation: logvar must have shape \(64, 10\) like z, got \(64, 8\)"
    ):
        fastdis.total_correlation(z, z, z[:, :8], dataset_size=N, backend=backend)
    with pytest.raises(ValueError, match="z must hold at least 2 samples, got 1"):
        fastdis.kl_decomposition(z[:1], z[:1], z[:1], dataset_size=N, backend=backend)
    with pytest.raises(ValueError, match="at least the batch's 64, got 63"):
        fastdis.tcvae_penalty(z, z, z, dataset_size=63, backend=backend)
    with pytest.raises(TypeError, match="dataset_size must be an integer, got float"):
        fastdis.tcvae_penalty(z, z, z, dataset_size=1e5, backend=backend)
    with pytest.raises(ValueError, match="estimator must be one of 'mss', 'mws', got 'mmd'"):
        fastdis.kl_decomposition(z, z, z, dataset_size=N, estimator="mmd", backend=backend)


def test_numpy_integers_count_as_integers() -> None:
    z, mean, logvar = posteriors(5, 2)
    found = fastdis.total_correlation(z, mean, logvar, dataset_size=np.int64(N))
    assert torch.equal(found, fastdis.total_correlation(z, mean, logvar, dataset_size=N))
