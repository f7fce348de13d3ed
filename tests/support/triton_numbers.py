"""The Triton kernels of the loss operations against the float64 reference, through the public functions.

Runs on the GPU where there is one, else in Triton's interpreter, on the CPU: `test_triton.py` starts it in a
process of its own, because TRITON_INTERPRET must be set before triton is imported.
"""

import math
import sys

import numpy as np
import pytest
import torch
from torch import Tensor

import fastdis
from fastdis.kernels import _dispatch
from fastdis.kernels.packed_images import pack
from fastdis.kernels.packed_images import reference as packed_images_reference
from fastdis.kernels.packed_images import triton_gpu as packed_images
from fastdis.kernels.permute_dims import triton_gpu as permute_dims
from fastdis.kernels.total_correlation import triton_gpu as total_correlation
from support.agreement import assert_as_accurate
from support.posteriors import EXTREMES, assert_finite_as_the_reference, extreme_posteriors

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
DTYPES = [torch.float32, torch.float64]
N = 737_280

if (
    DEVICE.type == "cpu"
):  # the interpreter works on CPU tensors: the GPU's kernels take the Numba kernels' place
    for _kernels in _dispatch.KERNELS.values():
        if "cuda" in _kernels:
            _kernels["cpu"] = _kernels["cuda"]


@pytest.fixture(params=["small", "tiles"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to run the decomposition, whatever the size of the batch; tiles in short strips."""
    for dtype in DTYPES:
        monkeypatch.setitem(total_correlation._SMALL, dtype, 8192 if request.param == "small" else 0)
        monkeypatch.setitem(total_correlation._STRIP, dtype, 32)


def gaussians(batch: int, latent: int) -> list[Tensor]:
    torch.manual_seed(0)
    mean = torch.randn(batch, latent, dtype=torch.float64)
    return [tensor.to(DEVICE) for tensor in (mean, torch.randn_like(mean) * 2 - 2, torch.randn_like(mean))]


def posteriors(batch: int, latent: int) -> list[Tensor]:
    """z, mean, logvar: some latents informative, some near the prior."""
    torch.manual_seed(0)
    mean = torch.randn(batch, latent, dtype=torch.float64)
    logvar = torch.randn_like(mean) - 3 * torch.rand(latent, dtype=torch.float64)
    z = mean + torch.exp(logvar / 2) * torch.randn_like(mean)
    return [tensor.to(DEVICE) for tensor in (z, mean, logvar)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (333, 13), (70, 33), (3, 512)])
def test_reparameterize_kl_agrees_with_the_reference(shape: tuple[int, int], dtype: torch.dtype) -> None:
    mean, logvar, noise = gaussians(*shape)
    assert_as_accurate(
        lambda m, v, n: fastdis.reparameterize_kl(m, v, noise=n),
        lambda m, v, n: fastdis.reparameterize_kl(m, v, noise=n, backend="reference"),
        [mean, logvar, noise],
        [torch.randn_like(mean), torch.randn_like(mean[0])],
        dtype,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(2, 1), (37, 13)])
@pytest.mark.parametrize("weight", [0.0, 3.0])
def test_reparameterize_tcvae_agrees_with_the_reference(
    shape: tuple[int, int], weight: float, dtype: torch.dtype
) -> None:
    mean, logvar, noise = gaussians(*shape)
    assert_as_accurate(
        lambda m, v: fastdis.reparameterize_tcvae(m, v, noise=noise.to(m), dataset_size=N)[:2],
        lambda m, v: fastdis.reparameterize_tcvae(
            m, v, noise=noise.to(m), dataset_size=N, backend="reference"
        )[:2],
        [mean, logvar],
        [weight * torch.randn_like(mean), torch.tensor(2.0, device=DEVICE)],
        dtype,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", ["batchmean", "none", "sum"])
def test_gaussian_kl_agrees_with_the_reference(reduction: str, dtype: torch.dtype) -> None:
    mean, logvar, _ = gaussians(213, 10)
    assert_as_accurate(
        lambda m, v: [fastdis.gaussian_kl(m, v, reduction=reduction)],
        lambda m, v: [fastdis.gaussian_kl(m, v, reduction=reduction, backend="reference")],
        [mean, logvar],
        [torch.randn_like(fastdis.gaussian_kl(mean, logvar, reduction=reduction))],
        dtype,
    )


@pytest.mark.parametrize("value", [-1e4, -200.0, -87.5, 80.0, 88.5, 200.0])
def test_extreme_logvar_gives_what_the_reference_gives(value: float) -> None:
    logvar = torch.full((3, 2), value, device=DEVICE)
    mean = torch.tensor([[0.0, 1.0], [2.0, -3.0], [0.5, 0.1]], device=DEVICE)
    for reduction in ("none", "batchmean"):
        found = fastdis.gaussian_kl(mean, logvar, reduction=reduction)
        wide = mean.double(), logvar.double()  # the sum over a batch may overflow where the mean does not
        expected = fastdis.gaussian_kl(*wide, reduction=reduction, backend="reference")
        torch.testing.assert_close(found, expected.float())


def test_a_collapsed_latent_keeps_its_digits() -> None:
    logvar = torch.tensor([[1e-4, -1e-4, 3e-3, -3e-3]], device=DEVICE)
    x = logvar.double()
    truth = 0.5 * (x**2 / 2 + x**3 / 6 + x**4 / 24)
    found = fastdis.gaussian_kl(torch.zeros_like(logvar), logvar, reduction="none").double()
    assert torch.max(torch.abs(found / truth - 1)) < 1e-5


@pytest.mark.usefixtures("path")
def test_nan_and_infinity_are_not_hidden() -> None:
    mean = torch.tensor([[math.nan, 0.0, math.inf]], device=DEVICE)
    logvar = torch.tensor([[0.0, math.nan, 0.0]], device=DEVICE)
    z, kl = fastdis.reparameterize_kl(mean, logvar, noise=torch.ones_like(mean))
    assert kl.isnan().tolist() == [True, True, False]
    assert z.isnan().tolist() == [[True, True, False]]
    assert kl[2] == math.inf
    z, mean, logvar = (tensor.float() for tensor in posteriors(9, 3))
    mean[4, 1] = math.nan
    assert torch.stack(fastdis.kl_decomposition(z, mean, logvar, dataset_size=N)).isnan().any()


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    ("batch", "latent", "estimator", "dtype"),
    [
        (2, 1, "mss", torch.float32),
        (2, 3, "mws", torch.float64),
        (7, 3, "mss", torch.float32),
        (33, 6, "mss", torch.float64),
        (65, 2, "mws", torch.float32),
        (5, 33, "mss", torch.float32),
    ],
)
def test_every_term_and_gradient_agrees_with_the_reference(
    batch: int, latent: int, estimator: str, dtype: torch.dtype
) -> None:
    assert_as_accurate(
        lambda *a: fastdis.kl_decomposition(*a, dataset_size=N, estimator=estimator),
        lambda *a: fastdis.kl_decomposition(*a, dataset_size=N, estimator=estimator, backend="reference"),
        posteriors(batch, latent),
        [torch.tensor(value, device=DEVICE) for value in (0.3, -2.0, 1.7)],
        dtype,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", [2, 33, 70])
@pytest.mark.usefixtures("path")
def test_the_penalty_agrees_with_the_reference(batch: int, dtype: torch.dtype) -> None:
    """33: the last strip is one sample, and the one after it is the first of the batch."""
    settings = {"dataset_size": N, "alpha": 0.7, "beta": 6.1, "gamma": 1.3}
    assert_as_accurate(
        lambda *a: [fastdis.tcvae_penalty(*a, **settings)[0]],
        lambda *a: [fastdis.tcvae_penalty(*a, **settings, backend="reference")[0]],
        posteriors(batch, 2),
        [torch.tensor(-1.3, device=DEVICE)],
        dtype,
    )


@pytest.mark.usefixtures("path")
def test_the_penalty_is_the_weighted_sum_and_without_gradients_the_same() -> None:
    arguments = [tensor.float() for tensor in posteriors(21, 3)]
    terms = fastdis.kl_decomposition(*arguments, dataset_size=N)
    penalty, logged = fastdis.tcvae_penalty(*arguments, dataset_size=N, alpha=0.5, beta=4.0, gamma=2.0)
    torch.testing.assert_close(penalty, 0.5 * terms[0] + 4 * terms[1] + 2 * terms[2])
    leaves = [tensor.requires_grad_() for tensor in arguments]
    again, terms_again = fastdis.tcvae_penalty(*leaves, dataset_size=N, alpha=0.5, beta=4.0, gamma=2.0)
    assert torch.equal(torch.stack([again, *terms_again]), torch.stack([penalty, *logged]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.usefixtures("path")
def test_samples_far_from_every_posterior(dtype: torch.dtype) -> None:
    """A sample hundreds of standard deviations away has log-densities far below any fixed shift."""
    z, mean, logvar = (tensor.to(dtype) for tensor in posteriors(33, 4))
    logvar[5], logvar[6] = -20.0, 15.0
    z[7] += 40.0
    z[8] = mean[8] + 300 * torch.exp(logvar[8] / 2)
    found, truth = [], []
    for arguments, backend, terms in (
        ([z, mean, logvar], "auto", found),
        ([z.double(), mean.double(), logvar.double()], "reference", truth),
    ):
        leaves = [tensor.detach().requires_grad_() for tensor in arguments]
        values = fastdis.kl_decomposition(*leaves, dataset_size=N, backend=backend)
        terms += [*values, *torch.autograd.grad(values.total_correlation, leaves)]
    for a, b in zip(found, truth, strict=True):
        scale = b.abs().max().item()
        rtol = 2e-5 if dtype == torch.float32 else 1e-11
        torch.testing.assert_close(a.double(), b, rtol=rtol, atol=rtol * scale)


@pytest.mark.parametrize(
    ("dtype", "kind", "value"), [(dtype, *case) for dtype in DTYPES for case in EXTREMES[dtype]]
)
@pytest.mark.usefixtures("path")
def test_densities_at_the_ends_of_the_numbers(kind: str, value: float, dtype: torch.dtype) -> None:
    """No density of a posterior is below that of what fills a tile, and no infinite slope has a share."""
    assert_finite_as_the_reference(
        lambda backend, *tensors: fastdis.kl_decomposition(*tensors, dataset_size=N, backend=backend),
        [tensor.to(DEVICE) for tensor in extreme_posteriors(kind, value, 37, dtype)],
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.usefixtures("path")
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    z, mean, logvar = (tensor.to(dtype).requires_grad_() for tensor in posteriors(19, 3))
    wide = [tensor.detach().float() for tensor in (z, mean, logvar)]
    sample, kl = fastdis.reparameterize_kl(mean, logvar, noise=z)
    expected, expected_kl = fastdis.reparameterize_kl(*wide[1:], noise=wide[0], backend="reference")
    assert (sample.dtype, kl.dtype) == (dtype, torch.float32)
    torch.testing.assert_close((sample, kl), (expected.to(dtype), expected_kl))
    penalty, terms = fastdis.tcvae_penalty(z, mean, logvar, dataset_size=N)
    torch.testing.assert_close(
        terms, fastdis.tcvae_penalty(*wide, dataset_size=N, backend="reference")[1], rtol=2e-5, atol=1e-6
    )
    gradients = torch.autograd.grad(penalty + kl.sum(), [z, mean, logvar])
    assert [gradient.dtype for gradient in gradients] == [dtype] * 3


@pytest.mark.usefixtures("path")
def test_strided_expanded_and_permuted_tensors() -> None:
    torch.manual_seed(0)
    wide = torch.randn(20, 15, device=DEVICE)
    z, mean, logvar = wide.chunk(3, dim=1)
    for arguments in (
        [z, mean, logvar],
        [z, mean, logvar[:1].expand(20, 5)],
        [z.t().contiguous().t(), mean[::1], logvar],
        [z[::2], mean[::2], logvar[::2]],
    ):
        leaves = [tensor.detach().requires_grad_() for tensor in arguments]
        results = []
        for backend in ("auto", "reference"):
            outputs = [
                fastdis.tcvae_penalty(*leaves, dataset_size=N, backend=backend)[0],
                *fastdis.reparameterize_kl(leaves[1], leaves[2], noise=leaves[0], backend=backend),
                fastdis.gaussian_kl(leaves[1], leaves[2], reduction="none", backend=backend),
            ]
            ones = [torch.ones((), device=DEVICE).expand(output.shape) for output in outputs]
            results.append([*outputs, *torch.autograd.grad(outputs, leaves, ones)])
        torch.testing.assert_close(*results, rtol=2e-5, atol=2e-5)


def test_either_output_alone_can_be_differentiated() -> None:
    mean, logvar, noise = (tensor.requires_grad_() for tensor in gaussians(9, 4))
    for index in (0, 1):
        found, expected = (
            fastdis.reparameterize_kl(mean, logvar, noise=noise, backend=backend)[index].sum()
            for backend in ("auto", "reference")
        )
        torch.testing.assert_close(
            torch.autograd.grad(found, [mean, logvar]), torch.autograd.grad(expected, [mean, logvar])
        )


@pytest.mark.usefixtures("path")
def test_every_output_is_written_and_two_runs_give_the_same_bits() -> None:
    """torch.empty filled with NaN: whatever is not written shows."""
    leaves = [tensor.float().requires_grad_() for tensor in posteriors(67, 2)]
    runs = []
    torch.use_deterministic_algorithms(True)
    try:
        for _ in range(2):
            penalty, terms = fastdis.tcvae_penalty(*leaves, dataset_size=N)
            z, kl = fastdis.reparameterize_kl(leaves[1], leaves[2], noise=leaves[0])
            gradients = torch.autograd.grad((penalty, z.sum(), kl.sum()), leaves)
            runs.append([penalty, *terms, z, kl, *gradients])
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.isfinite(tensor).all() for tensor in runs[0])
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


def test_permute_dims_permutes_each_column_uniformly_and_back() -> None:
    """120 latents of 3 samples: each of the 6 orders is as likely as another, and the gradient goes back."""
    z = torch.arange(3.0, device=DEVICE).unsqueeze(1).repeat(1, 120)
    seed = torch.tensor(7, device=DEVICE)
    out = permute_dims.permute_dims(z, seed)
    assert torch.equal(out.sort(0).values, z)
    counts = torch.bincount((out[0] * 3 + out[1]).long(), minlength=8)[[1, 2, 3, 5, 6, 7]]
    assert ((counts - 20).double().square() / 20).sum() < 25.7  # chi-squared, 5 degrees, p = 1e-4
    assert torch.equal(permute_dims.backward(out, seed), z)
    wide = torch.randn(150, 8, device=DEVICE)[:, 1:6]
    shuffled = permute_dims.permute_dims(wide, seed)
    assert torch.equal(shuffled.sort(0).values, wide.sort(0).values)
    assert torch.equal(permute_dims.backward(shuffled, seed), wide)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("pixels", [1, 7, 8, 1023, 4096])
def test_unpacked_images_are_those_of_the_reference(pixels: int, dtype: torch.dtype) -> None:
    """Rows in any order, repeated, and with other bytes between them; NaN shows what is not written."""
    rng = np.random.default_rng(0)
    packed = torch.from_numpy(pack(rng.integers(2, size=(7, pixels), dtype=np.uint8))).to(DEVICE)
    indices = torch.tensor([6, 0, 3, 3], device=DEVICE)
    expected = packed_images_reference.unpack(packed[indices], pixels, dtype)
    for rows in (packed, packed.repeat_interleave(3, dim=0)[::3], packed.t().contiguous().t()):
        images = torch.full((4, pixels), math.nan, dtype=dtype, device=DEVICE)
        packed_images.unpack(rows, indices, images)
        assert torch.equal(images, expected)
    packed_images.unpack(packed, indices[:0], images[:0])


def test_no_numba_kernel_ran_instead() -> None:
    loaded = {name.removeprefix("fastdis.kernels.") for name in sys.modules if name.endswith("numba_cpu")}
    assert not loaded & {"gaussian_kl.numba_cpu", "total_correlation.numba_cpu"}
