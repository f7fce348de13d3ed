"""One's own arrays: every layout, dtype and kind, and what is refused."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from fastdis.data import arrays
from fastdis.data.pixels import PackedPixels

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(256, size=(40, 8, 10, 3), dtype=np.uint8)


def floats(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images.copy()).permute(0, 3, 1, 2).float().div(255)


@pytest.mark.parametrize(
    ("images", "layout", "expected"),
    [
        (COLOUR, None, floats(COLOUR)),
        (COLOUR.transpose(0, 3, 1, 2), None, floats(COLOUR)),
        (COLOUR.transpose(0, 3, 1, 2).copy(), None, floats(COLOUR)),
        (COLOUR[..., 0], None, floats(COLOUR[..., :1])),
        (COLOUR[:, :, :2], "nhwc", floats(COLOUR[:, :, :2])),
        (COLOUR[:, :3], "nhwc", floats(COLOUR[:, :3])),
        (COLOUR[:, :3], "nchw", floats(COLOUR[:, :3].transpose(0, 2, 3, 1))),
        (COLOUR.repeat(2, axis=3), "nhwc", floats(COLOUR.repeat(2, axis=3))),
        (COLOUR[::-2, ::-1], None, floats(COLOUR[::-2, ::-1])),
    ],
)
def test_layouts(images: np.ndarray, layout: str | None, expected: torch.Tensor) -> None:
    data = arrays(images, layout=layout)
    assert data.image_shape == expected.shape[1:]
    assert torch.equal(data.images(slice(None)), expected)
    assert torch.equal(data.images([3, 0, 3]), expected[[3, 0, 3]])
    dense = torch.channels_last if data.pixels.channels_last else torch.contiguous_format
    assert data.images([3]).is_contiguous(memory_format=dense)


@pytest.mark.parametrize("shape", [(40, 8, 10, 5), (40, 3, 10, 3), (40, 2, 2, 1)])
def test_an_ambiguous_layout_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="arrays: layout must be 'nhwc' or 'nchw' for images of shape"):
        arrays(np.zeros(shape, np.uint8))
    assert arrays(np.full(shape, 9, np.uint8), layout="nchw").image_shape == shape[1:]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_floats_stay_as_they_are_given(dtype: Any) -> None:
    images = RNG.random((40, 8, 10, 3)).astype(dtype)
    data = arrays(images)
    assert np.shares_memory(data.pixels.array, images)
    batch = data.images([4, 39, 4])
    assert batch.dtype == torch.float32
    assert torch.equal(batch, torch.from_numpy(images.astype(np.float32)[[4, 39, 4]]).permute(0, 3, 1, 2))
    moved = data.to("cpu").images([4, 39, 4])
    assert torch.equal(moved, batch)


def test_nothing_is_copied(tmp_path: Path) -> None:
    assert np.shares_memory(arrays(COLOUR).pixels.array, COLOUR)
    tensor = torch.from_numpy(COLOUR)
    assert np.shares_memory(arrays(tensor).pixels.array, COLOUR)
    COLOUR.tofile(tmp_path / "images")
    mapped = arrays(np.memmap(tmp_path / "images", np.uint8, "r", shape=COLOUR.shape))
    assert torch.equal(mapped.images([4]), floats(COLOUR[[4]]))
    assert len(pickle.dumps(mapped)) < 2000
    assert torch.equal(pickle.loads(pickle.dumps(mapped)).images([4]), floats(COLOUR[[4]]))


@pytest.mark.parametrize("dtype", [np.uint8, bool])
def test_black_and_white_images_become_bits(dtype: type) -> None:
    images = RNG.integers(2, size=(40, 8, 10, 3)).astype(dtype)
    data = arrays(images)
    assert isinstance(data.pixels, PackedPixels)
    assert data.pixels.nbytes == 40 * 30
    assert torch.equal(data.images(slice(None)), torch.from_numpy(images.transpose(0, 3, 1, 2)).float())


def test_uint8_with_one_brighter_pixel_is_not_black_and_white(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastdis.data.pixels._BLOCK", 100)
    images = RNG.integers(2, size=(40, 8, 10, 3), dtype=np.uint8)
    images[39, 7, 9, 2] = 2
    assert torch.equal(arrays(images).images(slice(None)), floats(images))


def test_a_device_that_converts_itself_gives_the_same() -> None:
    for images in (COLOUR, COLOUR[..., 0], COLOUR.transpose(0, 3, 1, 2), COLOUR % 2):
        data = arrays(images)
        moved = data.to(torch.device("cpu"))
        assert moved is not data
        assert torch.equal(moved.images([7, 39]), data.images([7, 39]))
        assert torch.equal(moved.subset([5, 4]).images([1]), data.images([4]))


def test_loader_with_workers() -> None:
    data = arrays(COLOUR, {"a": np.arange(40) % 3, "b": np.linspace(0, 1, 40)})
    loader = DataLoader(data, batch_size=16, num_workers=2, multiprocessing_context="fork")
    images, factors = (torch.cat(parts) for parts in zip(*loader, strict=True))
    assert torch.equal(images, floats(COLOUR))
    assert torch.equal(factors, torch.from_numpy(data.factors(slice(None))))


def test_without_factors() -> None:
    data = arrays(COLOUR)
    assert (data.factor_names, data.factor_sizes, dict(data.factor_values)) == ((), (), {})
    assert data.factors([1, 2]).shape == (2, 0)
    image, labels = data[3]
    assert image.shape == (3, 8, 10)
    assert labels.shape == (0,)


@pytest.mark.parametrize(
    ("images", "error", "said"),
    [
        ([[1]], TypeError, "arrays: images must be an array or a tensor, got list"),
        (np.zeros((3, 8, 8), object), TypeError, "images must be uint8, bool, float16, .* got object"),
        (np.zeros((3, 8, 8), np.int64), TypeError, "got int64; pixels from 0 to 255 must be uint8"),
        (torch.zeros(3, 8, 8, dtype=torch.bfloat16), TypeError, "got bfloat16"),
        (np.ma.masked_array(np.zeros((3, 8, 8))), TypeError, "images must not be a masked array"),
        (np.zeros((8, 8), np.uint8), ValueError, r"must have shape \(n, height, width\), .* got \(8, 8\)"),
        (np.zeros((0, 8, 8), np.uint8), ValueError, r"none of them 0, got \(0, 8, 8\)"),
        (np.full((3, 8, 8), 1.5), ValueError, "must be floats in .0, 1., got 1.5 in image 0; pixels from 0"),
        (np.full((3, 8, 8), -0.1), ValueError, "got -0.1 in image 0$"),
        (np.full((3, 8, 8), np.inf), ValueError, "got inf in image 0$"),
    ],
)
def test_what_is_not_images_is_refused(images: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        arrays(images)


def test_a_float_that_is_not_a_number_is_found_wherever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastdis.data.pixels._BLOCK", 5000)
    images = RNG.random((40, 8, 10, 3))
    images[33, 2, 1, 0] = np.nan
    with pytest.raises(ValueError, match=r"arrays: images must be floats in \[0, 1\], got nan in image 33"):
        arrays(images)


def test_a_layout_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"layout must have an axis for each of images, got nhw for \(40, 8"):
        arrays(COLOUR, layout="nhw")
    with pytest.raises(ValueError, match=r"arrays: layout must be one of 'nhw', .* did you mean nchw"):
        arrays(COLOUR, layout="nchv")
