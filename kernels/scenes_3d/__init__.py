"""A solid in space on black: a cube, an ellipsoid or a pyramid, turned twice, lit by two lights, ray cast.

The camera stands at (0, 0, 20) and looks at the origin, 60 degrees wide and high; x goes to the right, y up.

=========  =====================================================================================
cube       half its side is 3.5
ellipsoid  half-axes 3, 6, 3 along x, y, z
pyramid    on the square |x| <= 3.5, |z| <= 3.5 at y = -3.5, its tip at y = 3.5
turned     about x by the first angle, then about y by the second; then moved to (x, y, z)
surface    min(1, colour (0.2 + sum_l s_l max(0, n.l)) + 0.6 sum_l s_l max(0, r_l.v)^40 [n.l > 0]),
           n the normal, v towards the camera, r_l = 2 (n.l) n - l; the lights are as far away as
           the sun, towards (0.22, 0.44, 0.88) with strength 0.8, (-0.88, -0.22, -0.44) with 0.5
pixel      floor(255 mean + 1/2) of a 4 x 4 grid of samples in it
=========  =====================================================================================

The ellipsoid's long axis and the pyramid's tip lie along y, so that both angles are seen of each solid: an
ellipsoid that is long along x would hide a rotation about x. What lies outside the frame is cut off.

A solid is convex, so on a line of samples each of its surfaces is seen in one interval, whose ends are zeros
of a linear function for a face and of a quadratic one for the ellipsoid (see ``scan_lines``). Samples are
taken inside the intervals alone: none outside, 16 a pixel inside.

Operations: an image is channels · side² bytes written. At 64 x 64, with positions from -7 to 7, a solid
covers 510 pixels on average, 8,200 samples; each costs a square root and a division for |d|, two powers of
40 (six multiplications each), and on the ellipsoid two more roots and divisions.
"""

import torch
from torch import Tensor

from ... import _checks
from .. import _dispatch
from ..scenes_2d import TURNS, check_colours
from . import reference

__all__ = ["NEAREST", "draw"]

NEAREST = 13.0  # z of a solid's middle: the camera is more than a solid's radius away


def draw(
    shapes: Tensor,
    placements: Tensor,
    colours: Tensor,
    side: int = 64,
    *,
    lights: Tensor | None = None,
    backend: str = "auto",
) -> Tensor:
    """Draw one solid in each image.

    Args:
        shapes: (n,) int64: 0 the cube, 1 the ellipsoid, 2 the pyramid.
        placements: (n, 5) float64: x, y and z of the solid's middle, -100 to 100 and z at most 13; the first
            angle and the second, in radians.
        colours: (n, 1) or (n, 3) float64 in [0, 1]: grey, or red, green and blue.
        side: pixels along a row and a column, 16 to 256.
        lights: (2, 4) float64: a direction towards each light, of length 1, and its strength; those above if
            None.
        backend: "auto", "reference", "numba" or "triton".

    Returns:
        (n, channels, side, side) uint8, on the device of ``shapes``.

    Raises:
        TypeError: a tensor has another dtype.
        ValueError: a shape or a value is out of range.
        RuntimeError: the tensors lie on different devices, or the backend cannot run there.

    Example:
        >>> cube, placement = torch.tensor([0]), torch.zeros(1, 5, dtype=torch.float64)
        >>> draw(cube, placement, torch.ones(1, 1, dtype=torch.float64), 16)[0, 0, 8, 3:13]
        tensor([  0,   0, 229, 229, 229, 229, 230, 230,   0,   0], dtype=torch.uint8)
    """
    _checks.integer("draw", "side", side, low=16, high=256)
    _checks.table("draw", "shapes", shapes, torch.int64, ("n",), 0, 2)
    low, high = (-100.0, -100.0, -100.0, -TURNS, -TURNS), (100.0, 100.0, NEAREST, TURNS, TURNS)
    _checks.table("draw", "placements", placements, torch.float64, (len(shapes), 5), low, high)
    check_colours(colours, len(shapes))
    if lights is None:
        lights = torch.from_numpy(reference.LIGHTS).to(shapes.device)
    _checks.table(
        "draw", "lights", lights, torch.float64, (2, 4), (-1.0, -1.0, -1.0, 0.0), (1.0, 1.0, 1.0, 10.0)
    )
    _checks.same_device("draw", shapes=shapes, placements=placements, colours=colours, lights=lights)
    chosen = _dispatch.choose("draw", backend, shapes, triton=True)
    if chosen == "reference":
        given = shapes.numpy(force=True), placements.numpy(force=True), colours.numpy(force=True)
        drawn = reference.draw(*given, side, lights.numpy(force=True))
        return torch.from_numpy(drawn).to(shapes.device)
    images = torch.empty((*colours.shape, side, side), dtype=torch.uint8, device=shapes.device)
    if chosen == "triton":
        from . import triton_gpu

        triton_gpu.draw(shapes, placements, colours, lights, images)
    else:
        from . import numba_cpu

        numba_cpu.draw(shapes, placements, colours, lights, images)
    return images
