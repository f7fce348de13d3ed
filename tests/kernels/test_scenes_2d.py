"""Flat scenes: every pixel's coverage, closed forms, moves and turns, the frame's border, and bad input."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from fastdis.kernels.scenes_2d import draw, reference
from support.scenes import flat_scenes

AREAS = (400.0, 84 * math.pi, 3 * math.sqrt(3) / 4 * 13**2)
WHITE = torch.ones(1, 1, dtype=torch.float64)


def one(shape: int, x: float, y: float, scale: float, angle: float, side: int = 64) -> Tensor:
    """The image (side, side) of one white shape."""
    placement = torch.tensor([[x, y, scale, angle]], dtype=torch.float64)
    return draw(torch.tensor([shape]), placement, WHITE, side)[0, 0]


@pytest.mark.parametrize(("side", "channels"), [(16, 1), (16, 3), (37, 1), (64, 3), (256, 1)])
def test_every_pixel_is_the_exact_coverage_to_half_a_byte(side: int, channels: int) -> None:
    scenes = flat_scenes(60 if side < 64 else 6, side, channels, seed=side)
    images = draw(*map(torch.from_numpy, scenes), side).numpy()
    assert images.dtype == np.uint8
    for image, shape, placement, colour in zip(images, *scenes, strict=True):
        exact = 255 * colour[:, None, None] * reference.coverage(int(shape), placement, side)
        assert np.abs(image - exact).max() < 0.51  # the ellipse of the reference has corners


@pytest.mark.parametrize("shape", [0, 1, 2])
def test_the_reference_is_what_supersampling_approaches(shape: int) -> None:
    x, y, scale, angle = 7.3, 8.6, 0.45, 0.7
    at = (np.arange(16 * 64) + 0.5) / 64
    u, v = np.meshgrid(at - x, at - y)
    u, v = u * math.cos(angle) - v * math.sin(angle), u * math.sin(angle) + v * math.cos(angle)
    inside = {
        0: np.maximum(abs(u), abs(v)) < 10 * scale,
        1: (u / 14) ** 2 + (v / 6) ** 2 < scale**2,
        2: (v < 6.5 * scale) & (math.sqrt(3) * abs(u) - v < 13 * scale),
    }[shape]
    sampled = inside.reshape(16, 64, 16, 64).mean(axis=(1, 3))
    covered = reference.coverage(shape, np.array([x, y, scale, angle]), 16)
    assert np.abs(covered - sampled).max() < 0.01


@pytest.mark.parametrize("shape", [0, 1, 2])
@pytest.mark.parametrize("side", [16, 64, 256])
def test_total_coverage_is_the_shapes_area(shape: int, side: int) -> None:
    shapes, placements, _ = flat_scenes(30, side, seed=shape)
    shapes[:] = shape
    colours = torch.ones(30, 1, dtype=torch.float64)
    images = draw(torch.from_numpy(shapes), torch.from_numpy(placements), colours, side)
    areas = AREAS[shape] * placements[:, 2] ** 2
    covered = images.sum(dim=(1, 2, 3)).numpy() / 255
    assert np.abs(covered / areas - 1).mean() < 1e-3
    np.testing.assert_allclose(covered, areas, rtol=0.01 if side == 16 else 1e-3)


@pytest.mark.parametrize(("shape", "turn"), [(0, math.pi / 2), (1, math.pi), (2, 2 * math.pi / 3)])
def test_a_symmetric_turn_is_no_turn(shape: int, turn: float) -> None:
    for angle in (0.0, 0.3, 1.234, math.pi / 4):
        for x, y, scale in ((32, 32, 0.75), (20.125, 40.3, 0.9), (31.5, 17.77, 0.5)):
            assert torch.equal(one(shape, x, y, scale, angle), one(shape, x, y, scale, angle + turn))


def test_a_quarter_turn_turns_the_image() -> None:
    for shape in (0, 1, 2):
        turned = one(shape, 32, 32, 0.8, 0.4 + math.pi / 2)
        assert torch.equal(turned, one(shape, 32, 32, 0.8, 0.4).rot90())


@pytest.mark.parametrize("shape", [0, 1, 2])
def test_mirrored_angles_mirror_the_image(shape: int) -> None:
    mirrored = one(shape, 30.25, 32, 0.8, -0.4).flip(1).int()
    assert (one(shape, 33.75, 32, 0.8, 0.4).int() - mirrored).abs().max() <= 1


@pytest.mark.parametrize("shape", [0, 1, 2])
def test_moves_by_whole_pixels_move_the_image_bit_for_bit(shape: int) -> None:
    first = one(shape, 20.3, 30.7, 0.9, 0.4)
    for right, down in ((1, 0), (0, 1), (17, 3), (-3, -9)):
        moved = one(shape, 20.3 + right, 30.7 + down, 0.9, 0.4)
        x, y = 20.3 + right - math.floor(20.3 + right), 30.7 + down - math.floor(30.7 + down)
        same = one(shape, 20 + x, 30 + y, 0.9, 0.4)  # 20.3 + 17 is not 37.3 to the last bit
        assert torch.equal(moved, same.roll((down, right), (0, 1)))
        assert (same.int() - first.int()).abs().max() <= 1


@pytest.mark.parametrize("shape", [0, 1, 2])
def test_what_lies_outside_is_cut_off(shape: int) -> None:
    """A frame of 64 pixels is the middle of one of 128, bit for bit."""
    for x in (-250.0, -20.5, -13.0, 0.25, 3.5, 60.0, 64.0, 79.25, 200.0):
        for y in (-17.0, 0.5, 32.0, 63.0, 78.5):
            for scale, angle in ((1.0, 0.3), (2.5, 1.9), (0.5, 0.0)):
                wide = one(shape, x + 32, y + 32, scale, angle, side=128)
                assert torch.equal(one(shape, x, y, scale, angle), wide[32:96, 32:96])


def test_a_square_on_whole_pixels_has_no_grey() -> None:
    image = one(0, 32, 32, 0.8, 0)
    assert (image[24:40, 24:40] == 255).all()
    assert image.count_nonzero() == 256


def test_half_covered_pixels_go_up_whatever_the_last_bits_are() -> None:
    for angle in (0.0, math.pi / 2, math.pi, 3 * math.pi / 2):
        image = one(0, 32, 32, 0.75, angle)
        assert image[25:39, 24].unique().tolist() == [128]
        assert image[24, 24] == 64


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_order_batches_and_threads_change_no_bit(threads: int) -> None:
    scenes = [torch.from_numpy(array) for array in flat_scenes(500, 64, 3)]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    together = draw(*scenes)
    try:
        torch.set_num_threads(threads)
        order = torch.randperm(500, generator=torch.Generator().manual_seed(0))
        assert torch.equal(draw(*(tensor[order] for tensor in scenes)), together[order])
        assert torch.equal(draw(*(tensor[123:124] for tensor in scenes)), together[123:124])
    finally:
        torch.set_num_threads(before)


def test_the_reference_can_be_asked_for() -> None:
    scenes = [torch.from_numpy(array) for array in flat_scenes(3, 16)]
    slow, fast = draw(*scenes, 16, backend="reference"), draw(*scenes, 16, backend="numba")
    assert (slow.int() - fast.int()).abs().max() <= 1
    strided = [tensor.repeat_interleave(2, dim=0)[::2] for tensor in scenes]
    assert torch.equal(draw(*strided, 16), fast)
    assert draw(*(tensor[:0] for tensor in scenes)).shape == (0, 1, 64, 64)


def test_bad_input_is_named() -> None:
    shapes, placements, colours = (torch.from_numpy(array) for array in flat_scenes(3, 64))

    def changed(column: int, value: float) -> Tensor:
        other = placements.clone()
        other[1, column] = value
        return other

    with pytest.raises(TypeError, match=r"draw: shapes must be a tensor of torch.int64, got torch.float64"):
        draw(shapes.double(), placements, colours)
    with pytest.raises(TypeError, match=r"placements must be a tensor of torch.float64, got list"):
        draw(shapes, placements.tolist(), colours)
    with pytest.raises(ValueError, match=r"shapes\[0\] must be between 0 and 2, got 3"):
        draw(shapes + 3, placements, colours)
    with pytest.raises(ValueError, match=r"placements must have shape \(3, 4\), got \(2, 4\)"):
        draw(shapes, placements[:2], colours)
    with pytest.raises(ValueError, match=r"placements\[1, 0\] must be between -256 and 320, got nan"):
        draw(shapes, changed(0, math.nan), colours)
    with pytest.raises(ValueError, match=r"placements\[1, 2\] must be between 0.125 and 8, got 0.1"):
        draw(shapes, changed(2, 0.1), colours)
    with pytest.raises(ValueError, match=r"placements\[1, 3\] must be between -1000 and 1000, got inf"):
        draw(shapes, changed(3, math.inf), colours)
    with pytest.raises(ValueError, match=r"colours must have shape \(3, 1 or 3\), got \(3, 2\)"):
        draw(shapes, placements, torch.ones(3, 2, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"colours\[0, 0\] must be between 0 and 1, got 255"):
        draw(shapes, placements, 255 * colours)
    for side in (15, 257):
        with pytest.raises(ValueError, match=f"side must be between 16 and 256, got {side}"):
            draw(shapes, placements, colours, side)
    with pytest.raises(ValueError, match="backend must be one of"):
        draw(shapes, placements, colours, backend="cuda")
