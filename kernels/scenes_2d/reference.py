"""Coverage by clipping, in NumPy and float64: the specification of ``draw``, for reading."""

import math

import numpy as np
from numpy.typing import NDArray

HALF_SIDE, ELLIPSE, RADIUS = 10.0, (14.0, 6.0), 13.0
TIE = 1e-9  # of 1/255: a coverage that lies half way between two bytes goes up whatever its last bits are

# of the square and the triangle, upright, y down; (shapes, corners, 2)
CORNERS = np.zeros((3, 4, 2))
CORNERS[0] = HALF_SIDE * np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]])
CORNERS[2, :3] = RADIUS * np.array([[0, -1], [-math.sqrt(0.75), 0.5], [math.sqrt(0.75), 0.5]])

_ELLIPSE_CORNERS = 2048  # they lie on the ellipse, and cut off less than 2e-5 of a pixel


def outline(shape: int, placement: NDArray[np.float64]) -> NDArray[np.float64]:
    """The corners (corners, 2) of a shape where placement (x, y, scale, angle) has it."""
    x, y, scale, angle = placement
    if shape == 1:
        t = -2 * np.pi * np.arange(_ELLIPSE_CORNERS) / _ELLIPSE_CORNERS
        corners = np.stack([ELLIPSE[0] * np.cos(t), ELLIPSE[1] * np.sin(t)], axis=1)
    else:
        corners = CORNERS[shape, : 4 if shape == 0 else 3]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    placed: NDArray[np.float64] = np.array([x, y]) + scale * corners @ turn
    return placed


def clip(corners: NDArray[np.float64], axis: int, bound: float, keep: int) -> NDArray[np.float64]:
    """The part of a convex polygon on one side of a line: keep is 1 above the bound, -1 below it."""
    if len(corners) == 0:
        return corners
    distance = keep * (corners[:, axis] - bound)
    following, beyond = np.roll(corners, -1, axis=0), np.roll(distance, -1)
    crossed = (distance >= 0) != (beyond >= 0)
    share = np.divide(distance, distance - beyond, out=np.zeros_like(distance), where=crossed)
    crossing = corners + share[:, None] * (following - corners)
    both = np.stack([corners, crossing], axis=1)  # each corner, then the crossing of the edge after it
    kept: NDArray[np.float64] = both[np.stack([distance >= 0, crossed], axis=1)]
    return kept


def area(corners: NDArray[np.float64]) -> float:
    """The area of a polygon: the shoelace formula."""
    if len(corners) == 0:
        return 0.0
    x, y = (corners - corners[0]).T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def coverage(shape: int, placement: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """(side, side): which part of each pixel the shape covers."""
    covers = np.zeros((side, side))
    polygon = outline(shape, placement)
    low, high = np.floor(polygon.min(axis=0)), np.ceil(polygon.max(axis=0))
    (left, top), (right, bottom) = np.clip(low, 0, side).astype(int), np.clip(high, 0, side).astype(int)
    for row in range(top, bottom):
        band = clip(clip(polygon, 1, row, 1), 1, row + 1, -1)
        for column in range(left, right):
            covers[row, column] = area(clip(clip(band, 0, column, 1), 0, column + 1, -1))
    return covers


def draw(
    shapes: NDArray[np.int64], placements: NDArray[np.float64], colours: NDArray[np.float64], side: int
) -> NDArray[np.uint8]:
    """(n, channels, side, side) uint8 images."""
    images = np.empty((*colours.shape, side, side), np.uint8)
    for image, shape, placement, colour in zip(images, shapes, placements, colours, strict=True):
        image[:] = 255 * colour[:, None, None] * coverage(int(shape), placement, side) + (0.5 + TIE)
    return images
