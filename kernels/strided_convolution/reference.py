"""Convolutions 4x4 of stride 2 with their rectifiers, as torch has them."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor


def convolutions(
    images: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    slopes: Sequence[float],
    transposed: bool,
) -> Tensor:
    convolution = F.conv_transpose2d if transposed else F.conv2d
    for weight, bias, slope in zip(weights, biases, slopes, strict=True):
        images = convolution(images, weight, bias, stride=2, padding=1)
        if slope != 1:
            images = F.leaky_relu(images, slope) if slope else F.relu(images)
    return images
