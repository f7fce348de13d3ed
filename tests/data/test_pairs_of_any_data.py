"""Pairs where there is no complete grid: partners exist, are of the right side, and are found when rare."""

import time

import numpy as np
import pytest
import torch

from fastdis.data import ImageDataset, Pairs, arrays, noisy_dsprites, scenes
from support.toys import squares


def dataset(factors: np.ndarray, **settings: object) -> ImageDataset:
    """An image a row, which says which row it is."""
    images = np.arange(len(factors), dtype=np.int32).view(np.uint8).reshape(-1, 1, 4)
    return arrays(images, factors, **settings)


def differing(pairs: Pairs) -> np.ndarray:
    first, second = pairs.factors(slice(None)).swapaxes(0, 1)
    return first != second


@pytest.mark.parametrize("k", [None, 1, 2])
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_partners_of_any_table(k: int | None, share: float) -> None:
    """All of a shuffled grid, and a part of it with some images more than once."""
    rng = np.random.default_rng(0)
    grid = np.stack(np.unravel_index(np.arange(4 * 5 * 6), (4, 5, 6)), axis=1)
    data = dataset(grid[rng.integers(120, size=300)] if share == 1 else rng.permutation(grid)[:36])
    pairs = Pairs(data, k=k, seed=1)
    counts = differing(pairs).sum(axis=1)
    assert set(counts) == ({1, 2} if k is None else {k})
    images = pairs.images([3, 5])
    assert torch.equal(images[:, 0], data.images([3, 5]))
    assert torch.equal(images[:, 1], data.images(pairs.partners[[3, 5]]))
    assert np.array_equal(Pairs(data, k=k, seed=1).partners, pairs.partners)
    assert not np.array_equal(Pairs(data, k=k, seed=2).partners, pairs.partners)


def test_changes_are_uniform_where_everything_exists() -> None:
    rng = np.random.default_rng(0)
    grid = rng.permutation(np.stack(np.unravel_index(np.arange(6720), (4, 5, 6, 7, 8)), axis=1))
    pairs = Pairs(dataset(grid), seed=0)
    changed = differing(pairs)
    counts = np.bincount(changed.sum(axis=1), minlength=6)[1:5]
    assert np.abs(counts / 6720 - 1 / 4).max() < 0.02
    assert np.abs(changed.mean(axis=0) - 2.5 / 5).max() < 0.02


def test_partners_stay_on_their_side_of_a_split() -> None:
    for data in (squares(), dataset(squares().factors(slice(None)))):
        train, held_out = data.split(0.7, seed=0)
        for side in (train, held_out, train.subset(slice(0, 20))):
            pairs = Pairs(side)
            partners = pairs.pool.rows[pairs.partners]
            assert set(partners) <= set((held_out if side is held_out else train).rows)
            assert torch.equal(pairs.images(slice(None))[:, 1], data.images(partners))
    rest = squares().without({"size": 1, "row": [0, 1]})
    factors = Pairs(rest).factors(slice(None))[:, 1]
    assert not ((factors[:, 1] == 1) & (factors[:, 2] < 2)).any()


def test_a_rare_partner_is_found() -> None:
    """Each factor has a value of its own in every image but two, which share one factor."""
    factors = np.stack([np.arange(500), np.arange(500), np.arange(500)], axis=1)
    factors[7, 1] = factors[400, 1]
    pairs = Pairs(dataset(factors).subset([7, 400]))
    assert pairs.partners.tolist() == [400, 7]
    with pytest.raises(ValueError, match="for every image, one that differs in 1 to 2 of 3 factors, but"):
        Pairs(dataset(factors))
    with pytest.raises(ValueError, match="one that differs in 1 of 3 factors, but image 0 has none"):
        Pairs(dataset(factors).subset([7, 400]), k=1)


def test_a_twin_is_no_partner() -> None:
    data = dataset(np.array([[0, 0], [0, 0], [0, 0], [0, 1], [1, 1]]))
    assert Pairs(data, seed=3).partners[:3].tolist() == [3, 3, 3]
    assert Pairs(data).partners[4] == 3


def test_continuous_factors_are_the_same_if_their_numbers_are() -> None:
    rng = np.random.default_rng(0)
    data = dataset(np.stack([rng.choice([0.25, 0.5, 3], 200), rng.integers(4, size=200)], axis=1))
    assert data.factor_sizes == (None, 4)
    assert (differing(Pairs(data)).sum(axis=1) == 1).all()


def test_many_factors() -> None:
    """40 attributes of which few combinations are shared."""
    factors = np.random.default_rng(0).integers(2, size=(3000, 40))
    counts = differing(Pairs(dataset(factors))).sum(axis=1)
    assert 1 <= counts.min() <= counts.max() <= 39


def test_a_table_of_half_a_million_takes_seconds() -> None:
    sizes = (3, 6, 40, 32, 32)
    rows = np.random.default_rng(0).permutation(np.prod(sizes))[: 2**18]
    data = dataset(np.stack(np.unravel_index(rows, sizes), axis=1))
    start = time.process_time()
    assert set(differing(Pairs(data)).sum(axis=1)) == {1, 2, 3, 4}
    assert time.process_time() - start < 20


def test_both_images_of_a_pair_have_the_noise_of_the_visit() -> None:
    data = noisy_dsprites().subset([5, 700_000])
    pairs = Pairs(data)
    assert torch.equal(pairs.images([1], visit=3)[0, 0], data.images([1], visit=3)[0])
    assert torch.equal(pairs.images([1], visit=3)[0, 1], data.whole().images(pairs.partners[[1]], visit=3)[0])


def test_a_device_gives_the_same_pairs() -> None:
    pairs = Pairs(squares().split(0.5)[0])
    moved = pairs.to("cpu")
    assert torch.equal(moved.images([3, 9]), pairs.images([3, 9]))
    assert moved.pool.pixels is moved.dataset.pixels


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="Pairs: dataset must have at least 2 factors that vary, got 0"):
        Pairs(arrays(np.zeros((5, 4, 4), np.uint8)))
    with pytest.raises(ValueError, match="at least 2 factors that vary, got 1"):
        Pairs(dataset(np.array([[0, 1], [1, 1]])))
    with pytest.raises(ValueError, match="Pairs: dataset must have all its labels, but image 1 lacks one"):
        Pairs(dataset(np.array([[0, 1], [np.nan, 0], [1, 0]])))
    with pytest.raises(ValueError, match="Pairs: seed must be between 0"):
        Pairs(squares(), seed=-1)


@pytest.mark.parametrize("k", [None, 1, 3])
def test_a_simulator_draws_partners(k: int | None) -> None:
    data = scenes(4, length=3000, seed=2)
    pairs = Pairs(data, k=k, seed=1)
    assert len(pairs) == 3000
    changed = differing(pairs)
    counts = np.bincount(changed.sum(axis=1), minlength=5)
    assert set(np.flatnonzero(counts)) == ({1, 2, 3} if k is None else {k})
    assert np.abs(changed.mean(axis=0) - (0.5 if k is None else k / 4)).max() < 0.04
    shape = pairs.factors(slice(None))[:, :, 3]
    moved = (shape[:, 1] - shape[:, 0])[changed[:, 3]] % 3
    assert np.abs(np.bincount(moved.astype(int), minlength=3)[1:] / len(moved) - 0.5).max() < 0.06
    images = pairs.images([3, 2000])
    assert torch.equal(images[:, 0], data.images([3, 2000]))
    assert torch.equal(images[:, 1], data.draw(pairs.factors([3, 2000])[:, 1]))
    part = Pairs(data.subset([2000, 3]), k=k, seed=1)
    assert np.array_equal(part.factors([1, 0]), pairs.factors([3, 2000]))  # whatever else is in a subset
    assert not np.array_equal(Pairs(data, k=k, seed=2).factors([3]), pairs.factors([3]))
    assert torch.equal(pairs.to("cpu").images([3]), pairs.images([3]))


def test_partners_of_a_simulator_keep_to_its_grid() -> None:
    grid = {"x": 3, "y": [0.25, 0.5]}
    pairs = Pairs(scenes(["x", "y", "shape"], grid=grid), k=1)
    assert len(pairs) == 18
    assert pairs.factors(slice(None)).dtype == np.int64
    assert differing(pairs).sum(axis=1).tolist() == [1] * 18
    y = pairs.factors(slice(None))[:, :, 1]
    assert set(y.ravel()) == {0, 1}


def test_simulators_that_have_no_pairs() -> None:
    with pytest.raises(ValueError, match="at least 2 factors that vary, got 1"):
        Pairs(scenes(1))
    with pytest.raises(ValueError, match="between 1 and 2, got 3"):
        Pairs(scenes(3), k=3)
    with pytest.raises(ValueError, match="all combinations of its factors"):
        Pairs(scenes(4, length=99).without({"shape": 1}))
    Pairs(scenes(4, length=99).split(0.5)[0])
