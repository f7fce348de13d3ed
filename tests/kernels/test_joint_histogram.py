"""The joint histogram against NumPy's binning, counted one sample at a time."""

import numpy as np
import pytest
import torch

from fastdis.kernels import joint_histogram
from fastdis.kernels.joint_histogram import numba_cpu
from support.histograms import awkward, counted, edges_of

BACKENDS = ("reference", "numba")


def histogram(
    codes: np.ndarray, factors: np.ndarray, bins: int, sizes: list[int], backend: str
) -> np.ndarray:
    classes, _ = joint_histogram.narrow_classes(torch.from_numpy(factors))
    edges = torch.from_numpy(edges_of(codes, bins))
    found = joint_histogram.joint_histogram(torch.from_numpy(codes), classes, edges, sizes, backend=backend)
    return found.numpy()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "name",
    [
        "normal",
        "on the edges",
        "constant",
        "two values",
        "far from zero",
        "huge",
        "tiny",
        "one outlier",
        "neighbours",
    ],
)
def test_bins_are_numpys_to_the_last_sample(name: str, dtype: type, backend: str) -> None:
    rng = np.random.default_rng(0)
    codes = awkward(name, 500, dtype, rng)
    sizes = [3, 7, 40]
    factors = np.stack([rng.integers(0, size, 500) for size in sizes], axis=1)
    np.testing.assert_array_equal(
        histogram(codes, factors, 20, sizes, backend), counted(codes, factors, 20, sizes)
    )


def test_edges_that_coincide_leave_bins_empty() -> None:
    codes = (1000 + np.random.default_rng(5).integers(0, 9, (400, 1)) * 6e-5).astype(np.float32)
    edges = np.linspace(codes.min(), codes.max(), 21, dtype=np.float32)
    assert (np.diff(edges) == 0).any()
    expected = np.bincount(np.digitize(codes[:, 0], edges[:-1]) - 1, minlength=20)
    classes, _ = joint_histogram.narrow_classes(torch.zeros(400, 1, dtype=torch.int64))
    for backend in BACKENDS:
        found = joint_histogram.joint_histogram(
            torch.from_numpy(codes), classes, torch.from_numpy(edges[None]), [1], backend=backend
        )
        np.testing.assert_array_equal(found[0, :, 0].numpy(), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("low", "high"), [(-4.1, 3.7), (1e-3, 9e3), (-2e-30, 1e-30), (100.0, 101.0)])
def test_the_neighbours_of_every_edge_fall_on_its_right_side(low: float, high: float, dtype: type) -> None:
    edges = np.linspace(dtype(low), dtype(high), 21, dtype=dtype)
    inner = edges[1:-1]
    beside = np.concatenate([edges, np.nextafter(inner, dtype(-np.inf)), np.nextafter(inner, dtype(np.inf))])
    sure = (edges[1:] + edges[:-1]) / 2  # one block without doubt, one with
    for column in (np.concatenate([sure] * 60), np.concatenate([sure] * 60 + [beside])):
        classes, _ = joint_histogram.narrow_classes(torch.zeros(len(column), 1, dtype=torch.int64))
        expected = np.bincount(np.clip(np.digitize(column, edges) - 1, 0, 19), minlength=20)
        for backend in BACKENDS:
            arguments = torch.from_numpy(column[:, None]), classes, torch.from_numpy(edges[None]), [1]
            found = joint_histogram.joint_histogram(*arguments, backend=backend)
            np.testing.assert_array_equal(found[0, :, 0].numpy(), expected)


@pytest.mark.parametrize("bins", [1, 2, 19, 256, 1000])
@pytest.mark.parametrize("samples", [1, 2, 17, 1024, 1025, 2500])
def test_any_number_of_bins_and_samples(bins: int, samples: int) -> None:
    rng = np.random.default_rng(samples)
    codes = rng.standard_normal((samples, 2)).astype(np.float32)
    factors = rng.integers(0, 5, (samples, 3))
    np.testing.assert_array_equal(
        histogram(codes, factors, bins, [5, 5, 5], "numba"), counted(codes, factors, bins, [5, 5, 5])
    )


@pytest.mark.parametrize(
    "sizes", [[2], [3, 3], [1, 4, 2], [5, 1, 5, 3], [65_536, 2], [2] * 9, [300, 300, 300]]
)
def test_merged_factors_come_apart_again(sizes: list[int]) -> None:
    rng = np.random.default_rng(1)
    codes = rng.standard_normal((300, 2))
    factors = np.stack([rng.integers(0, size, 300) for size in sizes], axis=1)
    factors[0] = np.array(sizes) - 1
    found = histogram(codes, factors, 4, sizes, "numba")
    np.testing.assert_array_equal(found, histogram(codes, factors, 4, sizes, "reference"))
    assert found.sum() == 300 * 2 * len(sizes)


def test_counts_do_not_depend_on_threads() -> None:
    rng = np.random.default_rng(2)
    codes, factors = rng.standard_normal((200_003, 4)).astype(np.float32), rng.integers(0, 9, (200_003, 3))
    threads = torch.get_num_threads()
    try:
        found = []
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            found.append(histogram(codes, factors, 20, [9, 9, 9], "numba"))
            low, high = joint_histogram.code_range(torch.from_numpy(codes))
            np.testing.assert_array_equal(low.numpy(), codes.min(axis=0))
            np.testing.assert_array_equal(high.numpy(), codes.max(axis=0))
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("row", [0, 15, 16, 63, 99])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_range_shows_every_nan_and_infinity(value: float, row: int, backend: str) -> None:
    codes = np.random.default_rng(3).standard_normal((100, 3)).astype(np.float32)
    codes[row, 1] = value
    low, high = joint_histogram.code_range(torch.from_numpy(codes), backend=backend)
    assert torch.isfinite(low[[0, 2]]).all()
    assert torch.isfinite(high[[0, 2]]).all()
    assert not (torch.isfinite(low[1]) and torch.isfinite(high[1]))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_classes_keep_their_values_and_show_those_out_of_range(dtype: torch.dtype, backend: str) -> None:
    factors = torch.randint(0, 200, (77, 3), generator=torch.Generator().manual_seed(0)).to(dtype)
    classes, largest = joint_histogram.narrow_classes(factors, backend=backend)
    np.testing.assert_array_equal(classes.numpy(), factors.numpy())
    assert largest.tolist() == factors.long().amax(dim=0).tolist()
    if dtype != torch.uint8:
        for wrong in (-1, 65_536, -(2**31), 2**31 - 1):
            spoiled = factors.clone()
            spoiled[50, 1] = wrong
            top = joint_histogram.narrow_classes(spoiled, backend=backend)[1]
            assert (top > joint_histogram.LARGEST_CLASS).tolist() == [False, True, False]


@pytest.mark.parametrize("backend", BACKENDS)
def test_resampled_sums_are_those_of_repeated_samples(backend: str) -> None:
    rng = np.random.default_rng(4)
    sizes = [2, 5]
    bins, classes = rng.integers(0, 4, (3, 60)), np.stack([rng.integers(0, size, 60) for size in sizes])
    weights = rng.poisson(size=(6, 60))
    joint, by_bin, by_value = joint_histogram.resampled_sums(
        torch.from_numpy(bins.astype(np.int32)),
        torch.from_numpy(classes.astype(np.int32)),
        torch.from_numpy(weights.astype(np.uint8)),
        sizes,
        backend=backend,
    )

    def n_log_n(cells: np.ndarray) -> float:
        counts = np.unique(cells, return_counts=True)[1]
        return float((counts * np.log(counts)).sum())

    for r, weight in enumerate(weights):
        rows = np.repeat(np.arange(60), weight)
        for d in range(3):
            assert by_bin[r, d].item() == pytest.approx(n_log_n(bins[d, rows]), abs=1e-9)
            for k in range(2):
                assert by_value[r, k].item() == pytest.approx(n_log_n(classes[k, rows]), abs=1e-9)
                cells = bins[d, rows] * 10 + classes[k, rows]
                assert joint[r, d, k].item() == pytest.approx(n_log_n(cells), abs=1e-9)


def test_factors_merge_while_their_counters_fit_together() -> None:
    sizes = [1, 3, 6, 40, 32, 32]
    groups = numba_cpu._merge(sizes, 409)
    assert sorted(k for group in groups for k in group) == [0, 1, 2, 3, 4, 5]
    assert len(groups) == 3
    assert sum(np.prod([sizes[k] for k in group]) for group in groups) <= 409
    assert len(numba_cpu._merge(sizes, 100)) == 6  # they do not fit apart: then merging is no gain


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="backend must be one of"):
        joint_histogram.code_range(torch.zeros(2, 2), backend="cuda")
