from itertools import islice

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from fastdis.training.batches import Resident, batches
from support.toys import squares


def seen(data: object, count: int, **settings: int) -> torch.Tensor:
    return torch.cat(list(islice(batches(data, **settings), count)))


@pytest.mark.parametrize("start", [0, 1, 3, 4, 17])
def test_the_order_depends_on_seed_and_position_alone(start: int) -> None:
    data = torch.arange(35)
    whole = seen(data, 30, batch_size=8, seed=3)
    part = seen(data, 30 - start, batch_size=8, seed=3, start=start)
    assert torch.equal(whole[8 * start :], part)


def test_an_epoch_holds_every_image_at_most_once() -> None:
    epochs = seen(torch.arange(35), 12, batch_size=8, seed=0).reshape(3, 32)
    for epoch in epochs:
        assert len(epoch.unique()) == 32
    assert not torch.equal(epochs[0], epochs[1])
    assert len(epochs.unique()) == 35


def test_another_seed_gives_another_order() -> None:
    data = torch.arange(100)
    assert not torch.equal(seen(data, 2, batch_size=50, seed=0), seen(data, 2, batch_size=50, seed=1))


def test_a_data_set_is_drawn_like_a_tensor() -> None:
    data = squares()
    images = data.images(slice(None))
    assert torch.equal(seen(data, 13, batch_size=9, seed=5), seen(images, 13, batch_size=9, seed=5))


def test_packed_images_on_a_device_are_those_of_the_data_set() -> None:
    data = squares().subset(slice(5, 90, 3))
    resident = Resident(data, torch.device("cpu"))
    assert len(resident) == len(data)
    assert torch.equal(resident.images(np.array([4, 0, 4])), data.images([4, 0, 4]))


def test_a_shuffled_loader_does_not_depend_on_other_noise() -> None:
    loader = DataLoader(torch.arange(50), batch_size=8, shuffle=True)
    whole = list(islice(batches(loader, 8, 0), 20))
    torch.rand(3)
    part = list(islice(batches(loader, 8, 0, start=9), 11))
    assert not torch.equal(whole[0], whole[7])
    assert all(torch.equal(a, b) for a, b in zip(whole[9:], part, strict=True))


def test_a_loader_is_taken_as_it_comes_and_over_again() -> None:
    loader = DataLoader(TensorDataset(torch.arange(5), torch.zeros(5)), batch_size=2)
    assert seen(loader, 6, batch_size=64, seed=0).tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]
    assert seen(loader, 2, batch_size=64, seed=0, start=4).tolist() == [2, 3, 4]


@pytest.mark.parametrize("batch_size", [0, 97])
def test_a_batch_size_out_of_range(batch_size: int) -> None:
    with pytest.raises(ValueError, match=f"batch_size must be between 1 and the 96 images, got {batch_size}"):
        batches(squares(), batch_size, 0)


def test_data_of_another_kind() -> None:
    with pytest.raises(TypeError, match="data must be a data set with images"):
        batches(3, 4, 0)
    with pytest.raises(
        TypeError, match="data must give tensors, or tuples whose first item is one, as its batches, got str"
    ):
        next(batches(["image"], 4, 0))


def test_data_that_runs_dry() -> None:
    once = iter([torch.zeros(2), torch.ones(2)])
    stream = batches(once, 4, 0)
    assert [next(stream).tolist(), next(stream).tolist()] == [[0, 0], [1, 1]]
    with pytest.raises(ValueError, match="data must yield a batch each time"):
        next(stream)
