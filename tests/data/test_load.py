"""Files of one's own: npz and HDF5, mapped, read lazily or unpacked; and what is refused."""

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from fastdis.data import ImageDataset, arrays, cached, hdf5_file, load
from fastdis.data.hdf5_file import HDF5Rows

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(256, size=(60, 8, 10, 3), dtype=np.uint8)
FACTORS = np.stack([RNG.integers(3, size=60), RNG.random(60)], axis=1)
NAMES = ["shape", "angle"]
ROWS = [59, 0, 7, 8, 9, 7]


def save_hdf5(path: Path, images: np.ndarray = IMAGES, **layout: Any) -> None:
    with h5py.File(path, "w", userblock_size=layout.pop("userblock_size", 0)) as file:
        file.create_dataset("images", data=images, **layout)
        file["factors"] = FACTORS
        file["factor_names"] = NAMES


def check(data: ImageDataset, expected: ImageDataset) -> None:
    assert (len(data), data.image_shape) == (len(expected), expected.image_shape)
    assert torch.equal(data.images(ROWS), expected.images(ROWS))
    assert torch.equal(data.images(slice(None)), expected.images(slice(None)))
    assert torch.equal(data.to("cpu").images(ROWS), expected.images(ROWS))
    assert data.images([]).shape == (0, *expected.image_shape)
    assert torch.equal(pickle.loads(pickle.dumps(data)).images(ROWS), expected.images(ROWS))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path: Path, save: Callable[..., None]) -> None:
    save(tmp_path / "mine.npz", images=IMAGES, factors=FACTORS, factor_names=NAMES)
    data = load(tmp_path / "mine.npz")
    assert isinstance(data.pixels.array, np.memmap) == (save is np.savez)
    check(data, arrays(IMAGES))
    assert data.factor_sizes == (3, None)
    assert data.factor_names == ("shape", "angle")
    assert np.array_equal(data.factors(slice(None)), FACTORS)
    assert data.source == str(tmp_path / "mine.npz")


LAYOUTS = [
    ({}, np.memmap),
    ({"userblock_size": 1024}, np.memmap),
    ({"chunks": (1, 8, 10, 3)}, HDF5Rows),
    ({"chunks": (7, 8, 5, 3), "compression": "gzip", "shuffle": True}, HDF5Rows),
    ({"chunks": (60, 2, 2, 1), "compression": "lzf"}, np.ndarray),
]


@pytest.mark.parametrize(("layout", "kept"), LAYOUTS, ids=str)
def test_hdf5_of_any_layout(tmp_path: Path, layout: dict[str, Any], kept: type) -> None:
    save_hdf5(tmp_path / "mine.h5", **layout)
    data = load(tmp_path / "mine.h5")
    assert type(data.pixels.array) is kept
    check(data, arrays(IMAGES))
    assert data.factor_names == ("shape", "angle")
    assert np.array_equal(data.factors(slice(None)), FACTORS)


@pytest.mark.parametrize("kind", ["npz", "hdf5"])
@pytest.mark.parametrize(
    "images", [IMAGES[..., 0], IMAGES.transpose(0, 3, 1, 2).copy(), IMAGES % 2, IMAGES / 255]
)
def test_other_images(tmp_path: Path, images: np.ndarray, kind: str) -> None:
    path = tmp_path / f"mine.{kind}"
    if kind == "npz":
        np.savez_compressed(path, images=images)
    else:
        save_hdf5(path, images, chunks=(5, *images.shape[1:]), compression="gzip")
    check(load(path), arrays(images))
    check(load(path, layout="nhw" if images.ndim == 3 else None), arrays(images))


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_hdf5_is_read_by_workers(tmp_path: Path, start_method: str) -> None:
    save_hdf5(tmp_path / "mine.h5", chunks=(3, 8, 10, 3), compression="gzip")
    data = load(tmp_path / "mine.h5")
    data.images([0])  # this process has the file open
    loader = DataLoader(data, batch_size=16, num_workers=2, multiprocessing_context=start_method)
    images = torch.cat([images for images, _ in loader])
    assert torch.equal(images, arrays(IMAGES).images(slice(None)))


def test_unpacked_images_are_kept_once_and_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cached, "IN_MEMORY", 1000)
    monkeypatch.setattr(hdf5_file, "_BLOCK", 5000)
    np.savez_compressed(tmp_path / "mine.npz", images=IMAGES)
    save_hdf5(tmp_path / "mine.h5", chunks=(40, 8, 5, 3), compression="gzip")
    cache = tmp_path / "cache"
    for name in ("mine.npz", "mine.h5"):
        for said in (f"fastdis: unpacking 60 images of {tmp_path / name} into {cache}/load-", None):
            check(load(tmp_path / name, cache_dir=cache), arrays(IMAGES))
            error = capfd.readouterr().err
            assert error.startswith(said) if said else error == ""
    kept = sorted(cache.iterdir())
    assert [path.stat().st_size for path in kept] == [IMAGES.nbytes] * 2
    os.truncate(kept[0], 100)
    for name in ("mine.npz", "mine.h5"):
        check(load(tmp_path / name, cache_dir=cache), arrays(IMAGES))
    assert sorted(cache.iterdir()) == kept


def test_a_damaged_file_leaves_nothing_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached, "IN_MEMORY", 1000)
    np.savez_compressed(tmp_path / "mine.npz", images=IMAGES)
    save_hdf5(tmp_path / "mine.h5", chunks=(60, 8, 10, 3), compression="gzip", fletcher32=True)
    for name in ("mine.npz", "mine.h5"):
        content = bytearray((tmp_path / name).read_bytes())
        middle = len(content) // 2
        content[middle : middle + 100] = bytes(100)
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"load: {tmp_path / name} must be a whole"):
            load(tmp_path / name, cache_dir=tmp_path / "cache")
    assert not (tmp_path / "cache").exists() or [*(tmp_path / "cache").iterdir()] == []


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached, "IN_MEMORY", 1000)
    np.savez_compressed(tmp_path / "mine.npz", images=IMAGES)
    (tmp_path / "file").touch()
    said = f"load: cannot keep 14,400 bytes of unpacked images in {tmp_path / 'file' / 'cache'}: "
    with pytest.raises(OSError, match=said):
        load(tmp_path / "mine.npz", cache_dir=tmp_path / "file" / "cache")


@pytest.mark.parametrize("kind", ["npz", "hdf5"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_file_cut_short_is_named(tmp_path: Path, kind: str, kept: float) -> None:
    path = tmp_path / f"mine.{kind}"
    np.savez(path, images=IMAGES) if kind == "npz" else save_hdf5(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ValueError, match=f"load: {path} must be a whole .* but is cut short"):
        load(path)


def test_a_hdf5_file_with_a_damaged_chunk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastdis.data.pixels._BLOCK", 5000)  # the first 20 images are looked at
    path = tmp_path / "mine.h5"
    save_hdf5(path, chunks=(20, 8, 10, 3), compression="gzip", fletcher32=True)
    with h5py.File(path) as file:
        offset = file["images"].id.get_chunk_info(2).byte_offset
    content = bytearray(path.read_bytes())
    content[offset + 50 : offset + 60] = bytes(10)
    path.write_bytes(content)
    data = load(path)
    data.images([0])
    with pytest.raises(OSError, match=f"{path}: /images cannot be read at row 41: "):
        data.images([41])


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        ({"imgs": IMAGES}, ValueError, "load: .* must hold images, but holds imgs"),
        ({"images": IMAGES.astype(object)}, TypeError, "images of .* must be numbers or text, got an object"),
        ({"images": IMAGES, "factors": np.array([{}] * 60)}, TypeError, "factors of .* got an object array"),
        (
            {"images": IMAGES.astype(np.int32)},
            TypeError,
            "images of .* must be uint8, .*got int32; pixels",
        ),
        (
            {"images": IMAGES * 1.0},
            ValueError,
            r"images of .* must be floats .* must be uint8",
        ),
        ({"images": np.zeros((0, 8, 8), np.uint8)}, ValueError, r"no empty one, got shape \(0, 8, 8\)"),
        ({"images": np.asfortranarray(IMAGES)}, ValueError, "images of .* must be in C order"),
        (
            {"images": IMAGES, "factors": FACTORS[1:]},
            ValueError,
            "must have 60 labels, .*got .*59",
        ),
        (
            {"images": IMAGES, "factors": FACTORS, "factor_names": ["a"]},
            ValueError,
            "factor_names must be 2 different",
        ),
    ],
)
def test_what_an_npz_must_not_hold(
    tmp_path: Path, content: dict[str, np.ndarray], error: type[Exception], said: str
) -> None:
    np.savez(tmp_path / "mine.npz", **content)
    with pytest.raises(error, match=said):
        load(tmp_path / "mine.npz")


def test_what_a_hdf5_file_must_not_hold(tmp_path: Path) -> None:
    path = tmp_path / "mine.h5"
    for content, error, said in (
        ({"imgs": IMAGES}, ValueError, f"load: {path} must hold images, but holds imgs"),
        ({"images": h5py.SoftLink("/gone")}, ValueError, f"load: {path} must hold images, but holds nothing"),
        ({"images": np.zeros(3)}, TypeError, r"must be numbers of 3 or 4 axes, got float64 of shape \(3,\)"),
        ({"images": IMAGES, "factors": h5py.SoftLink("/gone")}, ValueError, "must hold factors, but holds"),
        ({"images": IMAGES.astype(np.int32)}, TypeError, "must be uint8, .*got int32"),
    ):
        with h5py.File(path, "w") as file:
            for name, value in content.items():
                file[name] = value
        with pytest.raises(error, match=said):
            load(path)


def test_hdf5_text_is_read_as_classes(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file["images"] = IMAGES
        file["factors"] = [["heart"], ["square"]] * 30
    assert load(tmp_path / "mine.h5").factor_values["factor0"].tolist() == ["heart", "square"]


def test_floats_of_a_hdf5_file_are_checked_when_they_are_read(tmp_path: Path) -> None:
    images = RNG.random((60, 8, 10, 3))
    images[40, 0, 0, 0] = np.nan
    save_hdf5(tmp_path / "mine.h5", images, chunks=(4, 8, 10, 3))
    data = load(tmp_path / "mine.h5")
    assert torch.equal(data.images([39]), arrays(images[:40]).images([39]))
    for read in (lambda: data.images([3, 40]), lambda: data.to("cpu")):
        with pytest.raises(ValueError, match=r"mine.h5 must be floats in \[0, 1\], got nan in image"):
            read()


def test_what_is_no_file_of_images_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    with pytest.raises(FileNotFoundError, match=f"load: path must be .*; there is nothing at {path}$"):
        load(path)
    for content in (b"", b"<html>Not found</html>", b"\x89PNG"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"load: {path} must be an npz, .*, but is none of them"):
            load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", b"nothing")
    with pytest.raises(ValueError, match=f"load: images of {path} must be an array as NumPy writes it"):
        load(path)


def test_arguments_of_folders_are_refused_for_files(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", images=IMAGES)
    for name, value in (("size", 64), ("channels", 1), ("factors", "labels.csv")):
        with pytest.raises(
            ValueError, match=f"load: {name} must be None for a file of arrays, got {value!r}"
        ):
            load(tmp_path / "mine.npz", **{name: value})
