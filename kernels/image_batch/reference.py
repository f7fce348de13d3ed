"""The conversion in plain PyTorch: the specification."""

from torch import Tensor


def image_batch(images: Tensor) -> Tensor:
    """(n, ...) uint8 to float32 in [0, 1]."""
    return images.float().div(255).contiguous()
