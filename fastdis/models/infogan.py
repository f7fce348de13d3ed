"""The three networks of InfoGAN with gradient penalty: generator, critic, and Q, which reads codes back.

They follow the VAE of Kim & Mnih 2018 for 2D shapes with leaky ReLU, slope 0.2, throughout. None has batch
normalisation: the gradient penalty is that of each image by itself (Gulrajani et al. 2017, section 4).
"""

import torch
from torch import Tensor, nn

from .. import _checks
from ._layers import channels_last, check_codes, check_images, decoding_layers, encoding_layers
from .vae import VAE


class InfoGANGenerator(nn.Module):
    """Map codes and noise to the logits of the pixels: the decoder of an `infogan`.

    Two dense layers of 128 and 1024 units, then transposed convolutions 4x4, stride 2, of 64, 32 and 32
    channels and the image's. In training mode each call draws new normal noise; in evaluation mode the noise
    is 0, so that a code has one image.

    Args:
        latents: number of codes.
        channels: channels of the images, at least 1.
        noise: number of noise variables, 0 for none.

    Shape:
        z (batch, latents) -> logits (batch, channels, 64, 64); their sigmoid is the image.

    Raises:
        TypeError: a size is not an integer, or z does not have the dtype of the weights.
        ValueError: a size is below 1, or z has another width.
        RuntimeError: z is on another device than the weights.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.InfoGANGenerator(latents=5, noise=5)(torch.zeros(2, 5)).shape
        torch.Size([2, 1, 64, 64])
    """

    def __init__(self, latents: int = 10, *, channels: int = 1, noise: int = 5) -> None:
        super().__init__()
        self.latents, channels = _checks.integers("InfoGANGenerator", latents=latents, channels=channels)
        self.noise = _checks.integer("InfoGANGenerator", "noise", noise, low=0)
        inputs = self.latents + self.noise
        self.layers = decoding_layers(inputs, (128,), (64, 64, 32, 32), channels, slope=0.2)

    def forward(self, z: Tensor) -> Tensor:
        check_codes(self, z, self.latents)
        noise = torch.randn if self.training else torch.zeros
        drawn = noise(len(z), self.noise, dtype=z.dtype, device=z.device)
        logits: Tensor = self.layers(torch.cat([z, drawn], dim=1))
        return logits


class InfoGANCritic(nn.Module):
    """Map images to one real number each, large for those that look like data.

    Convolutions 4x4, stride 2, of 32, 32, 64 and 64 channels, a dense layer of 128 units, one output.

    Args:
        channels: channels of the images, at least 1.

    Shape:
        images (batch, channels, 64, 64), float, in [0, 1] -> (batch, 1).

    Raises:
        TypeError: channels is not an integer, or the images do not have the dtype of the weights.
        ValueError: channels is below 1, the images have another shape, or there are none.
        RuntimeError: the images are on another device than the weights.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.InfoGANCritic()(torch.zeros(2, 1, 64, 64)).shape
        torch.Size([2, 1])
    """

    def __init__(self, *, channels: int = 1) -> None:
        super().__init__()
        self.channels = _checks.integer("InfoGANCritic", "channels", channels)
        self.layers = encoding_layers(self.channels, (32, 32, 64, 64), (128,), 1, slope=0.2)

    def forward(self, images: Tensor) -> Tensor:
        check_images(self, images, (self.channels, 64, 64))
        scores: Tensor = self.layers(channels_last(images))
        return scores


class InfoGANEncoder(nn.Module):
    """Map images to the mean and logvar of the codes they were generated from: the network Q.

    It has the critic's layers with weights of its own, so that in the minimum over G and Q and the maximum
    over the critic (Chen et al. 2016, equation 6) no weight belongs to both sides; Chen et al. share them to
    save time.

    Args:
        latents: number of codes.
        channels: channels of the images, at least 1.

    Shape:
        images (batch, channels, 64, 64), float, in [0, 1] -> mean and logvar, both (batch, latents).

    Raises:
        TypeError: latents or channels is not an integer, or the images do not have the dtype of the weights.
        ValueError: latents or channels is below 1, the images have another shape, or there are none.
        RuntimeError: the images are on another device than the weights.

    Example:
        >>> import torch, fastdis
        >>> mean, logvar = fastdis.models.InfoGANEncoder(latents=5)(torch.zeros(2, 1, 64, 64))
        >>> mean.shape, logvar.shape
        (torch.Size([2, 5]), torch.Size([2, 5]))
    """

    def __init__(self, latents: int = 10, *, channels: int = 1) -> None:
        super().__init__()
        latents, channels = _checks.integers("InfoGANEncoder", latents=latents, channels=channels)
        self.channels = channels
        self.layers = encoding_layers(channels, (32, 32, 64, 64), (128,), 2 * latents, slope=0.2)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        check_images(self, images, (self.channels, 64, 64))
        mean, logvar = self.layers(channels_last(images)).chunk(2, dim=1)
        return mean, logvar


def infogan(latents: int = 10, *, channels: int = 1, noise: int = 5) -> VAE:
    """Build Q and the generator as one model, to train with `fastdis.losses.InfoGAN`, which holds the critic.

    ``encode`` is Q and ``decode`` the generator, so that all that is done with a VAE can be done with it.

    Args:
        latents: number of codes.
        channels: channels of the images, at least 1.
        noise: number of noise variables, 0 for none.

    Raises:
        TypeError: a size is not an integer.
        ValueError: latents or channels is below 1, or noise below 0.

    Example:
        >>> import torch, fastdis
        >>> model = fastdis.models.infogan(latents=5)
        >>> model.decode(torch.randn(2, 5)).shape, model.encode(torch.rand(2, 1, 64, 64))[0].shape
        (torch.Size([2, 1, 64, 64]), torch.Size([2, 5]))
    """
    latents, channels = _checks.integers("infogan", latents=latents, channels=channels)
    noise = _checks.integer("infogan", "noise", noise, low=0)
    encoder = InfoGANEncoder(latents, channels=channels)
    return VAE(encoder, InfoGANGenerator(latents, channels=channels, noise=noise))
