"""The evidence lower bound with its KL term held to a capacity that grows."""

from torch import Tensor, nn

from .. import _checks
from ..functional import gaussian_kl
from ._arguments import check_codes
from .reconstruction import LIKELIHOODS, reconstruction_error
from .schedule import risen
from .terms import LossTerms


class AnnealedVAE(nn.Module):
    """Minimise reconstruction + γ |KL(q(z|x) || p(z)) - C(t)|: Burgess et al. 2018.

    The KL is the mean over the batch and the absolute value that of the mean: a single image may spend more
    than C. C(t) rises linearly from 0 at step 0 to its end and stays there.

    Args:
        gamma: the weight of the distance, finite and at least 0; 100 and 1000 are usual.
        capacity: where C ends, in nats, finite and at least 0; 25 is usual.
        iterations: the step at which it gets there, at least 1; 100,000 is usual.
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance).

    Call:
        ``objective(reconstruction, target, z, mean, logvar, step=steps)``, images of shape (batch, ...),
        codes (batch, latent), step the number of steps done, an integer or a tensor, gives `LossTerms` with
        ``reconstruction``, ``kl`` and ``capacity``, in nats: sums over pixels and latents, means over the
        batch.

    Raises:
        TypeError: a weight is not a number, iterations or step not an integer, or another argument of the
            call not a floating-point tensor.
        ValueError: a setting is out of range, an unknown likelihood, or shapes that do not fit together.

    Example:
        >>> import torch, fastdis
        >>> images, mean, logvar = torch.zeros(2, 1, 8, 8), torch.ones(2, 3), torch.zeros(2, 3)
        >>> objective = fastdis.losses.AnnealedVAE(gamma=10.0, capacity=25.0, iterations=100)
        >>> objective(images, images, mean, mean, logvar, step=4)  # C = 1, KL = 1.5
        LossTerms(total=49.3614, reconstruction=44.3614, kl=1.5, capacity=1)
    """

    def __init__(
        self,
        *,
        gamma: float = 1000.0,
        capacity: float = 25.0,
        iterations: int = 100_000,
        likelihood: str = "bernoulli",
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.gamma, self.capacity = _checks.weights(name, gamma=gamma, capacity=capacity)
        self.iterations = _checks.integer(name, "iterations", iterations)
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
        step: int | Tensor | None = None,
    ) -> LossTerms:
        name = type(self).__name__
        error = reconstruction_error(name, reconstruction, target, self.likelihood)
        check_codes(name, target, mean=mean, logvar=logvar)
        kl = gaussian_kl(mean, logvar).sum()
        capacity = kl.new_zeros(()) + self.capacity * risen(name, step, self.iterations)
        total = error + self.gamma * (kl - capacity).abs()
        return LossTerms(total, reconstruction=error, kl=kl, capacity=capacity)

    def extra_repr(self) -> str:
        return (
            f"gamma={self.gamma}, capacity={self.capacity}, iterations={self.iterations}, "
            f"likelihood={self.likelihood!r}"
        )
