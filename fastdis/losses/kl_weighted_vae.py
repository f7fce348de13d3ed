"""The evidence lower bound with a weight on the KL of each latent that follows from the KL it has."""

from torch import Tensor, nn

from .. import _checks
from ..functional import gaussian_kl
from ._arguments import check_codes
from .reconstruction import LIKELIHOODS, reconstruction_error
from .terms import LossTerms

_LEAST = 1e-6  # nats: latents without any KL share the weight equally


class KLWeightedVAE(nn.Module):
    """Minimise reconstruction + Σ_d β_d KL_d with a weight for each latent: Song 2018, section 5.2.3.

    ::

        β_d = β (1 - share + share · D KL_d / Σ_e KL_e)

    The thesis asks for weights "according to how much KL divergence each dimension has at a given iteration"
    (also in section 6.2), so that a latent that has learnt is held back and others can learn; the equation
    is ours. KL_d is that of the batch, and no gradient passes through the weights. Their mean is β: with
    share 0 it is the β-VAE, and with share 1 a latent without KL pays nothing for its first nats.

    Args:
        beta: the mean β of the weights, finite and at least 0.
        share: how much of it is given in proportion to the KL, from 0 to 1.
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance).

    Call:
        ``objective(reconstruction, target, z, mean, logvar, step=None)``, images of shape (batch, ...) and
        codes (batch, latent), gives `LossTerms` with ``reconstruction``, ``kl`` and ``weighted_kl``, in nats:
        sums over pixels and latents, means over the batch.

    Raises:
        TypeError: a weight is not a number, or an argument of the call not a floating-point tensor.
        ValueError: a setting is out of range, an unknown likelihood, or shapes that do not fit together.

    Example:
        >>> import torch, fastdis
        >>> images, logvar = torch.zeros(2, 1, 8, 8), torch.zeros(2, 2)
        >>> mean = torch.tensor([[2.0, 0.0], [2.0, 0.0]])  # KL = 2 and 0
        >>> fastdis.losses.KLWeightedVAE(beta=4.0, share=0.5)(images, images, mean, mean, logvar)
        LossTerms(total=56.3614, reconstruction=44.3614, kl=2, weighted_kl=12)
    """

    def __init__(self, *, beta: float = 4.0, share: float = 0.5, likelihood: str = "bernoulli") -> None:
        super().__init__()
        name = type(self).__name__
        self.beta, self.share = _checks.weights(name, beta=beta, share=share)
        if self.share > 1:
            raise ValueError(f"{name}: share must be at most 1, got {self.share:g}")
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
        kl = gaussian_kl(mean, logvar)
        weighted = (self.weights(kl) * kl).sum()
        return LossTerms(error + weighted, reconstruction=error, kl=kl.sum(), weighted_kl=weighted)

    def weights(self, kl: Tensor) -> Tensor:
        """Return β_d for the KL of each latent, both (latent,); no gradient passes through it."""
        present = kl.detach() + _LEAST
        return self.beta * (1 - self.share + self.share * len(kl) * present / present.sum())

    def extra_repr(self) -> str:
        return f"beta={self.beta}, share={self.share}, likelihood={self.likelihood!r}"
