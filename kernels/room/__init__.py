"""An object on the floor of a room, with the factors of 3D Shapes (Kim and Mnih 2018), ray cast.

These are not the published pixels, whose renderer is not public: only the factors and their values are the
same. The room is 10 wide; its floor is y = 0, and a camera 8.5 from its middle and 4 high goes round it,
looking at (0, 1.1, 0), 44 degrees wide and high. The wall behind the camera is left out, so is the ceiling.

=========  =====================================================================
cube       half its side is 0.9, its sides parallel to the walls
cylinder   radius 0.9, height 1.9
sphere     radius 1.1
capsule    radius 0.75, height 2.4 with the half balls at both ends
surface    as in ``scenes_3d``, without highlights on floor and walls; the lights
           are towards (0.35, 0.75, 0.55) with strength 0.6, (-0.7, 0.35, 0.6)
           with 0.35 (both to be scaled to length 1); nothing casts a shadow
pixel      floor(255 mean + 1/2) of a 4 x 4 grid of samples in it
=========  =====================================================================

Sizes are those at scale 1. All stand in the middle of the floor.

Operations: at 64 x 64 an image is 12,288 bytes written, 65,536 samples set to the colour of the floor or a
wall, 7,400 of them on average then to that of the object, each two to four square roots and divisions.
"""

import torch
from torch import Tensor

from ... import _checks
from .. import _dispatch
from . import reference

__all__ = ["draw"]


def draw(
    colours: Tensor, shapes: Tensor, scales: Tensor, angles: Tensor, side: int = 64, *, backend: str = "auto"
) -> Tensor:
    """Draw one room in each image.

    Args:
        colours: (n, 3, 3) float64 in [0, 1]: red, green and blue of the floor, of the walls, of the object.
        shapes: (n,) int64: 0 the cube, 1 the cylinder, 2 the sphere, 3 the capsule.
        scales: (n,) float64, 0.25 to 1.5.
        angles: (n,) float64, -0.6 to 0.6: how far the camera has gone round to the right, in radians.
        side: pixels along a row and a column, 16 to 256.
        backend: "auto", "reference" or "numba".

    Returns:
        (n, 3, side, side) uint8, on the device of ``shapes``.

    Raises:
        TypeError: a tensor has another dtype.
        ValueError: a shape or a value is out of range.
        RuntimeError: the tensors lie on different devices, or the backend cannot run there.

    Example:
        >>> colours = torch.eye(3, dtype=torch.float64)[None]  # a red floor, green walls, a blue object
        >>> one, none = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
        >>> image = draw(colours, torch.tensor([2]), one, none, 16)[0]
        >>> [int(pixel.argmax()) for pixel in (image[:, 15, 0], image[:, 0, 0], image[:, 8, 8])]
        [0, 1, 2]
    """
    _checks.integer("draw", "side", side, low=16, high=256)
    _checks.table("draw", "shapes", shapes, torch.int64, ("n",), 0, 3)
    n = len(shapes)
    _checks.table("draw", "colours", colours, torch.float64, (n, 3, 3), 0, 1)
    _checks.table("draw", "scales", scales, torch.float64, (n,), 0.25, 1.5)
    _checks.table("draw", "angles", angles, torch.float64, (n,), -0.6, 0.6)
    _checks.same_device("draw", shapes=shapes, colours=colours, scales=scales, angles=angles)
    chosen = _dispatch.choose("draw", backend, shapes)
    if chosen == "reference":
        of = shapes.numpy(force=True), scales.numpy(force=True), angles.numpy(force=True)
        return torch.from_numpy(reference.draw(colours.numpy(force=True), *of, side)).to(shapes.device)
    from . import numba_cpu

    images = torch.empty((n, 3, side, side), dtype=torch.uint8)
    numba_cpu.draw(colours, shapes, scales, angles, images)
    return images
