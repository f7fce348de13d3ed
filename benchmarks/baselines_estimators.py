"""The minibatch estimators of MI, TC and dimension-wise KL that public code logs, right and wrong."""

import math

import torch
from torch import Tensor

import fastdis

_ROWS = 64  # at a time: (64, B, latent) numbers stay in the cache
PARTS = ("index-code MI", "total correlation", "dimension-wise KL")


def mss(z: Tensor, mean: Tensor, logvar: Tensor, dataset_size: int) -> Tensor:
    """Minibatch stratified sampling with 1/N on the diagonal, as Chen 2018 derives it."""
    parts = fastdis.functional.kl_decomposition(z, mean, logvar, dataset_size=dataset_size, estimator="mss")
    return torch.stack(list(parts))


def mws(z: Tensor, mean: Tensor, logvar: Tensor, dataset_size: int) -> Tensor:
    """Minibatch weighted sampling: every weight 1 / (N B)."""
    parts = fastdis.functional.kl_decomposition(z, mean, logvar, dataset_size=dataset_size, estimator="mws")
    return torch.stack(list(parts))


def mss_wrong_stride(z: Tensor, mean: Tensor, logvar: Tensor, dataset_size: int) -> Tensor:
    """The weights filled with stride B where B + 1 was meant: 1/N lands on column 0, not on the diagonal."""
    return _with_weights(z, mean, logvar, _wrong_stride(len(z), dataset_size), per_latent=False)


def mss_weight_per_latent(z: Tensor, mean: Tensor, logvar: Tensor, dataset_size: int) -> Tensor:
    """The same, and log w added before the sum over the latents: it counts D times in log q(z)."""
    return _with_weights(z, mean, logvar, _wrong_stride(len(z), dataset_size), per_latent=True)


def _wrong_stride(batch: int, dataset_size: int) -> Tensor:
    others = batch - 1
    rest = (dataset_size - others) / (dataset_size * others)
    weights = torch.full((batch, batch), 1 / others)
    weights.view(-1)[::batch] = 1 / dataset_size
    weights.view(-1)[1::batch] = rest
    weights[-2, 0] = rest
    return weights.log()


def _with_weights(z: Tensor, mean: Tensor, logvar: Tensor, weights: Tensor, *, per_latent: bool) -> Tensor:
    total = torch.zeros(3)
    for rows in torch.arange(len(z)).split(_ROWS):
        logits = _log_normal(z[rows, None], mean, logvar)
        weighted = logits + weights[rows, :, None]
        joint = weighted.sum(2) if per_latent else logits.sum(2) + weights[rows]
        log_q, log_marginals = joint.logsumexp(1), weighted.logsumexp(1).sum(1)
        own = _log_normal(z[rows], mean[rows], logvar[rows]).sum(1)
        prior = _log_normal(z[rows], torch.zeros(()), torch.zeros(())).sum(1)
        terms = torch.stack([own - log_q, log_q - log_marginals, log_marginals - prior])
        total += terms.sum(1) / len(z)
    return total


def _log_normal(z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * (math.log(2 * math.pi) + logvar + (z - mean).square() * torch.exp(-logvar))


ESTIMATORS = {
    "MSS": mss,
    "MWS": mws,
    "MSS, wrong stride": mss_wrong_stride,
    "MSS, wrong stride, weight per latent": mss_weight_per_latent,
}
