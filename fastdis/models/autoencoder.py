"""An autoencoder without noise, in the shape of a VAE so that every score and picture works on it."""

import torch
from torch import Tensor, nn

from .. import _checks
from .vae import VAE, VAEOutput

LOGVAR = -10.0  # of the stand-in for a point: a standard deviation of 0.0067


class Autoencoder(VAE):
    """Reconstruct images from codes without noise: each image has one code, which is what the decoder sees.

    ``z`` and ``mean`` are the code. ``logvar`` is the constant -10: a point has none, and a posterior of
    standard deviation 0.0067 stands in for it wherever a density is asked for. Scores read the codes alone;
    the KL divergence of such a model is a number without a meaning.

    With ``k`` it is the k-sparse autoencoder of Makhzani & Frey 2013 (k-Sparse Autoencoders): the
    k largest entries of a code are kept, all others are 0 and pass no gradient.

    Args:
        encoder: maps images to codes (batch, latents), or to ``(mean, logvar)`` as the encoders of a VAE do,
            of which the mean is the code and the other is not read.
        decoder: maps codes to the reconstruction, with the images' shape.
        k: how many entries of a code to keep; all if None.

    Raises:
        TypeError: k is not an integer, or the encoder returns neither floating-point codes nor a pair.
        ValueError: k is below 1 or above the number of latents, or codes are not (batch, latents).

    Example:
        >>> import torch, fastdis
        >>> encoder, decoder = fastdis.models.BurgessEncoder(6), fastdis.models.BurgessDecoder(6)
        >>> output = fastdis.models.Autoencoder(encoder, decoder, k=2)(torch.rand(3, 1, 64, 64))
        >>> output.z.count_nonzero(dim=1)
        tensor([2, 2, 2])
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, *, k: int | None = None) -> None:
        super().__init__(encoder, decoder)
        self.k = None if k is None else _checks.integer("Autoencoder", "k", k)

    def forward(self, images: Tensor) -> VAEOutput:
        code, logvar = self.encode(images)
        return VAEOutput(self.decode(code), code, code, logvar)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the code and the constant logvar that stands in for certainty, both (batch, latents)."""
        output = self.encoder(images)
        code = output[0] if isinstance(output, tuple) else output
        if not isinstance(code, Tensor):
            raise TypeError(
                f"Autoencoder: the encoder must return codes or (mean, logvar), got {type(output).__name__}"
            )
        _checks.matrices("Autoencoder", code=code)
        if self.k is not None:
            code = _largest(code, self.k)
        return code, torch.full_like(code, LOGVAR)

    def extra_repr(self) -> str:
        return "" if self.k is None else f"k={self.k}"


def _largest(code: Tensor, k: int) -> Tensor:
    """Return the code with all but the k largest entries of each row set to 0."""
    if k > code.shape[1]:
        raise ValueError(f"Autoencoder: k must be at most the {code.shape[1]} latents, got {k}")
    values, places = code.topk(k, dim=1)
    return torch.zeros_like(code).scatter(1, places, values)
