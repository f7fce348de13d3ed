"""Solids in space: the kernel against the reference, outlines in closed form, light, depth, bad input."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from fastdis.kernels.scenes_3d import draw, reference
from support.scenes import solid_scenes

FOCUS = 64 * math.sqrt(3) / 2  # pixels
WHITE = torch.ones(1, 1, dtype=torch.float64)
DARK = torch.tensor([[0, 0, 1, 0], [0, 0, 1, 0]], dtype=torch.float64)  # ambient light alone: 51 of 255


def one(shape: int, placement: list[float], lights: Tensor | None = None, side: int = 64) -> Tensor:
    """The image (side, side) of one white solid."""
    return draw(torch.tensor([shape]), torch.tensor([placement]).double(), WHITE, side, lights=lights)[0, 0]


def covered(shape: int, placement: list[float]) -> float:
    """How many pixels its outline covers."""
    return float(one(shape, placement, DARK).sum()) / 51


@pytest.mark.parametrize(("side", "channels"), [(16, 3), (37, 1), (64, 3), (256, 1)])
def test_every_pixel_is_the_references_to_half_a_byte(side: int, channels: int) -> None:
    scenes = solid_scenes(60 if side < 64 else 12 if side < 256 else 3, channels, seed=side)
    images = draw(*map(torch.from_numpy, scenes), side).numpy()
    assert images.dtype == np.uint8
    for image, shape, placement, colour in zip(images, *scenes, strict=True):
        exact = 255 * reference.radiance(int(shape), placement, colour, side)
        assert np.abs(image - exact).max() < 0.501


@pytest.mark.parametrize("shape", [0, 1, 2])
def test_what_lies_outside_is_cut_off(shape: int) -> None:
    """Near the border, wholly outside, far away, and as near as may be."""
    for place in ([9.0, 9, 0], [-11, 3, 5], [40, 0, 0], [-100, 100, 13], [0, 90, -100], [1, -2, 13]):
        placement = [*place, 0.4, 1.1]
        exact = 255 * reference.radiance(shape, np.array(placement), np.ones(1), 32)
        assert np.abs(one(shape, placement, side=32).numpy() - exact).max() < 0.501


def test_a_cube_from_the_front_is_a_square() -> None:
    assert covered(0, [0, 0, 0, 0, 0]) == pytest.approx((7 * FOCUS / 16.5) ** 2, rel=0.02)
    assert covered(0, [0, 0, 6.5, 0, math.pi / 2]) == pytest.approx((7 * FOCUS / 10) ** 2, rel=0.02)


def test_a_pyramid_from_below_is_a_square_and_from_above_too() -> None:
    assert covered(2, [0, 0, 0, math.pi / 2, 0]) == pytest.approx((7 * FOCUS / 23.5) ** 2, rel=0.02)
    assert covered(2, [0, 0, 0, -math.pi / 2, 0]) == pytest.approx((7 * FOCUS / 16.5) ** 2, rel=0.02)


def test_an_ellipsoid_has_the_outline_of_its_tangent_cone() -> None:
    """Along its long axis a circle; across it an ellipse: x = m d with m² (d² - a²) = r² for each plane."""
    circle = math.pi * (FOCUS * 3 / math.sqrt(20**2 - 6**2)) ** 2
    assert covered(1, [0, 0, 0, math.pi / 2, 0]) == pytest.approx(circle, rel=0.01)
    ellipse = math.pi * FOCUS**2 * (3 / math.sqrt(20**2 - 3**2)) * (6 / math.sqrt(20**2 - 3**2))
    assert covered(1, [0, 0, 0, 0, 0]) == pytest.approx(ellipse, rel=0.01)
    assert covered(1, [0, 0, 0, 0, 2.0]) == pytest.approx(
        ellipse, rel=0.01
    )  # it is round about its long axis


@pytest.mark.parametrize("shape", [0, 1, 2])
def test_nearer_is_larger(shape: int) -> None:
    sizes = [covered(shape, [0, 0, z, 0.5, 0.7]) for z in (-7, -3.5, 0, 3.5, 7)]
    assert sizes == sorted(sizes)
    assert sizes[-1] > 3 * sizes[0]


@pytest.mark.parametrize("shape", [0, 1, 2])
def test_light_from_the_other_side_mirrors(shape: int) -> None:
    """All solids are their own mirror images in x; so is a rotation about y the other way round."""
    lights = torch.from_numpy(reference.LIGHTS)
    other = lights * torch.tensor([-1, 1, 1, 1])
    for x, y, z, first, second in ([2.1, -1.3, 3.2, 0.7, 0.5], [-4.2, 3.3, -2.5, 2.9, -1.7]):
        image = one(shape, [x, y, z, first, second], lights)
        mirrored = one(shape, [-x, y, z, first, -second], other)
        assert (image.int() - mirrored.flip(1).int()).abs().max() <= 1
        assert (image.int() - one(shape, [x, y, z, first, second], other).int()).abs().max() > 20


def test_what_faces_the_light_is_bright_and_what_is_nearer_hides_the_rest() -> None:
    """A cube with an edge in front and two faces at 45 degrees: one has the light, the other does not."""
    above = math.sqrt(0.5)  # so that it mirrors the light past the camera
    from_right = torch.tensor([[0.5, above, -0.5, 0.8], [0, 0, 1, 0]], dtype=torch.float64)
    from_front = torch.tensor([[0.5, above, 0.5, 0.8], [0, 0, 1, 0]], dtype=torch.float64)
    for lights, right in ((from_right, 0.2), (from_front, 0.2 + 0.8 * above)):
        image = one(0, [0, 0, 0, 0, math.pi / 4], lights)
        assert image[32, 20:31].unique().tolist() == [51]  # nothing of the two faces behind
        assert image[32, 34:44].float().mean() == pytest.approx(255 * right, abs=1)


def test_a_highlight_is_where_the_light_is_mirrored() -> None:
    """From the camera's side it lies in the middle of a round solid, and adds 0.6 of the light's strength."""
    ahead = torch.tensor([[0, 0, 1, 0.5], [0, 0, 1, 0]], dtype=torch.float64)
    image = one(1, [0, 0, 0, 0, 0], ahead, side=255)
    assert image[127, 127] == image.max() == 255 * (0.2 + 0.5 + 0.3)
    assert image[127, 127 + 30] == pytest.approx(
        255 * reference.radiance(1, np.zeros(5), np.ones(1), 255, ahead.numpy())[0, 127, 127 + 30], abs=0.51
    )


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_order_batches_and_threads_change_no_bit(threads: int) -> None:
    scenes = [torch.from_numpy(array) for array in solid_scenes(100)]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    together = draw(*scenes)
    try:
        torch.set_num_threads(threads)
        order = torch.randperm(100, generator=torch.Generator().manual_seed(0))
        assert torch.equal(draw(*(tensor[order] for tensor in scenes)), together[order])
        assert torch.equal(draw(*(tensor[77:78] for tensor in scenes)), together[77:78])
    finally:
        torch.set_num_threads(before)


def test_the_reference_can_be_asked_for() -> None:
    scenes = [torch.from_numpy(array) for array in solid_scenes(3)]
    slow, fast = draw(*scenes, 16, backend="reference"), draw(*scenes, 16, backend="numba")
    assert (slow.int() - fast.int()).abs().max() <= 1
    strided = [tensor.repeat_interleave(2, dim=0)[::2] for tensor in scenes]
    assert torch.equal(draw(*strided, 16), fast)
    assert draw(*(tensor[:0] for tensor in scenes)).shape == (0, 3, 64, 64)


def test_bad_input_is_named() -> None:
    shapes, placements, colours = (torch.from_numpy(array) for array in solid_scenes(3))
    near = placements.clone()
    near[2, 2] = 13.5
    with pytest.raises(ValueError, match=r"placements\[2, 2\] must be between -100 and 13, got 13.5"):
        draw(shapes, near, colours)
    with pytest.raises(ValueError, match=r"placements must have shape \(3, 5\), got \(3, 4\)"):
        draw(shapes, placements[:, :4], colours)
    with pytest.raises(ValueError, match=r"lights must have shape \(2, 4\), got \(1, 4\)"):
        draw(shapes, placements, colours, lights=DARK[:1])
    with pytest.raises(ValueError, match=r"lights\[0, 3\] must be between 0 and 10, got -1"):
        draw(shapes, placements, colours, lights=DARK - torch.tensor([0, 0, 0, 1]))
    with pytest.raises(ValueError, match="side must be between 16 and 256, got 8"):
        draw(shapes, placements, colours, 8)
    with pytest.raises(RuntimeError, match=r"backend=.triton. (runs on cuda|needs the package)"):
        draw(shapes, placements, colours, backend="triton")
