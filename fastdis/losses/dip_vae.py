"""The evidence lower bound with the covariance of the aggregated posterior drawn towards the identity."""

from torch import Tensor, nn

from .. import _checks
from ..functional import dip_vae_penalty, gaussian_kl
from ._arguments import check_codes
from .reconstruction import LIKELIHOODS, reconstruction_error
from .terms import LossTerms


class DIPVAE(nn.Module):
    """Minimise reconstruction + KL + λ_od Σ_{a≠b} C_ab² + λ_d Σ_a (C_aa - 1)²: Kumar et al. 2018, eq. 6-7.

    C is the covariance over the batch of the posterior means ("i") or of the codes, Cov[mean] plus the
    diagonal matrix of the mean variances ("ii"); see `fastdis.dip_vae_penalty`.

    Args:
        variant: "i" or "ii".
        lambda_od: weight of the squared off-diagonal entries; 1, 2, 5, 10, 20 and 50 are usual.
        lambda_d: weight of the squared distance of the diagonal from 1; 10 lambda_od for "i" and lambda_od
            for "ii" if None. Both are finite and at least 0.
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance).

    Call:
        ``objective(reconstruction, target, z, mean, logvar, step=None)``, images of shape (batch, ...) and
        codes (batch, latent), gives `LossTerms` with ``reconstruction`` and ``kl``, in nats, and
        ``covariance``, the weighted penalty.

    Raises:
        TypeError: a weight is not a number, or an argument of the call not a floating-point tensor.
        ValueError: a weight is out of range, an unknown variant or likelihood, or shapes that do not fit
            together.

    Example:
        >>> import torch, fastdis
        >>> images, mean = torch.zeros(2, 1, 8, 8), torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
        >>> objective = fastdis.losses.DIPVAE(variant="i", lambda_od=0.5)  # unit variances, covariance 1
        >>> objective(images, images, mean, mean, mean * 0)
        LossTerms(total=46.3614, reconstruction=44.3614, kl=1, covariance=1)
    """

    def __init__(
        self,
        *,
        variant: str = "ii",
        lambda_od: float = 10.0,
        lambda_d: float | None = None,
        likelihood: str = "bernoulli",
    ) -> None:
        super().__init__()
        name = type(self).__name__
        _checks.choice(name, "variant", variant, ("i", "ii"))
        self.variant = variant
        self.lambda_od = _checks.number(name, "lambda_od", lambda_od, low=0)
        self.lambda_d = None if lambda_d is None else _checks.number(name, "lambda_d", lambda_d, low=0)
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
        step: int | None = None,
    ) -> LossTerms:
        name = type(self).__name__
        error = reconstruction_error(name, reconstruction, target, self.likelihood)
        check_codes(name, target, mean=mean, logvar=logvar)
        kl = gaussian_kl(mean, logvar).sum()
        covariance = dip_vae_penalty(
            mean, logvar, lambda_od=self.lambda_od, lambda_d=self.lambda_d, variant=self.variant
        )
        return LossTerms(error + kl + covariance, reconstruction=error, kl=kl, covariance=covariance)

    def extra_repr(self) -> str:
        return (
            f"variant={self.variant!r}, lambda_od={self.lambda_od}, lambda_d={self.lambda_d}, "
            f"likelihood={self.likelihood!r}"
        )
