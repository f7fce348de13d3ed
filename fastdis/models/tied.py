"""Autoencoders of dense layers whose decoder may use the encoder's weights, transposed."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .. import _checks
from ._layers import check_codes
from .autoencoder import Autoencoder
from .mlp import MLPDecoder, MLPEncoder


class TiedDecoder(nn.Module):
    """Mirror a dense encoder, with its weights transposed and biases of its own::

        h_L = z,    h_{l-1} = W_l^T relu(h_l) + c_l    (no relu on z)

    The tied weights of Vincent et al. 2010 (Stacked Denoising Autoencoders). Of the encoder's last layer the
    rows of the mean are used. The weights belong to the encoder: they are counted, saved and moved with it,
    so a model must hold both.

    Args:
        encoder: the dense encoder to mirror.

    Shape:
        z (batch, latents) -> logits (batch, *image_shape).

    Raises:
        TypeError: the encoder is not an `MLPEncoder`, or z does not have the dtype of the weights.
        ValueError: z has another width.
        RuntimeError: z is on another device than the weights.

    Example:
        >>> import torch, fastdis
        >>> encoder = fastdis.models.MLPEncoder(3, image_shape=(1, 16, 16), hidden=[32])
        >>> decoder = fastdis.models.TiedDecoder(encoder)
        >>> decoder(torch.zeros(2, 3)).shape, [tuple(bias.shape) for bias in decoder.parameters()]
        (torch.Size([2, 1, 16, 16]), [(32,), (256,)])
    """

    def __init__(self, encoder: MLPEncoder) -> None:
        super().__init__()
        if not isinstance(encoder, MLPEncoder):
            raise TypeError(f"TiedDecoder: encoder must be an MLPEncoder, got {type(encoder).__name__}")
        self.latents = encoder.latents
        self.image_shape = encoder.image_shape
        linear = [layer for layer in encoder.layers if isinstance(layer, nn.Linear)]
        self._mirrored = tuple(reversed(linear))  # a tuple, so that they stay the encoder's
        self.biases = nn.ParameterList(torch.zeros(layer.in_features) for layer in self._mirrored)

    def forward(self, z: Tensor) -> Tensor:
        check_codes(self, z, self.latents)
        units = z
        for layer in reversed(range(len(self._mirrored))):
            units = self.mirrored(layer, units)
        return units.view(len(z), *self.image_shape)

    def mirrored(self, layer: int, units: Tensor) -> Tensor:
        """Undo layer ``layer`` of the encoder, 0 being the lowest: from its units to those below it.

        All but the lowest end with a ReLU, so that what they answer is what the encoder's hidden units are.
        """
        place = len(self._mirrored) - 1 - layer
        weight = self._mirrored[place].weight
        below: Tensor = units @ (weight if place else weight[: self.latents]) + self.biases[place]
        return below.relu() if layer else below


def linear_autoencoder(latents: int = 10, *, channels: int = 1, tied: bool = False) -> Autoencoder:
    """Build an autoencoder of one linear layer each way; with squared errors it finds the principal subspace.

    Args:
        latents: number of latents.
        channels: channels of the images, at least 1.
        tied: decode with the encoder's weights, transposed.

    Raises:
        TypeError: latents or channels is not an integer.
        ValueError: latents or channels is below 1.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.linear_autoencoder(tied=True)(torch.zeros(2, 1, 64, 64)).reconstruction.shape
        torch.Size([2, 1, 64, 64])
    """
    latents, channels = _checks.integers("linear_autoencoder", latents=latents, channels=channels)
    return _autoencoder(latents, channels, (), tied)


def mlp_autoencoder(latents: int = 10, *, channels: int = 1, tied: bool = False) -> Autoencoder:
    """Build an autoencoder with two hidden layers of 1200 units each way.

    Args:
        latents: number of latents.
        channels: channels of the images, at least 1.
        tied: decode with the encoder's weights, transposed.

    Raises:
        TypeError: latents or channels is not an integer.
        ValueError: latents or channels is below 1.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.mlp_autoencoder(tied=True)(torch.zeros(2, 1, 64, 64)).reconstruction.shape
        torch.Size([2, 1, 64, 64])
    """
    latents, channels = _checks.integers("mlp_autoencoder", latents=latents, channels=channels)
    return _autoencoder(latents, channels, (1200, 1200), tied)


def stacked_autoencoder(latents: int = 10, *, channels: int = 1) -> Autoencoder:
    """Build an autoencoder with tied weights to be trained one layer after the other, of three layers.

    After Vincent et al. 2010 (Stacked Denoising Autoencoders): two hidden layers of 1000 units, and the code.
    `fastdis.losses.StackedDenoisingAE` trains it.

    Args:
        latents: number of latents.
        channels: channels of the images, at least 1.

    Raises:
        TypeError: latents or channels is not an integer.
        ValueError: latents or channels is below 1.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.stacked_autoencoder()(torch.zeros(2, 1, 64, 64)).reconstruction.shape
        torch.Size([2, 1, 64, 64])
    """
    latents, channels = _checks.integers("stacked_autoencoder", latents=latents, channels=channels)
    return _autoencoder(latents, channels, (1000, 1000), tied=True)


def _autoencoder(latents: int, channels: int, hidden: Sequence[int], tied: bool) -> Autoencoder:
    shape = (channels, 64, 64)
    encoder = MLPEncoder(latents, image_shape=shape, hidden=hidden)
    if tied:
        return Autoencoder(encoder, TiedDecoder(encoder))
    return Autoencoder(encoder, MLPDecoder(latents, image_shape=shape, hidden=hidden))
