"""The evidence lower bound with a weight on its KL term."""

from typing import Self

from torch import Tensor, nn

from .. import _checks
from ..functional import gaussian_kl
from ._arguments import check_codes
from .reconstruction import LIKELIHOODS, reconstruction_error
from .terms import LossTerms


class BetaVAE(nn.Module):
    """Minimise reconstruction + β KL(q(z|x) || p(z)): Higgins et al. 2017, equation 4.

    Args:
        beta: the weight of the KL, finite and at least 0; 1, 2, 4, 6, 8 and 16 are usual. `normalised` takes
            the weight that does not depend on the sizes of image and code.
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance).

    Call:
        ``objective(reconstruction, target, z, mean, logvar, step=None)``, images of shape (batch, ...) and
        codes (batch, latent), gives `LossTerms` with ``reconstruction`` and ``kl``, in nats: sums over pixels
        and latents, means over the batch.

    Raises:
        TypeError: beta is not a number, or an argument of the call not a floating-point tensor.
        ValueError: beta is out of range, an unknown likelihood, or shapes that do not fit together.

    Example:
        >>> import torch, fastdis
        >>> images, mean, logvar = torch.zeros(2, 1, 8, 8), torch.ones(2, 3), torch.zeros(2, 3)
        >>> fastdis.losses.BetaVAE(beta=4.0)(images, images, mean, mean, logvar)
        LossTerms(total=50.3614, reconstruction=44.3614, kl=1.5)
    """

    def __init__(self, *, beta: float = 4.0, likelihood: str = "bernoulli") -> None:
        super().__init__()
        name = type(self).__name__
        self.beta = _checks.number(name, "beta", beta, low=0)
        _checks.choice(name, "likelihood", likelihood, LIKELIHOODS)
        self.likelihood = likelihood

    @classmethod
    def normalised(
        cls, *, beta_norm: float, pixels: int, latents: int, likelihood: str = "bernoulli"
    ) -> Self:
        """Build the objective with β = beta_norm · pixels / latents: Higgins et al. 2017, appendix A.6.

        They define β_norm = β · latents / pixels, so that one value weighs a pixel against a latent whatever
        their numbers; some texts print the inverse ratio.

        Args:
            beta_norm: the normalised weight, finite and at least 0; 0.001 is β = 0.41 for dSprites.
            pixels: numbers an image has, channels · height · width.
            latents: number of latents.
            likelihood: "bernoulli" or "gaussian".

        Raises:
            TypeError: beta_norm is not a number, or a size not an integer.
            ValueError: one of them is out of range, or an unknown likelihood.

        Example:
            >>> import fastdis
            >>> fastdis.losses.BetaVAE.normalised(beta_norm=0.01, pixels=64 * 64, latents=10).beta
            4.096
        """
        (beta_norm,) = _checks.weights(cls.__name__, beta_norm=beta_norm)
        pixels, latents = _checks.integers(cls.__name__, pixels=pixels, latents=latents)
        return cls(beta=beta_norm * pixels / latents, likelihood=likelihood)

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
        return LossTerms(error + self.beta * kl, reconstruction=error, kl=kl)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, likelihood={self.likelihood!r}"
