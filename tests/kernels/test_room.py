"""The room: the kernel against the reference, what each factor changes, the sphere's outline, bad input."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from fastdis.kernels.room import draw, reference

Scenes = tuple[Tensor, Tensor, Tensor, Tensor]


def rooms(n: int, seed: int = 0) -> Scenes:
    rng = np.random.default_rng(seed)
    colours, scales, angles = rng.random((n, 3, 3)), rng.uniform(0.75, 1.25, n), rng.uniform(-0.52, 0.52, n)
    given = colours, np.arange(n) % 4, scales, angles
    return tuple(map(torch.from_numpy, given))


@pytest.mark.parametrize("side", [16, 37, 64, 128])
def test_every_pixel_is_the_references_to_half_a_byte(side: int) -> None:
    scenes = rooms(40 if side < 64 else 8, seed=side)
    images = draw(*scenes, side).numpy()
    assert images.dtype == np.uint8
    for image, colour, shape, scale, angle in zip(images, *(given.numpy() for given in scenes), strict=True):
        exact = 255 * reference.radiance(colour, int(shape), scale, angle, side)
        assert np.abs(image - exact).max() < 0.501


@pytest.mark.parametrize("shape", [0, 1, 2, 3])
@pytest.mark.parametrize(("scale", "angle"), [(0.25, -0.6), (1.5, 0.6), (1.5, 0.0), (0.75, 0.0)])
def test_the_ends_of_the_ranges_are_the_references_too(shape: int, scale: float, angle: float) -> None:
    colours = np.eye(3)
    size, turn = (torch.tensor([value], dtype=torch.float64) for value in (scale, angle))
    image = draw(torch.from_numpy(colours)[None], torch.tensor([shape]), size, turn, 32)[0].numpy()
    assert np.abs(image - 255 * reference.radiance(colours, shape, scale, angle, 32)).max() < 0.501


def test_each_hue_colours_its_own_part_and_the_parts_fill_the_frame() -> None:
    """Of three colours one at a time: each is seen somewhere, and every pixel has one, edges more."""
    _, shapes, scales, angles = rooms(8, seed=1)
    total = torch.zeros(8, 64, 64, dtype=torch.int32)
    for part in range(3):
        colours = torch.zeros(8, 3, 3, dtype=torch.float64)
        colours[:, part, part] = 1
        images = draw(colours, shapes, scales, angles)
        shown = images[:, part] > 0
        assert shown.any(dim=2).any(dim=1).all()
        total += shown
    assert (total >= 1).all()
    assert (total == 1).float().mean() > 0.85


def test_a_larger_scale_covers_more_and_a_walk_around_moves_the_corners() -> None:
    colours = torch.zeros(5, 3, 3, dtype=torch.float64)
    colours[:, 2] = 1
    for shape in range(4):
        shapes = torch.full((5,), shape)
        scales, none = torch.linspace(0.75, 1.25, 5).double(), torch.zeros(5).double()
        sizes = (draw(colours, shapes, scales, none).amax(dim=1) > 0).sum(dim=(1, 2)).tolist()
        assert sizes == sorted(sizes)
        assert sizes[-1] > 2 * sizes[0]
    walls = torch.zeros(5, 3, 3, dtype=torch.float64)
    walls[:, 1] = 1
    images = draw(walls, shapes, torch.ones(5).double(), torch.linspace(-0.5, 0.5, 5).double())
    assert len(torch.unique(images, dim=0)) == 5


def test_a_sphere_has_the_outline_of_its_tangent_cone() -> None:
    """A circle's area times the foreshortening of a ball that the camera does not look straight at."""
    colours = torch.zeros(1, 3, 3, dtype=torch.float64)
    colours[:, 2] = 1
    one, none = torch.ones(1).double(), torch.zeros(1).double()
    image = draw(colours, torch.tensor([2]), one, none, 256)[0]
    away = np.array([0, reference.SPHERE, 0]) - [0, reference.HEIGHT, reference.DISTANCE]
    distance = np.linalg.norm(away)
    sine = reference.SPHERE / distance
    ahead = -away @ reference.look(0)[2] / distance  # the cosine of the angle at which it is seen
    # a cone of half angle a around a direction at angle b cuts the picture plane in an ellipse of this area
    area = math.pi * sine**2 * math.sqrt(1 - sine**2) * ahead / (ahead**2 - sine**2) ** 1.5
    pixels = (image.amax(dim=0) > 0).sum().item()
    edge = 2 * math.pi * math.sqrt(area / math.pi) * reference.FOCUS * 256  # touched pixels count whole
    assert 0 < pixels - area * (reference.FOCUS * 256) ** 2 < 1.1 * edge


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_order_batches_and_threads_change_no_bit(threads: int) -> None:
    scenes = rooms(50)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    together = draw(*scenes, 32)
    try:
        torch.set_num_threads(threads)
        order = torch.randperm(50, generator=torch.Generator().manual_seed(0))
        assert torch.equal(draw(*(tensor[order] for tensor in scenes), 32), together[order])
        assert torch.equal(draw(*(tensor[33:34] for tensor in scenes), 32), together[33:34])
    finally:
        torch.set_num_threads(before)


def test_the_reference_can_be_asked_for() -> None:
    scenes = rooms(4)
    slow, fast = draw(*scenes, 16, backend="reference"), draw(*scenes, 16, backend="numba")
    assert (slow.int() - fast.int()).abs().max() <= 1
    assert draw(*(tensor[:0] for tensor in scenes)).shape == (0, 3, 64, 64)


def test_bad_input_is_named() -> None:
    colours, shapes, scales, angles = rooms(4)
    with pytest.raises(ValueError, match=r"shapes\[0\] must be between 0 and 3, got 4"):
        draw(colours, shapes + 4, scales, angles)
    with pytest.raises(ValueError, match=r"scales\[0\] must be between 0.25 and 1.5"):
        draw(colours, shapes, scales + 1, angles)
    with pytest.raises(ValueError, match=r"angles\[0\] must be between -0.6 and 0.6, got nan"):
        draw(colours, shapes, scales, angles * math.nan)
    with pytest.raises(ValueError, match=r"colours must have shape \(4, 3, 3\), got \(4, 3\)"):
        draw(colours[:, 0], shapes, scales, angles)
    with pytest.raises(TypeError, match=r"scales must be a tensor of torch.float64, got torch.float32"):
        draw(colours, shapes, scales.float(), angles)
    with pytest.raises(ValueError, match="side must be between 16 and 256, got 300"):
        draw(colours, shapes, scales, angles, 300)
