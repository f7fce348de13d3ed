"""The decomposition against loops, closed forms and the exact value over all images."""

import math
import tracemalloc

import numba
import numpy as np
import pytest
import torch
from torch import Tensor

import fastdis
from fastdis.kernels.total_correlation import numba_cpu, reference
from fastdis.kernels.total_correlation.posterior_loops import SAMPLES_AT_ONCE, Posteriors, Samples, Strip
from fastdis.kernels.total_correlation.sample_chunks import densities, start
from support.agreement import assert_as_accurate
from support.faulty import decompose, wrong_stride_log_weights
from support.posteriors import (
    EXTREMES,
    assert_finite_as_the_reference,
    extreme_posteriors,
    posteriors,
)

N = 737_280
SHAPES = [(2, 1), (3, 10), (31, 3), (64, 10), (127, 5), (257, 10), (32, 130)]
DTYPES = [torch.float32, torch.float64]
ESTIMATORS = ["mss", "mws"]


def by_loops(z: Tensor, mean: Tensor, logvar: Tensor, dataset_size: int, estimator: str) -> list[float]:
    """MI, TC and dwKL straight from the definition."""
    batch, latent = z.shape
    others = batch - 1
    sums = [0.0, 0.0, 0.0]
    for i in range(batch):
        joint, marginals, own, prior = 0.0, [0.0] * latent, 0.0, 0.0
        for j in range(batch):
            if estimator == "mws":
                weight = 1 / (dataset_size * batch)
            elif j == i:
                weight = 1 / dataset_size
            elif j == (i + 1) % batch:
                weight = (dataset_size - others) / (dataset_size * others)
            else:
                weight = 1 / others
            total = 0.0
            for d in range(latent):
                x, m, v = z[i, d].item(), mean[j, d].item(), logvar[j, d].item()
                log_density = -0.5 * (math.log(2 * math.pi) + v + (x - m) ** 2 * math.exp(-v))
                marginals[d] += weight * math.exp(log_density)
                total += log_density
            joint += weight * math.exp(total)
            own = total if j == i else own
        for d in range(latent):
            prior += -0.5 * (math.log(2 * math.pi) + z[i, d].item() ** 2)
        log_marginals = sum(math.log(value) for value in marginals)
        sums[0] += own - math.log(joint)
        sums[1] += math.log(joint) - log_marginals
        sums[2] += log_marginals - prior
    return [value / batch for value in sums]


@pytest.mark.parametrize("backend", ["reference", "numba"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("shape", [(2, 3), (7, 2), (12, 4)])
def test_the_value_is_that_of_the_definition(shape: tuple[int, int], estimator: str, backend: str) -> None:
    arguments = posteriors(*shape)
    found = fastdis.kl_decomposition(*arguments, dataset_size=1000, estimator=estimator, backend=backend)
    torch.testing.assert_close(
        torch.stack(found), torch.tensor(by_loops(*arguments, 1000, estimator), dtype=torch.float64)
    )


@pytest.mark.parametrize("batch", [2, 3, 64])
def test_rows_of_mss_weights_sum_to_one(batch: int) -> None:
    weights = reference.log_weights(batch, 1000, "mss").exp()
    torch.testing.assert_close(weights.sum(1), torch.ones(batch, dtype=torch.float64))
    torch.testing.assert_close(weights.diagonal(), torch.full((batch,), 1 / 1000, dtype=torch.float64))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_term_and_gradient_agrees_with_the_reference(
    shape: tuple[int, int], estimator: str, dtype: torch.dtype
) -> None:
    arguments = posteriors(*shape)
    for cotangents in ([1.0, 1.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.3, -2.0, 1.7]):
        assert_as_accurate(
            lambda *a: fastdis.kl_decomposition(*a, dataset_size=N, estimator=estimator),
            lambda *a: fastdis.kl_decomposition(*a, dataset_size=N, estimator=estimator, backend="reference"),
            arguments,
            [torch.tensor(value) for value in cotangents],
            dtype,
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_penalty_agrees_with_the_reference(
    shape: tuple[int, int], estimator: str, dtype: torch.dtype
) -> None:
    for alpha, beta, gamma in ((1.0, 6.0, 1.0), (0.0, 2.0, 0.5)):
        settings = {"dataset_size": N, "alpha": alpha, "beta": beta, "gamma": gamma, "estimator": estimator}
        assert_as_accurate(
            lambda *a, s=settings: [fastdis.tcvae_penalty(*a, **s)[0]],
            lambda *a, s=settings: [fastdis.tcvae_penalty(*a, **s, backend="reference")[0]],
            posteriors(*shape),
            [torch.tensor(-1.3)],
            dtype,
        )


def test_the_penalty_is_the_weighted_sum_and_its_terms_are_for_logging() -> None:
    arguments = [tensor.requires_grad_() for tensor in posteriors(40, 6)]
    terms = fastdis.kl_decomposition(*arguments, dataset_size=N)
    penalty, logged = fastdis.tcvae_penalty(*arguments, dataset_size=N, alpha=0.5, beta=4.0, gamma=2.0)
    torch.testing.assert_close(penalty, 0.5 * terms[0] + 4 * terms[1] + 2 * terms[2])
    torch.testing.assert_close(logged, type(terms)(*(term.detach() for term in terms)))
    assert not any(term.requires_grad for term in logged)
    default = fastdis.tcvae_penalty(*arguments, dataset_size=N)[0]
    torch.testing.assert_close(default, terms[0] + 6 * terms[1] + terms[2])
    only = fastdis.total_correlation(*arguments, dataset_size=N)
    torch.testing.assert_close(only, terms.total_correlation)


def test_the_terms_sum_to_the_kl_of_the_sample() -> None:
    z, mean, logvar = posteriors(50, 4)
    log_q = reference.log_densities(z, mean, logvar).sum(2).diagonal()
    log_p = torch.distributions.Normal(0, 1).log_prob(z).sum(1)
    terms = fastdis.kl_decomposition(z, mean, logvar, dataset_size=N)
    torch.testing.assert_close(torch.stack(terms).sum(), (log_q - log_p).mean())


def test_a_correlated_gaussian_has_the_total_correlation_of_its_matrix() -> None:
    """Posteriors whose means are Gaussian with correlation R: with their width, TC is -1/2 log det R'."""
    correlation = torch.tensor([[1.0, 0.8], [0.8, 1.0]], dtype=torch.float64)
    generator = torch.Generator().manual_seed(1)
    normal = torch.randn(4000, 2, generator=generator, dtype=torch.float64)
    mean = normal @ torch.linalg.cholesky(correlation).T
    width = 0.1  # of the variance: wide enough for 4000 posteriors to cover the plane
    z = fastdis.reparameterize(mean, torch.full_like(mean, math.log(width)), generator=generator)
    of_z = (correlation + width * torch.eye(2)) / (1 + width)
    truth = -0.5 * torch.logdet(of_z)
    found = fastdis.total_correlation(z, mean, torch.full_like(mean, math.log(width)), dataset_size=4000)
    assert abs(found - truth) < 0.03, (found.item(), truth.item())


def images(latent: int, count: int = 1024) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """z, mean, logvar of all images, and per image (log q(z|x) - log q(z)) with q(z) over ALL of them."""
    generator = torch.Generator().manual_seed(1)
    mean = torch.randn(count, latent, generator=generator, dtype=torch.float64)
    logvar = torch.full_like(mean, -3.0)
    z = fastdis.reparameterize(mean, logvar, generator=generator)
    logits = torch.cat([reference.log_densities(rows, mean, logvar).sum(2) for rows in z.split(128)])
    return z, mean, logvar, logits.diagonal() - torch.logsumexp(logits, 1) + math.log(count)


def faulty_mi(sample: list[Tensor], count: int, form: str) -> Tensor:
    if form == "stride":
        return decompose(*sample, wrong_stride_log_weights(len(sample[0]), count))[0]
    weights = reference.log_weights(len(sample[0]), count, "mss")
    return decompose(*sample, weights, weight_each_latent=True)[0]


def test_mss_averages_to_the_exact_information_and_the_faulty_forms_do_not() -> None:
    """Batches of 64 out of 1024 images that ten latents tell apart; the exact value uses all posteriors."""
    z, mean, logvar, information = images(10)
    generator = torch.Generator().manual_seed(6)
    errors: dict[str, list[Tensor]] = {"right": [], "stride": [], "each latent": []}
    for _ in range(100):
        rows = torch.randperm(1024, generator=generator)[:64]
        sample = [tensor[rows] for tensor in (z, mean, logvar)]
        truth = information[rows].mean()
        errors["right"].append(fastdis.kl_decomposition(*sample, dataset_size=1024).index_code_mi - truth)
        for form in ("stride", "each latent"):
            errors[form].append(faulty_mi(sample, 1024, form) - truth)
    scores = {}
    for form, values in errors.items():
        stacked = torch.stack(values)
        scores[form] = (stacked.mean() / (stacked.std() / 10)).abs().item()
    assert scores["right"] < 4, scores
    assert scores["stride"] > 100, scores
    assert scores["each latent"] > 100, scores


@pytest.mark.parametrize(("form", "unbiased"), [("right", True), ("stride", False)])
def test_the_mss_density_is_unbiased_and_that_of_the_wrong_stride_is_not(form: str, unbiased: bool) -> None:
    """The mean over batches of sum_j w_ij q(z_i|x_j) is q(z_i). Its logarithm then has a negative bias."""
    z, mean, logvar, information = images(3)
    weights = (
        reference.log_weights(64, 1024, "mss") if form == "right" else wrong_stride_log_weights(64, 1024)
    )
    generator = torch.Generator().manual_seed(7)
    ratios = []
    for _ in range(400):
        rows = torch.randperm(1024, generator=generator)[:64]
        logits = reference.log_densities(z[rows], mean[rows], logvar[rows]).sum(2)
        log_q = logits.diagonal() - information[rows]
        ratios.append((torch.logsumexp(logits + weights, 1) - log_q).exp().mean())
    stacked = torch.stack(ratios)
    score = (stacked.mean() - 1).abs() / (stacked.std() / 20)
    assert (score < 4) == unbiased, (form, stacked.mean().item(), score.item())


@pytest.mark.parametrize("dtype", DTYPES)
def test_samples_far_from_every_posterior(dtype: torch.dtype) -> None:
    """A sample hundreds of standard deviations away has log-densities far below any fixed shift."""
    z, mean, logvar = (tensor.to(dtype) for tensor in posteriors(33, 4))
    logvar[5], logvar[6] = -20.0, 15.0
    z[7] += 40.0
    z[8] = mean[8] + 300 * torch.exp(logvar[8] / 2)
    found = fastdis.kl_decomposition(z, mean, logvar, dataset_size=N)
    truth = fastdis.kl_decomposition(
        z.double(), mean.double(), logvar.double(), dataset_size=N, backend="reference"
    )
    for a, b in zip(found, truth, strict=True):
        torch.testing.assert_close(a.double(), b, rtol=2e-5 if dtype == torch.float32 else 1e-12, atol=1e-6)


def test_identical_posteriors_carry_no_information() -> None:
    mean, logvar = torch.zeros(64, 5), torch.zeros(64, 5)
    z = torch.randn(64, 5)
    terms = fastdis.kl_decomposition(z, mean, logvar, dataset_size=N)
    torch.testing.assert_close(torch.stack(terms), torch.zeros(3), atol=1e-5, rtol=0)


def test_nan_is_not_hidden() -> None:
    z, mean, logvar = (tensor.float() for tensor in posteriors(9, 3))
    z[2] += 1e4  # far from all: its shift is searched
    for tensor in (z, mean, logvar):
        kept = tensor[4, 1].clone()
        tensor[4, 1] = math.nan
        assert torch.stack(fastdis.kl_decomposition(z, mean, logvar, dataset_size=N)).isnan().all()
        tensor[4, 1] = kept


def test_a_sample_astronomically_far_off() -> None:
    """Its squared distances are rounded to more than the exponentials' whole range."""
    arguments = [tensor.float() for tensor in posteriors(35, 3)]
    arguments[0][7] = 1e5
    arguments[2][:] = -6
    found, eager, truth = (
        torch.stack(fastdis.kl_decomposition(*tensors, dataset_size=N, backend=backend)).double()
        for tensors, backend in (
            (arguments, "numba"),
            (arguments, "reference"),
            ([tensor.double() for tensor in arguments], "reference"),
        )
    )
    assert ((found - truth).abs() <= 2 * (eager - truth).abs()).all()


@pytest.mark.parametrize("batch", [2, 5, 70])
@pytest.mark.parametrize(
    ("dtype", "kind", "value"), [(dtype, *case) for dtype in DTYPES for case in EXTREMES[dtype]]
)
def test_densities_at_the_ends_of_the_numbers(
    kind: str, value: float, batch: int, dtype: torch.dtype
) -> None:
    """No density of a posterior is below that of what fills a vector, and no infinite slope has a share."""
    assert_finite_as_the_reference(
        lambda backend, *tensors: fastdis.kl_decomposition(*tensors, dataset_size=N, backend=backend),
        extreme_posteriors(kind, value, batch, dtype),
    )


@numba.njit
def of_five(z, posteriors, samples, strip):
    """The densities of the first five samples, of which the last fills a group."""
    start(0, 5, z, posteriors, samples)
    densities(0, 5, 32, posteriors.highest.sum(), samples, posteriors, strip)


def test_the_last_sample_fills_its_group() -> None:
    """Whatever lay in the memory of the shifts before."""
    z, mean, logvar = (tensor.float().numpy() for tensor in posteriors(5, 3))
    tables, highest = np.empty((4, 3, 32), np.float32), np.empty(3, np.float32)
    numba_cpu._layout(mean, logvar, tables, highest)
    points, totals = np.empty((3, 8), np.float32), np.zeros((4, 8), np.float32)
    shifts = np.full((4, 8), -300, np.float32)
    samples = Samples(points, shifts, totals, np.empty_like(points), *np.empty((2, 8)))
    weights = np.zeros((8, 32), np.float32)
    weights[:, :5] = 1
    joint, marginal = np.empty((8, 32), np.float32), np.empty((3, 8, 32), np.float32)
    of_five(z, Posteriors(*tables, highest), samples, Strip(weights, joint, marginal))
    filled = -(-5 // SAMPLES_AT_ONCE) * SAMPLES_AT_ONCE
    assert (joint[5:filled] == joint[4]).all()
    assert (marginal[:, 5:filled] == marginal[:, 4:5]).all()
    assert np.isfinite(joint[:filled]).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    arguments = [tensor.to(dtype) for tensor in posteriors(65, 10)]
    found = fastdis.kl_decomposition(*arguments, dataset_size=N)
    wide = [tensor.float() for tensor in arguments]
    expected = fastdis.kl_decomposition(*wide, dataset_size=N, backend="reference")
    torch.testing.assert_close(found, expected)
    leaves = [tensor.requires_grad_() for tensor in arguments]
    gradients = torch.autograd.grad(fastdis.tcvae_penalty(*leaves, dataset_size=N)[0], leaves)
    assert [gradient.dtype for gradient in gradients] == [dtype] * 3
    with torch.autocast("cpu", dtype=dtype):
        assert fastdis.total_correlation(*arguments, dataset_size=N).dtype == torch.float32


def test_strided_and_expanded_tensors() -> None:
    wide = torch.randn(33, 30)
    z, mean, logvar = wide.chunk(3, dim=1)
    for arguments in (
        [z, mean, logvar],
        [z, mean, logvar[:1].expand(33, 10)],
        [z.t().contiguous().t(), mean, logvar],
    ):
        leaves = [tensor.detach().requires_grad_() for tensor in arguments]
        found = fastdis.tcvae_penalty(*leaves, dataset_size=N)[0]
        expected = fastdis.tcvae_penalty(*leaves, dataset_size=N, backend="reference")[0]
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(torch.autograd.grad(found, leaves), torch.autograd.grad(expected, leaves))


def test_every_output_is_written() -> None:
    leaves = [tensor.float().requires_grad_() for tensor in posteriors(67, 5)]
    torch.use_deterministic_algorithms(True)
    try:
        penalty, _ = fastdis.tcvae_penalty(*leaves, dataset_size=N)
        gradients = torch.autograd.grad(penalty, leaves)
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_no_bit_depends_on_the_number_of_threads() -> None:
    leaves = [tensor.float().requires_grad_() for tensor in posteriors(701, 10)]
    before = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2, 2):
            torch.set_num_threads(count)
            penalty, terms = fastdis.tcvae_penalty(*leaves, dataset_size=N)
            results.append([penalty, *terms, *torch.autograd.grad(penalty, leaves)])
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_memory_grows_with_the_batch_and_not_with_its_square() -> None:
    leaves = [tensor.float().requires_grad_() for tensor in posteriors(2048, 10)]
    fastdis.tcvae_penalty(*leaves, dataset_size=N)[0].backward()
    tracemalloc.start()
    fastdis.tcvae_penalty(*leaves, dataset_size=N)[0].backward()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    arrays = 2 * 16 + 10  # two gradients of every chunk, the layout, the outputs, a chunk's samples
    tiles = 2 * 4 * 12 * 2080  # of two threads: four samples' exponentials, joint densities and weights
    assert peak < 4 * (arrays * 2048 * 10 + tiles)
