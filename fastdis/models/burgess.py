"""The convolutional encoder and decoder that most dSprites results were trained with."""

from torch import Tensor, nn

from .. import _checks
from ._layers import channels_last, check_codes, check_images, decoding_layers, encoding_layers
from .autoencoder import Autoencoder
from .vae import VAE


class BurgessEncoder(nn.Module):
    """Map images to the mean and logvar of their posteriors by four convolutions and two dense layers.

    Burgess et al. 2018, appendix A.1: convolutions 4x4, stride 2, 32 channels each, then 256 and 256 units,
    ReLU between all; one last linear layer gives both halves.

    Args:
        latents: number of latents.
        channels: channels of the images, at least 1.

    Shape:
        images (batch, channels, 64, 64), float, in [0, 1] -> mean and logvar, both (batch, latents).

    Raises:
        TypeError: latents or channels is not an integer, or the images do not have the dtype of the weights.
        ValueError: latents or channels is below 1, the images have another shape, or there are none.
        RuntimeError: the images are on another device than the weights.

    Example:
        >>> import torch, fastdis
        >>> mean, logvar = fastdis.models.BurgessEncoder(latents=10)(torch.zeros(2, 1, 64, 64))
        >>> mean.shape, logvar.shape
        (torch.Size([2, 10]), torch.Size([2, 10]))
    """

    def __init__(self, latents: int = 10, *, channels: int = 1) -> None:
        super().__init__()
        latents, channels = _checks.integers("BurgessEncoder", latents=latents, channels=channels)
        self.channels = channels
        self.layers = encoding_layers(channels, (32, 32, 32, 32), (256, 256), 2 * latents)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        check_images(self, images, (self.channels, 64, 64))
        mean, logvar = self.layers(channels_last(images)).chunk(2, dim=1)
        return mean, logvar


class BurgessDecoder(nn.Module):
    """Map latents to the logits of the pixels, as the encoder's mirror image (Burgess et al. 2018, app. A.1).

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
        >>> fastdis.models.BurgessDecoder(latents=10)(torch.zeros(2, 10)).shape
        torch.Size([2, 1, 64, 64])
    """

    def __init__(self, latents: int = 10, *, channels: int = 1) -> None:
        super().__init__()
        latents, channels = _checks.integers("BurgessDecoder", latents=latents, channels=channels)
        self.latents = latents
        self.layers = decoding_layers(latents, (256, 256), (32, 32, 32, 32), channels)

    def forward(self, z: Tensor) -> Tensor:
        check_codes(self, z, self.latents)
        logits: Tensor = self.layers(z)
        return logits


def burgess_vae(latents: int = 10, *, channels: int = 1) -> VAE:
    """Build the VAE of Burgess et al. 2018: `BurgessEncoder` and `BurgessDecoder`.

    Args:
        latents: number of latents.
        channels: channels of the images, at least 1.

    Raises:
        TypeError: latents or channels is not an integer.
        ValueError: latents or channels is below 1.

    Example:
        >>> import torch, fastdis
        >>> model = fastdis.models.burgess_vae(latents=10)
        >>> model(torch.zeros(2, 1, 64, 64)).reconstruction.shape
        torch.Size([2, 1, 64, 64])
    """
    latents, channels = _checks.integers("burgess_vae", latents=latents, channels=channels)
    return VAE(BurgessEncoder(latents, channels=channels), BurgessDecoder(latents, channels=channels))


def burgess_autoencoder(latents: int = 10, *, channels: int = 1, k: int | None = None) -> Autoencoder:
    """Build Burgess's encoder and decoder without noise between them.

    Args:
        latents: number of latents.
        channels: channels of the images, at least 1.
        k: how many entries of a code to keep, at most latents; all if None. See `Autoencoder`.

    Raises:
        TypeError: a size is not an integer.
        ValueError: a size is below 1, or k above latents.

    Example:
        >>> import torch, fastdis
        >>> model = fastdis.models.burgess_autoencoder(latents=6, k=2)
        >>> model(torch.rand(3, 1, 64, 64)).z.count_nonzero(dim=1)
        tensor([2, 2, 2])
    """
    latents, channels = _checks.integers("burgess_autoencoder", latents=latents, channels=channels)
    if k is not None:
        k = _checks.integer("burgess_autoencoder", "k", k, high=latents)
    encoder = BurgessEncoder(latents, channels=channels)
    return Autoencoder(encoder, BurgessDecoder(latents, channels=channels), k=k)
