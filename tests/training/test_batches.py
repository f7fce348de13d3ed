from itertools import islice

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, TensorDataset

from fastdis.data import Pairs, noisy_dsprites
from fastdis.training.batches import batches, on_device
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


class Visited:
    """Images that say which they are and how often they have been seen; moved, they say where to."""

    def __init__(self, device: str = "cpu") -> None:
        self.device = device

    def __len__(self) -> int:
        return 10

    def images(self, indices: NDArray[np.int64], visit: int = 0) -> torch.Tensor:
        return torch.tensor([[index, visit] for index in indices.tolist()], device=self.device)

    def to(self, device: torch.device) -> "Visited":
        return Visited(str(device))


@pytest.mark.parametrize("start", [0, 3, 7])
def test_the_epoch_is_the_visit(start: int) -> None:
    whole = seen(Visited(), 9, batch_size=3, seed=0)
    assert whole[:, 1].reshape(3, 9).tolist() == [[0] * 9, [1] * 9, [2] * 9]
    assert torch.equal(seen(Visited(), 9 - start, batch_size=3, seed=0, start=start), whole[3 * start :])


def test_pairs_of_noisy_images_are_other_ones_each_epoch() -> None:
    pairs = Pairs(noisy_dsprites().subset(slice(0, None, 100_000)), seed=0)
    first, again, second = (
        seen(pairs, 1, batch_size=8, seed=0, start=start).flatten(1).sum(1).sort().values
        for start in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.isclose(first, second).any()


def test_a_data_set_is_moved_where_the_batches_are() -> None:
    assert next(batches(Visited(), 3, 0, device=torch.device("meta"))).device.type == "meta"
    assert on_device(Visited(), torch.device("meta")).device == "meta"
    assert on_device(Visited(), torch.device("cpu")).device == "cpu"
    tensor = torch.zeros(3)
    assert on_device(tensor, torch.device("meta")) is tensor


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
