"""The specification, in plain PyTorch: any dtype, any device, any number of derivatives."""

import torch
from torch import Tensor


def reparameterize(mean: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
    """z = mean + exp(logvar / 2) noise."""
    return mean + torch.exp(0.5 * logvar) * noise


def gaussian_kl(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mean, exp(logvar)) || N(0, 1)), element by element."""
    return 0.5 * (mean.square() + torch.expm1(logvar) - logvar)
