"""Packing and unpacking: round trips for every shape, dtype and kind of input, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fastdis.kernels.packed_images import pack, unpack

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("backend", ["numba", "reference"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 5, 7), (1, 1, 1), (1, 3, 8), (2, 2, 2)])
def test_unpack_inverts_pack(shape: tuple[int, ...], dtype: torch.dtype, backend: str) -> None:
    images = RNG.integers(2, size=(150, *shape), dtype=np.uint8)
    indices = RNG.integers(150, size=200)
    unpacked = unpack(pack(images), indices, shape, dtype=dtype, backend=backend)
    assert unpacked.dtype == dtype
    assert torch.equal(unpacked, torch.from_numpy(images[indices]).to(dtype))


def test_large_batches_are_unpacked_by_all_threads() -> None:
    images = RNG.integers(2, size=(3001, 1, 64, 64), dtype=np.uint8)
    indices = RNG.permutation(3001)
    assert torch.equal(unpack(pack(images), indices), torch.from_numpy(images[indices]).float())


def test_arrays_tensors_maps_and_views_give_the_same(tmp_path: Path) -> None:
    packed = RNG.integers(256, size=(20, 512), dtype=np.uint8)
    packed.tofile(tmp_path / "packed")
    expected = torch.from_numpy(np.unpackbits(packed, axis=1)[[3, 19, 3]]).float().reshape(3, 1, 64, 64)
    twice = np.repeat(packed, 2, axis=0)
    for given in (
        packed,
        torch.from_numpy(packed),
        np.memmap(tmp_path / "packed", np.uint8, "r", shape=(20, 512)),
        twice[::2],
        torch.from_numpy(twice)[::2],
    ):
        for indices in (np.array([3, 19, 3]), torch.tensor([3, 19, 3]), np.array([3, 19, 3], np.uint8)):
            for backend in ("numba", "reference"):
                assert torch.equal(unpack(given, indices, backend=backend), expected)
    assert packed.flags.writeable


def test_no_index_gives_an_empty_batch() -> None:
    assert unpack(np.zeros((5, 512), np.uint8), np.zeros(0, np.int64)).shape == (0, 1, 64, 64)


@pytest.mark.parametrize("index", [-1, 5, 2**40])
@pytest.mark.parametrize("backend", ["numba", "reference"])
def test_an_index_out_of_range_is_named(index: int, backend: str) -> None:
    with pytest.raises(IndexError, match=f"indices must be 0 to 4, got {index}"):
        unpack(np.zeros((5, 512), np.uint8), np.array([0, index, 4]), backend=backend)


def test_what_is_not_packed_or_not_an_index_is_refused() -> None:
    packed, indices = np.zeros((5, 512), np.uint8), np.zeros(1, np.int64)
    with pytest.raises(TypeError, match="packed must be uint8, got int64"):
        unpack(packed.astype(np.int64), indices)
    with pytest.raises(ValueError, match=r"packed must have shape \(count, 512\).*got \(5, 511\)"):
        unpack(packed[:, 1:], indices)
    with pytest.raises(ValueError, match=r"packed must have shape \(count, 6\)"):
        unpack(packed, indices, (3, 4, 4))
    with pytest.raises(TypeError, match=r"indices must be integers, got torch.float64"):
        unpack(packed, indices.astype(float))
    with pytest.raises(TypeError, match=r"indices must be integers, got torch.bool"):
        unpack(packed, np.array([True]))
    with pytest.raises(ValueError, match=r"indices must have shape \(n,\), got \(1, 1\)"):
        unpack(packed, indices[None])
    with pytest.raises(TypeError, match=r"dtype must be float32.*got torch.uint8"):
        unpack(packed, indices, dtype=torch.uint8)
    with pytest.raises(ValueError, match="backend must be one of"):
        unpack(packed, indices, backend="cuda")
    with pytest.raises(TypeError, match="images must be uint8 or bool, got float64"):
        pack(np.zeros((1, 8)))
    with pytest.raises(ValueError, match="images must be 0 or 1 in every pixel, got 255"):
        pack(np.array([[0, 1, 255]], np.uint8))


def test_pack_takes_booleans() -> None:
    images = RNG.integers(2, size=(3, 1, 3, 5), dtype=np.uint8)
    assert np.array_equal(pack(images.astype(bool)), pack(images))
