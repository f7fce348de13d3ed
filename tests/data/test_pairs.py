import time

import numpy as np
import pytest
import torch

from fastdis.data import FactorDataset, Pairs
from support.toys import squares


def differing(pairs: Pairs) -> np.ndarray:
    first, second = pairs.factors(slice(None)).swapaxes(0, 1)
    return first != second


def test_a_pair_is_two_images_of_the_grid() -> None:
    data = squares()
    pairs = Pairs(data)
    images, factors = pairs.images([5, 90, -1]), pairs.factors([5, 90, -1])
    assert images.shape == (3, 2, 1, 64, 64)
    assert torch.equal(images[:, 0], data.images([5, 90, -1]))
    for image, classes in zip(images[:, 1], factors[:, 1], strict=True):
        row = np.ravel_multi_index(tuple(classes), data.factor_sizes)
        assert torch.equal(image, data.images([row])[0])
    assert len(pairs) == len(data) == 96


@pytest.mark.parametrize("k", [1, 2])
def test_exactly_k_factors_differ(k: int) -> None:
    changed = differing(Pairs(squares(), k=k))
    assert (changed.sum(axis=1) == k).all()
    assert not changed[:, 0].any()  # the constant one


def grid() -> FactorDataset:
    """4 x 5 x 6 x 7 x 8 images of one byte each."""
    sizes = {"a": 4, "b": 5, "c": 6, "d": 7, "e": 8}
    values = {name: np.arange(size, dtype=float) for name, size in sizes.items()}
    return FactorDataset(np.zeros((6720, 1), np.uint8), values, (1, 2, 4), "nothing")


def test_k_the_factors_and_their_new_values_are_uniform() -> None:
    data = grid()
    first, second = Pairs(data).factors(slice(None)).swapaxes(0, 1)
    changed = first != second
    counts = np.bincount(changed.sum(axis=1), minlength=6)[1:5]
    assert counts.sum() == 6720
    assert np.abs(counts / 6720 - 1 / 4).max() < 0.02
    assert np.abs(changed.mean(axis=0) - 2.5 / 5).max() < 0.02
    for factor, size in enumerate(data.factor_sizes):
        step = (second - first)[changed[:, factor], factor] % size
        shares = np.bincount(step, minlength=size)[1:] / len(step)
        assert np.abs(shares - 1 / (size - 1)).max() < 0.04


def test_a_pair_follows_from_seed_and_index_alone() -> None:
    data = squares()
    assert np.array_equal(Pairs(data, seed=1).partners, Pairs(data, seed=1).partners)
    assert not np.array_equal(Pairs(data, seed=1).partners, Pairs(data, seed=2).partners)
    pairs = Pairs(data)
    whole = pairs.images(slice(None))
    assert torch.equal(pairs.images([40, 7]), whole[[40, 7]])


def test_partners_of_a_subset_come_from_the_whole_grid() -> None:
    part = squares().subset(np.arange(0, 96, 7))
    pairs = Pairs(part, k=1)
    assert len(pairs) == 14
    assert torch.equal(pairs.images(slice(None))[:, 0], part.images(slice(None)))
    assert (differing(pairs).sum(axis=1) == 1).all()
    assert not set(pairs.partners) <= set(part.rows)


def test_partners_of_all_of_a_large_grid_take_less_than_two_seconds() -> None:
    values = {name: np.arange(n, dtype=float) for name, n in zip("abcde", (3, 6, 40, 32, 32), strict=True)}
    data = FactorDataset(np.zeros((737_280, 1), np.uint8), values, (1, 2, 4), "nothing")
    start = time.process_time()
    Pairs(data)
    assert time.process_time() - start < 2


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="Pairs: k must be between 1 and 2, got 3"):
        Pairs(squares(), k=3)
    with pytest.raises(TypeError, match="Pairs: k must be an integer, got float"):
        Pairs(squares(), k=1.0)
    with pytest.raises(TypeError, match=r"Pairs: dataset must be an ImageDataset .* got Tensor"):
        Pairs(torch.zeros(3))
    one = FactorDataset(np.zeros((3, 1), np.uint8), {"a": np.arange(3.0)}, (1, 2, 4), "nothing")
    with pytest.raises(ValueError, match="at least 2 factors that vary, got 1"):
        Pairs(one)
    with pytest.raises(IndexError):
        Pairs(squares()).images([96])
