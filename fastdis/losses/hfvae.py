"""The evidence lower bound with the total correlation between and within groups of latents weighted apart."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..functional import kl_decomposition, total_correlation
from .terms import LIKELIHOODS, LossTerms, check_batch, check_choice, check_weights, reconstruction_loss


class HFVAE(nn.Module):
    """loss = reconstruction + α MI + β TC(z_1, ..., z_G) + γ Σ_g TC(z_g) + dwKL: Esmaeili et al. 2018.

    The hierarchically factorised VAE (Structured Disentangled Representations) splits the KL of the
    aggregated posterior twice, for latents in groups z_g of components z_gd::

        TC(z_1, ..., z_G) = KL(q(z) || prod_g q(z_g))            between the groups
        TC(z_g)           = KL(q(z_g) || prod_d q(z_gd))         within a group
        dwKL              = Σ_g Σ_d KL(q(z_gd) || p(z_gd))

    The prior is the standard normal, which has no total correlation. With α = β = γ = 1 the sum is the KL of
    the evidence lower bound. β > γ lets latents of a group depend on each other, but not on other groups;
    with one group, or with groups of one latent, it is the β-TCVAE with γ or β as the weight. All terms are
    estimated from the batch; between = TC of all latents - Σ_g TC(z_g), for which the same posteriors have
    the same weights. See `fastdis.kl_decomposition`.

    Args:
        dataset_size: number of training images, at least the batch size; never the batch size itself.
        groups: the latents of each group, as in [(0, 1, 2), (3, 4), (5,)]; every latent in exactly one.
        alpha: weight of the index-code mutual information.
        beta: weight of the total correlation between the groups.
        gamma: weight of the total correlation within each. All three are finite and at least 0.
        estimator: "mss" or "mws".
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance).

    Call:
        ``objective(reconstruction, target, z, mean, logvar, step=None)``, images of shape (batch, ...) and
        codes (batch, latent), gives `LossTerms` with ``reconstruction``, ``index_code_mi``,
        ``between_groups``, ``within_groups`` and ``dimwise_kl``, in nats: sums over pixels, groups and
        latents, means over the batch.

    Raises:
        TypeError: a weight is not a number.
        ValueError: a weight is out of range, groups that are no partition of the latents, an unknown
            likelihood or estimator, a batch of one image or of more than dataset_size, or shapes that do not
            fit together.

    Example:
        >>> import torch, fastdis
        >>> images, mean, logvar = torch.zeros(2, 1, 8, 8), torch.zeros(2, 3), torch.zeros(2, 3)
        >>> objective = fastdis.losses.HFVAE(dataset_size=737280, groups=[(0, 1), (2,)], beta=6.0)
        >>> list(objective(images, images, mean, mean, logvar).to_dict())[2:]
        ['index_code_mi', 'between_groups', 'within_groups', 'dimwise_kl']
    """

    def __init__(
        self,
        dataset_size: int,
        groups: Sequence[Sequence[int]],
        alpha: float = 1.0,
        beta: float = 6.0,
        gamma: float = 1.0,
        estimator: str = "mss",
        likelihood: str = "bernoulli",
    ) -> None:
        super().__init__()
        check_weights("HFVAE", alpha=alpha, beta=beta, gamma=gamma)
        check_choice("HFVAE", "likelihood", likelihood, LIKELIHOODS)
        check_choice("HFVAE", "estimator", estimator, ("mss", "mws"))
        if dataset_size < 2:
            raise ValueError(f"HFVAE: dataset_size must be at least 2, got {dataset_size}")
        latents = sorted(latent for group in groups for latent in group)
        if not latents or latents != list(range(len(latents))) or not all(len(group) for group in groups):
            raise ValueError(
                f"HFVAE: groups must hold each latent 0, 1, 2, ... exactly once and none be empty, "
                f"got {[tuple(group) for group in groups]}"
            )
        self.dataset_size = dataset_size
        self.groups = tuple(tuple(group) for group in groups)
        self.alpha = alpha
        self.beta = beta
        self.gamma = gamma
        self.estimator = estimator
        self.likelihood = likelihood

    def forward(
        self,
        reconstruction: Tensor,
        target: Tensor,
        z: Tensor,
        mean: Tensor,
        logvar: Tensor,
        step: int | None = None,
    ) -> LossTerms:
        check_batch("HFVAE", reconstruction, mean)
        latents = sum(map(len, self.groups))
        if mean.dim() != 2 or mean.shape[1] != latents:
            raise ValueError(
                f"HFVAE: mean must have shape (batch, {latents}) for groups {list(self.groups)}, "
                f"got {tuple(mean.shape)}"
            )
        error = reconstruction_loss(reconstruction, target, self.likelihood)
        size, estimator = self.dataset_size, self.estimator
        parts = kl_decomposition(z, mean, logvar, dataset_size=size, estimator=estimator)
        within = parts.total_correlation.new_zeros(())
        for group in self.groups:
            if len(group) > 1:
                of_group = (torch.stack([codes[:, d] for d in group], dim=1) for codes in (z, mean, logvar))
                correlation = total_correlation(*of_group, dataset_size=size, estimator=estimator)
                within = within + correlation
        between = parts.total_correlation - within
        penalty = self.alpha * parts.index_code_mi + self.beta * between + self.gamma * within
        return LossTerms(
            error + penalty + parts.dimwise_kl,
            reconstruction=error,
            index_code_mi=parts.index_code_mi,
            between_groups=between,
            within_groups=within,
            dimwise_kl=parts.dimwise_kl,
        )

    def extra_repr(self) -> str:
        return (
            f"dataset_size={self.dataset_size}, groups={list(self.groups)}, alpha={self.alpha}, "
            f"beta={self.beta}, gamma={self.gamma}, estimator={self.estimator!r}, "
            f"likelihood={self.likelihood!r}"
        )
