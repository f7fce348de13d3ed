"""The convolutional encoder and decoder that most dSprites results were trained with."""

from torch import Tensor, nn

from ._layers import channels_last, check_codes, check_images, check_sizes, decoding_layers, encoding_layers
from .vae import VAE


class BurgessEncoder(nn.Module):
    """Four convolutions and two dense layers: images to the mean and logvar of their posteriors.

    Burgess et al. 2018, appendix A.1: convolutions 4x4, stride 2, 32 channels each, then 256 and 256 units,
    ReLU between all; one last linear layer gives both halves.

    Args:
        latents: number of latents.
        channels: channels of the images, 1 or 3.

    Shape:
        images (batch, channels, 64, 64), float, in [0, 1] -> mean and logvar, both (batch, latents).

    Raises:
        TypeError: latents or channels is not an integer.
        ValueError: one of them is out of range, or the images have another shape.

    Example:
        >>> import torch, fastdis
        >>> mean, logvar = fastdis.models.BurgessEncoder(latents=10)(torch.zeros(2, 1, 64, 64))
        >>> mean.shape, logvar.shape
        (torch.Size([2, 10]), torch.Size([2, 10]))
    """

    def __init__(self, latents: int = 10, channels: int = 1) -> None:
        super().__init__()
        check_sizes("BurgessEncoder", latents=latents, channels=channels)
        self.channels = channels
        self.layers = encoding_layers(channels, (32, 32, 32, 32), (256, 256), 2 * latents)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        check_images("BurgessEncoder", images, (self.channels, 64, 64))
        mean, logvar = self.layers(channels_last(images)).chunk(2, dim=1)
        return mean, logvar


class BurgessDecoder(nn.Module):
    """The encoder's mirror image: latents to the logits of the pixels (Burgess et al. 2018, appendix A.1).

    Args:
        latents: number of latents.
        channels: channels of the images, 1 or 3.

    Shape:
        z (batch, latents) -> logits (batch, channels, 64, 64); their sigmoid is the image.

    Raises:
        TypeError: latents or channels is not an integer.
        ValueError: one of them is out of range, or z has another width.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.BurgessDecoder(latents=10)(torch.zeros(2, 10)).shape
        torch.Size([2, 1, 64, 64])
    """

    def __init__(self, latents: int = 10, channels: int = 1) -> None:
        super().__init__()
        check_sizes("BurgessDecoder", latents=latents, channels=channels)
        self.latents = latents
        self.layers = decoding_layers(latents, (256, 256), (32, 32, 32, 32), channels)

    def forward(self, z: Tensor) -> Tensor:
        check_codes("BurgessDecoder", z, self.latents)
        logits: Tensor = self.layers(z)
        return logits


def burgess_vae(latents: int = 10, channels: int = 1) -> VAE:
    """A VAE of the two modules above.

    Raises:
        ValueError: latents or channels is out of range.

    Example:
        >>> import torch, fastdis
        >>> model = fastdis.models.burgess_vae(latents=10)
        >>> model(torch.zeros(2, 1, 64, 64)).reconstruction.shape
        torch.Size([2, 1, 64, 64])
    """
    return VAE(BurgessEncoder(latents, channels), BurgessDecoder(latents, channels))
