"""The β-VAE on pairs of images: latents in which the two posteriors agree are averaged."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from .. import _checks, models
from ..functional import reparameterize
from .beta_vae import BetaVAE
from .terms import Draw, Turn


class AdaGVAE(BetaVAE):
    """Minimise the β-VAE's loss on pairs that differ in few factors: the Ada-GVAE, Locatello et al. 2020.

    The paper is Weakly-Supervised Disentanglement Without Compromises.

    For each pair and latent δ_d = KL(q(z_d|x_1) || q(z_d|x_2)). Latents with δ_d below the middle between the
    smallest and the largest δ of their pair count as shared, and their posteriors are replaced by one of mean
    (mean_1 + mean_2)/2 and variance (var_1 + var_2)/2. Each image is decoded from a sample of its own; the
    loss is the β-VAE's, averaged over the images of all pairs. No gradient passes through the choice.

    Args:
        beta: the weight of the KL, finite and at least 0; 1, 2, 4, 6, 8 and 16 are usual.
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance).

    Call:
        The loop trains it on batches (pairs, 2, channels, height, width) as `fastdis.data.Pairs` gives them,
        through ``turns``. ``shared(mean, logvar)`` gives the averaged posteriors to one's own loop, which
        then calls the objective as a β-VAE's.

    Raises:
        TypeError: beta is not a number, or an argument of the call not a floating-point tensor.
        ValueError: beta is out of range, an unknown likelihood, batches that do not hold pairs, or shapes
            that do not fit together.

    Example:
        >>> import torch, fastdis
        >>> mean = torch.tensor([[[0.0, 1.0], [4.0, 2.0]]])  # one pair, two latents: the second is shared
        >>> fastdis.losses.AdaGVAE().shared(mean, torch.zeros(1, 2, 2))[0]
        tensor([[[0.0000, 1.5000],
                 [4.0000, 1.5000]]])
    """

    def shared(self, mean: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
        """Average the posteriors where the two images agree: mean and logvar, both (pairs, 2, latents).

        Raises:
            TypeError: mean or logvar is not a floating-point tensor.
            ValueError: they are not both (pairs, 2, latents).
        """
        _checks.floating(type(self).__name__, mean=mean, logvar=logvar)
        for label, codes in (("mean", mean), ("logvar", logvar)):
            if codes.dim() != 3 or codes.shape[1] != 2 or codes.shape != mean.shape:
                raise ValueError(
                    f"{type(self).__name__}: mean and logvar must have one shape (pairs, 2, latents), "
                    f"got {label} {tuple(codes.shape)}"
                )
        difference = posterior_kl(mean, logvar)
        middle = 0.5 * (difference.amin(1, keepdim=True) + difference.amax(1, keepdim=True))
        agree = (difference < middle).unsqueeze(1)
        averaged_mean, averaged_logvar = self.average(mean, logvar)
        return torch.where(agree, averaged_mean, mean), torch.where(agree, averaged_logvar, logvar)

    @staticmethod
    def average(mean: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
        """Average mean and variance: from (pairs, 2, latents) to (pairs, 1, latents)."""
        return mean.mean(1, keepdim=True), logvar.logsumexp(1, keepdim=True) - math.log(2)

    def turns(self, model: models.VAE, draw: Draw, step: int) -> Iterator[Turn]:
        """Perform one step: encode both images of each pair, average their posteriors, decode both."""
        pairs = draw()
        if pairs.dim() != 5 or pairs.shape[1] != 2:
            raise ValueError(
                f"{type(self).__name__}: batches must have shape (pairs, 2, channels, height, width), as "
                f"fastdis.data.Pairs gives them, got {tuple(pairs.shape)}"
            )
        images = pairs.flatten(0, 1)
        of_pairs = (codes.unflatten(0, (-1, 2)) for codes in model.encode(images))
        mean, logvar = (codes.flatten(0, 1) for codes in self.shared(*of_pairs))
        z = reparameterize(mean, logvar)
        yield "model", self(model.decode(z), images, z, mean, logvar, step=step)


def posterior_kl(mean: Tensor, logvar: Tensor) -> Tensor:
    """Compute KL(q(z_d|x_1) || q(z_d|x_2)) of each latent, in nats: (pairs, 2, latents) to (pairs, latents).

    Example:
        >>> import torch
        >>> posterior_kl(torch.tensor([[[0.0], [3.0]]]), torch.zeros(1, 2, 1))  # 3² / 2
        tensor([[4.5000]])
    """
    (first, second), (logvar_1, logvar_2) = mean.unbind(1), logvar.unbind(1)
    squared = (first - second).square() * torch.exp(-logvar_2)
    return 0.5 * (torch.expm1(logvar_1 - logvar_2) - (logvar_1 - logvar_2) + squared)
