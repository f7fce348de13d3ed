"""The renderer: against real frames, against geometry, and the kernel against the reference."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fastdis.kernels.sprites import GRID_SIZE, SIDE, reference, render

GRID = np.arange(GRID_SIZE).reshape(reference.GRID)
EDGE_CASES = 3742  # images of the grid with a pixel's centre exactly on an edge, at most


@pytest.fixture(scope="module")
def packed() -> NDArray[np.uint8]:
    return render()


def pixels(packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.unpackbits(packed, axis=1).reshape(-1, SIDE, SIDE)


def test_all_real_frames_come_out_without_a_wrong_pixel(shared: Path, packed: NDArray[np.uint8]) -> None:
    """Each frame is an image of the grid, and each is one step of one factor away from the one before."""
    frames = np.packbits(np.load(shared / "dsprites" / "frames.npz")["frames"].reshape(320, -1), axis=1)
    weights = np.random.default_rng(0).integers(2**64, size=SIDE, dtype=np.uint64)
    keys, frame_keys = packed.view(np.uint64) @ weights, frames.view(np.uint64) @ weights
    order = np.argsort(keys)
    first, last = (np.searchsorted(keys, frame_keys, side, sorter=order) for side in ("left", "right"))

    reached = np.array([[0, 2, 0, 0, 0, 0]])  # the animation starts with the smallest heart in the corner
    for frame, start, stop in zip(frames, first, last, strict=True):
        found = order[start:stop][(packed[order[start:stop]] == frame).all(axis=1)]
        factors = np.stack(np.unravel_index(found, reference.GRID), axis=1)
        steps = np.abs(factors[:, None] - reached)
        steps[..., 3] %= 39  # orientation 39 is orientation 0
        steps[..., 3] = np.minimum(steps[..., 3], 39 - steps[..., 3])
        reached = factors[(steps.sum(axis=2) <= 1).any(axis=1)]
        assert len(reached)


def test_the_last_orientation_repeats_the_first(packed: NDArray[np.uint8]) -> None:
    assert np.array_equal(packed[GRID[:, :, :, 39]], packed[GRID[:, :, :, 0]])


def test_the_last_position_is_the_first_moved_by_32_pixels(packed: NDArray[np.uint8]) -> None:
    left, right = (pixels(packed[GRID[..., column, ::5].ravel()]) for column in (0, 31))
    assert np.array_equal(left[:, :, :32], right[:, :, 32:])
    top, bottom = (pixels(packed[GRID[..., ::5, row].ravel()]) for row in (0, 31))
    assert np.array_equal(top[:, :32], bottom[:, 32:])


@pytest.mark.parametrize(("shape", "axis"), [(0, 2), (0, 1), (1, 2), (1, 1), (2, 2)])
def test_turning_back_mirrors_a_symmetric_shape(packed: NDArray[np.uint8], shape: int, axis: int) -> None:
    """All shapes are symmetric left to right, square and ellipse upside down too.

    The mirror swaps left with right edges (or top with bottom ones), so images with a centre on an edge may
    differ, and on those the kernel's rule must be the reference's.
    """
    grid = GRID[0, shape]
    mirrored = grid[:, ::-1, ::-1] if axis == 2 else grid[:, ::-1, :, ::-1]
    differing = []
    for indices, mirror in zip(grid.reshape(48, -1), mirrored.reshape(48, -1), strict=True):
        wrong = np.flip(pixels(packed[indices]), axis) != pixels(packed[mirror])
        differing += [*indices[wrong.any(axis=(1, 2))]]
    assert 0 < len(differing) <= EDGE_CASES
    for index in differing[:: len(differing) // 20]:
        assert np.array_equal(reference.render(index, index + 1)[0], packed[index])


@pytest.mark.parametrize("shape", [0, 1, 2])
def test_pixels_cover_the_area_of_the_polygon(packed: NDArray[np.uint8], shape: int) -> None:
    """Over all positions the mean number of pixels is the polygon's area (the shoelace formula)."""
    counts = np.bitwise_count(packed.view(np.uint64)).sum(axis=1)
    for scale in range(6):
        for orientation in range(40):
            x, y = (corners[0] / 256 for corners in reference.corners(shape, scale, orientation))
            area = abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
            assert counts[GRID[0, shape, scale, orientation]].mean() == pytest.approx(area, rel=0.01)


def test_a_centre_on_an_edge_is_on_at_the_left_and_bottom_only() -> None:
    """A rectangle with its corners on the centres of pixels (20, 10) and (23, 14)."""
    x, y = np.array([10, 14, 14, 10]) * 256 + 128, np.array([20, 20, 23, 23]) * 256 + 128
    rows, columns = np.nonzero(reference.rasterise(x, y))
    assert {*rows} == {21, 22, 23}
    assert {*columns} == {10, 11, 12, 13}
    assert len(rows) == 12


def test_no_coordinate_is_near_a_tie() -> None:
    """Else the images could depend on the last bit of the machine's sine."""
    for shape in range(3):
        u, v = reference.outline(shape)
        for scale in reference.FACTOR_VALUES["scale"]:
            for angle in reference.FACTOR_VALUES["orientation"]:
                offset = scale * np.concatenate(
                    [u * np.cos(angle) + v * np.sin(angle), v * np.cos(angle) - u * np.sin(angle)]
                )
                x = 256 * (16 + 32 * reference.FACTOR_VALUES["posX"][:, None] + offset)
                assert np.abs(x - np.floor(x) - 0.5).min() > 1e-7


def test_kernel_equals_reference(packed: NDArray[np.uint8]) -> None:
    for index in np.random.default_rng(1).integers(GRID_SIZE, size=300):
        assert np.array_equal(reference.render(index, index + 1)[0], packed[index])


@pytest.mark.parametrize(
    ("first", "last"),
    [(0, 1), (1000, 1050), (1023, 3073), (737279, 737280), (5, 5), (0, 0), (737280, 737280)],
)
def test_a_range_is_that_part_of_the_grid(packed: NDArray[np.uint8], first: int, last: int) -> None:
    part = render(first, last)
    assert part.dtype == np.uint8
    assert np.array_equal(part, packed[first:last])


@pytest.mark.parametrize(("first", "last"), [(-1, 5), (5, 4), (0, GRID_SIZE + 1)])
def test_a_range_outside_the_grid_is_refused(first: int, last: int) -> None:
    with pytest.raises(ValueError, match=f"0 <= first <= last <= 737280, got {first} and {last}"):
        render(first, last)
