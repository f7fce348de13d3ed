"""The reconstruction with a penalty on the size of the codes."""

from torch import Tensor

from .ae import AE
from .terms import LossTerms, check_batch, check_weights, reconstruction_loss, widened


class SparseAE(AE):
    """loss = reconstruction + weight Σ_d |z_d|: an autoencoder with sparse codes.

    The absolute values are summed over the latents and averaged over the batch. k-sparse codes, of which all
    but the k largest are 0, are the model's matter: ``fastdis.models.Autoencoder(encoder, decoder, k)`` with
    `AE` for the loss, so that the codes which are scored are those the decoder sees.

    Args:
        weight: the weight of the absolute values, finite and at least 0.
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance: half the squared error).

    Call:
        ``objective(reconstruction, target, z, mean, logvar, step=None)``, images of shape (batch, ...) and
        codes (batch, latent), gives `LossTerms` with ``reconstruction``, in nats, and ``l1``.

    Raises:
        TypeError: weight is not a number.
        ValueError: weight is out of range, an unknown likelihood, or shapes that do not fit together.

    Example:
        >>> import torch, fastdis
        >>> images, codes = torch.zeros(2, 1, 8, 8), torch.tensor([[1.0, -2.0], [0.0, 1.0]])
        >>> fastdis.losses.SparseAE(weight=0.5)(images, images, codes, codes, codes)
        LossTerms(total=45.3614, reconstruction=44.3614, l1=2)
    """

    def __init__(self, weight: float = 1.0, likelihood: str = "bernoulli") -> None:
        super().__init__(likelihood)
        check_weights("SparseAE", weight=weight)
        self.weight = weight

    def forward(
        self,
        reconstruction: Tensor,
        target: Tensor,
        z: Tensor,
        mean: Tensor,
        logvar: Tensor,
        step: int | None = None,
    ) -> LossTerms:
        check_batch("SparseAE", reconstruction, mean)
        error = reconstruction_loss(reconstruction, target, self.likelihood)
        l1 = widened(z).abs().sum(1).mean()
        return LossTerms(error + self.weight * l1, reconstruction=error, l1=l1)

    def extra_repr(self) -> str:
        return f"weight={self.weight}, {super().extra_repr()}"
