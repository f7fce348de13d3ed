"""The data set's interface: indices, subsets, loaders with forked and spawned workers."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from fastdis.data import FactorDataset

VALUES = {
    "color": np.ones(1),
    "shape": np.arange(3.0),
    "posX": np.linspace(0, 1, 5),
    "posY": np.linspace(0, 1, 7),
}
IMAGES = np.random.default_rng(0).integers(2, size=(105, 1, 64, 64), dtype=np.uint8)
PACKED = np.packbits(IMAGES.reshape(105, -1), axis=1)
CLASSES = np.array([(0, shape, x, y) for shape in range(3) for x in range(5) for y in range(7)])


@pytest.fixture
def dataset() -> FactorDataset:
    return FactorDataset(PACKED, VALUES, (1, 64, 64), "random")


@pytest.mark.parametrize(
    "indices",
    [
        [4, 104, 4],
        np.array([3]),
        torch.tensor([7, 2]),
        slice(90, 200),
        np.arange(105) % 2 == 0,
        [-1, -105],
        [],
    ],
)
def test_images_and_factors_of_many_indices(dataset: FactorDataset, indices: object) -> None:
    expected = np.arange(105)[indices]
    images, factors = dataset.images(indices), dataset.factors(indices)
    assert images.dtype == torch.float32
    assert torch.equal(images, torch.from_numpy(IMAGES[expected]).float())
    assert factors.dtype == np.int64
    assert np.array_equal(factors, CLASSES[expected])


def test_names_and_sizes(dataset: FactorDataset) -> None:
    assert len(dataset) == 105
    assert dataset.factor_names == ("color", "shape", "posX", "posY")
    assert dataset.factor_sizes == (1, 3, 5, 7)


@pytest.mark.parametrize("index", [105, -106])
def test_an_index_out_of_range_is_named(dataset: FactorDataset, index: int) -> None:
    for read in (dataset.images, dataset.factors, dataset.subset):
        with pytest.raises(IndexError, match=f"index {index} is out of bounds .* size 105"):
            read([0, index])
    with pytest.raises(IndexError, match=f"index {index}"):
        dataset[index]


def test_a_subset_is_a_data_set_of_its_own(dataset: FactorDataset) -> None:
    part = dataset.subset(slice(1, None, 2)).subset([5, 0, 5])
    assert len(part) == 3
    assert part.packed is dataset.packed
    assert np.array_equal(part.rows, [11, 1, 11])
    assert np.array_equal(part.factors([1, 2]), CLASSES[[1, 11]])
    assert torch.equal(part.images([1, 2]), dataset.images([1, 11]))
    assert part.factor_sizes == dataset.factor_sizes
    with pytest.raises(IndexError, match="size 3"):
        part.images([3])


def test_packed_must_match_the_grid() -> None:
    with pytest.raises(ValueError, match=r"packed must have 105 rows.*\(1, 3, 5, 7\), got 104"):
        FactorDataset(PACKED[1:], VALUES, (1, 64, 64), "random")


def test_one_item_is_a_pair_of_tensors(dataset: FactorDataset) -> None:
    image, factors = dataset[np.int64(30)]
    assert torch.equal(image, torch.from_numpy(IMAGES[30]).float())
    assert torch.equal(factors, torch.from_numpy(CLASSES[30]))


@pytest.fixture
def mapped(tmp_path: Path) -> FactorDataset:
    PACKED.tofile(tmp_path / "packed")
    packed = np.memmap(tmp_path / "packed", np.uint8, "r", shape=PACKED.shape)
    return FactorDataset(packed, VALUES, (1, 64, 64), "random")


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_loader_with_workers_after_kernels_ran_here(mapped: FactorDataset, start_method: str) -> None:
    torch.set_num_threads(2)
    mapped.images(np.arange(50_000) % 105)  # enough for the kernel's own threads
    loader = DataLoader(
        mapped.subset(slice(5, None)), batch_size=32, num_workers=2, multiprocessing_context=start_method
    )
    images, factors = (torch.cat(parts) for parts in zip(*loader, strict=True))
    assert torch.equal(images, torch.from_numpy(IMAGES[5:]).float())
    assert torch.equal(factors, torch.from_numpy(CLASSES[5:]))


def test_a_mapped_file_is_pickled_by_name(mapped: FactorDataset) -> None:
    data = pickle.dumps(mapped)
    assert len(data) < 5000
    assert torch.equal(pickle.loads(data).images([104]), mapped.images([104]))


def test_parts_of_a_mapped_file_are_pickled_by_value(mapped: FactorDataset) -> None:
    part = FactorDataset(mapped.packed[35:70], {**VALUES, "shape": np.zeros(1)}, (1, 64, 64), "random")
    assert torch.equal(pickle.loads(pickle.dumps(part)).images([0]), mapped.images([35]))
