"""dSprites' geometry and a scan-line rasteriser in integers: the specification of ``render``, for reading."""

import math

import numpy as np
from numpy.typing import NDArray

SIDE = 64  # pixels along a row and a column
SUBPIXELS = 256  # corners lie on multiples of 1/256 pixel

FACTOR_VALUES: dict[str, NDArray[np.float64]] = {  # in the order of the grid, the last one changing fastest
    "color": np.ones(1),
    "shape": np.arange(1.0, 4.0),
    "scale": np.linspace(0.5, 1, 6),
    "orientation": np.linspace(0, 2 * np.pi, 40),
    "posX": np.linspace(0, 1, 32),
    "posY": np.linspace(0, 1, 32),
}
GRID = tuple(len(values) for values in FACTOR_VALUES.values())
GRID_SIZE = math.prod(GRID)


def outline(shape: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The corners (u, v) of the upright shape at scale 1, in pixels around its centre, v down.

    shape 0 is the square, 1 the ellipse, 2 the heart.
    """
    if shape == 0:
        return 9.6 * np.array([-1.0, 1, 1, -1]), 9.6 * np.array([-1.0, -1, 1, 1])
    if shape == 1:
        t = 2 * np.pi * np.arange(100) / 100
        return 9.6 * 1.33 * np.cos(t), 9.6 / 1.33 * np.sin(t)
    t = 2 * np.pi * np.arange(150) / 150
    height = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return 9.6 * np.sin(t) ** 3, -19.2 * (height / 29 + 0.075)


def corners(shape: int, scale: int, orientation: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Snapped corners in 1/256 pixel, at every position: x (posX, corners) and y (posY, corners)."""
    u, v = outline(shape)
    size = FACTOR_VALUES["scale"][scale]
    angle = FACTOR_VALUES["orientation"][orientation]
    x = size * (u * np.cos(angle) + v * np.sin(angle))
    y = size * (v * np.cos(angle) - u * np.sin(angle))
    centre_x, centre_y = (16 + 32 * FACTOR_VALUES[axis][:, None] for axis in ("posX", "posY"))
    return (
        np.rint(SUBPIXELS * (centre_x + x)).astype(np.int64),
        np.rint(SUBPIXELS * (centre_y + y)).astype(np.int64),
    )


def rasterise(x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The (64, 64) pixels whose centres lie inside one polygon: even-odd, corners in 1/256 pixel.

    In each row an edge toggles every pixel from its crossing on. A row belongs to an edge if its centre line
    lies below the edge's upper end and not below its lower end: so top edges are off and bottom edges on,
    and the >= makes left edges on and right edges off.
    """
    centre = SUBPIXELS * np.arange(SIDE) + SUBPIXELS // 2
    inside = np.zeros((SIDE, SIDE), bool)
    for edge in zip(x, y, np.roll(x, -1), np.roll(y, -1), strict=True):
        x0, y0, x1, y1 = edge if edge[1] < edge[3] else (*edge[2:], *edge[:2])  # (x0, y0) is the upper end
        rows = (y0 < centre) & (centre <= y1)
        crossing = (centre[rows] - y0) * (x1 - x0)  # from x0, in units of 1 / (y1 - y0)
        inside[rows] ^= (centre - x0) * (y1 - y0) >= crossing[:, None]
    return inside


def render(first: int, last: int) -> NDArray[np.uint8]:
    """Images first to last - 1 of the grid, (last - first, 512) packed bits."""
    packed = np.empty((last - first, SIDE * SIDE // 8), np.uint8)
    for index in range(first, last):
        _, shape, scale, orientation, column, row = np.unravel_index(index, GRID)
        x, y = corners(int(shape), int(scale), int(orientation))
        packed[index - first] = np.packbits(rasterise(x[column], y[row]))
    return packed
