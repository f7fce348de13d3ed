"""A variational autoencoder from any encoder and decoder."""

from typing import NamedTuple

from torch import Tensor, nn

from .. import _checks
from ..functional import reparameterize


class VAEOutput(NamedTuple):
    """Hold what an objective is computed from."""

    reconstruction: Tensor  # the decoder's output for z, like the images; logits for a Bernoulli likelihood
    z: Tensor  # one sample of each posterior, (batch, latent)
    mean: Tensor  # (batch, latent)
    logvar: Tensor  # (batch, latent)


class VAE(nn.Module):
    """Join an encoder and a decoder of one's own choice to a variational autoencoder (Kingma & Welling 2014).

    Args:
        encoder: a module that maps images to ``(mean, logvar)``, both (batch, latent).
        decoder: a module that maps z, (batch, latent), to the reconstruction, with the images' shape.

    Raises:
        TypeError: the encoder does not return a pair of floating-point tensors.
        ValueError: mean and logvar do not both have shape (batch, latent), batch at least 1.

    Example:
        >>> import torch, fastdis
        >>> model = fastdis.models.VAE(fastdis.models.BurgessEncoder(6), fastdis.models.BurgessDecoder(6))
        >>> output = model(torch.zeros(2, 1, 64, 64))
        >>> output.z.shape, output.reconstruction.shape
        (torch.Size([2, 6]), torch.Size([2, 1, 64, 64]))
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, images: Tensor) -> VAEOutput:
        mean, logvar = self.encode(images)
        z = reparameterize(mean, logvar)
        return VAEOutput(self.decode(z), z, mean, logvar)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and logvar of q(z|x), both (batch, latent)."""
        output = self.encoder(images)
        if not (isinstance(output, tuple) and len(output) == 2):
            raise TypeError(f"VAE: the encoder must return (mean, logvar), got {type(output).__name__}")
        mean, logvar = output
        _checks.matrices("VAE", mean=mean, logvar=logvar)
        return mean, logvar

    def decode(self, z: Tensor) -> Tensor:
        """Return the decoder's output for z: logits for a Bernoulli likelihood."""
        reconstruction: Tensor = self.decoder(z)
        return reconstruction
