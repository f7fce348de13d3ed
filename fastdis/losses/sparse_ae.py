"""The reconstruction with a penalty on the size of the codes."""

from torch import Tensor

from .. import _checks
from ._arguments import check_codes
from .ae import AE
from .reconstruction import reconstruction_error, widened
from .terms import LossTerms


class SparseAE(AE):
    """Minimise reconstruction + weight Σ_d |z_d|: an autoencoder with sparse codes.

    The absolute values are summed over the latents and averaged over the batch. k-sparse codes, of which all
    but the k largest are 0, are made by the model: ``fastdis.models.Autoencoder(encoder, decoder, k=5)``
    with `AE` for the loss, so that the codes which are scored are those the decoder sees.

    Args:
        weight: the weight of the absolute values, finite and at least 0.
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance: half the squared error).

    Call:
        ``objective(reconstruction, target, z, mean, logvar, step=None)``, images of shape (batch, ...) and
        codes (batch, latent), gives `LossTerms` with ``reconstruction``, in nats, and ``l1``. Mean and logvar
        are not read.

    Raises:
        TypeError: weight is not a number, or an argument of the call not a floating-point tensor.
        ValueError: weight is out of range, an unknown likelihood, or shapes that do not fit together.

    Example:
        >>> import torch, fastdis
        >>> images, codes = torch.zeros(2, 1, 8, 8), torch.tensor([[1.0, -2.0], [0.0, 1.0]])
        >>> fastdis.losses.SparseAE(weight=0.5)(images, images, codes, codes, codes)
        LossTerms(total=45.3614, reconstruction=44.3614, l1=2)
    """

    def __init__(self, *, weight: float = 1.0, likelihood: str = "bernoulli") -> None:
        super().__init__(likelihood=likelihood)
        self.weight = _checks.number(type(self).__name__, "weight", weight, low=0)

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
        check_codes(name, target, z=z)
        l1 = widened(z).abs().sum(1).mean()
        return LossTerms(error + self.weight * l1, reconstruction=error, l1=l1)

    def extra_repr(self) -> str:
        return f"weight={self.weight}, {super().extra_repr()}"
