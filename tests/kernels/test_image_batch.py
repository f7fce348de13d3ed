"""Batches of uint8 images: the bits of plain PyTorch, for every kind of input, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fastdis.kernels.image_batch import image_batch
from fastdis.kernels.nuisances import nuisance_images

RNG = np.random.default_rng(0)


def plainly(images: np.ndarray, indices: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(images)[indices]).float().div(255)


@pytest.mark.parametrize("backend", ["numba", "reference"])
@pytest.mark.parametrize(
    "shape", [(20, 64, 64, 3), (20, 64, 64), (20, 5, 7, 2), (20, 3, 8, 8), (20, 1), (20,)]
)
def test_bits_are_those_of_plain_pytorch(shape: tuple[int, ...], backend: str) -> None:
    images = RNG.integers(256, size=shape, dtype=np.uint8)
    indices = RNG.integers(20, size=33)
    batch = image_batch(images, indices, backend=backend)
    assert batch.is_contiguous()
    assert torch.equal(batch, plainly(images, indices))


def test_each_of_the_256_bytes_is_divided_to_the_last_bit() -> None:
    batch = image_batch(np.arange(256, dtype=np.uint8)[None], np.zeros(1, np.int64), backend="numba")
    assert np.array_equal(batch[0].numpy(), np.arange(256, dtype=np.float32) / np.float32(255))


@pytest.mark.parametrize("shape", [(9, 3), (9, 511), (9, 512), (9, 513), (9, 64, 64, 3)])
def test_no_byte_beyond_the_images_is_asked_for_or_left_out(shape: tuple[int, ...]) -> None:
    images = RNG.integers(256, size=shape, dtype=np.uint8)
    indices = np.array([8, 0, 8])  # the last image, and beside it none
    assert torch.equal(image_batch(images, indices, backend="numba"), plainly(images, indices))


@pytest.mark.parametrize("backend", ["numba", "reference"])
def test_batches_are_float32_whatever_the_default(backend: str) -> None:
    images, before = np.zeros((2, 8, 8), np.uint8), torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        assert image_batch(images, np.arange(2), backend=backend).dtype == torch.float32
        packed = np.zeros((2, 8), np.uint8)
        noisy = nuisance_images("noise", packed, np.arange(2), (8, 8), backend=backend)
        assert noisy.dtype == torch.float32
    finally:
        torch.set_default_dtype(before)


def test_large_batches_are_made_by_all_threads() -> None:
    images = RNG.integers(256, size=(501, 32, 32, 3), dtype=np.uint8)
    indices = RNG.permutation(501)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert torch.equal(image_batch(images, indices), plainly(images, indices))
    finally:
        torch.set_num_threads(before)


def test_arrays_tensors_maps_and_views_give_the_same(tmp_path: Path) -> None:
    images = RNG.integers(256, size=(20, 6, 4, 3), dtype=np.uint8)
    images.tofile(tmp_path / "images")
    expected = plainly(images, np.array([3, 19, 3]))
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
                assert torch.equal(image_batch(given, indices, backend=backend), expected)
    assert images.flags.writeable


def test_no_index_gives_an_empty_batch() -> None:
    assert image_batch(np.zeros((5, 8, 9, 3), np.uint8), np.zeros(0, np.int64)).shape == (0, 8, 9, 3)


@pytest.mark.parametrize("index", [-1, 5, 2**40])
@pytest.mark.parametrize("backend", ["numba", "reference"])
def test_an_index_out_of_range_is_named(index: int, backend: str) -> None:
    images = np.zeros((5, 8, 8, 3), np.uint8)
    with pytest.raises(IndexError, match=f"image_batch: indices must be 0 to 4, got {index}"):
        image_batch(images, np.array([0, index, 4]), backend=backend)


def test_what_is_not_images_or_not_an_index_is_refused() -> None:
    images, indices = np.zeros((5, 8, 8, 3), np.uint8), np.zeros(1, np.int64)
    with pytest.raises(TypeError, match="image_batch: images must be uint8, got int64"):
        image_batch(images.astype(np.int64), indices)
    with pytest.raises(ValueError, match=r"images must have shape \(count, \.\.\.\), got \(\)"):
        image_batch(np.uint8(3), indices)
    with pytest.raises(TypeError, match=r"indices must be integers, got torch.float64"):
        image_batch(images, indices.astype(float))
    with pytest.raises(ValueError, match=r"indices must have shape \(n,\), got \(1, 1\)"):
        image_batch(images, indices[None])
    with pytest.raises(ValueError, match="backend must be one of"):
        image_batch(images, indices, backend="cuda")
    with pytest.raises(RuntimeError, match="image_batch: backend='triton'"):
        image_batch(images, indices, backend="triton")
