"""Batches of uint8 images: the bits of plain PyTorch, for every kind of input, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fastdis.kernels.image_batch import image_batch

RNG = np.random.default_rng(0)


def plainly(images: np.ndarray, indices: np.ndarray, channels_last: bool) -> torch.Tensor:
    rows = torch.from_numpy(np.array(images)[indices])
    return (rows.permute(0, 3, 1, 2) if channels_last else rows).float().div(255)


@pytest.mark.parametrize("backend", ["numba", "reference"])
@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize(
    "shape", [(20, 64, 64, 3), (20, 64, 64, 1), (20, 5, 7, 2), (20, 3, 8, 8), (20, 1, 1, 1), (20, 4, 6, 5)]
)
def test_bits_are_those_of_plain_pytorch(shape: tuple[int, ...], channels_last: bool, backend: str) -> None:
    images = RNG.integers(256, size=shape, dtype=np.uint8)
    indices = RNG.integers(20, size=33)
    batch = image_batch(images, indices, channels_last=channels_last, backend=backend)
    assert batch.is_contiguous()
    assert torch.equal(batch, plainly(images, indices, channels_last))


@pytest.mark.parametrize("channels", [1, 3])
def test_each_of_the_256_bytes_is_divided_to_the_last_bit(channels: int) -> None:
    images = np.repeat(np.arange(256, dtype=np.uint8), channels).reshape(1, 16, 16, channels)
    expected = np.arange(256, dtype=np.float32) / np.float32(255)
    for channel in image_batch(images, np.zeros(1, np.int64), channels_last=True, backend="numba")[0]:
        assert np.array_equal(channel.numpy().ravel(), expected)


def test_large_batches_are_made_by_all_threads() -> None:
    images = RNG.integers(256, size=(501, 32, 32, 3), dtype=np.uint8)
    indices = RNG.permutation(501)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert torch.equal(
            image_batch(images, indices, channels_last=True), plainly(images, indices, channels_last=True)
        )
    finally:
        torch.set_num_threads(before)


def test_arrays_tensors_maps_and_views_give_the_same(tmp_path: Path) -> None:
    images = RNG.integers(256, size=(20, 6, 4, 3), dtype=np.uint8)
    images.tofile(tmp_path / "images")
    expected = plainly(images, np.array([3, 19, 3]), True)
    twice = np.repeat(images, 2, axis=0)
    for given in (
        images,
        torch.from_numpy(images),
        np.memmap(tmp_path / "images", np.uint8, "r", shape=images.shape),
        twice[::2],
        torch.from_numpy(twice)[::2],
        images.transpose(0, 2, 1, 3).copy().transpose(0, 2, 1, 3),
    ):
        for indices in (np.array([3, 19, 3]), torch.tensor([3, 19, 3]), [3, 19, 3]):
            for backend in ("numba", "reference"):
                assert torch.equal(image_batch(given, indices, channels_last=True, backend=backend), expected)
    assert images.flags.writeable


def test_no_index_gives_an_empty_batch() -> None:
    for channels_last, shape in ((True, (0, 3, 8, 9)), (False, (0, 8, 9, 3))):
        batch = image_batch(
            np.zeros((5, 8, 9, 3), np.uint8), np.zeros(0, np.int64), channels_last=channels_last
        )
        assert batch.shape == shape


@pytest.mark.parametrize("index", [-1, 5, 2**40])
@pytest.mark.parametrize("backend", ["numba", "reference"])
def test_an_index_out_of_range_is_named(index: int, backend: str) -> None:
    images = np.zeros((5, 8, 8, 3), np.uint8)
    with pytest.raises(IndexError, match=f"image_batch: indices must be 0 to 4, got {index}"):
        image_batch(images, np.array([0, index, 4]), channels_last=True, backend=backend)


def test_what_is_not_images_or_not_an_index_is_refused() -> None:
    images, indices = np.zeros((5, 8, 8, 3), np.uint8), np.zeros(1, np.int64)
    with pytest.raises(TypeError, match="image_batch: images must be uint8, got int64"):
        image_batch(images.astype(np.int64), indices, channels_last=True)
    with pytest.raises(ValueError, match=r"images must have 4 axes, got shape \(5, 8, 8\)"):
        image_batch(images[..., 0], indices, channels_last=True)
    with pytest.raises(TypeError, match=r"indices must be integers, got torch.float64"):
        image_batch(images, indices.astype(float), channels_last=True)
    with pytest.raises(ValueError, match=r"indices must have shape \(n,\), got \(1, 1\)"):
        image_batch(images, indices[None], channels_last=True)
    with pytest.raises(ValueError, match="backend must be one of"):
        image_batch(images, indices, channels_last=True, backend="cuda")
    with pytest.raises(RuntimeError, match="image_batch: backend='triton'"):
        image_batch(images, indices, channels_last=True, backend="triton")
