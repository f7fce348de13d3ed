"""Boosted trees on binned features: the kernel against the reference, and against exact splits."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from fastdis.kernels.boosted_trees import Trees, boost, raw_scores
from fastdis.kernels.boosted_trees.quantile_bins import bin_numbers, quantile_cuts


def noisy(samples: int, features: int, classes: int, values: int = 0) -> tuple[Tensor, Tensor]:
    """Labels known so badly that nodes stay large; features of so many values, or all different."""
    rng = np.random.default_rng(samples)
    x = rng.standard_normal((samples, features)).astype(np.float32)
    labels = np.digitize(
        x[:, 0] + 0.5 * x[:, 1] ** 2 + 2 * rng.standard_normal(samples), np.arange(classes - 1)
    )
    if values:
        x = np.floor(values / (1 + np.exp(-x))).astype(np.float32)
    return torch.from_numpy(x), torch.from_numpy(labels)


def grown(x: Tensor, labels: Tensor, classes: int, stages: int = 4, **options: Any) -> tuple[Trees, Tensor]:
    outputs = classes if classes > 2 else 1
    start = torch.linspace(-1, 1, outputs).double()
    order = torch.arange(x.shape[1]).expand(stages, outputs, 3, -1)
    trees = boost(x, labels, start, order, 0.1, **options)
    return trees, raw_scores(x, start, trees)


@pytest.mark.parametrize("bins", [2, 37, 256])
@pytest.mark.parametrize(("samples", "features", "classes"), [(400, 3, 2), (700, 4, 3), (3000, 3, 5)])
def test_agrees_with_the_reference(samples: int, features: int, classes: int, bins: int) -> None:
    x, labels = noisy(samples, features, classes)
    (found, raw), (expected, expected_raw) = (
        grown(x, labels, classes, bins=bins, backend=backend) for backend in ("numba", "reference")
    )
    assert torch.equal(found.feature, expected.feature)
    assert torch.equal(found.threshold, expected.threshold)
    torch.testing.assert_close(found.value, expected.value, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found.gain, expected.gain, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(raw, expected_raw, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("bins", [None, 37])
def test_numbers_are_learned_by_least_squares_as_the_reference_does(bins: int | None) -> None:
    x, _ = noisy(1500, 3, 2)
    noise = np.random.default_rng(0).standard_normal(1500)
    numbers = x[:, 0].double() + x[:, 1].double() ** 2 + torch.from_numpy(noise)
    (found, raw), (expected, expected_raw) = (
        grown(x, numbers, 1, bins=bins, backend=backend) for backend in ("numba", "reference")
    )
    assert torch.equal(found.feature, expected.feature)
    assert torch.equal(found.threshold, expected.threshold)
    torch.testing.assert_close(found.value, expected.value, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(raw, expected_raw, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("classes", [2, 4])
def test_with_a_bin_for_every_value_the_splits_are_the_exact_ones(classes: int) -> None:
    x, labels = noisy(2000, 3, classes, values=200)
    (found, raw), (expected, expected_raw) = (grown(x, labels, classes, bins=bins) for bins in (256, None))
    assert torch.equal(found.feature, expected.feature)
    torch.testing.assert_close(found.gain, expected.gain, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(raw, expected_raw, rtol=1e-9, atol=1e-12)


def test_256_bins_lose_little_of_continuous_features() -> None:
    """What they lose are the splits beyond the outermost cuts."""
    x, labels = noisy(20_000, 3, 3)
    (found, _), (expected, _) = (grown(x, labels, 3, stages=10, bins=bins) for bins in (256, None))
    assert 0.98 < found.gain.sum() / expected.gain.sum() < 1
    torch.testing.assert_close(found.gain, expected.gain, rtol=0, atol=0.02 * expected.gain.sum().item())


def test_separable_classes_and_constant_features_come_out_as_well() -> None:
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((500, 3)).astype(np.float32))
    x[:, 2] = 7.0
    labels = (x[:, 0] > 0).long() + (x[:, 1] > 1)
    for backend in ("numba", "reference"):
        trees, raw = grown(x, labels, 3, stages=20, bins=256, backend=backend)
        assert (raw.argmax(dim=0) == labels).float().mean() > 0.99
        assert torch.isfinite(trees.value).all()
        assert trees.gain[2] == 0
    trees, _ = grown(torch.ones(40, 2), torch.arange(40) % 2, 2, bins=256)
    assert torch.isinf(trees.threshold).all()


def test_bins_hold_equal_counts_and_part_no_equal_values() -> None:
    rng = np.random.default_rng(0)
    x = np.stack([rng.standard_normal(10_000), rng.integers(0, 7, 10_000), np.zeros(10_000)], axis=1)
    x[:4000, 0] = 0.5
    x = x.astype(np.float32)
    cuts = quantile_cuts(x, 100)
    numbers = bin_numbers(x, cuts)
    assert [len(places) for places in cuts] == [len(np.unique(numbers[:, 0])) - 1, 6, 0]
    np.testing.assert_array_equal(numbers[:, 1], x[:, 1])
    counts = np.bincount(numbers[:, 0])
    assert len(counts) <= 100
    assert np.sort(counts)[-2] <= 200
    assert len(np.unique(numbers[:4000, 0])) == 1
    assert all(np.isin(x[:, f], places).sum() == 0 for f, places in enumerate(cuts))


def test_bits_do_not_depend_on_threads() -> None:
    x, labels = noisy(3000, 5, 7)
    threads = torch.get_num_threads()
    try:
        runs = []
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            trees, raw = grown(x, labels, 7, stages=2, bins=256)
            runs.append([*trees, raw])
    finally:
        torch.set_num_threads(threads)
    for other in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(runs[0], other, strict=True))


def test_a_number_of_bins_that_no_byte_holds_is_refused() -> None:
    x, labels = noisy(40, 2, 2)
    for bins in (1, 257):
        with pytest.raises(ValueError, match=f"boost: bins must be between 2 and 256, got {bins}"):
            grown(x, labels, 2, bins=bins)
