"""What users run instead: the expressions of public code, written anew."""

import math

import numpy as np
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


def mutual_information(codes: np.ndarray, factors: np.ndarray, bins: int = 20) -> np.ndarray:
    """The field's estimate: np.histogram, np.digitize, and scikit-learn's score for every pair."""
    from sklearn.metrics import mutual_info_score

    binned = [np.digitize(code, np.histogram(code, bins)[1][:-1]) for code in codes.T]
    return np.array([[mutual_info_score(factor, code) for factor in factors.T] for code in binned])


def table_scores(codes: np.ndarray, factors: np.ndarray) -> dict[str, float]:
    """MIG, MIG-sup, DCIMIG, modularity and robust MIG from one such matrix."""
    from sklearn.metrics import mutual_info_score

    information = mutual_information(codes, factors)
    entropy = np.array([mutual_info_score(factor, factor) for factor in factors.T])
    by_code, by_factor = np.sort(information / entropy, axis=1), np.sort(information, axis=0)
    gaps = np.sort(information, axis=1)[:, -1] - np.sort(information, axis=1)[:, -2]
    best = information.argmax(axis=1)
    squared = information**2
    return {
        "mig": float(((by_factor[-1] - by_factor[-2]) / entropy).mean()),
        "robust_mig": float((by_factor[-1] - by_factor[-2]).mean()),
        "mig_sup": float((by_code[:, -1] - by_code[:, -2]).mean()),
        "dcimig": sum(gaps[best == k].max(initial=0) for k in range(len(entropy))) / float(entropy.sum()),
        "modularity": float(
            (1 - (squared.sum(1) - squared.max(1)) / (squared.max(1) * (len(entropy) - 1))).mean()
        ),
    }


def irs(codes: np.ndarray, factors: np.ndarray) -> float:
    """One boolean mask a value, as the published code does."""
    largest = np.abs(codes - codes.mean(0)).max(0)
    deviations = np.zeros((codes.shape[1], factors.shape[1]))
    for k, factor in enumerate(factors.T):
        values = np.unique(factor)
        for value in values:
            group = codes[factor == value]
            deviations[:, k] += np.quantile(np.abs(group - group.mean(0)), 0.99, axis=0)
        deviations[:, k] /= len(values)
    return float(np.average((1 - deviations / largest[:, None]).max(1), weights=largest))


def factor_vae_votes(codes: np.ndarray, factors: np.ndarray, votes: int, group: int = 64) -> np.ndarray:
    """One vote after the other on a complete grid, the other factors drawn anew for each sample."""
    sizes = factors.max(0) + 1
    spread = codes.var(0, ddof=1)
    generator = np.random.default_rng(0)
    table = np.zeros((codes.shape[1], len(sizes)), int)
    for _ in range(votes):
        k = generator.integers(len(sizes))
        drawn = generator.integers(sizes, size=(group, len(sizes)))
        drawn[:, k] = drawn[0, k]
        rows = np.ravel_multi_index(tuple(drawn.T), tuple(sizes))
        table[np.argmin(codes[rows].var(0, ddof=1) / spread), k] += 1
    return table


def bootstrap_mig(codes: np.ndarray, factors: np.ndarray, replicates: int) -> list[float]:
    """The score of samples drawn again and again."""
    generator = np.random.default_rng(0)
    found = []
    for _ in range(replicates):
        rows = generator.integers(len(codes), size=len(codes))
        found.append(table_scores(codes[rows], factors[rows])["mig"])
    return found
