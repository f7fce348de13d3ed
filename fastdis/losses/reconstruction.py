"""The reconstruction term, which most objectives share."""

import torch
from torch import Tensor
from torch.nn import functional

from .. import _checks

LIKELIHOODS = ("bernoulli", "gaussian")
_HALF = (torch.float16, torch.bfloat16)


def reconstruction_loss(reconstruction: Tensor, target: Tensor, *, likelihood: str = "bernoulli") -> Tensor:
    """Compute the negative log-likelihood of the images, summed over pixels and averaged over the batch.

    Args:
        reconstruction: the decoder's output, (batch, ...), any floating dtype: logits for "bernoulli", means
            for "gaussian". Half precision is summed in float32.
        target: the images, of the same shape; in [0, 1] for "bernoulli".
        likelihood: "bernoulli" is the cross-entropy of the logits; "gaussian", of unit variance and without
            its constant, is half the squared error.

    Returns:
        A scalar in nats.

    Raises:
        TypeError: an argument is not a floating-point tensor.
        ValueError: the shapes differ, the batch is empty, or the likelihood is unknown.

    Example:
        >>> import torch
        >>> zeros = torch.zeros(2, 1, 8, 8)
        >>> reconstruction_loss(zeros, zeros)  # 64 pixels of log 2
        tensor(44.3614)
        >>> reconstruction_loss(zeros, zeros + 1, likelihood="gaussian")
        tensor(32.)
    """
    _checks.choice("reconstruction_loss", "likelihood", likelihood, LIKELIHOODS)
    return reconstruction_error("reconstruction_loss", reconstruction, target, likelihood)


def reconstruction_error(function: str, reconstruction: Tensor, target: Tensor, likelihood: str) -> Tensor:
    """Compute `reconstruction_loss` for an objective, whose name stands in the errors."""
    _checks.floating(function, reconstruction=reconstruction, target=target)
    if target.shape != reconstruction.shape or reconstruction.numel() == 0:
        raise ValueError(
            f"{function}: target must have shape {tuple(reconstruction.shape)} like reconstruction, "
            f"and not be empty, got {tuple(target.shape)}"
        )
    reconstruction, target = widened(reconstruction), widened(target)
    if likelihood == "bernoulli":
        total = functional.binary_cross_entropy_with_logits(reconstruction, target, reduction="sum")
    else:
        total = 0.5 * functional.mse_loss(reconstruction, target, reduction="sum")
    return total / reconstruction.shape[0]


def widened(tensor: Tensor) -> Tensor:
    """Return half precision as float32: sums over it are then neither rounded to 3 digits nor infinite."""
    return tensor.float() if tensor.dtype in _HALF else tensor
