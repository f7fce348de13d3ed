"""The decomposition KL = MI + TC + dwKL, estimated from a minibatch.

Chen et al. 2018 (Isolating Sources of Disentanglement), equation 2 and appendix C. For z_i ~ q(z | x_i),
L_ijd = log q(z_id | x_j) = -1/2 (log 2 pi + logvar_jd + (z_id - mean_jd)^2 exp(-logvar_jd)), and w_ij the
weight of posterior j in the estimate of the aggregated posterior at z_i::

    log q(z_i)  = log sum_j w_ij exp(sum_d L_ijd)
    log q(z_id) = log sum_j w_ij exp(L_ijd)

    MI   = mean_i [sum_d L_iid - log q(z_i)]
    TC   = mean_i [log q(z_i) - sum_d log q(z_id)]
    dwKL = mean_i [sum_d log q(z_id) - sum_d log p(z_id)]

With N training images, B samples in the batch and M = B - 1:

- MSS, minibatch stratified sampling (appendix C.2): w_ii = 1/N, one other entry of each row, here
  j = (i + 1) mod B, (N - M) / (N M), the rest 1/M. Rows sum to 1.
- MWS, minibatch weighted sampling (appendix C.1): w_ij = 1 / (N B). Rows sum to 1/N, so TC as logged is too
  high by about (D - 1) log(N B); the constant has no gradient.

Gradient. A weighted sum a MI + b TC + c dwKL has, with P_ij and p_ijd the shares of posterior j in
log q(z_i) and log q(z_id)::

    G_ijd = 1/B [(b - a) P_ij + (c - b) p_ijd + a (i = j)]
    d z_id       = c z_id / B - sum_j G_ijd (z_id - mean_jd) exp(-logvar_jd)
    d mean_jd    = sum_i G_ijd (z_id - mean_jd) exp(-logvar_jd)
    d logvar_jd  = 1/2 sum_i G_ijd ((z_id - mean_jd)^2 exp(-logvar_jd) - 1)

Range. All of this is finite wherever plain PyTorch's is, for log variances between -80 and 80 in float32 and
between -700 and 700 in float64, samples far from every mean included: a density may be too small for the
dtype, and is 0 then. Beyond that exp(-logvar) itself, or its product with a difference, leaves the numbers.

Least work: B^2 (D + 1) exponentials and some 10 B^2 D multiply-adds, forward and backward together; memory
O(B D), never (B, B, D).
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ... import _checks
from .. import _dispatch
from . import reference

ESTIMATORS = ("mss", "mws")


class KLDecomposition(NamedTuple):
    """The three terms of the KL divergence, scalars in nats; their sum estimates KL(q(z|x) || p(z))."""

    index_code_mi: Tensor
    total_correlation: Tensor
    dimwise_kl: Tensor


def kl_decomposition(
    z: Tensor,
    mean: Tensor,
    logvar: Tensor,
    *,
    dataset_size: int,
    estimator: str = "mss",
    backend: str = "auto",
) -> KLDecomposition:
    """Split the KL divergence of a batch into MI, TC and dimension-wise KL (Chen et al. 2018, equation 2).

    Args:
        z: one sample of each posterior, (batch, latent), any floating dtype.
        mean: means of the posteriors, like z.
        logvar: logarithms of their variances, like z.
        dataset_size: N, the number of training images; never the batch size.
        estimator: "mss" (stratified, rows of weights sum to 1) or "mws" (weighted; TC and dimension-wise KL
            carry large constants).
        backend: "auto", "reference", "numba" or "triton".

    Returns:
        KLDecomposition(index_code_mi, total_correlation, dimwise_kl): scalars in nats, each differentiable
        on its own; float32 for half-precision inputs. Estimates from a batch: they can be negative.

    Raises:
        TypeError: an argument is not a floating-point tensor, or dataset_size is not an integer.
        ValueError: shapes differ, fewer than two samples, dataset_size smaller than the batch, or an
            unknown estimator.
        RuntimeError: the backend asked for cannot run here.

    Example:
        >>> import torch, fastdis
        >>> mean = torch.tensor([[-3.0, 1.0], [3.0, -1.0], [-3.0, -1.0], [3.0, 1.0]])
        >>> terms = fastdis.kl_decomposition(mean, mean, torch.full((4, 2), -4.0), dataset_size=4)
        >>> round(terms.index_code_mi.item(), 2)  # four images told apart: log 4
        1.39
    """
    z, mean, logvar = _arguments("kl_decomposition", z, mean, logvar, dataset_size, estimator)
    chosen = _dispatch.choose("kl_decomposition", backend, z, triton=True)
    return KLDecomposition(*_terms(chosen, z, mean, logvar, dataset_size, estimator).unbind())


def total_correlation(
    z: Tensor,
    mean: Tensor,
    logvar: Tensor,
    *,
    dataset_size: int,
    estimator: str = "mss",
    backend: str = "auto",
) -> Tensor:
    """Estimate the total correlation KL(q(z) || prod_d q(z_d)) from a batch (Chen et al. 2018, equation 2).

    Args:
        z: one sample of each posterior, (batch, latent), any floating dtype.
        mean: means of the posteriors, like z.
        logvar: logarithms of their variances, like z.
        dataset_size: N, the number of training images; never the batch size.
        estimator: "mss" or "mws", see `kl_decomposition`.
        backend: "auto", "reference", "numba" or "triton".

    Returns:
        A scalar in nats; float32 for half-precision inputs. The true value is at least 0, an estimate from
        a batch can be negative.

    Raises:
        TypeError: an argument is not a floating-point tensor, or dataset_size is not an integer.
        ValueError: shapes differ, fewer than two samples, dataset_size smaller than the batch, or an
            unknown estimator.
        RuntimeError: the backend asked for cannot run here.

    Example:
        >>> import torch, fastdis
        >>> mean = torch.tensor([[-3.0], [3.0]])
        >>> abs(fastdis.total_correlation(mean, mean, mean * 0, dataset_size=2).item())  # one latent: none
        0.0
    """
    z, mean, logvar = _arguments("total_correlation", z, mean, logvar, dataset_size, estimator)
    chosen = _dispatch.choose("total_correlation", backend, z, triton=True)
    return _terms(chosen, z, mean, logvar, dataset_size, estimator)[1]


def tcvae_penalty(
    z: Tensor,
    mean: Tensor,
    logvar: Tensor,
    *,
    dataset_size: int,
    alpha: float = 1.0,
    beta: float = 6.0,
    gamma: float = 1.0,
    estimator: str = "mss",
    backend: str = "auto",
) -> tuple[Tensor, KLDecomposition]:
    """Compute the penalty of the β-TCVAE, alpha MI + beta TC + gamma dwKL (Chen et al. 2018, equation 4).

    The weights being known, the gradients are accumulated in the forward pass and every exponential is
    computed once; where no gradient is wanted that work is left out. Under ``torch.compile`` a weight that
    changes from call to call becomes an input of the graph, and the exponentials are computed twice.

    Args:
        z: one sample of each posterior, (batch, latent), any floating dtype.
        mean: means of the posteriors, like z.
        logvar: logarithms of their variances, like z.
        dataset_size: N, the number of training images; never the batch size.
        alpha: weight of the index-code mutual information: a finite number of any sign, Python's, NumPy's or
            a tensor of one number without gradient, which is read.
        beta: weight of the total correlation, likewise.
        gamma: weight of the dimension-wise KL, likewise.
        estimator: "mss" or "mws", see `kl_decomposition`.
        backend: "auto", "reference", "numba" or "triton".

    Returns:
        (penalty, terms): a differentiable scalar in nats, and the three terms, detached, for logging.

    Raises:
        TypeError: an argument is not a floating-point tensor, dataset_size is not an integer, or a weight is
            no number or a tensor with gradient.
        ValueError: shapes differ, fewer than two samples, dataset_size smaller than the batch, a weight that
            is NaN or infinite, or an unknown estimator.
        RuntimeError: the backend asked for cannot run here.

    Example:
        >>> import torch, fastdis
        >>> mean = torch.tensor([[-3.0, 1.0], [3.0, -1.0]], requires_grad=True)
        >>> penalty, terms = fastdis.tcvae_penalty(mean, mean, mean * 0, dataset_size=2, beta=1.0)
        >>> torch.isclose(penalty, sum(terms)).item(), penalty.requires_grad, terms[0].requires_grad
        (True, True, False)
    """
    z, mean, logvar = _arguments("tcvae_penalty", z, mean, logvar, dataset_size, estimator)
    chosen = _dispatch.choose("tcvae_penalty", backend, z, triton=True)
    weights, known = weights_known("tcvae_penalty", alpha, beta, gamma)
    if chosen == "reference" or not known:
        terms = _terms(chosen, z, mean, logvar, dataset_size, estimator)
        mi, tc, dwkl = terms.split(1)  # not scalars: a weight must not change their dtype
        penalty = (weights[0] * mi + weights[1] * tc + weights[2] * dwkl).squeeze(0)
        terms = terms.detach()
    else:
        wanted = torch.is_grad_enabled() and (z.requires_grad or mean.requires_grad or logvar.requires_grad)
        penalty, terms, *_ = _tcvae_penalty(
            z, mean, logvar, dataset_size, estimator == "mss", weights, wanted
        )
        if terms.requires_grad:
            terms = terms.detach()
    return penalty, KLDecomposition(*terms.unbind())


def _terms(chosen: str, z: Tensor, mean: Tensor, logvar: Tensor, dataset_size: int, estimator: str) -> Tensor:
    """Estimate MI, TC and dimension-wise KL: (3,), each differentiable on its own."""
    if chosen == "reference":
        z, mean, logvar = _dispatch.widened(z, mean, logvar)
        return reference.kl_decomposition(z, mean, logvar, dataset_size, estimator)
    terms: Tensor = _kl_decomposition(z, mean, logvar, dataset_size, estimator == "mss")
    return terms


def weights_known(
    function: str, alpha: float | Tensor, beta: float | Tensor, gamma: float | Tensor
) -> tuple[tuple[float | Tensor, ...], bool]:
    """Check the weights and tell whether all are known now: a graph may be given some when it runs."""
    plain = type(alpha) is type(beta) is type(gamma) is float and not torch.compiler.is_compiling()
    if plain and -math.inf < alpha + beta + gamma < math.inf:
        return (alpha, beta, gamma), True
    named = {"alpha": alpha, "beta": beta, "gamma": gamma}
    weights = tuple(_dispatch.weight(function, name, value) for name, value in named.items())
    return weights, all(_dispatch.is_known(value) for value in weights)


def _arguments(
    function: str, z: Tensor, mean: Tensor, logvar: Tensor, dataset_size: int, estimator: str
) -> tuple[Tensor, Tensor, Tensor]:
    _checks.matrices(function, z=z, mean=mean, logvar=logvar)
    check_batch(function, "z", z, dataset_size, estimator)
    z, mean, logvar = _dispatch.promoted(z, mean, logvar)
    return z, mean, logvar


def check_batch(function: str, name: str, tensor: Tensor, dataset_size: int, estimator: str) -> None:
    """Require an estimator's name, two samples at least, and a data set no smaller than the batch."""
    _checks.choice(function, "estimator", estimator, ESTIMATORS)
    batch = tensor.shape[0]
    if batch < 2:
        raise ValueError(f"{function}: {name} must hold at least 2 samples, got {batch}")
    if type(dataset_size) is not int:
        dataset_size = _checks.integer(function, "dataset_size", dataset_size)
    if dataset_size < batch:
        raise ValueError(
            f"{function}: dataset_size must be the number of training images, at least the batch's {batch}, "
            f"got {dataset_size}"
        )


# What torch.library is told.


def _scalars(z: Tensor, count: int) -> Tensor:
    return z.new_empty(count, dtype=_dispatch.accumulation_dtype(z.dtype))


def _like(*tensors: Tensor) -> tuple[Tensor, ...]:
    return tuple(tensor.new_empty(tensor.shape) for tensor in tensors)


def _fake_penalty(
    z: Tensor,
    mean: Tensor,
    logvar: Tensor,
    dataset_size: int,
    stratified: bool,
    coefficients: list[float],
    gradient: bool,
) -> tuple[Tensor, ...]:
    gradients = _like(z, mean, logvar) if gradient else tuple(z.new_empty(0) for _ in range(3))
    return _scalars(z, 1)[0], _scalars(z, 3), *gradients


def _save_arguments(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    z, mean, logvar, ctx.dataset_size, ctx.stratified = inputs
    ctx.save_for_backward(z, mean, logvar)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    gradients = _kl_decomposition_backward(*ctx.saved_tensors, ctx.dataset_size, ctx.stratified, grad)
    return *gradients, None, None


def _save_gradients(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(*output[1:])
    # the inputs are kept only so that a second derivative is refused instead of being silently zero
    ctx.save_for_backward(*output[2:], *inputs[:3])


def _scale_gradients(ctx: Any, grad: Tensor | None, *unused: None) -> tuple[Tensor | None, ...]:
    if grad is None:
        return (None,) * 7
    gradients = _tcvae_penalty_backward(grad, *ctx.saved_tensors)
    return *gradients, None, None, None, None


_kl_decomposition = _dispatch.register(
    "kl_decomposition(Tensor z, Tensor mean, Tensor logvar, SymInt dataset_size, bool stratified) -> Tensor",
    folder=__name__,
    numba="values",
    triton="values",
    fake=lambda z, mean, logvar, dataset_size, stratified: _scalars(z, 3),
    setup_context=_save_arguments,
    backward=_backward,
)
_kl_decomposition_backward = _dispatch.register(
    "kl_decomposition_backward(Tensor z, Tensor mean, Tensor logvar, SymInt dataset_size, bool stratified,"
    " Tensor grad) -> (Tensor, Tensor, Tensor)",
    folder=__name__,
    numba="gradients",
    triton="gradients",
    reference=reference.gradients,
    fake=lambda z, mean, logvar, dataset_size, stratified, grad: _like(z, mean, logvar),
)
_tcvae_penalty = _dispatch.register(
    "tcvae_penalty(Tensor z, Tensor mean, Tensor logvar, SymInt dataset_size, bool stratified,"
    " float[] coefficients, bool gradient) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
    folder=__name__,
    numba="penalty",
    triton="penalty",
    fake=_fake_penalty,
    setup_context=_save_gradients,
    backward=_scale_gradients,
)
_tcvae_penalty_backward = _dispatch.register(
    "tcvae_penalty_backward(Tensor grad, Tensor grad_z, Tensor grad_mean, Tensor grad_logvar,"
    " Tensor z, Tensor mean, Tensor logvar) -> (Tensor, Tensor, Tensor)",
    folder=__name__,
    triton="scaled",
    reference=reference.scaled,
    fake=lambda grad, grad_z, grad_mean, grad_logvar, z, mean, logvar: _like(z, mean, logvar),
)
