"""The evidence lower bound with the KL of each latent held to a capacity of its own."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .. import _checks
from ..functional import gaussian_kl
from ._arguments import check_codes
from .reconstruction import LIKELIHOODS, reconstruction_error
from .schedule import risen
from .terms import LossTerms


class PerLatentCapacityVAE(nn.Module):
    """Minimise reconstruction + γ Σ_d |KL_d - C_d(t)|: proposed by Song 2018, section 5.2.3.

    Different factors need different capacities (Burgess et al. 2018), so each latent gets its own.
    KL_d is the mean over the batch, the absolute value that of the mean. Every C_d(t) rises linearly from 0
    at step 0 to its end and stays there.

    Args:
        capacities: where each C_d ends, in nats, one number for each latent, finite and at least 0; 0
            switches a latent off.
        gamma: the weight of the distances, finite and at least 0.
        iterations: the step at which the capacities get there, at least 1.
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance).

    Call:
        ``objective(reconstruction, target, z, mean, logvar, step=steps)``, images of shape (batch, ...),
        codes (batch, latent), step the number of steps done, an integer or a tensor, gives `LossTerms` with
        ``reconstruction``, ``kl``, ``capacity`` (the sum of them) and ``distance`` (the sum of
        |KL_d - C_d|), in nats.

    Raises:
        TypeError: capacities or gamma are not numbers, iterations or step not an integer, or another argument
            of the call not a floating-point tensor.
        ValueError: a setting is out of range, an unknown likelihood, shapes that do not fit together, or
            another number of latents than of capacities.

    Example:
        >>> import torch, fastdis
        >>> images, mean, logvar = torch.zeros(2, 1, 8, 8), torch.ones(2, 3), torch.zeros(2, 3)
        >>> capacities = [1.0, 0.5, 0.0]
        >>> objective = fastdis.losses.PerLatentCapacityVAE(capacities=capacities, gamma=10.0, iterations=100)
        >>> objective(images, images, mean, mean, logvar, step=100)  # KL = 0.5 each
        LossTerms(total=54.3614, reconstruction=44.3614, kl=1.5, capacity=1.5, distance=1)
    """

    capacities: Tensor

    def __init__(
        self,
        *,
        capacities: Sequence[float],
        gamma: float = 100.0,
        iterations: int = 100_000,
        likelihood: str = "bernoulli",
    ) -> None:
        super().__init__()
        name = type(self).__name__
        ends = _checks.sequence(name, "capacities", capacities)
        ends = _checks.weights(name, **{f"capacities[{d}]": value for d, value in enumerate(ends)})
        self.register_buffer("capacities", torch.tensor(ends))
        self.gamma = _checks.number(name, "gamma", gamma, low=0)
        self.iterations = _checks.integer(name, "iterations", iterations)
        _checks.choice(name, "likelihood", likelihood, LIKELIHOODS)
        self.likelihood = likelihood

    def forward(
        self,
        reconstruction: Tensor,
        target: Tensor,
        z: Tensor,
        mean: Tensor,
        logvar: Tensor,
        *,
        step: int | Tensor | None = None,
    ) -> LossTerms:
        name = type(self).__name__
        error = reconstruction_error(name, reconstruction, target, self.likelihood)
        check_codes(name, target, mean=mean, logvar=logvar)
        kl = gaussian_kl(mean, logvar)
        if kl.shape != self.capacities.shape:
            raise ValueError(
                f"{name}: mean must have {len(self.capacities)} latents, one for each capacity, got {len(kl)}"
            )
        capacities = self.capacities.to(kl) * risen(name, step, self.iterations)
        distance = (kl - capacities).abs().sum()
        return LossTerms(
            error + self.gamma * distance,
            reconstruction=error,
            kl=kl.sum(),
            capacity=capacities.sum(),
            distance=distance,
        )

    def kl_targets(self, step: int) -> Tensor:
        """Return the capacity of each latent after so many steps, (latents,), in nats."""
        return self.capacities * risen(type(self).__name__, step, self.iterations)

    def extra_repr(self) -> str:
        return (
            f"capacities={self.capacities.tolist()}, gamma={self.gamma}, iterations={self.iterations}, "
            f"likelihood={self.likelihood!r}"
        )
