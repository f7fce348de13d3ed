"""The specification, in plain PyTorch with a (batch, batch, latent) tensor: any dtype, any device."""

import math

import torch
from torch import Tensor

from .._dispatch import widened


def log_weights(batch: int, dataset_size: int, estimator: str) -> Tensor:
    """log w_ij, (batch, batch) float64: how much posterior j counts in the estimate of q(z_i).

    "mws": 1 / (N B) everywhere. "mss": 1/N on the diagonal, (N - M) / (N M) at j = (i + 1) mod B and 1/M
    elsewhere, with M = B - 1; every row sums to 1.
    """
    if estimator == "mws":
        return torch.full((batch, batch), 1 / (dataset_size * batch), dtype=torch.float64).log()
    others = batch - 1
    weights = torch.full((batch, batch), 1 / others, dtype=torch.float64)
    row = torch.arange(batch)
    weights[row, (row + 1) % batch] = (dataset_size - others) / (dataset_size * others)
    weights[row, row] = 1 / dataset_size
    return weights.log()


def log_densities(z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    """L_ijd = log q(z_id | x_j), (samples, posteriors, latent)."""
    squared = (z.unsqueeze(1) - mean).square() * torch.exp(-logvar)
    return -0.5 * (math.log(2 * math.pi) + logvar + squared)


def kl_decomposition(z: Tensor, mean: Tensor, logvar: Tensor, dataset_size: int, estimator: str) -> Tensor:
    """(3,): index-code mutual information, total correlation, dimension-wise KL."""
    logits = log_densities(z, mean, logvar)
    weights = log_weights(z.shape[0], dataset_size, estimator).to(z)
    log_q_given_x = logits.sum(2).diagonal()
    log_q = torch.logsumexp(logits.sum(2) + weights, dim=1)
    log_marginals = torch.logsumexp(logits + weights.unsqueeze(2), dim=1).sum(1)
    log_prior = (-0.5 * (math.log(2 * math.pi) + z.square())).sum(1)
    terms = (log_q_given_x - log_q, log_q - log_marginals, log_marginals - log_prior)
    return torch.stack([term.mean() for term in terms])


def gradients(
    z: Tensor, mean: Tensor, logvar: Tensor, dataset_size: int, stratified: bool, coefficients: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of coefficients . kl_decomposition for z, mean and logvar."""

    def terms(z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
        z, mean, logvar = widened(z, mean, logvar)
        return kl_decomposition(z, mean, logvar, dataset_size, "mss" if stratified else "mws")

    pull = torch.func.vjp(terms, z, mean, logvar)[1]
    gradients: tuple[Tensor, Tensor, Tensor] = pull(coefficients)
    return gradients


def scaled(grad: Tensor, a: Tensor, b: Tensor, c: Tensor, *inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Each of three tensors times the scalar grad; the inputs are not read."""
    return grad * a, grad * b, grad * c
