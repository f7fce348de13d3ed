"""What `fit` takes as data, how that becomes what the model takes, and what it says of other data."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from fastdis.losses import BetaVAE
from fastdis.models import VAE
from fastdis.training import fit_many
from fastdis.training.batches import batches
from support.run_folders import run, without_seconds
from support.small_training import bars, small_vae

BYTES = (255 * bars()).to(torch.uint8)


def memory_map(folder: Path, array: NDArray[Any]) -> NDArray[Any]:
    np.save(folder / "images.npy", array)
    return np.load(folder / "images.npy", mmap_mode="r")


class Items(Dataset[Any]):
    """A map-style data set, as torchvision's: an image and its label."""

    def __init__(self, images: Any) -> None:
        self.images_of_ours = images

    def __len__(self) -> int:
        return len(self.images_of_ours)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        assert type(index) is int
        return self.images_of_ours[index], index


class ManyAtOnce(Items):
    def __getitem__(self, index: int) -> tuple[Any, int]:
        raise AssertionError("a DataLoader would ask for a batch at once")

    def __getitems__(self, indices: list[int]) -> list[tuple[Any, int]]:
        return [(self.images_of_ours[index], index) for index in indices]


SAME = {
    "float64 tensor": bars().double(),
    "float16 tensor": bars().half(),
    "uint8 tensor": BYTES,
    "bool tensor": bars().bool(),
    "array": bars().numpy(),
    "float64 array": bars().double().numpy(),
    "array of the other byte order": bars().numpy().astype(">f4"),
    "uint8 array": BYTES.numpy(),
    "bool array": bars().bool().numpy(),
    "array turned around": np.asfortranarray(bars().numpy()),
    "read-only array": np.broadcast_to(BYTES.numpy(), BYTES.shape),
    "data set of tuples": Items(bars()),
    "data set of tensors": ConcatDataset([bars()[:40], bars()[40:]]),
    "data set of arrays": Items(BYTES.numpy()),
    "data set asked for batches": ManyAtOnce(bars()),
    "subset": Subset(TensorDataset(bars(), torch.arange(64)), range(64)),
}


@pytest.fixture(scope="module")
def expected() -> tuple[list[Tensor], list[dict[str, float]]]:
    model, rows = run(None, steps=10)  # into the second epoch
    return list(model.parameters()), rows


@pytest.mark.parametrize("kind", SAME)
def test_the_same_images_train_to_the_same_bits(expected: Any, kind: str) -> None:
    """In the library's own shuffled order, whatever they come in."""
    model, rows = run(None, steps=10, data=SAME[kind])
    assert without_seconds(rows) == without_seconds(expected[1])
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), expected[0], strict=True))


@pytest.mark.parametrize("array", [BYTES.numpy(), bars().numpy()], ids=["bytes", "floats"])
def test_a_memory_map_trains_and_is_resumed(tmp_path: Path, expected: Any, array: NDArray[Any]) -> None:
    images = memory_map(tmp_path, array)
    assert isinstance(images, np.memmap)
    run(tmp_path / "run", steps=5, data=images)
    model, rows = run(tmp_path / "run", steps=10, data=images, resume=True)
    assert without_seconds(rows) == without_seconds(expected[1])
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), expected[0], strict=True))


def test_a_data_set_is_not_asked_for_images_it_has_given_before(tmp_path: Path) -> None:
    class Counted(Items):
        asked = 0

        def __getitem__(self, index: int) -> tuple[Any, int]:
            Counted.asked += 1
            return super().__getitem__(index)

    run(tmp_path, steps=6, data=Counted(bars()))
    assert Counted.asked == 6 * 8
    run(tmp_path, steps=7, data=Counted(bars()), resume=True)
    assert Counted.asked == 7 * 8


@pytest.mark.parametrize("kind", ["float64 tensor", "uint8 tensor", "bool tensor", "uint8 array"])
def test_a_loader_may_give_any_of_them(kind: str) -> None:
    def train(images: Any) -> list[dict[str, float]]:
        loader = DataLoader(Items(images), batch_size=8)
        return without_seconds(run(None, steps=10, data=loader)[1])

    assert train(SAME[kind]) == train(bars())


def test_an_iterable_of_arrays_trains() -> None:
    parts = [part.numpy() for part in BYTES.split(8)]
    assert without_seconds(run(None, data=parts)[1]) == without_seconds(run(None, data=bars().split(8))[1])


def test_a_double_precision_model_gets_double_precision() -> None:
    model, _ = run(None, model=small_vae().double(), data=BYTES)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float64}


def test_many_models_take_the_same() -> None:
    def train(data: Any) -> list[list[dict[str, float]]]:
        models = [small_vae(), small_vae()]
        settings = {"steps": 4, "batch_size": 8, "progress": False}
        return [without_seconds(rows) for rows in fit_many(models, [BetaVAE()] * 2, data, **settings)]

    assert train(BYTES.numpy()) == train(bars()) == train(Items(bars()))
    with pytest.raises(ValueError, match=r"fit_many: data must be in \[0, 1\] for the Bernoulli likelihood"):
        train(2 * bars())
    with pytest.raises(ValueError, match=r"fit_many: batch_size must be between 1 and the 5 images, got 8"):
        train(bars()[:5])


class Endless(IterableDataset[Tensor]):
    def __iter__(self) -> Iterator[Tensor]:
        while True:
            yield bars(8)


def test_an_iterable_data_set_gives_batches() -> None:
    assert next(batches(Endless(), 4, 0)).shape == (8, 1, 8, 8)


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "0 to 255": (
        255 * bars(),
        ValueError,
        r"fit: data must be in \[0, 1\] for the Bernoulli likelihood of BetaVAE, got values from 0 to 255 in "
        r'the first batch; divide them by 255, or choose likelihood="gaussian"',
    ),
    "-1 to 1": (
        2 * bars() - 1,
        ValueError,
        "got values from -1 to 1 .* batch; scale or clamp them",
    ),
    "above 255": (300 * bars(), ValueError, "got values from 0 to 300 .* batch; scale or clamp them"),
    "nan": (bars() / bars(), ValueError, "data must be finite, got NaN or infinity in the first batch"),
    "bytes of 0 and 1": (
        bars().to(torch.uint8),
        ValueError,
        "data of dtype uint8 must span 0 to 255, got only 0 and 1 .* convert images of 0 and 1 to bool",
    ),
    "int64 tensor": (
        bars().long(),
        TypeError,
        r"must be floating point in \[0, 1\], uint8 from 0 to 255, or bool, got torch\.int64",
    ),
    "complex tensor": (bars() * 1j, TypeError, r"or bool, got torch\.complex64"),
    "int64 array": (bars().long().numpy(), TypeError, "an array of bool, uint8, .*, got dtype int64"),
    "array of objects": (np.array([None, 3]), TypeError, "got dtype object"),
    "array of text": (np.array(["a", "b"]), TypeError, "got dtype str"),
    "masked array": (
        np.ma.masked_equal(BYTES.numpy(), 0),
        TypeError,
        "data must not be masked",
    ),
    "a number": (torch.tensor(3.0), TypeError, "data must be an array of images, got a single number"),
    "no images": (torch.zeros(0, 1, 8, 8), ValueError, "data must hold at least one image, got none"),
    "empty batches": (
        [torch.zeros(0, 1, 8, 8)],
        ValueError,
        r"data must give batches of at least one image, got shape \(0, 1, 8, 8\)",
    ),
    "items of another kind": (Items(["a"] * 64), TypeError, "as its items, got str"),
    "batches of dictionaries": ([{"image": bars()}], TypeError, "as its batches, got dict"),
    "nothing like it": (object(), TypeError, "data must be a data set with images"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_wrong_is_said_before_the_first_step(kind: str) -> None:
    data, error, message = REFUSED[kind]

    class Untouched(VAE):
        def forward(self, images: Tensor) -> Any:
            raise AssertionError("the model has seen the images")

    model = small_vae()
    with pytest.raises(error, match=message):
        run(None, model=Untouched(model.encoder, model.decoder), data=data)


def test_a_gaussian_likelihood_takes_any_range() -> None:
    objective = BetaVAE(likelihood="gaussian")
    assert len(run(None, data=4 * bars() - 1, objective=objective)[1]) == 3
    message = "kl is not finite at step 1; .*; no step was taken before it: look at the range of the data"
    with pytest.raises(FloatingPointError, match=message):
        run(None, data=255 * bars(), objective=objective)


def test_a_later_batch_may_be_black() -> None:
    """The first batch decides nothing but whether to begin: bytes are divided by 255 in all of them."""
    dark = torch.zeros_like(BYTES)
    dark[:, :, 0, 0] = 1
    stream = [BYTES[:8], dark[:8], BYTES[8:16]]
    floats = [batch / 255 for batch in stream]
    assert without_seconds(run(None, data=stream)[1]) == without_seconds(run(None, data=floats)[1])
