"""Any map-style data set of PyTorch, read once."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from fastdis.data import from_torch

BYTES = np.random.default_rng(0).integers(256, size=(12, 6, 5, 3), dtype=np.uint8)
PLANES = torch.from_numpy(BYTES).permute(0, 3, 1, 2)


class Items(Dataset[Any]):
    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


@pytest.mark.parametrize(
    "items",
    [
        list(PLANES),
        list(PLANES.float().div(255)),
        list(BYTES),
        [Image.fromarray(image) for image in BYTES],
        [(image, 3) for image in PLANES.double().div(255)],
    ],
    ids=["uint8", "floats", "arrays", "pillow", "pairs"],
)
def test_images_of_any_kind_are_kept_as_uint8(items: list[Any]) -> None:
    data = from_torch(Items(items))
    assert data.pixels.nbytes == BYTES.nbytes
    assert torch.equal(data.images(slice(None)), PLANES.float().div(255))


def test_grey_images_have_one_channel() -> None:
    expected = PLANES[:, :1].float().div(255)
    for items in (
        list(PLANES[:, 0]),
        list(BYTES[..., 0]),
        [Image.fromarray(image) for image in BYTES[..., 0]],
    ):
        assert torch.equal(from_torch(Items(items)).images(slice(None)), expected)


def test_dark_floats_are_not_taken_for_black_and_white() -> None:
    dark = [torch.full((1, 4, 4), k / 255) for k in (0, 1, 0)]
    assert torch.equal(from_torch(Items(dark)).images([1])[0], dark[1])
    assert torch.equal(from_torch(Items([255 * image for image in dark])).images([1]), torch.ones(1, 1, 4, 4))


def test_labels() -> None:
    labels = [(k % 2, "ab"[k % 2], [k / 8, torch.tensor([k, 1])]) for k in range(12)]
    items = [(image, *rest) for image, rest in zip(PLANES, labels, strict=True)]
    data = from_torch(Items(items), factor_names=["one", "text", "share", "k", "constant"])
    assert data.factor_sizes == (2, 2, None, 12, 1)
    assert data.factors([3]).tolist() == [[1, 1, 3 / 8, 3, 0]]
    assert from_torch(Items(items), continuous=["factor3"]).factor_sizes == (2, 2, 12, None, 1)
    assert from_torch(TensorDataset(PLANES, torch.arange(12) % 3)).factor_sizes == (3,)


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Any:
        yield from PLANES


@pytest.mark.parametrize(
    ("dataset", "error", "said"),
    [
        (Endless(), TypeError, "dataset must have a length and items by index, got Endless"),
        (Items([]), ValueError, "dataset must have at least 1 image, got 0"),
        (
            Items([PLANES[0], PLANES[1, :2]]),
            ValueError,
            r"\(3, 6, 5\), got \(2, 6, 5\) for image 1",
        ),
        (Items([PLANES[0].float()]), ValueError, r"floats in \[0, 1\], got 0 to 2\d\d in image 0"),
        (Items([PLANES[0] * float("nan")]), ValueError, r"floats in \[0, 1\], got nan to nan in image 0"),
        (Items(["a picture"]), TypeError, r"must be uint8 or floats of 2 or 3 axes, got str"),
        (Items([PLANES[0].long()]), TypeError, r"got Tensor of int64 and shape \(3, 6, 5\) for image 0"),
        (Items([(PLANES[0], 1), PLANES[0]]), ValueError, "every image the same number of labels"),
    ],
)
def test_what_is_refused(dataset: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=f"from_torch: .*{said}"):
        from_torch(dataset)


def test_names_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="from_torch: factor_names must have 1 names, got 2"):
        from_torch(TensorDataset(PLANES, torch.arange(12)), factor_names=["a", "b"])
