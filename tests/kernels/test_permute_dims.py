"""Each column is permuted on its own, uniformly, by torch's generator; gradients go back along it."""

import math
import os
import subprocess
import sys

import pytest
import torch

import fastdis

BACKENDS = ["reference", "numba"]


def rows(batch: int, latent: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Every entry another number, so that a moved entry can be traced."""
    return torch.arange(batch * latent, dtype=dtype).reshape(batch, latent)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 3), (64, 10), (127, 13), (4096, 10)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_column_keeps_its_values(shape: tuple[int, int], dtype: torch.dtype, backend: str) -> None:
    z = rows(*shape, dtype)
    out = fastdis.permute_dims(z, backend=backend)
    assert out.dtype == dtype
    assert torch.equal(out.sort(0).values, z)


@pytest.mark.parametrize("backend", BACKENDS)
def test_columns_are_permuted_independently(backend: str) -> None:
    z = torch.arange(1000.0).unsqueeze(1).expand(1000, 6)
    out = fastdis.permute_dims(z, backend=backend)
    correlation = torch.corrcoef(out.T) - torch.eye(6)
    assert correlation.abs().max() < 5 / math.sqrt(1000)
    assert (torch.corrcoef(torch.cat([out, z[:, :1]], 1).T)[-1, :-1]).abs().max() < 5 / math.sqrt(1000)


@pytest.mark.parametrize("backend", BACKENDS)
def test_all_permutations_are_equally_likely(backend: str) -> None:
    """Pearson's statistic over the 24 orders of four rows; 49.7 is the 99.9 % point of chi-squared 23."""
    torch.manual_seed(0)
    draws = 24_000
    out = fastdis.permute_dims(torch.arange(4.0).unsqueeze(1).expand(4, draws), backend=backend)
    codes = (out * torch.tensor([64.0, 16.0, 4.0, 1.0]).unsqueeze(1)).sum(0).long()
    _, counts = codes.unique(return_counts=True)
    assert len(counts) == 24
    expected = draws / 24
    assert ((counts - expected) ** 2 / expected).sum() < 49.7


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_generator_decides(backend: str) -> None:
    z = rows(50, 10)
    torch.manual_seed(3)
    first = fastdis.permute_dims(z, backend=backend)
    torch.manual_seed(3)
    assert torch.equal(first, fastdis.permute_dims(z, backend=backend))
    assert not torch.equal(first, fastdis.permute_dims(z, backend=backend))
    generator = torch.Generator().manual_seed(3)
    assert torch.equal(first, fastdis.permute_dims(z, generator=generator, backend=backend))


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_gradient_returns_along_the_permutation(backend: str) -> None:
    z = rows(33, 4, torch.float64).requires_grad_()
    out = fastdis.permute_dims(z, backend=backend)
    (gradient,) = torch.autograd.grad(out, z, out.detach() * 2)
    assert torch.equal(gradient, z * 2)


def test_strided_and_half_precision_input() -> None:
    z = rows(20, 16).to(torch.bfloat16)[:, ::2].t().contiguous().t()
    out = fastdis.permute_dims(z)
    assert out.dtype == torch.bfloat16
    assert torch.equal(out.sort(0).values, z.sort(0).values)


def test_no_bit_depends_on_the_number_of_threads() -> None:
    z = rows(30_000, 10)
    before = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            results.append(fastdis.permute_dims(z, generator=torch.Generator().manual_seed(0)))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*results)


@pytest.mark.parametrize("gradient", [False, True])
def test_opcheck(gradient: bool) -> None:
    z = torch.randn(33, 6).t().contiguous().t().requires_grad_(gradient)
    outcome = torch.library.opcheck(torch.ops.fastdis.permute_dims.default, (z, torch.tensor(7)))
    assert set(outcome.values()) == {"SUCCESS"}


def test_compiles_to_one_graph_at_any_batch_size() -> None:
    compiled = torch.compile(lambda z: fastdis.permute_dims(z) * 2, fullgraph=True, dynamic=True)
    for batch in (64, 37):
        z = rows(batch, 10)
        assert torch.equal(compiled(z).sort(0).values, z * 2)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"permute_dims: z must have shape \(batch, latent\)"):
        fastdis.permute_dims(torch.zeros(3))
    with pytest.raises(TypeError, match=r"floating-point dtype of 16, 32 or 64 bits, got torch.int64"):
        fastdis.permute_dims(torch.zeros(3, 2, dtype=torch.int64))


IN_THE_INTERPRETER = """
import torch
from fastdis.kernels.permute_dims import triton_gpu
for batch, latent in ((1, 1), (2, 3), (33, 4), (140, 2)):
    z = torch.arange(float(batch * latent)).reshape(batch, latent)
    seed = torch.tensor(1234567890123 + batch)
    out = triton_gpu.permute_dims(z, seed)
    assert torch.equal(out.sort(0).values, z)
    assert torch.equal(triton_gpu.backward(out, seed), z)
    assert torch.equal(triton_gpu.permute_dims(z.t().contiguous().t(), seed), out)
out = triton_gpu.permute_dims(torch.arange(3.0).unsqueeze(1).expand(3, 60), seed)
codes = (out * torch.tensor([[9.0], [3.0], [1.0]])).sum(0)
counts = codes.unique(return_counts=True)[1]
assert len(counts) == 6 and ((counts - 10.0) ** 2 / 10).sum() < 20.5  # 99.9 % point of chi-squared 5
print("right")
"""


def test_the_gpu_kernel_in_the_interpreter() -> None:
    pytest.importorskip("triton", reason="triton has wheels for Linux only")
    result = subprocess.run(
        [sys.executable, "-c", IN_THE_INTERPRETER],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
    )
    assert result.stdout.strip() == "right", result.stderr
