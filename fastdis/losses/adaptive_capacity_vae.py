"""The evidence lower bound with a growing capacity, from which latents that have learnt are withdrawn."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .. import _checks, models
from ..functional import gaussian_kl
from ._arguments import check_codes
from ._processes import moved, over_processes
from .reconstruction import LIKELIHOODS, reconstruction_error
from .schedule import risen
from .terms import Draw, LossTerms, Turn

DECAY = 0.99  # of the moving average of each KL


class AdaptiveCapacityVAE(nn.Module):
    """Minimise the annealed VAE's loss, holding each latent at its KL once that has risen and settled.

    ::

        reconstruction + γ |Σ_free KL_d - (C(t) - Σ_held T_d)| + Σ_held γ (1 + growth n_d) |KL_d - T_d|

    Proposed by Song 2018, section 5.2.3, as a change of Burgess et al. 2018 (his equation 5.1): once the KL
    of a latent "significantly increases and settles", this value becomes the latent's own target T_d with an
    increasing weight, so that it stops learning, and the capacity of the others rises. The thesis gives
    neither the equation above nor these rules, which are ours:

    - C(t) rises linearly from 0 to its end, as the annealed VAE's does, and all of its rise goes to the
      latents that are still free. KL_d is the mean over the batch.
    - A latent has risen when the moving average of its KL (decay 0.99) is at least ``rise`` nats, and settled
      when that average has stayed within ``band`` nats of one value for ``patience`` steps. T_d is then the
      average, and n_d counts the steps since.
    - A latent that is held stays so.

    Args:
        latents: number of latents.
        gamma: the weight γ of the distances, finite and at least 0.
        capacity: where C ends, in nats, finite and at least 0; 25 is usual.
        iterations: the step at which it gets there, at least 1.
        rise: the KL from which a latent counts as risen, in nats, finite and at least 0.
        band: how far the average may move while it settles, in nats, finite and at least 0. In ``patience``
            steps C rises by capacity · patience / iterations, 1.25 nats with the defaults: a latent that
            takes more than a tenth of this is still learning.
        patience: for how many steps it has to stay there, at least 1.
        growth: by how much of γ the weight of a held latent grows in a step, finite and at least 0.
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance).

    Call:
        ``objective(reconstruction, target, z, mean, logvar, step=steps)``, images of shape (batch, ...),
        codes (batch, latents), gives `LossTerms` with ``reconstruction``, ``kl``, ``capacity`` (C),
        ``distance`` (without weights) and ``held`` (how many latents), in nats but for the last. The call
        changes nothing; the state advances by `update`, which the loop calls through ``turns`` after every
        step and one's own loop calls itself. The state is in buffers, which a checkpoint keeps; of several
        processes all have the same. `fit_many` refuses it; ``compile=True`` compiles the model alone.

    Raises:
        TypeError: a weight is not a number, a count or step not an integer, or another argument of the call
            not a floating-point tensor.
        ValueError: a setting is out of range, an unknown likelihood, shapes that do not fit together, or
            another number of latents.

    Example:
        >>> import torch, fastdis
        >>> images, mean, logvar = torch.zeros(2, 1, 8, 8), torch.ones(2, 3), torch.zeros(2, 3)
        >>> objective = fastdis.losses.AdaptiveCapacityVAE(latents=3, capacity=9.0, patience=2, iterations=4)
        >>> for step in range(3):
        ...     objective.update(mean, logvar)  # 0.5 nats each
        >>> objective.kl_targets(3)
        tensor([0.5000, 0.5000, 0.5000])
    """

    average: Tensor
    updates: Tensor
    anchor: Tensor
    steady: Tensor
    held: Tensor
    target: Tensor

    def __init__(
        self,
        *,
        latents: int = 10,
        gamma: float = 1000.0,
        capacity: float = 25.0,
        iterations: int = 100_000,
        rise: float = 0.5,
        band: float = 0.125,
        patience: int = 5000,
        growth: float = 1e-4,
        likelihood: str = "bernoulli",
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.latents, self.iterations, self.patience = _checks.integers(
            name, latents=latents, iterations=iterations, patience=patience
        )
        self.gamma, self.capacity, self.rise, self.band, self.growth = _checks.weights(
            name, gamma=gamma, capacity=capacity, rise=rise, band=band, growth=growth
        )
        _checks.choice(name, "likelihood", likelihood, LIKELIHOODS)
        self.likelihood = likelihood
        for buffer in ("average", "anchor", "target"):
            self.register_buffer(buffer, torch.zeros(self.latents))
        for buffer in ("steady", "held"):  # in steps
            self.register_buffer(buffer, torch.zeros(self.latents, dtype=torch.int64))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

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
        kl = self._kl(mean, logvar, target)
        held, targets = self.held > 0, self.target.to(kl)
        capacity = kl.new_zeros(()) + self.capacity * risen(name, step, self.iterations)
        left = (capacity - targets.where(held, 0).sum()).clamp(min=0) * (~held).any()
        of_free = (kl.where(~held, 0).sum() - left).abs()
        of_held = (kl - targets).abs().where(held, 0)
        weights = self.gamma * (1 + self.growth * self.held.to(kl))
        return LossTerms(
            error + self.gamma * of_free + (weights * of_held).sum(),
            reconstruction=error,
            kl=kl.sum(),
            capacity=capacity,
            distance=of_free + of_held.sum(),
            held=held.sum().to(kl),
        )

    @torch.no_grad()
    def update(self, mean: Tensor, logvar: Tensor) -> None:
        """Advance the state by one step: the averages, and which latents are held where.

        Args:
            mean: of the step's batch, (batch, latents).
            logvar: like mean.
        """
        kl = over_processes(self._kl(mean, logvar, mean))
        moved(self.average, kl, self.updates, DECAY)
        still = (self.average - self.anchor).abs() <= self.band
        self.anchor.copy_(self.anchor.where(still, self.average))
        self.steady.copy_((self.steady + 1).where(still, 0))
        settles = (self.average >= self.rise) & (self.steady >= self.patience) & (self.held == 0)
        self.target.copy_(self.average.where(settles, self.target))
        self.held += settles | (self.held > 0)

    def kl_targets(self, step: int) -> Tensor:
        """Return the target of each latent in nats, (latents,), nan for those that have none of their own."""
        return self.target.where(self.held > 0, torch.nan)

    def turns(self, model: models.VAE, draw: Draw, step: int) -> Iterator[Turn]:
        """Perform one step of the model, and advance the state by what its batch had."""
        images = draw()
        output = model(images)
        yield "model", self(output.reconstruction, images, output.z, output.mean, output.logvar, step=step)
        self.update(output.mean, output.logvar)

    def _kl(self, mean: Tensor, logvar: Tensor, images: Tensor) -> Tensor:
        """Compute the KL of each latent, (latents,)."""
        check_codes(type(self).__name__, images, mean=mean, logvar=logvar)
        if mean.shape[1] != self.latents:
            raise ValueError(
                f"{type(self).__name__}: mean must have shape (batch, {self.latents}), "
                f"got {tuple(mean.shape)}"
            )
        return gaussian_kl(mean, logvar)

    def extra_repr(self) -> str:
        return (
            f"latents={self.latents}, gamma={self.gamma}, capacity={self.capacity}, "
            f"iterations={self.iterations}, rise={self.rise}, band={self.band}, patience={self.patience}, "
            f"growth={self.growth}, likelihood={self.likelihood!r}"
        )
