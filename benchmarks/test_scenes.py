"""Simulated scenes: the exact coverage against OpenCV's and Pillow's drawing, and the two ray casters.

OpenCV is measured where it is installed: pip install opencv-python-headless.
"""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fastdis.data import room, scenes
from fastdis.data.simulator import Simulator
from fastdis.kernels.scenes_2d import draw, reference

N = 2048
SHIFT = 4  # OpenCV takes corners in 1/16 pixel

Array = NDArray[np.float64]
Scenes = tuple[NDArray[np.int64], Array]


@pytest.fixture(scope="module")
def flat() -> Scenes:
    """Shapes and placements of grey scenes with five factors, as scenes(5) draws them."""
    x, y, scale, shape, rotation = scenes(5).values(slice(0, N)).T
    placements = np.stack([16 + 32 * x, 16 + 32 * y, 0.5 + 0.5 * scale, rotation], axis=1)
    return shape.astype(np.int64), placements


def corners_of(shape: int, placement: Array) -> Array:
    """The corners of a square or a triangle, 100 on the outline of an ellipse."""
    x, y, scale, angle = placement
    if shape == 1:
        t = 2 * math.pi * np.arange(100) / 100
        corners = np.stack([reference.ELLIPSE[0] * np.cos(t), reference.ELLIPSE[1] * np.sin(t)], axis=1)
    else:
        corners = reference.CORNERS[shape, : 4 if shape == 0 else 3]
    c, s = math.cos(angle), math.sin(angle)
    return np.array([x, y]) + scale * corners @ np.array([[c, -s], [s, c]])


def by_opencv(shapes: NDArray[np.int64], placements: Array) -> NDArray[np.uint8]:
    import cv2

    images = np.zeros((len(shapes), 64, 64), np.uint8)
    for image, shape, placement in zip(images, shapes, placements, strict=True):
        corners = corners_of(int(shape), placement) - 0.5  # a pixel's centre has whole coordinates there
        cv2.fillConvexPoly(image, np.rint(corners * 2**SHIFT).astype(np.int32), 255, cv2.LINE_AA, SHIFT)
    return images


def by_pillow(shapes: NDArray[np.int64], placements: Array) -> NDArray[np.uint8]:
    images = np.empty((len(shapes), 64, 64), np.uint8)
    for image, shape, placement in zip(images, shapes, placements, strict=True):
        large = Image.new("L", (256, 256))
        corners = 4 * corners_of(int(shape), placement) - 0.5
        ImageDraw.Draw(large).polygon([*map(tuple, corners.tolist())], fill=255)
        image[:] = np.asarray(large.resize((64, 64), Image.Resampling.BOX))
    return images


def by_kernel(shapes: NDArray[np.int64], placements: Array) -> NDArray[np.uint8]:
    white = torch.ones(len(shapes), 1, dtype=torch.float64)
    return draw(torch.from_numpy(shapes), torch.from_numpy(placements), white).numpy()[:, 0]


DRAWN = {"OpenCV, antialiased": by_opencv, "Pillow, 4 x supersampled": by_pillow, "fastdis": by_kernel}


@pytest.mark.parametrize("column", DRAWN)
def test_flat_scenes(measure: Callable[..., None], flat: Scenes, column: str) -> None:
    if column.startswith("OpenCV"):
        pytest.importorskip("cv2")
    drawn = DRAWN[column](flat[0][:30], flat[1][:30])
    errors = [
        np.abs(image - 255 * reference.coverage(int(shape), placement, 64)).max()
        for image, shape, placement in zip(drawn, flat[0], flat[1], strict=False)
    ]
    measure(
        lambda: DRAWN[column](*flat),
        group=f"grey scenes of 64 x 64, N = {N:,}",
        column=f"{column}, off by up to {max(errors):.3g} of 255",
        bytes=N * 64 * 64,
    )


@pytest.mark.parametrize(
    ("name", "data"),
    [("k = 5", scenes(5)), ("k = 6", scenes(6)), ("k = 7", scenes(7)), ("a room", room())],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_simulators(measure: Callable[..., None], name: str, data: Simulator, threads: int) -> None:
    """From index to uint8: factors drawn, geometry, pixels."""
    indices = np.arange(N) * (len(data) // N)
    torch.set_num_threads(threads)
    try:
        measure(
            lambda: data.uint8_images(indices),
            group=f"scenes of 64 x 64, {name}, N = {N:,}",
            column="fastdis" if threads == 2 else "one thread",
            bytes=N * math.prod(data.image_shape),
        )
    finally:
        torch.set_num_threads(2)


@pytest.mark.parametrize(("name", "data"), [("k = 5", scenes(5)), ("k = 7", scenes(7))])
def test_a_batch(measure: Callable[..., None], name: str, data: Simulator) -> None:
    """What a training step asks for: float32."""
    indices = np.random.default_rng(0).integers(len(data), size=64)
    measure(lambda: data.images(indices), group=f"a batch of 64 scenes, {name}", column="fastdis")
