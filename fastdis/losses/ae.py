"""The reconstruction alone."""

from torch import Tensor, nn

from .. import _checks
from .reconstruction import LIKELIHOODS, reconstruction_error
from .terms import LossTerms


class AE(nn.Module):
    """Minimise the reconstruction: the plain autoencoder (Bourlard & Kamp 1988, Hinton & Salakhutdinov 2006).

    It belongs to `fastdis.models.Autoencoder`, which can have k-sparse codes and tied decoder weights; on a
    VAE it trains the noise away.

    Args:
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance: half the squared error).

    Call:
        ``objective(reconstruction, target, z, mean, logvar, step=None)``, images of shape (batch, ...), gives
        `LossTerms` with ``reconstruction``, in nats: summed over pixels, averaged over the batch. The codes
        are not read.

    Raises:
        TypeError: images are not floating-point tensors.
        ValueError: an unknown likelihood, or images of different shapes.

    Example:
        >>> import torch, fastdis
        >>> images, codes = torch.zeros(2, 1, 8, 8), torch.zeros(2, 3)
        >>> fastdis.losses.AE()(images, images, codes, codes, codes)
        LossTerms(total=44.3614, reconstruction=44.3614)
    """

    def __init__(self, *, likelihood: str = "bernoulli") -> None:
        super().__init__()
        _checks.choice(type(self).__name__, "likelihood", likelihood, LIKELIHOODS)
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
        error = reconstruction_error(type(self).__name__, reconstruction, target, self.likelihood)
        return LossTerms(error, reconstruction=error)

    def extra_repr(self) -> str:
        return f"likelihood={self.likelihood!r}"
