"""What users run instead: the expressions of public code, written anew."""

import math

import torch
from torch import Tensor


def tcvae_penalty(z: Tensor, mean: Tensor, logvar: Tensor, dataset_size: int, beta: float) -> Tensor:
    """The usual β-TCVAE penalty: a (batch, batch, latent) tensor of log-densities and a weight matrix."""
    batch = len(z)
    own = _log_normal(z, mean, logvar).sum(1)
    logits = _log_normal(z.unsqueeze(1), mean.unsqueeze(0), logvar.unsqueeze(0))
    others = batch - 1
    weights = torch.full((batch, batch), 1 / others)
    weights.view(-1)[:: batch + 1] = 1 / dataset_size
    weights.view(-1)[1 :: batch + 1] = (dataset_size - others) / (dataset_size * others)
    weights[-1, 0] = (dataset_size - others) / (dataset_size * others)
    weights = weights.log()
    log_q = torch.logsumexp(weights + logits.sum(2), dim=1)
    log_marginals = torch.logsumexp(weights.unsqueeze(2) + logits, dim=1).sum(1)
    log_prior = _log_normal(z, torch.zeros_like(z), torch.zeros_like(z)).sum(1)
    return (own - log_q).mean() + beta * (log_q - log_marginals).mean() + (log_marginals - log_prior).mean()


def _log_normal(z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * (math.log(2 * math.pi) + logvar + (z - mean) ** 2 * torch.exp(-logvar))


def reparameterize_kl(mean: Tensor, logvar: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """z and the KL of each latent, as most training scripts write them."""
    std = torch.exp(0.5 * logvar)
    z = mean + std * (torch.randn_like(std) if noise is None else noise)
    kl = -0.5 * (1 + logvar - mean.pow(2) - logvar.exp())
    return z, kl.mean(0)


def permute_dims(z: Tensor) -> Tensor:
    """A loop over the latents with one randperm and one indexing each."""
    return torch.stack([column[torch.randperm(len(z))] for column in z.unbind(1)], dim=1)
