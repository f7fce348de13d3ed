"""The β-VAE on pairs of images, with the product of the two posteriors where they agree."""

import torch
from torch import Tensor

from .ada_gvae import AdaGVAE


class AdaMLVAE(AdaGVAE):
    """Minimise the loss of `AdaGVAE` with the average of the ML-VAE: Locatello et al. 2020.

    The average is that of Bouchacourt et al. 2018 (Multi-Level Variational Autoencoder): the posterior of a
    shared latent is the normalised product of the two. Its precision is the sum of theirs,
    1/var = 1/var_1 + 1/var_2, its mean var (mean_1/var_1 + mean_2/var_2). Public code takes twice that
    variance, the harmonic mean.

    Args:
        beta: the weight of the KL, finite and at least 0; 1, 2, 4, 6, 8 and 16 are usual.
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance).

    Raises:
        TypeError: beta is not a number, or an argument of the call not a floating-point tensor.
        ValueError: beta is out of range, an unknown likelihood, batches that do not hold pairs, or shapes
            that do not fit together.

    Example:
        >>> import torch, fastdis
        >>> mean, logvar = torch.tensor([[[0.0], [3.0]]]), torch.tensor([[[0.0], [2.0]]]).log1p()
        >>> mean, logvar = fastdis.losses.AdaMLVAE.average(mean, logvar)  # variances 1 and 3
        >>> mean.item(), round(logvar.exp().item(), 4)
        (0.75, 0.75)
    """

    @staticmethod
    def average(mean: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
        """Multiply the two densities: from (pairs, 2, latents) to (pairs, 1, latents)."""
        precision = torch.softmax(-logvar, dim=1)  # of each image, as its share of the sum
        return (precision * mean).sum(1, keepdim=True), -(-logvar).logsumexp(1, keepdim=True)
