"""A sample of each posterior and the penalty of the β-TCVAE, as one operation.

With z = mean + s noise, s = exp(logvar / 2), and the penalty P(z, mean, logvar) of
`kernels.total_correlation`, both depend on mean and logvar alone. The total derivatives of P are known in the
forward pass::

    A = dP/dmean   = P_mean   + P_z
    B = dP/dlogvar = P_logvar + P_z H,    H = dz/dlogvar = s noise / 2

and the backward pass adds what the decoder sends back, with g = dL/dz and p = dL/dP::

    d mean   = g + p A
    d logvar = g H + p B

Least work beyond the penalty's: one exponential an element, forward; backward 4 multiply-adds an element,
5 reads and 2 writes (28 bytes in float32). One node of autograd instead of two: at a batch of 64 these take
longer than the arithmetic.
"""

from typing import Any

import torch
from torch import Tensor

from .. import _dispatch
from ..gaussian_kl import noisy_posteriors, reparameterize
from ..total_correlation import KLDecomposition, check_batch, tcvae_penalty, weights_known
from . import reference


def reparameterize_tcvae(
    mean: Tensor,
    logvar: Tensor,
    *,
    dataset_size: int,
    alpha: float = 1.0,
    beta: float = 6.0,
    gamma: float = 1.0,
    estimator: str = "mss",
    noise: Tensor | None = None,
    generator: torch.Generator | None = None,
    backend: str = "auto",
) -> tuple[Tensor, Tensor, KLDecomposition]:
    """Draw a sample of each posterior and compute the β-TCVAE's penalty (Chen et al. 2018, equation 4).

    Gives what `reparameterize` followed by `tcvae_penalty` gives, in one operation with one backward pass,
    which saves time where batches are small.

    Args:
        mean: means of the posteriors, (batch, latent), any floating dtype.
        logvar: logarithms of their variances, like mean.
        dataset_size: N, the number of training images; never the batch size.
        alpha: weight of the index-code mutual information, as for `tcvae_penalty`.
        beta: weight of the total correlation.
        gamma: weight of the dimension-wise KL.
        estimator: "mss" or "mws", see `kl_decomposition`.
        noise: standard normal draws, like mean; drawn here if None.
        generator: the torch generator to draw with; torch's default if None.
        backend: "auto", "reference", "numba" or "triton".

    Returns:
        (z, penalty, terms): z is (batch, latent) in the dtype of the inputs; penalty is a scalar in nats;
        both are differentiable. terms are the three parts, detached, for logging.

    Raises:
        TypeError: an argument is not a floating-point tensor, dataset_size is not an integer, or a weight is
            no number or a tensor with gradient.
        ValueError: shapes differ or are not (batch, latent), fewer than two samples, dataset_size smaller
            than the batch, a weight that is NaN or infinite, an unknown estimator, or both noise and
            generator came.
        RuntimeError: the backend asked for cannot run here.

    Example:
        >>> import torch, fastdis
        >>> mean = torch.tensor([[-3.0, 1.0], [3.0, -1.0]], requires_grad=True)
        >>> noise = torch.zeros(2, 2)
        >>> z, penalty, terms = fastdis.reparameterize_tcvae(mean, mean * 0, dataset_size=2, noise=noise)
        >>> torch.equal(z, mean), penalty.requires_grad, terms.index_code_mi.requires_grad
        (True, True, False)
    """
    name = "reparameterize_tcvae"
    mean, logvar, noise = noisy_posteriors(name, mean, logvar, noise, generator)
    check_batch(name, "mean", mean, dataset_size, estimator)
    chosen = _dispatch.choose(name, backend, mean, triton=True)
    weights, known = weights_known(name, alpha, beta, gamma)
    if chosen == "reference" or not known or noise.requires_grad:
        z = reparameterize(mean, logvar, noise=noise, backend=chosen)
        penalty, terms = tcvae_penalty(
            z,
            mean,
            logvar,
            dataset_size=dataset_size,
            alpha=alpha,
            beta=beta,
            gamma=gamma,
            estimator=estimator,
            backend=chosen,
        )
        return z, penalty, terms
    wanted = torch.is_grad_enabled() and (mean.requires_grad or logvar.requires_grad)
    z, penalty, values, *_ = _reparameterize_tcvae(
        mean, logvar, noise, dataset_size, estimator == "mss", weights, wanted
    )
    if values.requires_grad:
        values = values.detach()
    return z, penalty, KLDecomposition(*values.unbind())


# What torch.library is told.


def _fake(
    mean: Tensor,
    logvar: Tensor,
    noise: Tensor,
    dataset_size: int,
    stratified: bool,
    coefficients: list[float],
    gradient: bool,
) -> tuple[Tensor, ...]:
    dtype = _dispatch.accumulation_dtype(mean.dtype)
    sizes = mean.shape if gradient else (0,)
    saved = [mean.new_empty(sizes) for _ in range(3)]
    return mean.new_empty(mean.shape), mean.new_empty((), dtype=dtype), mean.new_empty(3, dtype=dtype), *saved


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(*output[2:])
    # mean and logvar are kept only so that a second derivative is refused instead of being silently zero
    ctx.save_for_backward(*output[3:], *inputs[:2])


def _backward(
    ctx: Any, grad_z: Tensor | None, grad_penalty: Tensor | None, *unused: None
) -> tuple[Tensor | None, ...]:
    if grad_z is None and grad_penalty is None:
        return (None,) * 7
    return *_reparameterize_tcvae_backward(grad_z, grad_penalty, *ctx.saved_tensors), *(None,) * 5


_reparameterize_tcvae = _dispatch.register(
    "reparameterize_tcvae(Tensor mean, Tensor logvar, Tensor noise, SymInt dataset_size, bool stratified,"
    " float[] coefficients, bool gradient) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
    folder=__name__,
    numba="forward",
    triton="forward",
    fake=_fake,
    setup_context=_save,
    backward=_backward,
)
_reparameterize_tcvae_backward = _dispatch.register(
    "reparameterize_tcvae_backward(Tensor? grad_z, Tensor? grad_penalty, Tensor by_mean, Tensor by_logvar,"
    " Tensor z_by_logvar, Tensor mean, Tensor logvar) -> (Tensor, Tensor)",
    folder=__name__,
    triton="backward",
    reference=reference.backward,
    fake=lambda grad_z, grad_penalty, by_mean, by_logvar, z_by_logvar, mean, logvar: (
        mean.new_empty(mean.shape),
        mean.new_empty(mean.shape),
    ),
)
