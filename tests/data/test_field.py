"""The field's files, written small in the same layout: read to the pixel, or refused in one line."""

import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from fastdis import data
from fastdis.data import cached
from fastdis.data.hdf5_file import HDF5Rows
from support import published_files
from support.published_files import grid, module


def floats(images: NDArray[np.uint8]) -> torch.Tensor:
    """(n, height, width, channels) uint8 as a batch."""
    return torch.from_numpy(images.copy()).permute(0, 3, 1, 2).float().div(255)


def lanczos(picture: NDArray[np.uint8], box: tuple[int, ...] | None = None) -> NDArray[np.uint8]:
    image = Image.fromarray(picture)
    image = image.crop(box) if box else image
    return np.asarray(image.resize((64, 64), Image.Resampling.LANCZOS))


SHAPES = {
    "floor_hue": np.arange(2) / 10,
    "wall_hue": np.arange(3) / 10,
    "shape": np.arange(4),
    "orientation": np.linspace(-30, 30, 5),
}


@pytest.fixture
def small_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module("shapes3d"), "FACTORS", SHAPES)


@pytest.mark.usefixtures("small_shapes")
@pytest.mark.parametrize(
    ("layout", "kept"),
    [
        ({}, np.memmap),
        ({"chunks": (1, 64, 64, 3), "compression": "gzip"}, HDF5Rows),
        ({"chunks": (60, 4, 4, 1), "compression": "gzip", "shuffle": True}, np.ndarray),
    ],
)
def test_shapes3d(tmp_path: Path, layout: dict[str, object], kept: type) -> None:
    images = published_files.write_shapes3d(tmp_path / "3dshapes.h5", SHAPES, **layout)
    shapes = data.shapes3d(tmp_path / "3dshapes.h5")
    assert type(shapes.pixels.array) is kept
    assert (len(shapes), shapes.image_shape, shapes.factor_sizes) == (120, (3, 64, 64), (2, 3, 4, 5))
    assert torch.equal(shapes.images([119, 0, 7, 8, 7]), floats(images[[119, 0, 7, 8, 7]]))
    assert np.array_equal(shapes.factors(slice(None)), grid(SHAPES))
    assert shapes.factor_values["orientation"][-1] == 30
    assert torch.equal(pickle.loads(pickle.dumps(shapes)).images([5]), floats(images[[5]]))


@pytest.mark.usefixtures("small_shapes")
def test_shapes3d_in_large_chunks_are_unpacked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cached, "IN_MEMORY", 10**5)
    layout = {"chunks": (40, 64, 64, 1), "compression": "gzip"}
    images = published_files.write_shapes3d(tmp_path / "3dshapes.h5", SHAPES, **layout)
    for said in ("unpacking 120 images", ""):
        shapes = data.shapes3d(tmp_path / "3dshapes.h5", cache_dir=tmp_path / "cache")
        assert isinstance(shapes.pixels.array, np.memmap)
        assert torch.equal(shapes.images(slice(None)), floats(images))
        assert said in capfd.readouterr().err
    (kept,) = (tmp_path / "cache").iterdir()
    published_files.write_shapes3d(tmp_path / "3dshapes.h5", SHAPES, **layout, fletcher32=True)
    data.shapes3d(tmp_path / "3dshapes.h5", cache_dir=tmp_path / "cache")
    assert kept not in (tmp_path / "cache").iterdir()
    assert len([*(tmp_path / "cache").iterdir()]) == 1


@pytest.mark.usefixtures("small_shapes")
def test_shapes3d_refused(tmp_path: Path) -> None:
    path = tmp_path / "3dshapes.h5"
    with pytest.raises(FileNotFoundError, match=f"shapes3d: path must be a file, 3dshapes.h5; .* at {path}$"):
        data.shapes3d(path)
    published_files.write_shapes3d(path, SHAPES)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"<html>Not found</html>", b""):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"{path} must be a whole 3dshapes.h5, but is cut short"):
            data.shapes3d(path)
    published_files.write_shapes3d(path, {**SHAPES, "shape": np.arange(3)})
    with pytest.raises(ValueError, match=r"images of .* shape \(120, 64, 64, 3\) .*, got \(90, 64, 64, 3\)"):
        data.shapes3d(path)
    published_files.write_shapes3d(path, dict(reversed(SHAPES.items())))
    with pytest.raises(ValueError, match=r"labels of .* must go through the grid \(2, 3, 4, 5\) in order"):
        data.shapes3d(path)
    with h5py.File(path, "w") as file:
        file["images"] = h5py.SoftLink("/nowhere")
    with pytest.raises(ValueError, match=f"{path} must hold images, but holds nothing"):
        data.shapes3d(path)


def test_cars3d(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    factors = {"elevation": np.arange(2), "azimuth": np.arange(3), "object": np.arange(4)}
    monkeypatch.setattr(module("cars3d"), "FACTORS", factors)
    with pytest.raises(FileNotFoundError, match=r"cars3d: path must be a folder, the one of 4 files car_\*"):
        data.cars3d(tmp_path / "cars")
    meshes = published_files.write_cars3d(tmp_path / "cars", 4, 3, 2)
    cars = data.cars3d(tmp_path / "cars")
    assert (len(cars), cars.image_shape, cars.factor_sizes) == (24, (3, 64, 64), (2, 3, 4))
    for index, (elevation, azimuth, car) in enumerate(cars.factors(slice(None))):
        expected = lanczos(meshes[car, :, :, :, azimuth, elevation])
        assert torch.equal(cars.images([index]), floats(expected[None]))

    file = tmp_path / "cars" / "car_009_mesh.mat"
    whole = file.read_bytes()
    for content in (whole[: len(whole) // 2], b"<html>Not found</html>" * 20, b""):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=f"cars3d: {file} must be a MATLAB 5 file, but is cut short"):
            data.cars3d(tmp_path / "cars")
    published_files.savemat(file, {"im": np.zeros((128, 128, 3, 3, 1), np.uint8)})
    with pytest.raises(ValueError, match=rf"im of {file} must have shape \(128, 128, 3, 3, 2\)"):
        data.cars3d(tmp_path / "cars")
    published_files.savemat(file, {"mesh": np.zeros(3)})
    with pytest.raises(ValueError, match=f"{file} must hold an array im, but holds none"):
        data.cars3d(tmp_path / "cars")
    file.unlink()
    with pytest.raises(ValueError, match=r"must hold 4 files car_\*_mesh.mat, but holds 3"):
        data.cars3d(tmp_path / "cars")


@pytest.mark.parametrize("compressed", [False, True])
def test_smallnorb(tmp_path: Path, compressed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    norb = module("smallnorb")
    monkeypatch.setattr(norb, "COUNT", 40)
    monkeypatch.setattr(norb, "_BLOCK", 16)
    folder = tmp_path / "norb"
    images, labels = published_files.write_smallnorb(folder, norb.PARTS, 40, compressed=compressed)
    toys = data.smallnorb(folder)
    assert (len(toys), toys.image_shape, toys.factor_sizes) == (80, (1, 64, 64), (5, 9, 18, 6))
    small = np.stack([lanczos(picture) for picture in images])[..., None]
    assert torch.equal(toys.images(slice(None)), floats(small))
    factors = toys.factors(slice(None))
    assert np.array_equal(factors, labels[:, [0, 2, 3, 4]] // [1, 1, 2, 1])
    azimuth = toys.factor_values["azimuth"]
    assert np.array_equal(azimuth[factors[:, 2]], 10 * labels[:, 3])
    assert toys.factor_values["category"][4] == "car"

    end = ".gz" if compressed else ""
    file = folder / f"{norb.PARTS[1]}-info.mat{end}"
    whole = file.read_bytes()
    file.write_bytes(whole[:-9])
    with pytest.raises(ValueError, match=f"smallnorb: {file} must be a whole file of SmallNORB, but is cut"):
        data.smallnorb(folder)
    published_files.write_matrix(folder / f"{norb.PARTS[1]}-info.mat", labels[:40], compressed=compressed)
    with pytest.raises(ValueError, match=rf"{file} must have shape \(40, 4\) and dtype int32, got \(40, 5\)"):
        data.smallnorb(folder)
    odd = labels[:40, 1:] + np.array([0, 0, 1, 0], np.int32)
    published_files.write_matrix(folder / f"{norb.PARTS[1]}-info.mat", odd, compressed=compressed)
    with pytest.raises(ValueError, match=r"must have categories 0 to 4, .* got others"):
        data.smallnorb(folder)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=f"{folder} must hold {norb.PARTS[1]}-info.mat or .*gz"):
        data.smallnorb(folder)


def test_a_foreign_file_in_the_place_of_smallnorb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    norb = module("smallnorb")
    monkeypatch.setattr(norb, "COUNT", 4)
    published_files.write_smallnorb(tmp_path / "norb", norb.PARTS, 4)
    file = tmp_path / "norb" / f"{norb.PARTS[0]}-dat.mat"
    file.write_bytes(b"<html>Not found</html>")
    with pytest.raises(ValueError, match=f"{file} must begin as a binary matrix of SmallNORB does"):
        data.smallnorb(tmp_path / "norb")


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", ["FACTORS", "OLDER_FACTORS", "COMPLEX_FACTORS"])
def test_mpi3d(tmp_path: Path, name: str, compressed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    file = module("mpi3d")
    few = {"horizontal_axis": np.arange(2), "vertical_axis": np.arange(3)}
    for factors in ("FACTORS", "OLDER_FACTORS", "COMPLEX_FACTORS"):
        whole = {key: of[:2] for key, of in getattr(file, factors).items()} | few
        if factors == "OLDER_FACTORS":
            whole["object_color"] = whole["object_color"][:1]
        monkeypatch.setattr(file, factors, whole)
    factors = getattr(file, name)
    read = data.mpi3d_complex if name == "COMPLEX_FACTORS" else data.mpi3d
    images = published_files.write_mpi3d(tmp_path / "file.npz", factors, compressed=compressed)
    robot = read(tmp_path / "file.npz")
    assert isinstance(robot.pixels.array, np.memmap) == (not compressed)
    assert torch.equal(robot.images([5, 1, 5]), floats(images[[5, 1, 5]]))
    assert np.array_equal(robot.factors(slice(None)), grid(factors))
    assert robot.factor_values["object_color"][0] == factors["object_color"][0]


def test_mpi3d_refused(tmp_path: Path) -> None:
    path = tmp_path / "mpi3d_real.npz"
    with pytest.raises(FileNotFoundError, match=rf"mpi3d: path must be a file, mpi3d_toy.npz.* at {path}$"):
        data.mpi3d(path)
    np.savez(path, images=np.zeros((10, 64, 64, 3), np.uint8))
    with pytest.raises(
        ValueError, match=r"images of .* must have shape \(1036800, 64, 64, 3\) .*, got \(10, 64, 64, 3\)"
    ):
        data.mpi3d(path)
    with pytest.raises(ValueError, match=r"mpi3d_complex: images of .* shape \(460800, 64, 64, 3\)"):
        data.mpi3d_complex(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=f"mpi3d: {path} must be a whole mpi3d_toy.npz, .*cut short"):
        data.mpi3d(path)
    np.savez(path, imgs=np.zeros(3))
    with pytest.raises(ValueError, match=f"{path} must hold images.npy, but holds imgs.npy"):
        data.mpi3d(path)


@pytest.mark.parametrize("channels", [1, 3])
def test_chairs3d(tmp_path: Path, channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module("chairs3d"), "OBJECTS", 2)
    monkeypatch.setattr(module("chairs3d"), "AZIMUTHS", 3)
    pictures = published_files.write_chairs3d(tmp_path / "rendered_chairs", 2, 3)
    chairs = data.chairs3d(tmp_path / "rendered_chairs", channels=channels)
    assert (len(chairs), chairs.image_shape, chairs.factor_sizes) == (12, (channels, 64, 64), (2, 3, 2))
    for index, classes in enumerate(chairs.factors(slice(None))):
        values = chairs.factor_values.values()
        picture = pictures[tuple(of[k] for of, k in zip(values, classes, strict=True))]
        if channels == 1:
            picture = np.asarray(Image.fromarray(picture).convert("L"))
        expected = lanczos(picture, (100, 100, 500, 500)).reshape(1, 64, 64, channels)
        assert torch.equal(chairs.images([index]), floats(expected))

    with pytest.raises(ValueError, match="chairs3d: channels must be 1 or 3, got 2"):
        data.chairs3d(tmp_path / "rendered_chairs", channels=2)
    broken, removed = sorted((tmp_path / "rendered_chairs" / "01c" / "renders").iterdir())[:2]
    broken.write_bytes(broken.read_bytes()[:1000])
    with pytest.raises(ValueError, match=f"chairs3d: {broken} must be a picture that Pillow reads: "):
        data.chairs3d(tmp_path / "rendered_chairs")
    removed.unlink()
    with pytest.raises(ValueError, match=r"01c/renders must hold 6 pictures .* but holds 5"):
        data.chairs3d(tmp_path / "rendered_chairs")
    with pytest.raises(ValueError, match=r"must hold 2 folders with renders/ in them, but holds 0"):
        data.chairs3d(tmp_path)


@pytest.mark.parametrize("old_format", [False, True])
def test_basel_faces(tmp_path: Path, old_format: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    factors = {
        name: np.arange(size)
        for name, size in (("identity", 3), ("azimuth", 2), ("elevation", 2), ("lighting", 2))
    }
    monkeypatch.setattr(module("basel_faces"), "FACTORS", factors)
    path = tmp_path / "basel_face_renders.pth"
    with pytest.raises(FileNotFoundError, match=f"basel_faces: path must be a file, .* at {path}$"):
        data.basel_faces(path)
    images = published_files.write_basel_faces(path, factors, old_format=old_format)
    faces = data.basel_faces(path)
    assert (len(faces), faces.image_shape, faces.factor_sizes) == (24, (1, 64, 64), (3, 2, 2, 2))
    for index, classes in enumerate(faces.factors(slice(None))):
        assert torch.equal(faces.images([index]), floats(images[tuple(classes)][None, :, :, None]))
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"<html>Not found</html>", b""):
        path.write_bytes(content)
        with pytest.raises(
            ValueError, match=f"basel_faces: {path} must be a tensor that torch saved"
        ) as said:
            data.basel_faces(path)
        assert "\n" not in str(said.value)
    for content, said in ((torch.zeros(3), r"got \(3,\) and float32"), ([1], "must hold a tensor, got list")):
        torch.save(content, path)
        with pytest.raises(ValueError, match=said):
            data.basel_faces(path)


class Harmful:
    def __reduce__(self) -> tuple[object, ...]:
        return print, ("harm",)


def test_nothing_in_a_file_of_faces_is_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "basel_face_renders.pth"
    torch.save(Harmful(), path)
    with pytest.raises(ValueError, match="must be a tensor that torch saved"):
        data.basel_faces(path)
    assert "harm" not in capfd.readouterr().out


def test_celeba(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module("celeba"), "COUNT", 6)
    pictures, labels = published_files.write_celeba(tmp_path, 6)
    faces = data.celeba(tmp_path)
    assert (len(faces), faces.image_shape, faces.factor_sizes) == (6, (3, 64, 64), (2,) * 40)
    assert np.array_equal(faces.factors(slice(None)), (labels + 1) // 2)
    assert faces.factor_values["Attribute_3"].tolist() == [-1, 1]
    expected = floats(np.stack([lanczos(picture) for picture in pictures]))
    assert (faces.images(slice(None)) - expected).abs().mean() < 0.01  # JPEG's own loss

    attributes = tmp_path / "list_attr_celeba.txt"
    text = attributes.read_text()
    for changed in (
        text[:-30],
        text.replace("000003.jpg", "000009.jpg"),
        text.replace(" -1", " 0"),
        "",
        "6\n",
    ):
        attributes.write_text(changed)
        with pytest.raises(ValueError, match=f"celeba: {attributes} must hold the number of pictures"):
            data.celeba(tmp_path)
    attributes.unlink()
    with pytest.raises(FileNotFoundError, match=r"celeba: path must hold list_attr_celeba\.txt"):
        data.celeba(tmp_path)
    monkeypatch.setattr(module("celeba"), "COUNT", 7)
    with pytest.raises(ValueError, match="img_align_celeba must hold 7 pictures, but holds 6"):
        data.celeba(tmp_path)
    with pytest.raises(FileNotFoundError, match="celeba: path must be a folder"):
        data.celeba(tmp_path / "nowhere")
