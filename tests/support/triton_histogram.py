"""The joint histogram's Triton kernels against NumPy's binning, in Triton's interpreter or on a GPU.

`test_triton.py` starts it in a process of its own: TRITON_INTERPRET must be set before triton is imported.
"""

import numpy as np
import pytest
import torch

from fastdis import metrics
from fastdis.kernels import joint_histogram
from fastdis.kernels.joint_histogram import numba_cpu, triton_gpu
from support.histograms import awkward, counted, edges_of

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def histogram(codes: np.ndarray, factors: np.ndarray, bins: int, sizes: list[int]) -> np.ndarray:
    arguments = (torch.from_numpy(array).to(DEVICE) for array in (codes, factors, edges_of(codes, bins)))
    found = triton_gpu.joint_histogram(*arguments, sizes)
    assert found.dtype == torch.int64
    return found.cpu().numpy()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "name", ["normal", "on the edges", "constant", "far from zero", "huge", "neighbours"]
)
def test_bins_are_numpys_to_the_last_sample(name: str, dtype: type) -> None:
    rng = np.random.default_rng(0)
    codes = awkward(name, 300, dtype, rng)
    sizes = [3, 40]
    factors = np.stack([rng.integers(0, size, 300) for size in sizes], axis=1)
    np.testing.assert_array_equal(histogram(codes, factors, 20, sizes), counted(codes, factors, 20, sizes))


@pytest.mark.parametrize(
    ("samples", "columns", "bins", "sizes"),
    [(1, 1, 1, [1]), (17, 5, 2, [1, 7]), (1025, 17, 19, [3]), (300, 2, 256, [2, 17]), (200, 1, 20, [65_536])],
)
def test_any_number_of_bins_codes_samples_and_classes(
    samples: int, columns: int, bins: int, sizes: list[int]
) -> None:
    rng = np.random.default_rng(samples)
    codes = rng.standard_normal((samples, columns))
    factors = np.stack([rng.integers(0, size, samples) for size in sizes], axis=1)
    factors[0] = np.array(sizes) - 1
    np.testing.assert_array_equal(
        histogram(codes, factors, bins, sizes), counted(codes, factors, bins, sizes)
    )


def test_every_share_of_the_samples_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton_gpu, "_PROGRAMS", 4)  # two a code: three blocks of 1,024 each
    rng = np.random.default_rng(1)
    codes, factors = rng.standard_normal((5000, 2)).astype(np.float32), rng.integers(0, 6, (5000, 1))
    np.testing.assert_array_equal(histogram(codes, factors, 20, [6]), counted(codes, factors, 20, [6]))


def test_a_table_of_tensors_is_that_of_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the public class, on the device of the tensors; on the CPU with the kernel put in."""
    rng = np.random.default_rng(2)
    codes, factors = rng.standard_normal((400, 3)).astype(np.float32), rng.integers(0, 5, (400, 2))
    score = metrics.mig(codes, factors).score
    if DEVICE.type == "cpu":
        monkeypatch.setattr(numba_cpu, "joint_histogram", triton_gpu.joint_histogram)
    table = metrics.JointTable.of(torch.from_numpy(codes).to(DEVICE), torch.from_numpy(factors).to(DEVICE))
    expected = counted(codes, factors, 20, [5, 5])
    np.testing.assert_array_equal(table.counts.cpu().numpy(), expected)
    assert metrics.mig(table).score == score
    spoiled = torch.from_numpy(codes).to(DEVICE)
    spoiled[7, 1] = float("nan")
    with pytest.raises(ValueError, match="codes must be finite, got nan in row 7, column 1"):
        metrics.JointTable.of(spoiled, torch.from_numpy(factors).to(DEVICE))


@pytest.mark.skipif(DEVICE.type == "cpu", reason="the choice goes by the device of the tensors")
def test_cuda_tensors_reach_the_kernel() -> None:
    codes, classes = torch.randn(50, 2, device=DEVICE), torch.zeros(50, 1, dtype=torch.int64, device=DEVICE)
    edges = torch.linspace(-9, 9, 5, device=DEVICE).expand(2, 5)
    found, expected = (
        joint_histogram.joint_histogram(codes, classes, edges, [1], backend=backend)
        for backend in ("triton", "reference")
    )
    assert torch.equal(found, expected)
