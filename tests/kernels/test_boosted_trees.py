"""Boosted trees: the kernel against the plain search in every node, and what it must not depend on."""

import numpy as np
import pytest
import torch
from torch import Tensor

from fastdis.kernels.boosted_trees import Trees, boost, raw_scores


def noisy(samples: int, features: int, classes: int) -> tuple[Tensor, Tensor]:
    """Labels known so badly that nodes stay large and no two splits are equally good."""
    rng = np.random.default_rng(samples)
    x = rng.standard_normal((samples, features)).astype(np.float32)
    labels = np.digitize(
        x[:, 0] + 0.5 * x[:, 1] ** 2 + 2 * rng.standard_normal(samples), np.arange(classes - 1)
    )
    return torch.from_numpy(x), torch.from_numpy(labels)


def grown(x: Tensor, labels: Tensor, classes: int, backend: str, stages: int = 4) -> tuple[Trees, Tensor]:
    outputs = classes if classes > 2 else 1
    start = torch.linspace(-1, 1, outputs).double()
    order = torch.arange(x.shape[1]).expand(stages, outputs, 3, -1)
    trees = boost(x, labels, start, order, 0.1, backend=backend)
    return trees, raw_scores(x, start, trees, backend=backend)


@pytest.mark.parametrize(("samples", "features", "classes"), [(400, 3, 2), (700, 4, 3), (1300, 2, 5)])
def test_agrees_with_the_reference(samples: int, features: int, classes: int) -> None:
    x, labels = noisy(samples, features, classes)
    (found, raw), (expected, expected_raw) = (grown(x, labels, classes, b) for b in ("numba", "reference"))
    assert torch.equal(found.feature, expected.feature)
    assert torch.equal(found.threshold, expected.threshold)
    torch.testing.assert_close(found.value, expected.value, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found.gain, expected.gain, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(raw, expected_raw, rtol=1e-9, atol=1e-12)


def test_separable_classes_come_out_as_well() -> None:
    """Many equally good splits, pure nodes and empty leaves: the trees may differ, their fit may not."""
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((500, 3)).astype(np.float32))
    labels = (x[:, 0] > 0).long() + (x[:, 1] > 1)
    for backend in ("numba", "reference"):
        trees, raw = grown(x, labels, 3, backend, stages=20)
        assert (raw.argmax(dim=0) == labels).all()
        assert torch.isfinite(trees.value).all()
        assert trees.gain[2] < 0.01 * trees.gain.sum()


@pytest.mark.parametrize("backend", ["numba", "reference"])
def test_values_that_float32_hardly_tells_apart_are_not_split(backend: str) -> None:
    x = torch.tensor([[1.0, 0.5], [1.0 + 6e-8, 0.5], [1.0, 0.5], [1.0 + 6e-8, 0.5]])
    trees, raw = grown(x, torch.tensor([0, 1, 0, 1]), 2, backend)
    assert torch.isinf(trees.threshold).all()
    assert (trees.gain == 0).all()
    assert len(raw.unique()) == 1


@pytest.mark.parametrize("backend", ["numba", "reference"])
def test_a_threshold_between_neighbours_is_the_lower_one(backend: str) -> None:
    low = np.float32(1000)
    x = torch.tensor([[low], [np.nextafter(low, np.float32(2000))]]).repeat(3, 1)
    labels = torch.tensor([0, 1]).repeat(3)
    trees, raw = grown(x, labels, 2, backend)
    assert trees.threshold[0, 0, 0] < x[1, 0].double()
    assert ((raw[0] > -1) == (labels == 1)).all()


def test_bits_do_not_depend_on_threads() -> None:
    x, labels = noisy(3000, 5, 7)
    threads = torch.get_num_threads()
    try:
        runs = []
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            trees, raw = grown(x, labels, 7, "numba", stages=2)
            runs.append([*trees, raw])
    finally:
        torch.set_num_threads(threads)
    for other in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(runs[0], other, strict=True))
