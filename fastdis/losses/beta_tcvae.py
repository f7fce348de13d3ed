"""The evidence lower bound with its KL term split in three and the total correlation weighted."""

from torch import Tensor, nn

from .. import _checks
from ..functional import tcvae_penalty
from ._arguments import check_codes, check_minibatch
from .reconstruction import LIKELIHOODS, reconstruction_error
from .terms import LossTerms


class BetaTCVAE(nn.Module):
    """Minimise reconstruction + α MI + β TC + γ dwKL: Chen et al. 2018, equation 4.

    The three terms are estimated from the batch, with stratified weights by default (their appendix C); see
    `fastdis.kl_decomposition`.

    Args:
        dataset_size: number of training images, at least 2 and no less than the batch size; never the batch
            size itself.
        alpha: weight of the index-code mutual information.
        beta: weight of the total correlation; 6 for dSprites in the paper.
        gamma: weight of the dimension-wise KL. All three are finite and at least 0.
        estimator: "mss" or "mws".
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance).

    Call:
        ``objective(reconstruction, target, z, mean, logvar, step=None)``, images of shape (batch, ...) and
        codes (batch, latent), gives `LossTerms` with ``reconstruction``, ``index_code_mi``,
        ``total_correlation`` and ``dimwise_kl``, in nats: sums over pixels and latents, means over the batch.

    Raises:
        TypeError: a weight is not a number, dataset_size not an integer, or an argument of the call not a
            floating-point tensor.
        ValueError: a setting is out of range, an unknown likelihood or estimator, a batch of one image or of
            more than dataset_size, or shapes that do not fit together.

    Example:
        >>> import torch, fastdis
        >>> images, mean, logvar = torch.zeros(2, 1, 8, 8), torch.zeros(2, 3), torch.zeros(2, 3)
        >>> objective = fastdis.losses.BetaTCVAE(dataset_size=737280)
        >>> objective(images, images, mean, mean, logvar).reconstruction
        tensor(44.3614)
    """

    def __init__(
        self,
        *,
        dataset_size: int,
        alpha: float = 1.0,
        beta: float = 6.0,
        gamma: float = 1.0,
        estimator: str = "mss",
        likelihood: str = "bernoulli",
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.dataset_size = _checks.integer(name, "dataset_size", dataset_size, low=2)
        self.alpha, self.beta, self.gamma = _checks.weights(name, alpha=alpha, beta=beta, gamma=gamma)
        _checks.choice(name, "estimator", estimator, ("mss", "mws"))
        _checks.choice(name, "likelihood", likelihood, LIKELIHOODS)
        self.estimator = estimator
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
        check_codes(name, target, mean=mean, logvar=logvar, z=z)
        check_minibatch(name, mean, self.dataset_size)
        penalty, parts = tcvae_penalty(
            z,
            mean,
            logvar,
            dataset_size=self.dataset_size,
            alpha=self.alpha,
            beta=self.beta,
            gamma=self.gamma,
            estimator=self.estimator,
        )
        return LossTerms(error + penalty, reconstruction=error, **parts._asdict())

    def extra_repr(self) -> str:
        return (
            f"dataset_size={self.dataset_size}, alpha={self.alpha}, beta={self.beta}, gamma={self.gamma}, "
            f"estimator={self.estimator!r}, likelihood={self.likelihood!r}"
        )
