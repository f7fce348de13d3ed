"""The decoder of Song's comparison of VAE and β-VAE; its encoder is Burgess's."""

from torch import Tensor, nn

from .. import _checks
from ._layers import check_codes, decoding_layers
from .burgess import BurgessEncoder
from .vae import VAE


class SongDecoder(nn.Module):
    """Map latents to the logits of the pixels by two dense layers and four transposed convolutions.

    Song 2018 (Comparing the VAE and the β-VAE under various latent bottleneck dimensionalities and data
    complexities), section 3.4: 256 and 512 units, then transposed convolutions 4x4, stride 2, 32 channels
    each, the last with the image's; ReLU between all. Burgess's has one dense layer of 256 units more.

    Args:
        latents: number of latents.
        channels: channels of the images, at least 1.

    Shape:
        z (batch, latents) -> logits (batch, channels, 64, 64); their sigmoid is the image.

    Raises:
        TypeError: latents or channels is not an integer, or z does not have the dtype of the weights.
        ValueError: latents or channels is below 1, or z has another width.
        RuntimeError: z is on another device than the weights.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.SongDecoder(latents=20)(torch.zeros(2, 20)).shape
        torch.Size([2, 1, 64, 64])
    """

    def __init__(self, latents: int = 10, *, channels: int = 1) -> None:
        super().__init__()
        latents, channels = _checks.integers("SongDecoder", latents=latents, channels=channels)
        self.latents = latents
        self.layers = decoding_layers(latents, (256,), (32, 32, 32, 32), channels)

    def forward(self, z: Tensor) -> Tensor:
        check_codes(self, z, self.latents)
        logits: Tensor = self.layers(z)
        return logits


def song_vae(latents: int = 10, *, channels: int = 1) -> VAE:
    """Build the VAE of Song 2018, section 3.4, which trains with Adam at 5e-4, 64 images a batch.

    Args:
        latents: number of latents.
        channels: channels of the images, at least 1.

    Raises:
        TypeError: latents or channels is not an integer.
        ValueError: latents or channels is below 1.

    Example:
        >>> import torch, fastdis
        >>> model = fastdis.models.song_vae(latents=5, channels=3)
        >>> model(torch.zeros(2, 3, 64, 64)).reconstruction.shape
        torch.Size([2, 3, 64, 64])
    """
    latents, channels = _checks.integers("song_vae", latents=latents, channels=channels)
    return VAE(BurgessEncoder(latents, channels=channels), SongDecoder(latents, channels=channels))
