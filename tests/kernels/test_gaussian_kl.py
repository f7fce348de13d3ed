"""reparameterize, gaussian_kl and reparameterize_kl against the float64 reference and as torch uses them."""

import math

import pytest
import torch

import fastdis
from fastdis.kernels.gaussian_kl import reference
from support.agreement import assert_as_accurate

SHAPES = [(1, 1), (1, 10), (7, 3), (64, 10), (127, 13), (4099, 10), (3, 512)]
DTYPES = [torch.float32, torch.float64]


def posteriors(batch: int, latent: int, seed: int = 0) -> list[torch.Tensor]:
    torch.manual_seed(seed)
    mean = torch.randn(batch, latent, dtype=torch.float64)
    return [mean, torch.randn_like(mean) * 2 - 2, torch.randn_like(mean)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_reparameterize_kl_agrees_with_the_reference(shape: tuple[int, int], dtype: torch.dtype) -> None:
    mean, logvar, noise = posteriors(*shape)
    assert_as_accurate(
        lambda m, v, n: fastdis.reparameterize_kl(m, v, noise=n),
        lambda m, v, n: fastdis.reparameterize_kl(m, v, noise=n, backend="reference"),
        [mean, logvar, noise],
        [torch.randn_like(mean), torch.randn_like(mean[0])],
        dtype,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", ["batchmean", "none", "sum"])
@pytest.mark.parametrize("shape", SHAPES)
def test_gaussian_kl_agrees_with_the_reference(
    shape: tuple[int, int], reduction: str, dtype: torch.dtype
) -> None:
    mean, logvar, _ = posteriors(*shape)
    result = fastdis.gaussian_kl(mean, logvar, reduction=reduction)
    assert_as_accurate(
        lambda m, v: [fastdis.gaussian_kl(m, v, reduction=reduction)],
        lambda m, v: [fastdis.gaussian_kl(m, v, reduction=reduction, backend="reference")],
        [mean, logvar],
        [torch.randn_like(result)],
        dtype,
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_reparameterize_agrees_with_the_reference(dtype: torch.dtype) -> None:
    mean, logvar, noise = posteriors(127, 13)
    assert_as_accurate(
        lambda m, v, n: [fastdis.reparameterize(m, v, noise=n)],
        lambda m, v, n: [fastdis.reparameterize(m, v, noise=n, backend="reference")],
        [mean, logvar, noise],
        [torch.randn_like(mean)],
        dtype,
    )


def test_the_kl_is_that_of_the_definition() -> None:
    mean, logvar = [1.5, -0.3, 0.0], [0.7, -4.0, 0.0]
    expected = [0.5 * (m * m + math.exp(v) - v - 1) for m, v in zip(mean, logvar, strict=True)]
    found = fastdis.gaussian_kl(torch.tensor([mean]).double(), torch.tensor([logvar]).double())
    torch.testing.assert_close(found, torch.tensor(expected).double())


def test_a_collapsed_latent_keeps_its_digits() -> None:
    logvar = torch.tensor([[1e-4, -1e-4, 3e-3, -3e-3]])
    x = logvar.double()
    truth = 0.5 * (x**2 / 2 + x**3 / 6 + x**4 / 24)
    found = fastdis.gaussian_kl(torch.zeros_like(logvar), logvar, reduction="none").double()
    assert torch.max(torch.abs(found / truth - 1)) < 1e-5
    eager = reference.gaussian_kl(torch.zeros_like(logvar), logvar).double()
    assert torch.max(torch.abs(eager / truth - 1)) > 1e-4  # what the plain formula loses


@pytest.mark.parametrize("value", [-1e4, -200.0, -87.5, 80.0, 88.5, 200.0])
def test_extreme_logvar_gives_what_the_reference_gives(value: float) -> None:
    logvar = torch.full((3, 2), value)
    mean = torch.tensor([[0.0, 1.0], [2.0, -3.0], [0.5, 0.1]])
    for reduction in ("none", "batchmean"):
        found = fastdis.gaussian_kl(mean, logvar, reduction=reduction)
        expected = fastdis.gaussian_kl(mean, logvar, reduction=reduction, backend="reference")
        torch.testing.assert_close(found, expected)


def test_nan_and_infinity_are_not_hidden() -> None:
    mean = torch.tensor([[math.nan, 0.0, math.inf]])
    found = fastdis.gaussian_kl(mean, torch.tensor([[0.0, math.nan, 0.0]]))
    assert found.isnan().tolist() == [True, True, False]
    assert found[2] == math.inf


def test_strided_expanded_and_permuted_tensors() -> None:
    wide = torch.randn(33, 20)
    mean, logvar = wide.chunk(2, dim=1)
    noise = torch.randn(10, 33).t()
    for m, v, n in [
        (mean, logvar, noise),
        (mean, logvar[:1].expand(33, 10), noise),
        (mean[::2], logvar[::2], noise[::2]),
    ]:
        leaves = [tensor.detach().requires_grad_() for tensor in (m, v)]
        found = fastdis.reparameterize_kl(*leaves, noise=n)
        expected = fastdis.reparameterize_kl(*leaves, noise=n, backend="reference")
        torch.testing.assert_close(found, expected)
        cotangents = [torch.ones(()).expand(m.shape), torch.ones(()).expand(10)]
        torch.testing.assert_close(
            torch.autograd.grad(found, leaves, cotangents), torch.autograd.grad(expected, leaves, cotangents)
        )


def test_either_output_alone_can_be_differentiated() -> None:
    mean, logvar, noise = (tensor.requires_grad_() for tensor in posteriors(9, 4))
    for index in (0, 1):
        found = fastdis.reparameterize_kl(mean, logvar, noise=noise)[index].sum()
        expected = fastdis.reparameterize_kl(mean, logvar, noise=noise, backend="reference")[index].sum()
        torch.testing.assert_close(
            torch.autograd.grad(found, [mean, logvar]), torch.autograd.grad(expected, [mean, logvar])
        )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    mean, logvar, noise = (tensor.to(dtype) for tensor in posteriors(65, 10))
    z, kl = fastdis.reparameterize_kl(mean, logvar, noise=noise)
    assert z.dtype == dtype
    assert kl.dtype == torch.float32
    wide = [tensor.float() for tensor in (mean, logvar, noise)]
    expected_z, expected_kl = fastdis.reparameterize_kl(wide[0], wide[1], noise=wide[2], backend="reference")
    torch.testing.assert_close(z, expected_z.to(dtype))
    torch.testing.assert_close(kl, expected_kl)
    other = fastdis.reparameterize_kl(mean, logvar, noise=noise, backend="reference")
    assert [tensor.dtype for tensor in other] == [z.dtype, kl.dtype]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_computes_in_float32(dtype: torch.dtype) -> None:
    mean, logvar, noise = (tensor.float() for tensor in posteriors(65, 10))
    with torch.autocast("cpu", dtype=dtype):
        z, kl = fastdis.reparameterize_kl(mean.to(dtype), logvar, noise=noise)
    assert (z.dtype, kl.dtype) == (torch.float32, torch.float32)


def test_mixed_dtypes_are_promoted() -> None:
    mean, logvar, _ = posteriors(5, 2)
    assert fastdis.gaussian_kl(mean.float(), logvar).dtype == torch.float64


def test_the_generator_decides_the_noise() -> None:
    mean, logvar, _ = (tensor.float() for tensor in posteriors(50, 10))
    torch.manual_seed(3)
    first = fastdis.reparameterize(mean, logvar)
    torch.manual_seed(3)
    torch.testing.assert_close(first, fastdis.reparameterize_kl(mean, logvar)[0])
    generator = torch.Generator().manual_seed(3)
    assert torch.equal(first, fastdis.reparameterize(mean, logvar, generator=generator))
    assert not torch.equal(first, fastdis.reparameterize(mean, logvar, generator=generator))


def test_the_noise_is_standard_normal() -> None:
    z = fastdis.reparameterize(torch.full((20_000, 4), 2.0), torch.full((20_000, 4), math.log(9.0)))
    assert torch.all(torch.abs(z.mean(0) - 2) < 5 * 3 / math.sqrt(20_000))
    assert torch.all(torch.abs(z.var(0) / 9 - 1) < 5 * math.sqrt(2 / 20_000))


def test_every_output_is_written() -> None:
    """torch.empty filled with NaN: whatever is not written shows."""
    mean, logvar, noise = (tensor.float().requires_grad_() for tensor in posteriors(131, 5))
    torch.use_deterministic_algorithms(True)
    try:
        z, kl = fastdis.reparameterize_kl(mean, logvar, noise=noise)
        gradients = torch.autograd.grad((z.sum(), kl.sum()), [mean, logvar, noise])
        elements = fastdis.gaussian_kl(mean, logvar, reduction="none")
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.isfinite(tensor).all() for tensor in (z, kl, elements, *gradients))


def test_no_bit_depends_on_the_number_of_threads() -> None:
    mean, logvar, noise = (tensor.float().requires_grad_() for tensor in posteriors(200_003, 10))
    before = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            z, kl = fastdis.reparameterize_kl(mean, logvar, noise=noise)
            results.append([z, kl, *torch.autograd.grad((z.sum(), kl.sum()), [mean, logvar])])
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_gradcheck() -> None:
    mean, logvar, noise = (tensor.requires_grad_() for tensor in posteriors(5, 3))
    assert torch.autograd.gradcheck(
        lambda m, v, n: fastdis.reparameterize_kl(m, v, noise=n), (mean, logvar, noise)
    )
    for reduction in ("batchmean", "none", "sum"):
        assert torch.autograd.gradcheck(
            lambda m, v, r=reduction: fastdis.gaussian_kl(m, v, reduction=r), (mean, logvar)
        )


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("layout", ["contiguous", "permuted"])
@pytest.mark.parametrize("batch", [1, 33])
def test_opcheck(batch: int, layout: str, gradient: bool) -> None:
    tensors = [tensor.float() for tensor in posteriors(batch, 6)]
    if layout == "permuted":
        tensors = [tensor.t().contiguous().t() for tensor in tensors]
    mean, logvar, noise = (tensor.requires_grad_(gradient) for tensor in tensors)
    for operation, arguments in [
        (torch.ops.fastdis.reparameterize, (mean, logvar, noise)),
        (torch.ops.fastdis.reparameterize_kl, (mean, logvar, noise)),
        (torch.ops.fastdis.gaussian_kl, (mean, logvar, True)),
        (torch.ops.fastdis.gaussian_kl, (mean, logvar, False)),
    ]:
        outcome = torch.library.opcheck(operation.default, arguments)
        assert set(outcome.values()) == {"SUCCESS"}


def test_compiles_to_one_graph_at_any_batch_size() -> None:
    def loss(mean: torch.Tensor, logvar: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        z, kl = fastdis.reparameterize_kl(mean, logvar, noise=noise)
        return z.square().mean() + kl.sum() + fastdis.gaussian_kl(mean, logvar, reduction="sum")

    compiled = torch.compile(loss, fullgraph=True, dynamic=True)
    for batch in (64, 37):
        tensors = [tensor.float().requires_grad_() for tensor in posteriors(batch, 10)]
        torch.testing.assert_close(compiled(*tensors), loss(*tensors))
        torch.testing.assert_close(
            torch.autograd.grad(compiled(*tensors), tensors), torch.autograd.grad(loss(*tensors), tensors)
        )


def test_a_second_derivative_is_refused_and_the_reference_has_it() -> None:
    mean, logvar, _ = (tensor.requires_grad_() for tensor in posteriors(4, 2))
    (gradient,) = torch.autograd.grad(fastdis.gaussian_kl(mean, logvar).sum(), mean, create_graph=True)
    with pytest.raises(RuntimeError, match="backend='reference'"):
        gradient.sum().backward()
    value = fastdis.gaussian_kl(mean, logvar, backend="reference").sum()
    (gradient,) = torch.autograd.grad(value, mean, create_graph=True)
    torch.testing.assert_close(
        torch.autograd.grad(gradient.sum(), mean)[0], torch.full_like(mean, 1 / len(mean))
    )


def test_no_graph_without_gradients() -> None:
    mean, logvar, _ = (tensor.requires_grad_() for tensor in posteriors(4, 2))
    with torch.no_grad():
        assert not fastdis.gaussian_kl(mean, logvar).requires_grad
    assert not fastdis.gaussian_kl(mean.detach(), logvar.detach()).requires_grad


@pytest.mark.parametrize("backend", ["auto", "reference", "numba"])
def test_wrong_arguments_are_named(backend: str) -> None:
    mean = torch.zeros(4, 3)
    with pytest.raises(
        ValueError, match=r"gaussian_kl: logvar must have shape \(4, 3\) like mean, got \(4, 2\)"
    ):
        fastdis.gaussian_kl(mean, torch.zeros(4, 2), backend=backend)
    with pytest.raises(ValueError, match="both at least 1"):
        fastdis.gaussian_kl(mean[:0], mean[:0], backend=backend)
    with pytest.raises(ValueError, match=r"got \(3,\)"):
        fastdis.reparameterize(mean[0], mean[0], backend=backend)
    with pytest.raises(TypeError, match="logvar must have a floating-point dtype"):
        fastdis.reparameterize_kl(mean, mean.long(), backend=backend)
    with pytest.raises(TypeError, match=r"mean must be a torch.Tensor, got ndarray"):
        fastdis.reparameterize_kl(mean.numpy(), mean, backend=backend)
    with pytest.raises(ValueError, match="noise and generator"):
        fastdis.reparameterize(mean, mean, noise=mean, generator=torch.Generator(), backend=backend)
    with pytest.raises(ValueError, match="reduction must be one of 'batchmean', 'none', 'sum', got 'mean'"):
        fastdis.gaussian_kl(mean, mean, reduction="mean", backend=backend)


def test_a_backend_that_cannot_run_says_so() -> None:
    mean = torch.zeros(4, 3)
    with pytest.raises(ValueError, match="backend must be one of"):
        fastdis.gaussian_kl(mean, mean, backend="cuda")
    with pytest.raises(RuntimeError, match="cuda tensors, got one on cpu"):
        fastdis.gaussian_kl(mean, mean, backend="triton")
    with pytest.raises(RuntimeError, match="cpu tensors, got one on meta"):
        fastdis.gaussian_kl(mean.to("meta"), mean.to("meta"), backend="numba")
    with pytest.raises(RuntimeError, match="on cpu like mean"):
        fastdis.gaussian_kl(mean, mean.to("meta"))
