"""Two forms of the MSS weights that public code ships, kept to show that our tests would catch them."""

import torch
from torch import Tensor

from fastdis.kernels.total_correlation import reference


def wrong_stride_log_weights(batch: int, dataset_size: int) -> Tensor:
    """The matrix filled with stride B where B + 1 was meant: 1/N lands on column 0, not on the diagonal."""
    others = batch - 1
    weights = torch.full((batch, batch), 1 / others, dtype=torch.float64)
    weights.view(-1)[::batch] = 1 / dataset_size
    weights.view(-1)[1::batch] = (dataset_size - others) / (dataset_size * others)
    weights[batch - 2, 0] = (dataset_size - others) / (dataset_size * others)
    return weights.log()


def decompose(
    z: Tensor, mean: Tensor, logvar: Tensor, log_weights: Tensor, *, weight_each_latent: bool = False
) -> Tensor:
    """(3,): MI, TC, dwKL with any weights; weight_each_latent adds them before the sum over the latents."""
    logits = reference.log_densities(z, mean, logvar)
    weighted = logits + log_weights.unsqueeze(2)
    joint = weighted.sum(2) if weight_each_latent else logits.sum(2) + log_weights
    log_q_given_x = logits.sum(2).diagonal()
    log_q, log_marginals = torch.logsumexp(joint, 1), torch.logsumexp(weighted, 1).sum(1)
    log_prior = torch.distributions.Normal(0, 1).log_prob(z).sum(1)
    return torch.stack(
        [(log_q_given_x - log_q).mean(), (log_q - log_marginals).mean(), (log_marginals - log_prior).mean()]
    )
