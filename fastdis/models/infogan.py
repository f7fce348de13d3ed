"""The three networks of InfoGAN with gradient penalty: generator, critic, and Q, which reads codes back.

They follow the VAE of Kim & Mnih 2018 for 2D shapes with leaky ReLU, slope 0.2, throughout. None has batch
normalisation: the gradient penalty is that of each image by itself (Gulrajani et al. 2017, section 4).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import _checks
from ._layers import channels_last, check_codes, check_images, decoding_layers, encoding_layers
from .autoencoder import LOGVAR
from .vae import VAE


class InfoGANGenerator(nn.Module):
    """Map codes and noise to the logits of the pixels: the decoder of an `infogan`.

    A code is the continuous ones, then a column for each categorical code with the number of its category,
    from 0; other numbers count as the nearest. The layers see each category as a one-hot vector.

    Two dense layers of 128 and 1024 units, then transposed convolutions 4x4, stride 2, of 64, 32 and 32
    channels and the image's. In training mode each call draws new normal noise; in evaluation mode the noise
    is 0, so that a code has one image.

    Args:
        latents: number of codes.
        channels: channels of the images, at least 1.
        noise: number of noise variables, 0 for none.
        categories: of each categorical code how many it has, at least 2; no such codes if None.

    Shape:
        z (batch, latents + len(categories)) -> logits (batch, channels, 64, 64); their sigmoid is the image.

    Raises:
        TypeError: a size is not an integer, or z does not have the dtype of the weights.
        ValueError: a size is out of range, or z has another width.
        RuntimeError: z is on another device than the weights.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.InfoGANGenerator(latents=5, categories=[3])(torch.zeros(2, 6)).shape
        torch.Size([2, 1, 64, 64])
    """

    def __init__(
        self, latents: int = 10, *, channels: int = 1, noise: int = 5, categories: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        name = "InfoGANGenerator"
        self.latents, channels = _checks.integers(name, latents=latents, channels=channels)
        self.noise = _checks.integer(name, "noise", noise, low=0)
        self.categories = checked_categories(name, categories)
        inputs = self.latents + sum(self.categories) + self.noise
        self.layers = decoding_layers(inputs, (128,), (64, 64, 32, 32), channels, slope=0.2)

    def forward(self, z: Tensor) -> Tensor:
        check_codes(self, z, self.latents + len(self.categories))
        noise = torch.randn if self.training else torch.zeros
        drawn = noise(len(z), self.noise, dtype=z.dtype, device=z.device)
        numbers = z[:, self.latents :].unbind(1)
        chosen = [
            functional.one_hot(number.round().clamp(0, count - 1).long(), count).to(z)
            for number, count in zip(numbers, self.categories, strict=True)
        ]
        logits: Tensor = self.layers(torch.cat([z[:, : self.latents], *chosen, drawn], dim=1))
        return logits

    def by_category(self, z: Tensor, code: int = 0) -> Tensor:
        """Return the logits of the images of some codes in every category of a categorical code.

        Args:
            z: (batch, latents + len(categories)).
            code: which of the categorical codes, from 0.

        Returns:
            Tensor: (categories, batch, channels, 64, 64).

        Raises:
            ValueError: there is no such categorical code.

        Example:
            >>> import torch, fastdis
            >>> generator = fastdis.models.InfoGANGenerator(latents=5, categories=[3]).eval()
            >>> generator.by_category(torch.zeros(2, 6)).shape
            torch.Size([3, 2, 1, 64, 64])
        """
        code = _checks.integer(type(self).__name__, "code", code, low=0, high=len(self.categories) - 1)
        rows = []
        for category in range(self.categories[code]):
            moved = z.clone()
            moved[:, self.latents + code] = category
            rows.append(self(moved))
        return torch.stack(rows)


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

    A categorical code has a column after the continuous ones: the most probable category as its mean, and the
    constant -10 as its logvar, that of a point (as an `Autoencoder`'s). `read` gives the probabilities.

    Args:
        latents: number of codes.
        channels: channels of the images, at least 1.
        categories: of each categorical code how many it has, at least 2; no such codes if None.

    Shape:
        images (batch, channels, 64, 64), float, in [0, 1] -> mean and logvar, both
        (batch, latents + len(categories)).

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

    def __init__(
        self, latents: int = 10, *, channels: int = 1, categories: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        name = "InfoGANEncoder"
        self.latents, self.channels = _checks.integers(name, latents=latents, channels=channels)
        self.categories = checked_categories(name, categories)
        outputs = 2 * self.latents + sum(self.categories)
        self.layers = encoding_layers(self.channels, (32, 32, 64, 64), (128,), outputs, slope=0.2)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, logvar, *logits = self.read(images)
        numbers = [of_code.argmax(1, keepdim=True).to(mean) for of_code in logits]
        points = [torch.full_like(number, LOGVAR) for number in numbers]
        return torch.cat([mean, *numbers], dim=1), torch.cat([logvar, *points], dim=1)

    def read(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return mean and logvar of the continuous codes, (batch, latents), and logits of each categorical.

        The logits are (batch, categories) each, those of Q(c|x) up to a constant.
        """
        check_images(self, images, (self.channels, 64, 64))
        sizes = [self.latents, self.latents, *self.categories]
        read: tuple[Tensor, ...] = self.layers(channels_last(images)).split(sizes, dim=1)
        return read


def checked_categories(function: str, categories: Sequence[int] | None) -> list[int]:
    """Require numbers of categories of at least 2, and return them as Python ints; [] for None."""
    if categories is None:
        return []
    return [
        _checks.integer(function, f"categories[{code}]", count, low=2)
        for code, count in enumerate(_checks.sequence(function, "categories", categories))
    ]


def infogan(
    latents: int = 10, *, channels: int = 1, noise: int = 5, categories: Sequence[int] | None = None
) -> VAE:
    """Build Q and the generator as one model, to train with `fastdis.losses.InfoGAN`, which holds the critic.

    ``encode`` is Q and ``decode`` the generator, so that all that is done with a VAE can be done with it.

    Args:
        latents: number of codes.
        channels: channels of the images, at least 1.
        noise: number of noise variables, 0 for none.
        categories: of each categorical code how many it has, at least 2; no such codes if None.

    Raises:
        TypeError: a size is not an integer.
        ValueError: latents or channels is below 1, noise below 0, or a categorical code has fewer than 2.

    Example:
        >>> import torch, fastdis
        >>> model = fastdis.models.infogan(latents=5)
        >>> model.decode(torch.randn(2, 5)).shape, model.encode(torch.rand(2, 1, 64, 64))[0].shape
        (torch.Size([2, 1, 64, 64]), torch.Size([2, 5]))
    """
    latents, channels = _checks.integers("infogan", latents=latents, channels=channels)
    noise = _checks.integer("infogan", "noise", noise, low=0)
    categories = checked_categories("infogan", categories) or None
    encoder = InfoGANEncoder(latents, channels=channels, categories=categories)
    return VAE(encoder, InfoGANGenerator(latents, channels=channels, noise=noise, categories=categories))
