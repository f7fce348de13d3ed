"""The evidence lower bound with its KL term split in three and the total correlation weighted."""

from torch import Tensor, nn

from ..functional import tcvae_penalty
from .terms import LIKELIHOODS, LossTerms, check_batch, check_choice, check_weights, reconstruction_loss


class BetaTCVAE(nn.Module):
    """loss = reconstruction + α MI + β TC + γ dwKL: Chen et al. 2018, equation 4.

    The three terms are estimated from the batch, with stratified weights by default (their appendix C); see
    `fastdis.kl_decomposition`.

    Args:
        dataset_size: number of training images, at least the batch size; never the batch size itself.
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
        TypeError: a weight is not a number.
        ValueError: a weight is out of range, an unknown likelihood or estimator, a batch of one image or of
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
        dataset_size: int,
        alpha: float = 1.0,
        beta: float = 6.0,
        gamma: float = 1.0,
        estimator: str = "mss",
        likelihood: str = "bernoulli",
    ) -> None:
        super().__init__()
        check_weights("BetaTCVAE", alpha=alpha, beta=beta, gamma=gamma)
        check_choice("BetaTCVAE", "likelihood", likelihood, LIKELIHOODS)
        check_choice("BetaTCVAE", "estimator", estimator, ("mss", "mws"))
        if dataset_size < 2:
            raise ValueError(f"BetaTCVAE: dataset_size must be at least 2, got {dataset_size}")
        self.dataset_size = dataset_size
        self.alpha = alpha
        self.beta = beta
        self.gamma = gamma
        self.estimator = estimator
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
        check_batch("BetaTCVAE", reconstruction, mean)
        error = reconstruction_loss(reconstruction, target, self.likelihood)
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
