"""Dense encoders and decoders for images of any size, without hidden layers the linear ones."""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from ._layers import check_codes, check_images, check_sizes, prepare
from .vae import VAE


class MLPEncoder(nn.Module):
    """Dense layers with ReLU between them: images to the mean and logvar of their posteriors.

    Args:
        latents: number of latents.
        image_shape: (channels, height, width).
        hidden: units of each hidden layer; none for a linear encoder. The default is that of Higgins et al.
            2017 and Chen et al. 2018 for dSprites.

    Shape:
        images (batch, *image_shape), float -> mean and logvar, both (batch, latents).

    Raises:
        TypeError: a size is not an integer.
        ValueError: a size is below 1, or the images have another shape.

    Example:
        >>> import torch, fastdis
        >>> mean, logvar = fastdis.models.MLPEncoder(3, (1, 16, 16), hidden=[32])(torch.zeros(2, 1, 16, 16))
        >>> mean.shape, logvar.shape
        (torch.Size([2, 3]), torch.Size([2, 3]))
    """

    def __init__(
        self,
        latents: int = 10,
        image_shape: tuple[int, int, int] = (1, 64, 64),
        hidden: Sequence[int] = (1200, 1200),
    ) -> None:
        super().__init__()
        _check("MLPEncoder", latents, image_shape, hidden)
        self.latents = latents
        self.image_shape = tuple(image_shape)
        widths = (math.prod(image_shape), *hidden, 2 * latents)
        self.layers = _dense(widths, nn.ReLU)
        prepare(self.layers, "relu" if hidden else "linear")

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        check_images("MLPEncoder", images, self.image_shape)
        mean, logvar = self.layers(images.flatten(1)).chunk(2, dim=1)
        return mean, logvar


class MLPDecoder(nn.Module):
    """Dense layers with tanh between them: latents to the logits of the pixels.

    Args:
        latents: number of latents.
        image_shape: (channels, height, width).
        hidden: units of each hidden layer; none for a linear decoder. The default is that of Higgins et al.
            2017 and Chen et al. 2018 for dSprites.

    Shape:
        z (batch, latents) -> logits (batch, *image_shape); their sigmoid is the image.

    Raises:
        TypeError: a size is not an integer.
        ValueError: a size is below 1, or z has another width.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.MLPDecoder(3, (1, 16, 16), hidden=[32])(torch.zeros(2, 3)).shape
        torch.Size([2, 1, 16, 16])
    """

    def __init__(
        self,
        latents: int = 10,
        image_shape: tuple[int, int, int] = (1, 64, 64),
        hidden: Sequence[int] = (1200, 1200, 1200),
    ) -> None:
        super().__init__()
        _check("MLPDecoder", latents, image_shape, hidden)
        self.latents = latents
        self.image_shape = tuple(image_shape)
        self.layers = _dense((latents, *hidden, math.prod(image_shape)), nn.Tanh)
        prepare(self.layers, "tanh" if hidden else "linear")

    def forward(self, z: Tensor) -> Tensor:
        check_codes("MLPDecoder", z, self.latents)
        logits: Tensor = self.layers(z)
        return logits.view(len(z), *self.image_shape)


def chen_vae(latents: int = 10, channels: int = 1) -> VAE:
    """The VAE of Chen et al. 2018 for dSprites: layers of 1200 units, two to encode and three to decode.

    Raises:
        TypeError: latents or channels is not an integer.
        ValueError: one of them is out of range.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.chen_vae()(torch.zeros(2, 1, 64, 64)).reconstruction.shape
        torch.Size([2, 1, 64, 64])
    """
    check_sizes("chen_vae", latents=latents, channels=channels)
    shape = (channels, 64, 64)
    return VAE(MLPEncoder(latents, shape), MLPDecoder(latents, shape))


def linear_vae(latents: int = 10, channels: int = 1) -> VAE:
    """A VAE with a linear encoder and a linear decoder: with a Gaussian likelihood probabilistic PCA.

    Lucas et al. 2019 (Don't Blame the ELBO!): its optima span the principal subspace.

    Raises:
        TypeError: latents or channels is not an integer.
        ValueError: one of them is out of range.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.linear_vae()(torch.zeros(2, 1, 64, 64)).reconstruction.shape
        torch.Size([2, 1, 64, 64])
    """
    check_sizes("linear_vae", latents=latents, channels=channels)
    shape = (channels, 64, 64)
    return VAE(MLPEncoder(latents, shape, ()), MLPDecoder(latents, shape, ()))


def _dense(widths: Sequence[int], activation: type[nn.Module]) -> nn.Sequential:
    """Linear layers from each width to the next, with the activation between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])


def _check(name: str, latents: int, image_shape: Sequence[int], hidden: Sequence[int]) -> None:
    check_sizes(name, latents=latents)
    for label, sizes in {"image_shape": image_shape, "hidden": hidden}.items():
        if not all(isinstance(size, int) and size >= 1 for size in sizes):
            raise ValueError(f"{name}: {label} must hold integers of at least 1, got {tuple(sizes)}")
    if len(image_shape) != 3:
        raise ValueError(f"{name}: image_shape must be (channels, height, width), got {tuple(image_shape)}")
