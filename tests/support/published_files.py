"""Small files in the layouts of the published data sets."""

import gzip
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

Values = Mapping[str, NDArray[Any]]


def module(name: str) -> ModuleType:
    """A module of `fastdis.data.published`, which has a function of the same name."""
    return sys.modules[f"fastdis.data.published.{name}"]


def pixels(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)


def smooth(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """A colour picture that survives scaling and JPEG."""
    rng = np.random.default_rng(seed)
    y, x = np.linspace(0, 1, height)[:, None, None], np.linspace(0, 1, width)[:, None]
    return np.rint(127.5 + 127 * np.sin(6 * (rng.random(3) * y + rng.random(3) * x + rng.random(3)))).astype(
        np.uint8
    )


def grid(values: Values) -> NDArray[np.int64]:
    """(n, factors) classes of every combination."""
    sizes = tuple(map(len, values.values()))
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)


def write_shapes3d(path: Path, factors: Values, **layout: Any) -> NDArray[np.uint8]:
    """``3dshapes.h5``: images (n, 64, 64, 3) uint8 and labels (n, factors) float64."""
    classes = grid(factors)
    images = pixels(len(classes), 64, 64, 3)
    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=images, **layout)
        file["labels"] = np.stack([of[k] for of, k in zip(factors.values(), classes.T, strict=True)], axis=1)
    return images


def write_cars3d(folder: Path, objects: int, azimuths: int, elevations: int) -> NDArray[np.uint8]:
    """``car_*_mesh.mat``: im (128, 128, 3, azimuth, elevation) uint8. The meshes, one after the other."""
    folder.mkdir()
    meshes = np.stack(
        [
            np.stack([smooth(128, 128, 1000 * k + view) for view in range(azimuths * elevations)], axis=-1)
            for k in range(objects)
        ]
    ).reshape(objects, 128, 128, 3, azimuths, elevations)
    for k, mesh in enumerate(meshes):
        savemat(folder / f"car_{7 * k + 2:03d}_mesh.mat", {"im": mesh}, do_compression=True)
    return meshes


def write_matrix(path: Path, array: NDArray[Any], *, compressed: bool = False) -> None:
    """A binary matrix of NORB: magic, number of axes, at least three sizes, the numbers."""
    magic = {np.dtype(np.uint8): 0x1E3D4C55, np.dtype(np.int32): 0x1E3D4C54}[array.dtype]
    sizes = [*array.shape, *[1] * (3 - array.ndim)]
    data = np.array([magic, array.ndim, *sizes], "<i4").tobytes() + array.tobytes()
    if compressed:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(data))
    else:
        path.write_bytes(data)


def write_smallnorb(
    folder: Path, parts: tuple[str, ...], count: int, *, compressed: bool = False
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Three matrices a part; all images of the first camera and category, instance, ..., lighting."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    images, labels = [], []
    for part in parts:
        pairs = np.stack(
            [smooth(96, 96, k)[:, :, :2].transpose(2, 0, 1) for k in rng.integers(9999, size=count)]
        )
        category = rng.integers(5, size=count, dtype=np.int32)
        instance, elevation, half_azimuth, lighting = (rng.integers(n, size=count) for n in (10, 9, 18, 6))
        info = np.stack([instance, elevation, 2 * half_azimuth, lighting], axis=1).astype(np.int32)
        for name, array in (("dat", pairs), ("cat", category), ("info", info)):
            write_matrix(folder / f"{part}-{name}.mat", array, compressed=compressed)
        images.append(pairs[:, 0])
        labels.append(np.column_stack([category, info]))
    return np.concatenate(images), np.concatenate(labels)


def write_mpi3d(path: Path, factors: Values, *, compressed: bool = False) -> NDArray[np.uint8]:
    """``images`` (n, 64, 64, 3) uint8."""
    images = pixels(len(grid(factors)), 64, 64, 3)
    (np.savez_compressed if compressed else np.savez)(path, images=images)
    return images


def write_chairs3d(folder: Path, chairs: int, azimuths: int) -> dict[tuple[str, int, int], NDArray[np.uint8]]:
    """``<chair>/renders/image_*_p*_t*_r*.png`` of 600 x 600, by chair, azimuth and elevation."""
    pictures = {}
    for chair in range(chairs):
        renders = folder / f"{chair:02x}c" / "renders"
        renders.mkdir(parents=True)
        views = [(p, 360 * t // azimuths) for p in (20, 30) for t in range(azimuths)]
        for number, (p, t) in enumerate(views):
            picture = smooth(600, 600, 100 * chair + number)
            Image.fromarray(picture).save(
                renders / f"image_{number:03d}_p{p:03d}_t{t:03d}_r096.png", compress_level=1
            )
            pictures[renders.parent.name, t, p] = picture
    return pictures


def write_basel_faces(path: Path, factors: Values, *, old_format: bool = False) -> NDArray[np.uint8]:
    """A tensor (identity, azimuth, elevation, lighting, 64, 64) uint8."""
    faces = pixels(*map(len, factors.values()), 64, 64)
    torch.save(torch.from_numpy(faces), path, _use_new_zipfile_serialization=not old_format)
    return faces


def write_celeba(folder: Path, count: int, attributes: int = 40) -> tuple[list[NDArray[np.uint8]], Any]:
    """``img_align_celeba/*.jpg`` of 178 x 218 and ``list_attr_celeba.txt``."""
    (folder / "img_align_celeba").mkdir(parents=True)
    pictures = [smooth(218, 178, k) for k in range(count)]
    labels = np.random.default_rng(0).choice([-1, 1], size=(count, attributes))
    lines = [f"{count}", " ".join(f"Attribute_{k}" for k in range(attributes)) + " "]
    for k, picture in enumerate(pictures):
        name = f"{k + 1:06d}.jpg"
        Image.fromarray(picture).save(folder / "img_align_celeba" / name, quality=95)
        lines.append(f"{name} " + "".join(f"{label:3d}" for label in labels[k]))
    (folder / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    return pictures, labels
