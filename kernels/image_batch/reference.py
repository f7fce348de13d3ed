"""The conversion in plain PyTorch: the specification."""

from torch import Tensor


def image_batch(images: Tensor, channels_last: bool) -> Tensor:
    """(n, height, width, channels) uint8 to (n, channels, height, width) float32 in [0, 1]."""
    planes = images.permute(0, 3, 1, 2) if channels_last else images
    return planes.float().div(255).contiguous()
