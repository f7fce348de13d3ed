"""The specification, in plain PyTorch: any dtype, any device, any number of derivatives."""

import torch
from torch import Tensor

from .._dispatch import widened


def reparameterize(mean: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
    """z = mean + exp(logvar / 2) noise."""
    return mean + torch.exp(0.5 * logvar) * noise


def gaussian_kl(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mean, exp(logvar)) || N(0, 1)), element by element."""
    return 0.5 * (mean.square() + torch.expm1(logvar) - logvar)


def backward(
    grad_z: Tensor | None, grad_kl: Tensor | None, mean: Tensor, logvar: Tensor, noise: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The gradients of mean and logvar; grad_kl (latent,) is that of the mean over the batch."""
    m, v = widened(mean, logvar)
    grad_mean, grad_logvar = torch.zeros_like(m), torch.zeros_like(v)
    if grad_z is not None and noise is not None:
        grad_mean = grad_mean + grad_z
        grad_logvar = grad_logvar + 0.5 * grad_z * noise * torch.exp(0.5 * v)
    if grad_kl is not None:
        share = grad_kl if grad_kl.dim() == 2 else grad_kl / mean.shape[0]
        grad_mean = grad_mean + share * m
        grad_logvar = grad_logvar + 0.5 * share * torch.expm1(v)
    return grad_mean.to(mean.dtype), grad_logvar.to(logvar.dtype)
