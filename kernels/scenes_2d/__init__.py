"""A turned square, ellipse or triangle on black: in every pixel the exact area that the shape covers.

Upright and at scale 1, around its centre, in pixels, v down:

========  ================================================================
square    corners (±10, ±10)
ellipse   half-axes 14 along u and 6 along v
triangle  corners on a circle of radius 13, one of them straight up
placed    x + scale (u cos θ + v sin θ), y + scale (v cos θ - u sin θ)
pixel     floor(255 colour coverage + 1/2 + 1e-9), the coverage of the unit square of pixel (r, c),
          c <= x <= c + 1, r <= y <= r + 1
========  ================================================================

So θ turns counterclockwise as seen. What lies outside the frame is cut off. The 1e-9 lets a coverage half way
between two bytes go up whatever its last bits are. The area is a sum over the outline's pieces inside one
pixel: see ``numba_cpu``. Positions split into a whole pixel and a fraction, so that moving a shape by whole
pixels moves its image bit for bit.

Operations: an image is channels · side² bytes written. At 64 x 64, with scales from 0.5 to 1, an outline
passes 68 pixels on average, each with some ten multiply-adds for a straight edge, two square roots and an
arcsine for an arc; 330 pixels lie in the box around the shape, each an addition, a multiply-add and a
conversion.
"""

import torch
from torch import Tensor

from ... import _checks
from .. import _dispatch
from . import reference

__all__ = ["draw"]

TURNS = 1000.0  # radians: as far as angles may go


def check_colours(colours: Tensor, n: int) -> None:
    """Require the colours of n images: (n, 1) or (n, 3) float64 in [0, 1]."""
    _checks.table("draw", "colours", colours, torch.float64, (n, "1 or 3"), 0, 1)
    if colours.shape[1] not in (1, 3):
        raise ValueError(f"draw: colours must have shape ({n}, 1 or 3), got {tuple(colours.shape)}")


def draw(
    shapes: Tensor, placements: Tensor, colours: Tensor, side: int = 64, *, backend: str = "auto"
) -> Tensor:
    """Draw one shape in each image.

    Args:
        shapes: (n,) int64: 0 the square, 1 the ellipse, 2 the triangle.
        placements: (n, 4) float64: x and y of the centre in pixels from the upper left corner, up to four
            frames away from it; the scale, 1/8 to 8; the angle in radians, up to ±1000.
        colours: (n, 1) or (n, 3) float64 in [0, 1]: grey, or red, green and blue.
        side: pixels along a row and a column, 16 to 256.
        backend: "auto", "reference", "numba" or "triton".

    Returns:
        (n, channels, side, side) uint8, on the device of ``shapes``.

    Raises:
        TypeError: a tensor has another dtype.
        ValueError: a shape or a value is out of range.
        RuntimeError: the tensors lie on different devices, or the backend cannot run there.

    Example:
        >>> square, placement = torch.tensor([0]), torch.tensor([[8.25, 8, 0.2, 0]], dtype=torch.float64)
        >>> draw(square, placement, torch.ones(1, 1, dtype=torch.float64), 16)[0, 0, 8, 5:12]
        tensor([  0, 191, 255, 255, 255,  64,   0], dtype=torch.uint8)
    """
    _checks.integer("draw", "side", side, low=16, high=256)
    _checks.table("draw", "shapes", shapes, torch.int64, ("n",), 0, 2)
    low, high = (-4.0 * side, -4.0 * side, 0.125, -TURNS), (5.0 * side, 5.0 * side, 8, TURNS)
    _checks.table("draw", "placements", placements, torch.float64, (len(shapes), 4), low, high)
    check_colours(colours, len(shapes))
    _checks.same_device("draw", shapes=shapes, placements=placements, colours=colours)
    chosen = _dispatch.choose("draw", backend, shapes, triton=True)
    if chosen == "reference":
        given = shapes.numpy(force=True), placements.numpy(force=True), colours.numpy(force=True)
        return torch.from_numpy(reference.draw(*given, side)).to(shapes.device)
    images = torch.empty((*colours.shape, side, side), dtype=torch.uint8, device=shapes.device)
    if chosen == "triton":
        from . import triton_gpu

        triton_gpu.draw(shapes, placements, colours, images)
    else:
        from . import numba_cpu

        numba_cpu.draw(shapes, placements, colours, images)
    return images
