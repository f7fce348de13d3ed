"""The Triton kernel of flat scenes against the reference, in Triton's interpreter or on a GPU.

`test_triton.py` starts it in a process of its own: TRITON_INTERPRET must be set before triton is imported.
"""

import numpy as np
import pytest
import torch

from fastdis.kernels.scenes_2d import reference, triton_gpu
from support.scenes import flat_scenes

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize(("side", "channels"), [(16, 1), (64, 3), (61, 1)])
def test_every_pixel_has_the_references_coverage(side: int, channels: int) -> None:
    shapes, placements, colours = flat_scenes(9, side, channels)
    images = torch.empty((9, channels, side, side), dtype=torch.uint8, device=DEVICE)
    triton_gpu.draw(*(torch.from_numpy(a).to(DEVICE) for a in (shapes, placements, colours)), images)
    for image, shape, placement, colour in zip(
        images.cpu().numpy(), shapes, placements, colours, strict=True
    ):
        exact = 255 * colour[:, None, None] * reference.coverage(int(shape), placement, side)
        assert np.abs(image - exact).max() < 0.51
