"""The evidence lower bound with its KL term held to a capacity that grows."""

from torch import Tensor, nn

from ..functional import gaussian_kl
from .schedule import risen
from .terms import (
    LIKELIHOODS,
    LossTerms,
    check_batch,
    check_choice,
    check_counts,
    check_weights,
    reconstruction_loss,
)


class AnnealedVAE(nn.Module):
    """loss = reconstruction + γ |KL(q(z|x) || p(z)) - C(t)|: Burgess et al. 2018.

    The KL is the mean over the batch and the absolute value that of the mean: single images may spend more
    than C on themselves. C(t) rises linearly from 0 at step 0 to its end and stays there.

    Args:
        gamma: the weight of the distance, finite and at least 0; 100 and 1000 are usual.
        capacity: where C ends, in nats, finite and at least 0; 25 is usual.
        iterations: the step at which it gets there, at least 1; 100,000 is usual.
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance).

    Call:
        ``objective(reconstruction, target, z, mean, logvar, step)``, images of shape (batch, ...), codes
        (batch, latent), step the number of steps done, gives `LossTerms` with ``reconstruction``, ``kl`` and
        ``capacity``, in nats: sums over pixels and latents, means over the batch.

    Raises:
        TypeError: a weight is not a number, iterations not an integer, or step is None.
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
        gamma: float = 1000.0,
        capacity: float = 25.0,
        iterations: int = 100_000,
        likelihood: str = "bernoulli",
    ) -> None:
        super().__init__()
        check_weights("AnnealedVAE", gamma=gamma, capacity=capacity)
        check_counts("AnnealedVAE", iterations=iterations)
        check_choice("AnnealedVAE", "likelihood", likelihood, LIKELIHOODS)
        self.gamma = gamma
        self.capacity = capacity
        self.iterations = iterations
        self.likelihood = likelihood

    def forward(
        self,
        reconstruction: Tensor,
        target: Tensor,
        z: Tensor,
        mean: Tensor,
        logvar: Tensor,
        step: int | None = None,
    ) -> LossTerms:
        check_batch("AnnealedVAE", reconstruction, mean)
        error = reconstruction_loss(reconstruction, target, self.likelihood)
        kl = gaussian_kl(mean, logvar).sum()
        capacity = kl.new_zeros(()) + self.capacity * risen("AnnealedVAE", step, self.iterations)
        total = error + self.gamma * (kl - capacity).abs()
        return LossTerms(total, reconstruction=error, kl=kl, capacity=capacity)

    def extra_repr(self) -> str:
        return (
            f"gamma={self.gamma}, capacity={self.capacity}, iterations={self.iterations}, "
            f"likelihood={self.likelihood!r}"
        )
