"""A sample of a diagonal Gaussian posterior and its KL divergence from the standard normal.

Kingma & Welling 2014, appendix B and equation 10, for mean and logvar of shape (batch, latent)::

    z_id  = mean_id + exp(logvar_id / 2) noise_id
    KL_id = 1/2 (mean_id^2 + exp(logvar_id) - logvar_id - 1)

With e = expm1(logvar / 2) the exponential is computed once for both, and nothing cancels near a latent that
has collapsed onto the prior: KL = 1/2 (mean^2 + e^2 + 2 (e - logvar / 2)).

Gradients, for the cotangents g of z and k of KL::

    d mean   = g + k mean
    d logvar = g noise exp(logvar / 2) / 2 + k expm1(logvar) / 2
    d noise  = g exp(logvar / 2)

Least work, an element: forward one exponential, some 20 multiply-adds, 3 reads and 1 write (16 bytes in
float32; KL leaves as its mean over the batch); backward the same with 4 reads and 2 writes (24 bytes).
"""

from typing import Any

import torch
from torch import Tensor

from ... import _checks
from .. import _dispatch
from . import reference

REDUCTIONS = ("batchmean", "none", "sum")


def reparameterize(
    mean: Tensor,
    logvar: Tensor,
    *,
    noise: Tensor | None = None,
    generator: torch.Generator | None = None,
    backend: str = "auto",
) -> Tensor:
    """Draw z = mean + exp(logvar / 2) noise, differentiable in mean and logvar (Kingma & Welling 2014, 2.4).

    Args:
        mean: means of the posteriors, (batch, latent), any floating dtype.
        logvar: logarithms of their variances, like mean.
        noise: standard normal draws, like mean; drawn here if None.
        generator: the torch generator to draw with; torch's default if None.
        backend: "auto", "reference", "numba" or "triton".

    Returns:
        z, (batch, latent), in the dtype of the inputs.

    Raises:
        TypeError: an argument is not a floating-point tensor.
        ValueError: shapes differ or are not (batch, latent), a size is 0, or both noise and generator came.
        RuntimeError: the backend asked for cannot run here.

    Example:
        >>> import torch, fastdis
        >>> mean, logvar = torch.tensor([[1.0, -1.0]]), torch.zeros(1, 2)
        >>> fastdis.reparameterize(mean, logvar, noise=torch.tensor([[0.5, 0.5]]))
        tensor([[ 1.5000, -0.5000]])
    """
    mean, logvar, noise = noisy_posteriors("reparameterize", mean, logvar, noise, generator)
    if _dispatch.choose("reparameterize", backend, mean, triton=True) == "reference":
        return _reference_z(mean, logvar, noise)
    z: Tensor = _reparameterize(mean, logvar, noise)
    return z


def gaussian_kl(
    mean: Tensor, logvar: Tensor, *, reduction: str = "batchmean", backend: str = "auto"
) -> Tensor:
    """Compute KL(N(mean, exp(logvar)) || N(0, 1)), in nats (Kingma & Welling 2014, equation 10).

    Args:
        mean: means of the posteriors, (batch, latent), any floating dtype.
        logvar: logarithms of their variances, like mean.
        reduction: "batchmean" for the mean over the batch, one value per latent; "none" for every element;
            "sum" for the sum over batch and latents.
        backend: "auto", "reference", "numba" or "triton".

    Returns:
        Non-negative values of shape (latent,), (batch, latent) or (); float32 for half-precision inputs.

    Raises:
        TypeError: an argument is not a floating-point tensor.
        ValueError: shapes differ or are not (batch, latent), a size is 0, or the reduction is unknown.
        RuntimeError: the backend asked for cannot run here.

    Example:
        >>> import torch, fastdis
        >>> fastdis.gaussian_kl(torch.tensor([[0.0, 2.0]]), torch.zeros(1, 2))
        tensor([0., 2.])
    """
    _checks.choice("gaussian_kl", "reduction", reduction, REDUCTIONS)
    mean, logvar = _pair("gaussian_kl", mean, logvar)
    if _dispatch.choose("gaussian_kl", backend, mean, triton=True) == "reference":
        kl = reference.gaussian_kl(*_dispatch.widened(mean, logvar))
        if reduction == "batchmean":
            kl = kl.mean(0)
    else:
        kl = _gaussian_kl(mean, logvar, reduction == "none")
        if reduction == "sum":
            kl = kl * mean.shape[0]
    return kl.sum() if reduction == "sum" else kl


def reparameterize_kl(
    mean: Tensor,
    logvar: Tensor,
    *,
    noise: Tensor | None = None,
    generator: torch.Generator | None = None,
    backend: str = "auto",
) -> tuple[Tensor, Tensor]:
    """Draw a sample of each posterior and compute each latent's KL (Kingma & Welling 2014, equation 10).

    Both come from one pass over the inputs.

    Args:
        mean: means of the posteriors, (batch, latent), any floating dtype.
        logvar: logarithms of their variances, like mean.
        noise: standard normal draws, like mean; drawn here if None.
        generator: the torch generator to draw with; torch's default if None.
        backend: "auto", "reference", "numba" or "triton".

    Returns:
        (z, kl): z is (batch, latent) in the dtype of the inputs; kl is (latent,), the mean over the batch in
        nats, at least 0, float32 for half-precision inputs.

    Raises:
        TypeError: an argument is not a floating-point tensor.
        ValueError: shapes differ or are not (batch, latent), a size is 0, or both noise and generator came.
        RuntimeError: the backend asked for cannot run here.

    Example:
        >>> import torch, fastdis
        >>> mean = torch.tensor([[0.0, 2.0], [0.0, -2.0]])
        >>> z, kl = fastdis.reparameterize_kl(mean, torch.zeros(2, 2), noise=torch.zeros(2, 2))
        >>> torch.equal(z, mean), kl
        (True, tensor([0., 2.]))
    """
    mean, logvar, noise = noisy_posteriors("reparameterize_kl", mean, logvar, noise, generator)
    if _dispatch.choose("reparameterize_kl", backend, mean, triton=True) == "reference":
        kl = reference.gaussian_kl(*_dispatch.widened(mean, logvar)).mean(0)
        return _reference_z(mean, logvar, noise), kl
    z, kl = _reparameterize_kl(mean, logvar, noise)
    return z, kl


def _pair(function: str, mean: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
    _checks.matrices(function, mean=mean, logvar=logvar)
    mean, logvar = _dispatch.promoted(mean, logvar)
    return mean, logvar


def noisy_posteriors(
    function: str, mean: Tensor, logvar: Tensor, noise: Tensor | None, generator: torch.Generator | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Check the arguments, bring them to one dtype and draw the noise if none is given."""
    if noise is None:
        mean, logvar = _pair(function, mean, logvar)
        if generator is None:  # 6 microseconds quicker than by shape, dtype and device; the same numbers
            noise = torch.randn_like(mean, memory_format=torch.contiguous_format)
        else:
            noise = torch.randn(mean.shape, dtype=mean.dtype, device=mean.device, generator=generator)
        return mean, logvar, noise
    if generator is not None:
        raise ValueError(f"{function}: noise and generator must not both be given")
    _checks.matrices(function, mean=mean, logvar=logvar, noise=noise)
    mean, logvar, noise = _dispatch.promoted(mean, logvar, noise)
    return mean, logvar, noise


def _reference_z(mean: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
    return reference.reparameterize(*_dispatch.widened(mean, logvar, noise)).to(mean.dtype)


# What torch.library is told.


def _like(mean: Tensor) -> Tensor:
    return mean.new_empty(mean.shape)


def _like_kl(mean: Tensor, by_row: bool) -> Tensor:
    dtype = _dispatch.accumulation_dtype(mean.dtype)
    return mean.new_empty(mean.shape if by_row else mean.shape[1:], dtype=dtype)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*(value for value in inputs if isinstance(value, Tensor)))


def _backward_z(ctx: Any, grad_z: Tensor | None, grad_kl: Tensor | None = None) -> tuple[Tensor | None, ...]:
    mean, logvar, noise = ctx.saved_tensors
    grad_mean, grad_logvar = _gaussian_kl_backward(grad_z, grad_kl, mean, logvar, noise)
    grad_noise = None
    if ctx.needs_input_grad[2] and grad_z is not None:
        grad_noise = grad_z * torch.exp(0.5 * logvar)
    return grad_mean, grad_logvar, grad_noise


def _backward_kl(ctx: Any, grad_kl: Tensor) -> tuple[Tensor | None, ...]:
    return *_gaussian_kl_backward(None, grad_kl, *ctx.saved_tensors, None), None


_reparameterize = _dispatch.register(
    "reparameterize(Tensor mean, Tensor logvar, Tensor noise) -> Tensor",
    folder=__name__,
    numba="reparameterize",
    triton="reparameterize",
    fake=lambda mean, logvar, noise: _like(mean),
    setup_context=_save,
    backward=_backward_z,
)
_gaussian_kl = _dispatch.register(
    "gaussian_kl(Tensor mean, Tensor logvar, bool by_row) -> Tensor",
    folder=__name__,
    numba="gaussian_kl",
    triton="gaussian_kl",
    fake=lambda mean, logvar, by_row: _like_kl(mean, by_row),
    setup_context=_save,
    backward=_backward_kl,
)
_reparameterize_kl = _dispatch.register(
    "reparameterize_kl(Tensor mean, Tensor logvar, Tensor noise) -> (Tensor, Tensor)",
    folder=__name__,
    numba="reparameterize_kl",
    triton="reparameterize_kl",
    fake=lambda mean, logvar, noise: (_like(mean), _like_kl(mean, False)),
    setup_context=_save,
    backward=_backward_z,
)
_gaussian_kl_backward = _dispatch.register(
    "gaussian_kl_backward(Tensor? grad_z, Tensor? grad_kl, Tensor mean, Tensor logvar, Tensor? noise)"
    " -> (Tensor, Tensor)",
    folder=__name__,
    numba="backward",
    triton="backward",
    reference=reference.backward,
    fake=lambda grad_z, grad_kl, mean, logvar, noise: (_like(mean), _like(mean)),
)
