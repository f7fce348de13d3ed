"""The evidence lower bound with the KL of each latent held to a capacity of its own."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..functional import gaussian_kl
from .schedule import risen
from .terms import (
    LIKELIHOODS,
    LossTerms,
    check_batch,
    check_choice,
    check_counts,
    check_weights,
    reconstruction_loss,
)


class PerLatentCapacityVAE(nn.Module):
    """loss = reconstruction + γ Σ_d |KL_d - C_d(t)|: proposed by Song 2018, section 5.2.3.

    Different factors need different capacities (Burgess et al. 2018), so each latent gets its own.
    KL_d is the mean over the batch, the absolute value that of the mean. Every C_d(t) rises linearly from 0
    at step 0 to its end and stays there.

    Args:
        capacities: where each C_d ends, in nats, one number a latent, finite and at least 0; 0 switches a
            latent off.
        gamma: the weight of the distances, finite and at least 0.
        iterations: the step at which the capacities get there, at least 1.
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance).

    Call:
        ``objective(reconstruction, target, z, mean, logvar, step)``, images of shape (batch, ...), codes
        (batch, latent), step the number of steps done, gives `LossTerms` with ``reconstruction``, ``kl``,
        ``capacity`` (the sum of them) and ``distance`` (the sum of |KL_d - C_d|), in nats.

    Raises:
        TypeError: a weight is not a number, iterations not an integer, or step is None.
        ValueError: a setting is out of range, an unknown likelihood, shapes that do not fit together, or
            another number of latents than of capacities.

    Example:
        >>> import torch, fastdis
        >>> images, mean, logvar = torch.zeros(2, 1, 8, 8), torch.ones(2, 3), torch.zeros(2, 3)
        >>> objective = fastdis.losses.PerLatentCapacityVAE([1.0, 0.5, 0.0], gamma=10.0, iterations=100)
        >>> objective(images, images, mean, mean, logvar, step=100)  # KL = 0.5 each
        LossTerms(total=54.3614, reconstruction=44.3614, kl=1.5, capacity=1.5, distance=1)
    """

    capacities: Tensor

    def __init__(
        self,
        capacities: Sequence[float],
        gamma: float = 100.0,
        iterations: int = 100_000,
        likelihood: str = "bernoulli",
    ) -> None:
        super().__init__()
        name = "PerLatentCapacityVAE"
        check_weights(name, gamma=gamma, **{f"capacities[{d}]": value for d, value in enumerate(capacities)})
        check_counts(name, iterations=iterations)
        check_choice(name, "likelihood", likelihood, LIKELIHOODS)
        self.register_buffer("capacities", torch.tensor([float(value) for value in capacities]))
        self.gamma = gamma
        self.iterations = iterations
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
        check_batch("PerLatentCapacityVAE", reconstruction, mean)
        error = reconstruction_loss(reconstruction, target, self.likelihood)
        kl = gaussian_kl(mean, logvar)
        if kl.shape != self.capacities.shape:
            raise ValueError(
                f"PerLatentCapacityVAE: mean must have {len(self.capacities)} latents, one a capacity, "
                f"got {len(kl)}"
            )
        capacities = self.capacities.to(kl) * risen("PerLatentCapacityVAE", step, self.iterations)
        distance = (kl - capacities).abs().sum()
        return LossTerms(
            error + self.gamma * distance,
            reconstruction=error,
            kl=kl.sum(),
            capacity=capacities.sum(),
            distance=distance,
        )

    def extra_repr(self) -> str:
        return (
            f"capacities={self.capacities.tolist()}, gamma={self.gamma}, iterations={self.iterations}, "
            f"likelihood={self.likelihood!r}"
        )
