"""The backward pass in plain PyTorch; the forward pass is `reparameterize`, then `tcvae_penalty`."""

import torch
from torch import Tensor


def backward(
    grad_z: Tensor | None,
    grad_penalty: Tensor | None,
    by_mean: Tensor,
    by_logvar: Tensor,
    z_by_logvar: Tensor,
    *inputs: Tensor,
) -> tuple[Tensor, Tensor]:
    """The gradients of mean and logvar; the inputs themselves are not read."""
    if grad_penalty is None:
        assert grad_z is not None
        return grad_z, grad_z * z_by_logvar
    grad_penalty = grad_penalty.to(by_mean.dtype)
    if grad_z is None:
        return grad_penalty * by_mean, grad_penalty * by_logvar
    grad_mean = torch.addcmul(grad_z, by_mean, grad_penalty)
    return grad_mean, torch.addcmul(grad_penalty * by_logvar, grad_z, z_by_logvar)
