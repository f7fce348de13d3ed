"""Differentiable operations on (batch, latent) tensors, as ``torch.nn.functional`` is to ``torch.nn``.

All of them take float32, float64, float16 and bfloat16, compute half precision in float32, and run under
``torch.compile`` and ``torch.export`` at any batch size. The kernels know one derivative in reverse mode.
Under the transforms of ``torch.func`` and inside ``torch.autograd.forward_ad.dual_level``,
``backend="auto"`` means the reference in plain PyTorch, which has every derivative; noise and permutations
drawn under ``torch.vmap`` follow its ``randomness``. A ``generator`` cannot be passed into a compiled graph:
that is a limit of ``torch.compile``. On the meta device, as under ``with torch.device("meta")``, all of them
give tensors of the right shape and dtype, and count their operations, by the reference.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from . import _checks
from .kernels import _dispatch
from .kernels.gaussian_kl import gaussian_kl, reparameterize, reparameterize_kl
from .kernels.permute_dims import permute_dims
from .kernels.reparameterize_tcvae import reparameterize_tcvae
from .kernels.total_correlation import KLDecomposition, kl_decomposition, tcvae_penalty, total_correlation

__all__ = [
    "FactorVAETerms",
    "KLDecomposition",
    "dip_vae_penalty",
    "discriminator_loss",
    "discriminator_total_correlation",
    "factor_vae_terms",
    "frozen",
    "gaussian_kl",
    "kl_decomposition",
    "permute_dims",
    "reparameterize",
    "reparameterize_kl",
    "reparameterize_tcvae",
    "tcvae_penalty",
    "total_correlation",
    "warmup",
]


class FactorVAETerms(NamedTuple):
    """What the two optimisers of a FactorVAE minimise, scalars in nats."""

    total_correlation: Tensor
    discriminator_loss: Tensor


def factor_vae_terms(
    discriminator: Callable[[Tensor], Tensor],
    z: Tensor,
    z_other: Tensor,
    *,
    generator: torch.Generator | None = None,
) -> FactorVAETerms:
    """Compute a discriminator's estimate of TC and its loss (Kim & Mnih 2018, equation 3 and algorithm 2)::

        TC   = mean_i [D_0(z_i) - D_1(z_i)]
        loss = 1/2 [CE(D(z), 0) + CE(D(permute_dims(z_other)), 1)]

    TC reaches the encoder and leaves the discriminator's weights alone; the loss reaches the discriminator
    and sees the codes detached. Both can be differentiated in any order.

    Most of the time goes into the discriminator's three passes, matrix products that torch runs at the
    machine's limit; of the rest only permute_dims is worth a kernel.

    Args:
        discriminator: maps (batch, latent) to logits (batch, 2); class 0 means "from q(z)".
        z: samples of the batch that the encoder is trained on, (batch, latent).
        z_other: samples of a second, independent batch, (batch, latent).
        generator: the torch generator of the permutations; torch's default if None.

    Returns:
        FactorVAETerms(total_correlation, discriminator_loss): scalars in nats.

    Raises:
        TypeError: z or z_other is not a floating-point tensor.
        ValueError: z or z_other is not (batch, latent), or the logits are not (batch, 2).

    Example:
        >>> import torch, fastdis
        >>> discriminator = torch.nn.Linear(3, 2)
        >>> z = torch.randn(8, 3, requires_grad=True)
        >>> terms = fastdis.factor_vae_terms(discriminator, z, torch.randn(8, 3))
        >>> terms.total_correlation.backward()
        >>> z.grad is None, discriminator.weight.grad is None
        (False, True)
    """
    return FactorVAETerms(
        _estimate("factor_vae_terms", discriminator, z),
        _loss("factor_vae_terms", discriminator, z, z_other, generator),
    )


def discriminator_total_correlation(discriminator: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """Compute the first of `factor_vae_terms`, mean_i [D_0(z_i) - D_1(z_i)], for the encoder's turn.

    Args:
        discriminator: maps (batch, latent) to logits (batch, 2); class 0 means "from q(z)".
        z: samples of the posteriors, (batch, latent).

    Returns:
        A scalar in nats; its gradient reaches z and leaves the discriminator's weights alone.

    Raises:
        TypeError: z is not a floating-point tensor.
        ValueError: z is not (batch, latent), or the logits are not (batch, 2).

    Example:
        >>> import torch
        >>> discriminator_total_correlation(lambda z: torch.tensor([[2.0, 0.5]]), torch.zeros(1, 3))
        tensor(1.5000)
    """
    return _estimate("discriminator_total_correlation", discriminator, z)


def _estimate(function: str, discriminator: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    _checks.matrices(function, z=z)
    logits = _two_logits(function, frozen(discriminator)(z))
    return (logits[:, 0] - logits[:, 1]).mean()


def discriminator_loss(
    discriminator: Callable[[Tensor], Tensor],
    z: Tensor,
    z_other: Tensor,
    *,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Compute the second of `factor_vae_terms`, 1/2 [CE(D(z), 0) + CE(D(permute_dims(z_other)), 1)].

    Args:
        discriminator: maps (batch, latent) to logits (batch, 2); class 0 means "from q(z)".
        z: samples of the posteriors, (batch, latent).
        z_other: samples of a second, independent batch, (batch, latent).
        generator: the torch generator of the permutations; torch's default if None.

    Returns:
        A scalar in nats, log 2 for a discriminator that cannot tell the two apart; its gradient leaves the
        codes alone.

    Raises:
        TypeError: z or z_other is not a floating-point tensor.
        ValueError: z or z_other is not (batch, latent), or the logits are not (batch, 2).

    Example:
        >>> import torch
        >>> discriminator_loss(lambda z: torch.zeros(len(z), 2), torch.zeros(4, 3), torch.zeros(4, 3))
        tensor(0.6931)
    """
    return _loss("discriminator_loss", discriminator, z, z_other, generator)


def _loss(
    function: str,
    discriminator: Callable[[Tensor], Tensor],
    z: Tensor,
    z_other: Tensor,
    generator: torch.Generator | None,
) -> Tensor:
    _checks.matrices(function, z=z)
    _checks.matrices(function, z_other=z_other)
    of_q = _two_logits(function, discriminator(z.detach()))
    of_product = _two_logits(function, discriminator(permute_dims(z_other.detach(), generator=generator)))
    return 0.5 * (
        nn.functional.cross_entropy(of_q, of_q.new_zeros(of_q.shape[:1], dtype=torch.long))
        + nn.functional.cross_entropy(of_product, of_product.new_ones(of_product.shape[:1], dtype=torch.long))
    )


def frozen(module: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return the same function with the module's weights detached: gradients reach its input alone.

    Example:
        >>> import torch
        >>> layer, x = torch.nn.Linear(2, 1), torch.ones(3, 2, requires_grad=True)
        >>> frozen(layer)(x).sum().backward()
        >>> x.grad is None, layer.weight.grad is None
        (False, True)
    """
    if not isinstance(module, nn.Module):
        return module
    weights = {name: weight.detach() for name, weight in module.named_parameters()}
    return lambda x: torch.func.functional_call(module, weights, (x,))


def _two_logits(function: str, logits: Tensor) -> Tensor:
    """Check the discriminator's output and widen it: autocast may have made it too narrow for a mean."""
    if logits.dim() != 2 or logits.shape[1] != 2:
        raise ValueError(
            f"{function}: discriminator must return logits of shape (batch, 2), got {tuple(logits.shape)}"
        )
    return _dispatch.widened(logits)[0]


def dip_vae_penalty(
    mean: Tensor,
    logvar: Tensor,
    *,
    lambda_od: float = 10.0,
    lambda_d: float | None = None,
    variant: str = "ii",
) -> Tensor:
    """Measure how far the covariance of the aggregated posterior is from I (Kumar et al. 2018, eq. 6-7)::

        lambda_od sum_{a != b} C_ab^2 + lambda_d sum_a (C_aa - 1)^2
        C = Cov[mean] ("i"),  Cov[mean] + diag(E[exp(logvar)]) ("ii")

    with the covariance over the batch, divided by the batch size. It is one product of (latent, batch) and
    (batch, latent), never (batch, latent, latent), and left to torch, which runs it at the machine's limit.

    Args:
        mean: means of the posteriors, (batch, latent), any floating dtype.
        logvar: logarithms of their variances, like mean; not read by variant "i".
        lambda_od: weight of the squared off-diagonal entries: a finite number, Python's, NumPy's or a tensor
            of one number without gradient.
        lambda_d: weight of the squared distance of the diagonal from 1, likewise; 10 lambda_od for "i" and
            lambda_od for "ii" if None.
        variant: "i" (covariance of the means) or "ii" (covariance of the codes).

    Returns:
        A scalar, at least 0 if the weights are.

    Raises:
        TypeError: an argument is not a floating-point tensor, or a weight is no number.
        ValueError: shapes differ or are not (batch, latent), a weight is NaN or infinite, or the variant is
            unknown.

    Example:
        >>> import torch, fastdis
        >>> mean = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])  # unit variances, covariance 1
        >>> fastdis.dip_vae_penalty(mean, mean, variant="i", lambda_od=0.5)
        tensor(1.)
    """
    _checks.matrices("dip_vae_penalty", mean=mean, logvar=logvar)
    _checks.choice("dip_vae_penalty", "variant", variant, ("i", "ii"))
    off = _dispatch.weight("dip_vae_penalty", "lambda_od", lambda_od)
    if lambda_d is None:
        on = 10 * off if variant == "i" else off
    else:
        on = _dispatch.weight("dip_vae_penalty", "lambda_d", lambda_d)
    mean, logvar = _dispatch.widened(mean, logvar)
    with _dispatch.without_autocast(mean):  # which would round the covariance to 3 digits
        centred = mean - mean.mean(0)
        covariance = centred.T @ centred / mean.shape[0]  # len would be a constant of an exported graph
    variances = covariance.diagonal()
    off_diagonal = covariance.square().sum() - variances.square().sum()
    if variant == "ii":
        variances = variances + logvar.exp().mean(0)
    return (off * off_diagonal + on * (variances - 1).square().sum()).to(off_diagonal.dtype)


def warmup(dtype: torch.dtype = torch.float32) -> None:
    """Compile the CPU kernels of the losses now, rather than within the first training step.

    That takes some 15 seconds. Compiled code is kept in the user's cache directory: a later process loads it
    in 0.6 seconds.

    Args:
        dtype: that of the codes; torch.float32 or torch.float64.

    Example:
        >>> import fastdis
        >>> fastdis.warmup()
    """
    mean = torch.zeros(2, 1, dtype=dtype, requires_grad=True)
    logvar = torch.zeros(2, 1, dtype=dtype, requires_grad=True)
    z, kl = reparameterize_kl(mean, logvar)
    values = [
        z,
        kl,
        reparameterize(mean, logvar),
        gaussian_kl(mean, logvar),
        gaussian_kl(mean, logvar, reduction="none"),
        permute_dims(z),
        tcvae_penalty(z, mean, logvar, dataset_size=2)[0],
        total_correlation(z, mean, logvar, dataset_size=2),
        reparameterize_tcvae(mean, logvar, dataset_size=2)[1],
    ]
    torch.autograd.grad([value.sum() for value in values], (mean, logvar))
    tcvae_penalty(z.detach(), mean.detach(), logvar.detach(), dataset_size=2)
