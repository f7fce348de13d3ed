"""The published files: read in any layout and in little memory, written for other tools, or refused."""

import tracemalloc
import zipfile
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from fastdis.data import FactorDataset, dsprites, write_npz
from fastdis.data.dsprites import hdf5
from fastdis.data.dsprites.published import read

VALUES = {
    "color": np.ones(1),
    "shape": np.arange(1.0, 4.0),
    "scale": np.linspace(0.5, 1, 2),
    "orientation": np.linspace(0, 6, 4),
    "posX": np.linspace(0, 1, 5),
    "posY": np.linspace(0, 1, 7),
}
SIZES = (1, 3, 2, 4, 5, 7)
COUNT = prod(SIZES)  # 840
PACKED = np.random.default_rng(0).integers(256, size=(COUNT, 512), dtype=np.uint8)
IMAGES = np.unpackbits(PACKED, axis=1).reshape(COUNT, 64, 64)
CLASSES = np.stack(np.unravel_index(np.arange(COUNT), SIZES), axis=1)


def save_hdf5(path: Path, images: NDArray[Any], classes: NDArray[Any] = CLASSES, **layout: Any) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("imgs", data=images, **layout)
        file.create_dataset("latents/classes", data=classes)


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    path = tmp_path / "small.npz"
    write_npz(FactorDataset(PACKED, VALUES, (1, 64, 64), "random"), path, progress=False)
    return path


@pytest.fixture
def twin(tmp_path: Path) -> Path:
    path = tmp_path / "small.hdf5"
    save_hdf5(path, IMAGES, compression="gzip")
    return path


def test_npz_is_read_back(npz: Path) -> None:
    assert np.array_equal(read(npz, SIZES), PACKED)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_of_numpy_is_read(tmp_path: Path, save: Callable[..., None]) -> None:
    save(tmp_path / "file.npz", imgs=IMAGES, latents_classes=CLASSES)
    assert np.array_equal(read(tmp_path / "file.npz", SIZES), PACKED)


@pytest.mark.parametrize("small_slabs", [False, True])
@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"chunks": (COUNT, 64, 64)},
        {"chunks": (COUNT, 1, 1)},
        {"chunks": (1, 64, 64), "compression": "gzip"},
        {"chunks": (100, 2, 4), "compression": "gzip"},
        {"chunks": (COUNT, 64, 3), "compression": "lzf", "shuffle": True},
        {"chunks": (101, 5, 11), "fletcher32": True},
        {"chunks": (COUNT, 64, 64), "compression": "gzip"},
        {"chunks": (101, 50, 11), "compression": "gzip", "shuffle": True, "fletcher32": True},
    ],
    ids=str,
)
def test_hdf5_of_any_layout_is_read(
    tmp_path: Path, layout: dict[str, Any], small_slabs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With small slabs these files are read in as many parts as those of the whole data set are."""
    if small_slabs:
        monkeypatch.setattr(hdf5, "_LARGE", 20_000)
        monkeypatch.setattr(hdf5, "_MB", 5_000)
    save_hdf5(tmp_path / "file.hdf5", IMAGES, **layout)
    assert np.array_equal(read(tmp_path / "file.hdf5", SIZES), PACKED)


@pytest.mark.parametrize("kind", ["npz", "hdf5"])
def test_reading_takes_little_more_memory_than_the_result(tmp_path: Path, kind: str) -> None:
    sizes = (1, 1, 1, 30, 32, 32)  # 126 MB of pixels, 16 MB of bits
    count, path = prod(sizes), tmp_path / f"file.{kind}"
    images = np.zeros((count, 64, 64), np.uint8)
    classes = np.stack(np.unravel_index(np.arange(count), sizes), axis=1)
    if kind == "npz":
        np.savez(path, imgs=images, latents_classes=classes)
    else:
        save_hdf5(path, images, classes, chunks=(1024, 2, 4))
    tracemalloc.start()
    read(path, sizes)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < count * 512 + 24 * 2**20


@pytest.mark.parametrize(("encoding", "text"), [("latin1", str), ("bytes", bytes)])
def test_numpy_reads_what_is_written(npz: Path, encoding: Any, text: Callable[..., Any]) -> None:
    def key(name: str) -> Any:
        return name if text is str else name.encode()

    with np.load(npz, allow_pickle=True, encoding=encoding) as file:
        assert np.array_equal(file["imgs"], IMAGES)
        assert file["imgs"].dtype == np.uint8
        assert np.array_equal(file["latents_classes"], CLASSES)
        assert file["latents_classes"].dtype == np.int64
        expected = np.stack([values[CLASSES[:, k]] for k, values in enumerate(VALUES.values())], axis=1)
        assert np.array_equal(file["latents_values"], expected)
        assert file["latents_values"].dtype == np.float64
        metadata = file["metadata"][()]
    assert metadata[key("latents_names")] == tuple(key(name) for name in VALUES)
    assert np.array_equal(metadata[key("latents_sizes")], SIZES)
    for name, values in VALUES.items():
        assert np.array_equal(metadata[key("latents_possible_values")][key(name)], values)


def test_numpy_1_can_read_what_is_written(npz: Path) -> None:
    with zipfile.ZipFile(npz) as archive:
        assert b"numpy._core" not in archive.read("metadata.npy")


def test_a_subset_is_written_as_it_is(tmp_path: Path) -> None:
    part = FactorDataset(PACKED, VALUES, (1, 64, 64), "random").subset([700, 3])
    write_npz(part, tmp_path / "part.npz", progress=False)
    with np.load(tmp_path / "part.npz") as file:
        assert np.array_equal(file["imgs"], IMAGES[[700, 3]])
        assert np.array_equal(file["latents_classes"], CLASSES[[700, 3]])


def test_only_images_of_one_channel_are_written(tmp_path: Path) -> None:
    colour = FactorDataset(PACKED, VALUES, (2, 64, 32), "random")
    with pytest.raises(ValueError, match="images of 1 channel, got 2"):
        write_npz(colour, tmp_path / "file.npz")
    assert [*tmp_path.iterdir()] == []


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.npz", tmp_path):
        with pytest.raises(FileNotFoundError, match=rf"dsprites_ndarray_.*there is none at {path}$"):
            dsprites(path)


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    for content in (b"", b"<html>Not found</html>"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"{path} must be dsprites_ndarray_.* neither npz nor HDF5"):
            dsprites(path)


@pytest.mark.parametrize("kind", ["npz", "twin"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.999])
def test_a_file_cut_short_is_named(kind: str, kept: float, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(kind)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(ValueError, match=f"dsprites: {path} must be a whole .* cut short or damaged: "):
        read(path, SIZES)


@pytest.mark.parametrize("kind", ["npz", "twin"])
def test_a_damaged_file_is_named(kind: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(kind)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 100] = bytes(100)
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"dsprites: {path} must be a whole .* cut short or damaged: "):
        read(path, SIZES)


def test_an_array_that_is_shorter_than_it_says_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    np.savez(path, imgs=IMAGES, latents_classes=CLASSES)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for change, said in ((lambda data: data[:-64], "imgs ends early"), (lambda data: data + b"0", "goes on")):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("latents_classes.npy", members["latents_classes.npy"])
            archive.writestr("imgs.npy", change(members["imgs.npy"]))
        with pytest.raises(ValueError, match=f"{path} must be a whole .*{said}"):
            read(path, SIZES)


@pytest.mark.parametrize(
    ("images", "classes", "said"),
    [
        (IMAGES, None, r"must hold latents.classes"),
        (None, CLASSES, r"must hold imgs"),
        (
            IMAGES[:-1],
            CLASSES,
            r"imgs of .* shape \(840, 64, 64\) and dtype uint8, got \(839, 64, 64\) and uint8",
        ),
        (IMAGES[:, :, :32], CLASSES, r"imgs of .* got \(840, 64, 32\)"),
        (IMAGES.astype(np.float32), CLASSES, r"imgs of .* got \(840, 64, 64\) and float32"),
        (IMAGES, CLASSES[:, 1:], r"latents.classes of .* shape \(840, 6\) and dtype int64, got \(840, 5\)"),
        (IMAGES * 255, CLASSES, "imgs of .* must be 0 or 1 in every pixel, got 255"),
        (
            IMAGES,
            np.roll(CLASSES, 1, axis=0),
            r"in order, but image 0 has \[0 2 1 3 4 6\], not \[0 0 0 0 0 0\]",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["npz", "hdf5"])
def test_what_is_not_the_data_set_is_refused(
    tmp_path: Path, kind: str, images: NDArray[Any] | None, classes: NDArray[Any] | None, said: str
) -> None:
    path = tmp_path / f"file.{kind}"
    if kind == "npz":
        arrays = {"imgs": images, "latents_classes": classes}
        np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    else:
        with h5py.File(path, "w") as file:
            for name, array in (("imgs", images), ("latents/classes", classes)):
                if array is not None:
                    file[name] = array
    with pytest.raises(ValueError, match=said) as refused:
        read(path, SIZES)
    assert str(path) in str(refused.value)


def test_fortran_order_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    np.savez(path, imgs=np.asfortranarray(IMAGES), latents_classes=CLASSES)
    with pytest.raises(ValueError, match=f"imgs of {path} must be in C order"):
        read(path, SIZES)


def test_a_group_in_place_of_an_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.hdf5"
    with h5py.File(path, "w") as file:
        file.create_group("imgs")
        file["latents/classes"] = CLASSES
    with pytest.raises(ValueError, match=f"{path} must hold imgs"):
        read(path, SIZES)
