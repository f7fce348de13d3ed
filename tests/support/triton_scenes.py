"""The Triton kernels of flat and solid scenes against the references, in Triton's interpreter or on a GPU.

`test_triton.py` starts it in a process of its own: TRITON_INTERPRET must be set before triton is imported.
"""

import numpy as np
import pytest
import torch

from fastdis.kernels import scenes_2d, scenes_3d
from fastdis.kernels.scenes_2d import triton_gpu as flat_gpu
from fastdis.kernels.scenes_3d import triton_gpu as solid_gpu
from support.scenes import flat_scenes, solid_scenes

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize(("side", "channels"), [(16, 1), (19, 3)])
def test_every_pixel_has_the_exact_coverage(side: int, channels: int) -> None:
    scenes = flat_scenes(6, side, channels)
    images = torch.empty((6, channels, side, side), dtype=torch.uint8, device=DEVICE)
    flat_gpu.draw(*(torch.from_numpy(array).to(DEVICE) for array in scenes), images)
    for image, shape, placement, colour in zip(images.cpu().numpy(), *scenes, strict=True):
        exact = 255 * colour[:, None, None] * scenes_2d.reference.coverage(int(shape), placement, side)
        assert np.abs(image - exact).max() < 0.51


@pytest.mark.parametrize(("side", "channels"), [(16, 1), (19, 3)])
def test_every_pixel_is_the_mean_of_its_samples(side: int, channels: int) -> None:
    scenes = solid_scenes(6, channels)
    images = torch.empty((6, channels, side, side), dtype=torch.uint8, device=DEVICE)
    lights = torch.from_numpy(scenes_3d.reference.LIGHTS).to(DEVICE)
    shapes, placements, colours = (torch.from_numpy(array).to(DEVICE) for array in scenes)
    solid_gpu.draw(shapes, placements, colours, lights, images)
    for image, shape, placement, colour in zip(images.cpu().numpy(), *scenes, strict=True):
        error = np.abs(image - 255 * scenes_3d.reference.radiance(int(shape), placement, colour, side))
        assert np.sort(error.ravel())[-4] < 0.52  # one sample on an edge may fall to its other side
        assert error.max() < 17


def test_no_image_is_drawn_of_no_scene() -> None:
    shapes, colours = torch.empty(0, dtype=torch.int64), torch.empty(0, 1)
    images = torch.empty((0, 1, 16, 16), dtype=torch.uint8)
    flat_gpu.draw(shapes, torch.empty(0, 4), colours, images)
    solid_gpu.draw(shapes, torch.empty(0, 5), colours, torch.empty(2, 4), images)
