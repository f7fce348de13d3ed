"""The convolutional encoder and decoder of FactorVAE, in the sizes for 2D shapes and for 3D shapes."""

from torch import Tensor, nn

from .. import _checks
from ._layers import channels_last, check_codes, check_images, decoding_layers, encoding_layers
from .vae import VAE


class KimEncoder(nn.Module):
    """Map images to the mean and logvar of their posteriors by four convolutions and a dense layer.

    Kim & Mnih 2018, appendix A: convolutions 4x4, stride 2, of 32, 32, 64 and 64 channels, then one dense
    layer, ReLU between all; one last linear layer gives both halves.

    Args:
        latents: number of latents.
        channels: channels of the images, at least 1.
        hidden: units of the dense layer; 128 for 2D shapes, 256 for 3D shapes.

    Shape:
        images (batch, channels, 64, 64), float, in [0, 1] -> mean and logvar, both (batch, latents).

    Raises:
        TypeError: a size is not an integer, or the images do not have the dtype of the weights.
        ValueError: a size is below 1, the images have another shape, or there are none.
        RuntimeError: the images are on another device than the weights.

    Example:
        >>> import torch, fastdis
        >>> mean, logvar = fastdis.models.KimEncoder(latents=10)(torch.zeros(2, 1, 64, 64))
        >>> mean.shape, logvar.shape
        (torch.Size([2, 10]), torch.Size([2, 10]))
    """

    def __init__(self, latents: int = 10, *, channels: int = 1, hidden: int = 128) -> None:
        super().__init__()
        latents, channels, hidden = _checks.integers(
            "KimEncoder", latents=latents, channels=channels, hidden=hidden
        )
        self.channels = channels
        self.layers = encoding_layers(channels, (32, 32, 64, 64), (hidden,), 2 * latents)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        check_images(self, images, (self.channels, 64, 64))
        mean, logvar = self.layers(channels_last(images)).chunk(2, dim=1)
        return mean, logvar


class KimDecoder(nn.Module):
    """Map latents to the logits of the pixels by two dense layers and four transposed convolutions.

    Kim & Mnih 2018, appendix A: a dense layer, 1024 units, then transposed convolutions 4x4, stride 2, of 64,
    32 and 32 channels and the image's; ReLU between all.

    Args:
        latents: number of latents.
        channels: channels of the images, at least 1.
        hidden: units of the first dense layer; 128 for 2D shapes, 256 for 3D shapes.

    Shape:
        z (batch, latents) -> logits (batch, channels, 64, 64); their sigmoid is the image.

    Raises:
        TypeError: a size is not an integer, or z does not have the dtype of the weights.
        ValueError: a size is below 1, or z has another width.
        RuntimeError: z is on another device than the weights.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.KimDecoder(latents=10)(torch.zeros(2, 10)).shape
        torch.Size([2, 1, 64, 64])
    """

    def __init__(self, latents: int = 10, *, channels: int = 1, hidden: int = 128) -> None:
        super().__init__()
        latents, channels, hidden = _checks.integers(
            "KimDecoder", latents=latents, channels=channels, hidden=hidden
        )
        self.latents = latents
        self.layers = decoding_layers(latents, (hidden,), (64, 64, 32, 32), channels)

    def forward(self, z: Tensor) -> Tensor:
        check_codes(self, z, self.latents)
        logits: Tensor = self.layers(z)
        return logits


def kim_2d_vae(latents: int = 10, *, channels: int = 1) -> VAE:
    """Build the VAE of Kim & Mnih 2018 for 2D shapes (dSprites): dense layers of 128 units.

    Args:
        latents: number of latents.
        channels: channels of the images, at least 1.

    Raises:
        TypeError: latents or channels is not an integer.
        ValueError: latents or channels is below 1.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.kim_2d_vae()(torch.zeros(2, 1, 64, 64)).z.shape
        torch.Size([2, 10])
    """
    latents, channels = _checks.integers("kim_2d_vae", latents=latents, channels=channels)
    return _vae(latents, channels, hidden=128)


def kim_3d_vae(latents: int = 6, *, channels: int = 3) -> VAE:
    """Build the VAE of Kim & Mnih 2018 for 3D shapes: dense layers of 256 units, 6 latents, colour.

    Args:
        latents: number of latents.
        channels: channels of the images, at least 1.

    Raises:
        TypeError: latents or channels is not an integer.
        ValueError: latents or channels is below 1.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.kim_3d_vae()(torch.zeros(2, 3, 64, 64)).z.shape
        torch.Size([2, 6])
    """
    latents, channels = _checks.integers("kim_3d_vae", latents=latents, channels=channels)
    return _vae(latents, channels, hidden=256)


def _vae(latents: int, channels: int, hidden: int) -> VAE:
    encoder = KimEncoder(latents, channels=channels, hidden=hidden)
    return VAE(encoder, KimDecoder(latents, channels=channels, hidden=hidden))
