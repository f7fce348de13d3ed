"""The evidence lower bound with the total correlation between and within groups of latents weighted apart."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .. import _checks
from ..functional import kl_decomposition, total_correlation
from ._arguments import check_codes, check_minibatch
from .reconstruction import LIKELIHOODS, reconstruction_error
from .terms import LossTerms


class HFVAE(nn.Module):
    """Minimise reconstruction + α MI + β TC(z_1, ..., z_G) + γ Σ_g TC(z_g) + dwKL: Esmaeili et al. 2018.

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
        dataset_size: number of training images, at least 2 and no less than the batch size; never the batch
            size itself.
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
        TypeError: a weight is not a number, dataset_size or a latent not an integer, or an argument of the
            call not a floating-point tensor.
        ValueError: a setting is out of range, groups that are no partition of the latents, an unknown
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
        *,
        dataset_size: int,
        groups: Sequence[Sequence[int]],
        alpha: float = 1.0,
        beta: float = 6.0,
        gamma: float = 1.0,
        estimator: str = "mss",
        likelihood: str = "bernoulli",
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.dataset_size = _checks.integer(name, "dataset_size", dataset_size, low=2)
        self.groups = _partition(name, groups)
        self.alpha, self.beta, self.gamma = _checks.weights(name, alpha=alpha, beta=beta, gamma=gamma)
        _checks.choice(name, "estimator", estimator, ("mss", "mws"))
        _checks.choice(name, "likelihood", likelihood, LIKELIHOODS)
        self.estimator = estimator
        self.likelihood = likelihood

    def forward(
        self,
        reconstruction: Tensor,
        target: Tensor,
        z: Tensor,
        mean: Tensor,
        logvar: Tensor,
        *,
        step: int | None = None,
    ) -> LossTerms:
        name = type(self).__name__
        error = reconstruction_error(name, reconstruction, target, self.likelihood)
        check_codes(name, target, mean=mean, logvar=logvar, z=z)
        check_minibatch(name, mean, self.dataset_size)
        latents = sum(map(len, self.groups))
        if mean.shape[1] != latents:
            raise ValueError(
                f"{name}: mean must have shape (batch, {latents}) for groups {list(self.groups)}, "
                f"got {tuple(mean.shape)}"
            )
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


def _partition(function: str, groups: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    """Require groups that hold each latent exactly once, and return them as tuples of Python ints."""
    parts = tuple(
        tuple(
            _checks.integer(function, f"groups[{g}][{k}]", latent, low=0)
            for k, latent in enumerate(_checks.sequence(function, f"groups[{g}]", group))
        )
        for g, group in enumerate(_checks.sequence(function, "groups", groups))
    )
    latents = sorted(latent for part in parts for latent in part)
    if latents != list(range(len(latents))):
        raise ValueError(
            f"{function}: groups must hold each latent 0, 1, 2, ... exactly once, got {list(parts)}"
        )
    return parts
