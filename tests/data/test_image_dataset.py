"""Parts of a data set: subsets, splits, combinations that are held out."""

import numpy as np
import pytest
import torch

from fastdis.data import FactorData, ImageDataset, Images, arrays
from support.toys import squares

LABELS = {
    "shape": np.repeat(["square", "ellipse", "heart"], 8),
    "scale": np.tile(np.arange(4), 6),
    "angle": np.linspace(0, 1, 24),
}


@pytest.fixture
def data() -> ImageDataset:
    images = np.random.default_rng(0).integers(256, size=(24, 8, 8), dtype=np.uint8)
    return arrays(images, LABELS)


def test_it_is_what_the_library_asks_of_data(data: ImageDataset) -> None:
    for one in (data, squares()):
        assert isinstance(one, Images)
        assert isinstance(one, FactorData)


INDICES = [[4, 23, 4], np.array([3]), torch.tensor([7, 2]), slice(20, 99), [-1, -24], []]


@pytest.mark.parametrize("indices", INDICES)
def test_indices_are_numpys(data: ImageDataset, indices: object) -> None:
    expected = np.arange(24)[indices]
    assert torch.equal(data.images(indices), data.images(slice(None))[expected])
    assert np.array_equal(data.factors(indices), data.factors(slice(None))[expected])


def test_an_index_out_of_range_is_named(data: ImageDataset) -> None:
    for read in (data.images, data.factors, data.subset):
        with pytest.raises(IndexError, match=r"index 24 is out of bounds .* size 24"):
            read([0, 24])


def test_a_split_has_every_image_once_in_order(data: ImageDataset) -> None:
    train, held_out = data.split(0.75, seed=3)
    assert (len(train), len(held_out)) == (18, 6)
    assert sorted([*train.rows, *held_out.rows]) == list(range(24))
    assert (np.diff(train.rows) > 0).all()
    assert torch.equal(train.images([17]), data.images([train.rows[17]]))
    again, _ = data.split(0.75, seed=3)
    other, _ = data.split(0.75, seed=4)
    assert np.array_equal(train.rows, again.rows)
    assert not np.array_equal(train.rows, other.rows)


def test_a_split_of_a_subset_stays_in_it(data: ImageDataset) -> None:
    first, second = data.subset(slice(0, 24, 2)).split(0.5)
    assert sorted([*first.rows, *second.rows]) == list(range(0, 24, 2))


@pytest.mark.parametrize("fraction", [0, 1, 0.001, 0.999])
def test_a_split_leaves_no_side_empty(data: ImageDataset, fraction: float) -> None:
    with pytest.raises(ValueError, match="split: fraction must leave both parts an image, got"):
        data.split(fraction)


def test_what_split_refuses(data: ImageDataset) -> None:
    with pytest.raises(ValueError, match=r"split: fraction must be between 0 and 1, got 1\.5"):
        data.split(1.5)
    with pytest.raises(TypeError, match="split: fraction must be a number, got str"):
        data.split("half")
    with pytest.raises(ValueError, match="split: seed must be between 0"):
        data.split(0.5, seed=-1)


@pytest.mark.parametrize(
    ("combination", "left_out"),
    [
        ({"shape": "heart", "scale": [0, 1]}, [16, 17, 20, 21]),
        ({"shape": 1, "scale": [0, 1]}, [16, 17, 20, 21]),
        ({"shape": ["square", 0]}, list(range(8)) + list(range(8, 16))),
        ({"scale": np.int64(3)}, [3, 7, 11, 15, 19, 23]),
    ],
)
def test_combinations_are_left_out_or_kept(
    data: ImageDataset, combination: dict[str, object], left_out: list[int]
) -> None:
    assert data.only(combination).rows.tolist() == left_out
    assert data.without(combination).rows.tolist() == [row for row in range(24) if row not in left_out]


def test_combinations_of_a_grid() -> None:
    rest, part = squares().without({"size": 0, "row": [1, 2]}), squares().only({"size": 0, "row": [1, 2]})
    assert (len(rest), len(part)) == (80, 16)
    assert set(map(tuple, part.factors(slice(None))[:, 1:3])) == {(0, 1), (0, 2)}


@pytest.mark.parametrize(
    ("combination", "error", "said"),
    [
        ({"shap": 1}, ValueError, "factor must be one of 'shape', .* did you mean shape"),
        ({"shape": 3}, ValueError, "shape must be between 0 and 2, got 3"),
        ({"shape": "hart"}, ValueError, "shape must be one of .* did you mean heart"),
        ({"scale": "big"}, ValueError, "scale must be one of"),
        ({"scale": 1.0}, TypeError, "scale must be an integer, got float"),
        ({"angle": 1}, ValueError, "factor 'angle' must have classes, but is continuous"),
        ({"shape": [0, 1, 2]}, ValueError, "combination must be that of some images, but every one of 24"),
        ({"shape": []}, ValueError, "combination must be that of some images, but no one of 24"),
    ],
)
def test_combinations_that_are_refused(
    data: ImageDataset, combination: dict[str, object], error: type[Exception], said: str
) -> None:
    for part in ("without", "only"):
        with pytest.raises(error, match=f"{part}: {said}"):
            getattr(data, part)(combination)


def test_the_whole_of_a_subset_and_of_a_side(data: ImageDataset) -> None:
    assert len(data.subset([3, 4]).whole()) == 24
    train, _ = data.split(0.5)
    assert np.array_equal(train.subset([0, 1]).whole().rows, train.rows)
    assert data.grid_sizes is None
    grid = squares()
    assert grid.grid_sizes == (1, 2, 6, 8)
    assert grid.subset(slice(0, 95)).grid_sizes is None
    assert grid.split(0.5)[0].whole().grid_sizes is None
    assert grid.subset([1, 0]).whole().grid_sizes == (1, 2, 6, 8)
