"""The evidence lower bound, negated."""

from torch import Tensor, nn

from .. import _checks
from ..functional import gaussian_kl
from ._arguments import check_codes
from .reconstruction import LIKELIHOODS, reconstruction_error
from .terms import LossTerms


class VAE(nn.Module):
    """Minimise reconstruction + KL(q(z|x) || p(z)): Kingma & Welling 2014, equation 7.

    Args:
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance).

    Call:
        ``objective(reconstruction, target, z, mean, logvar, step=None)``, images of shape (batch, ...) and
        codes (batch, latent), gives `LossTerms` with ``reconstruction`` and ``kl``, in nats: sums over pixels
        and latents, means over the batch.

    Raises:
        TypeError: an argument of the call is not a floating-point tensor.
        ValueError: an unknown likelihood, or shapes that do not fit together.

    Example:
        >>> import torch, fastdis
        >>> images, mean, logvar = torch.zeros(2, 1, 8, 8), torch.ones(2, 3), torch.zeros(2, 3)
        >>> fastdis.losses.VAE()(images, images, mean, mean, logvar)
        LossTerms(total=45.8614, reconstruction=44.3614, kl=1.5)
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
        name = type(self).__name__
        error = reconstruction_error(name, reconstruction, target, self.likelihood)
        check_codes(name, target, mean=mean, logvar=logvar)
        kl = gaussian_kl(mean, logvar).sum()
        return LossTerms(error + kl, reconstruction=error, kl=kl)

    def extra_repr(self) -> str:
        return f"likelihood={self.likelihood!r}"
