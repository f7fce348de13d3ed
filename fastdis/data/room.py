"""A room with one object in it: a simulator with the factors of 3D Shapes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .. import _checks
from ..kernels import room as kernel
from .colours import saturated
from .simulator import Factor, Simulator, Values

FACTORS = {
    "floor_hue": Factor(0, 0.0, 1.0, np.arange(10) / 10),
    "wall_hue": Factor(1, 0.0, 1.0, np.arange(10) / 10),
    "object_hue": Factor(2, 0.0, 1.0, np.arange(10) / 10),
    "scale": Factor(3, 0.75, 1.25, np.linspace(0.75, 1.25, 8)),
    "shape": Factor(4, 0.0, 3.0, np.arange(4.0), whole=True),
    "orientation": Factor(5, -30.0, 30.0, np.linspace(-30, 30, 15)),
}


@dataclass(frozen=True)
class Renderer:
    """Draw rooms from the values of their factors."""

    side: int

    def __call__(self, values: Mapping[str, Values], device: torch.device) -> Tensor:
        """(n, 3, side, side) uint8 on a device, from (n,) of each factor."""
        hues = np.stack([values[f"{name}_hue"] for name in ("floor", "wall", "object")], axis=1)
        shapes = torch.from_numpy(values["shape"].astype(np.int64))
        scales, angles = torch.tensor(values["scale"]), torch.tensor(np.radians(values["orientation"]))
        images = kernel.draw(torch.from_numpy(saturated(hues)), shapes, scales, angles, self.side)
        return images.to(device)


def room(*, size: int = 64, length: int | None = None, seed: int = 0) -> Simulator:
    """Simulate a room with one object, whose factors are those of 3D Shapes (Kim and Mnih 2018).

    These are not the images of 3D Shapes, whose renderer is not public: the factors, their numbers of values
    and their order are the same, the pixels are not, and scores on them cannot be compared. See
    `fastdis.kernels.room` for the geometry.

    Args:
        size: pixels along a row and a column, 16 to 256.
        length: a number of images drawn at random from the combinations; all 480,000 in order if None.
        seed: of the factors where they are drawn, 0 to 2**63 - 1.

    Returns:
        A simulator of (3, size, size) images with the factors floor_hue 10, wall_hue 10, object_hue 10, scale
        8 (0.75 to 1.25), shape 4 (cube, cylinder, sphere, capsule) and orientation 15 (degrees from -30 to
        30, of the camera), the last changing fastest.

    Raises:
        TypeError: an argument is not an integer.
        ValueError: an argument is out of range.

    Example:
        >>> data = room()
        >>> len(data), data.factor_sizes
        (480000, (10, 10, 10, 8, 4, 15))
        >>> data.images([0, 479_999]).shape
        torch.Size([2, 3, 64, 64])
        >>> data.factors([16]).tolist(), data.values([16])[0, 4:].round(1).tolist()
        ([[0, 0, 0, 0, 1, 1]], [1.0, -25.7])
    """
    _checks.integer("room", "size", size, low=16, high=256)
    _checks.seed("room", seed)
    if length is not None:
        _checks.integer("room", "length", length)
    source = "a room with the factors of 3D Shapes, simulated: not its published images"
    return Simulator(Renderer(size), FACTORS, (3, size, size), source, length=length, seed=seed)
