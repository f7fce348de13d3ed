"""The evidence lower bound with the total correlation, as a discriminator estimates it, weighted."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .. import _checks, models
from ..functional import (
    discriminator_loss,
    discriminator_total_correlation,
    gaussian_kl,
    reparameterize,
)
from ._arguments import check_codes
from .reconstruction import LIKELIHOODS, reconstruction_error
from .terms import Draw, LossTerms, Turn


class FactorVAE(nn.Module):
    """Minimise reconstruction + KL(q(z|x) || p(z)) + γ TC: Kim & Mnih 2018, equation 2.

    It is trained by their algorithm 2. TC = mean_i [D_0(z_i) - D_1(z_i)], where D tells samples of q(z) from
    samples of the product of its marginals. A step is two turns: the model's, and the discriminator's with
    the first batch's codes and the permuted codes of a second batch, which the model's new weights give. See
    `fastdis.factor_vae_terms`.

    Args:
        gamma: weight of the total correlation, finite and at least 0; 10 to 40 are usual, 35 on dSprites.
        latents: number of latents, which the default discriminator is built for.
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance).
        discriminator: maps codes (batch, latents) to logits (batch, 2), class 0 being q(z);
            `fastdis.models.Discriminator` if None. It is part of the objective, and saved with it.

    Call:
        ``objective(reconstruction, target, z, mean, logvar, step=None)``, images of shape (batch, ...) and
        codes (batch, latent), gives the model's `LossTerms` with ``reconstruction``, ``kl`` and
        ``total_correlation``, in nats: sums over pixels and latents, means over the batch.
        ``discriminator_terms(z, z_other)`` gives the discriminator's. Neither reaches the other's weights.

    Raises:
        TypeError: gamma is not a number, latents not an integer, or an argument of the call not a
            floating-point tensor.
        ValueError: one of them is out of range, an unknown likelihood, shapes that do not fit together, or
            logits that are not (batch, 2).

    Example:
        >>> import torch, fastdis
        >>> images, mean, logvar = torch.zeros(2, 1, 8, 8), torch.ones(2, 3), torch.zeros(2, 3)
        >>> objective = fastdis.losses.FactorVAE(latents=3, gamma=35.0)
        >>> list(objective(images, images, mean, mean, logvar).to_dict())
        ['total', 'reconstruction', 'kl', 'total_correlation']
        >>> objective.discriminator_terms(mean, mean).total.isfinite()
        tensor(True)
    """

    def __init__(
        self,
        *,
        gamma: float = 35.0,
        latents: int = 10,
        likelihood: str = "bernoulli",
        discriminator: nn.Module | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.gamma = _checks.number(name, "gamma", gamma, low=0)
        latents = _checks.integer(name, "latents", latents)
        _checks.choice(name, "likelihood", likelihood, LIKELIHOODS)
        self.likelihood = likelihood
        self.discriminator = models.Discriminator(latents) if discriminator is None else discriminator

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
        kl = gaussian_kl(mean, logvar).sum()
        correlation = discriminator_total_correlation(self.discriminator, z)
        return LossTerms(
            error + kl + self.gamma * correlation,
            reconstruction=error,
            kl=kl,
            total_correlation=correlation,
        )

    def discriminator_terms(self, z: Tensor, z_other: Tensor) -> LossTerms:
        """Compute the discriminator's loss: log 2 while it cannot tell the two kinds of codes apart.

        Args:
            z: codes of a batch, (batch, latents).
            z_other: codes of a second, independent batch, (batch, latents).

        Raises:
            TypeError: z or z_other is not a floating-point tensor.
            ValueError: z or z_other is not (batch, latents), or the logits are not (batch, 2).
        """
        name = type(self).__name__
        _checks.matrices(name, z=z)
        _checks.matrices(name, z_other=z_other)
        return LossTerms(discriminator_loss(self.discriminator, z, z_other))

    def turns(self, model: models.VAE, draw: Draw, step: int) -> Iterator[Turn]:
        """Perform one step: the model's turn with a batch, the discriminator's with the codes of a second."""
        images = draw()
        output = model(images)
        yield "model", self(output.reconstruction, images, output.z, output.mean, output.logvar, step=step)
        with torch.no_grad():
            z_other = reparameterize(*model.encode(draw()))
        yield "discriminator", self.discriminator_terms(output.z, z_other)

    def optimizers(self, model: nn.Module, learning_rate: float) -> dict[str, torch.optim.Optimizer]:
        """Return Adam for both; the discriminator's has Kim & Mnih's settings, whatever the learning rate."""
        adam = torch.optim.Adam
        return {
            "model": adam(model.parameters(), learning_rate, fused=True),
            "discriminator": adam(self.discriminator.parameters(), 1e-4, betas=(0.5, 0.9), fused=True),
        }

    def extra_repr(self) -> str:
        return f"gamma={self.gamma}, likelihood={self.likelihood!r}"
