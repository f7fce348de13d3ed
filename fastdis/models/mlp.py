"""Dense encoders and decoders for images of any size; without hidden layers they are linear."""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from .. import _checks
from ._layers import accept_places, check_codes, check_images, named, prepare
from .vae import VAE


class MLPEncoder(nn.Module):
    """Map images to the mean and logvar of their posteriors by dense layers with ReLU between them.

    Args:
        latents: number of latents.
        image_shape: (channels, height, width).
        hidden: units of each hidden layer; none for a linear encoder. The default is that of Higgins et al.
            2017 and Chen et al. 2018 for dSprites.

    Shape:
        images (batch, *image_shape), float -> mean and logvar, both (batch, latents).

    Raises:
        TypeError: a size is not an integer, or the images do not have the dtype of the weights.
        ValueError: a size is below 1, the images have another shape, or there are none.
        RuntimeError: the images are on another device than the weights.

    Example:
        >>> import torch, fastdis
        >>> mean, logvar = fastdis.models.MLPEncoder(3, image_shape=(1, 16, 16))(torch.zeros(2, 1, 16, 16))
        >>> mean.shape, logvar.shape
        (torch.Size([2, 3]), torch.Size([2, 3]))
    """

    def __init__(
        self,
        latents: int = 10,
        *,
        image_shape: tuple[int, int, int] = (1, 64, 64),
        hidden: Sequence[int] = (1200, 1200),
    ) -> None:
        super().__init__()
        self.latents, self.image_shape, hidden = _sizes("MLPEncoder", latents, image_shape, hidden)
        self.layers = _dense((math.prod(self.image_shape), *hidden, 2 * self.latents), nn.ReLU)
        prepare(self.layers, "relu" if hidden else "linear")

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        check_images(self, images, self.image_shape)
        mean, logvar = self.layers(images.flatten(1)).chunk(2, dim=1)
        return mean, logvar

    @property
    def depth(self) -> int:
        """The number of layers, the last one counted."""
        return len(self.layers) // 2 + 1

    def hidden(self, layer: int, units: Tensor) -> Tensor:
        """Apply one layer, 0 to depth - 1, with its ReLU; the last gives the mean alone, without one."""
        output: Tensor = self.layers[2 * layer](units)
        return output.relu() if layer < self.depth - 1 else output[:, : self.latents]


class MLPDecoder(nn.Module):
    """Map latents to the logits of the pixels by dense layers with tanh between them.

    Args:
        latents: number of latents.
        image_shape: (channels, height, width).
        hidden: units of each hidden layer; none for a linear decoder. The default is that of Higgins et al.
            2017 and Chen et al. 2018 for dSprites.

    Shape:
        z (batch, latents) -> logits (batch, *image_shape); their sigmoid is the image.

    Raises:
        TypeError: a size is not an integer, or z does not have the dtype of the weights.
        ValueError: a size is below 1, or z has another width.
        RuntimeError: z is on another device than the weights.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.MLPDecoder(3, image_shape=(1, 16, 16))(torch.zeros(2, 3)).shape
        torch.Size([2, 1, 16, 16])
    """

    def __init__(
        self,
        latents: int = 10,
        *,
        image_shape: tuple[int, int, int] = (1, 64, 64),
        hidden: Sequence[int] = (1200, 1200, 1200),
    ) -> None:
        super().__init__()
        self.latents, self.image_shape, hidden = _sizes("MLPDecoder", latents, image_shape, hidden)
        self.layers = _dense((self.latents, *hidden, math.prod(self.image_shape)), nn.Tanh)
        prepare(self.layers, "tanh" if hidden else "linear")

    def forward(self, z: Tensor) -> Tensor:
        check_codes(self, z, self.latents)
        logits: Tensor = self.layers(z)
        return logits.view(len(z), *self.image_shape)


def chen_vae(latents: int = 10, *, channels: int = 1) -> VAE:
    """Build the VAE of Chen et al. 2018 for dSprites, of dense layers with 1200 units.

    The encoder has two such layers, the decoder three.

    Args:
        latents: number of latents.
        channels: channels of the images, at least 1.

    Raises:
        TypeError: latents or channels is not an integer.
        ValueError: latents or channels is below 1.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.chen_vae()(torch.zeros(2, 1, 64, 64)).reconstruction.shape
        torch.Size([2, 1, 64, 64])
    """
    latents, channels = _checks.integers("chen_vae", latents=latents, channels=channels)
    shape = (channels, 64, 64)
    return VAE(MLPEncoder(latents, image_shape=shape), MLPDecoder(latents, image_shape=shape))


def linear_vae(latents: int = 10, *, channels: int = 1) -> VAE:
    """Build a VAE with a linear encoder and a linear decoder: with a Gaussian likelihood probabilistic PCA.

    Lucas et al. 2019 (Don't Blame the ELBO!): its optima span the principal subspace.

    Args:
        latents: number of latents.
        channels: channels of the images, at least 1.

    Raises:
        TypeError: latents or channels is not an integer.
        ValueError: latents or channels is below 1.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.linear_vae()(torch.zeros(2, 1, 64, 64)).reconstruction.shape
        torch.Size([2, 1, 64, 64])
    """
    latents, channels = _checks.integers("linear_vae", latents=latents, channels=channels)
    shape = (channels, 64, 64)
    encoder = MLPEncoder(latents, image_shape=shape, hidden=())
    return VAE(encoder, MLPDecoder(latents, image_shape=shape, hidden=()))


def _dense(widths: Sequence[int], activation: type[nn.Module]) -> nn.Sequential:
    """Build linear layers from each width to the next, named dense1 and so on, with activations between."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), activation()]
    dense = nn.Sequential(named(layers[:-1]))
    accept_places(dense)
    return dense


def _sizes(
    function: str, latents: int, image_shape: Sequence[int], hidden: Sequence[int]
) -> tuple[int, tuple[int, int, int], tuple[int, ...]]:
    """Require sizes of at least 1, and return them as Python ints."""
    latents = _checks.integer(function, "latents", latents)
    shape = _checks.sequence(function, "image_shape", image_shape)
    if len(shape) != 3:
        raise ValueError(f"{function}: image_shape must be (channels, height, width), got {tuple(shape)}")
    channels, height, width = (
        _checks.integer(function, f"image_shape[{axis}]", size) for axis, size in enumerate(shape)
    )
    units = (_checks.integer(function, f"hidden[{layer}]", size) for layer, size in enumerate(hidden))
    return latents, (channels, height, width), tuple(units)
