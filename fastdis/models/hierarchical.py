"""A variational autoencoder with several layers of latents, one above the other."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .. import _checks
from ..functional import reparameterize
from ._layers import check_codes, prepare
from .burgess import BurgessDecoder, BurgessEncoder
from .vae import VAE


class HierarchicalOutput(NamedTuple):
    """Hold what an objective is computed from: a `VAEOutput` of one layer, and the KL of every layer."""

    reconstruction: Tensor  # like the images; logits for a Bernoulli likelihood
    z: Tensor  # one sample of the chosen layer, (batch, latents)
    mean: Tensor  # (batch, latents), of q(h_l | h_{l-1}) for that sample
    logvar: Tensor  # (batch, latents)
    kl: Tensor  # (layers, batch): log q(h_l | h_{l-1}) - log p(h_l | h_{l+1}) at the sample, the lowest first


class HierarchicalVAE(VAE):
    """Join encoders and decoders of L layers of Gaussian latents: lecture 15, "Variational autoencoders".

    ::

        p(x, h) = p(h_L) p(h_{L-1} | h_L) ... p(h_1 | h_2) p(x | h_1),    p(h_L) = N(0, I)
        q(h | x) = q(h_1 | x) q(h_2 | h_1) ... q(h_L | h_{L-1})

    as Rezende et al. 2014 (Stochastic Backpropagation) and Sønderby et al. 2016 have it.
    Each conditional is a diagonal Gaussian; h is sampled with one noise per layer. The evidence lower bound
    is log p(x|h_1) - Σ_l KL_l, and KL_l = E_q [log q(h_l | h_{l-1}) - log p(h_l | h_{l+1})] is estimated by
    the sample, in every layer: where q is the exact posterior, the bound is log p(x) for every sample.

    One layer at a time has the part of the code: ``encode`` gives it, ``decode`` starts from it, and with it
    scores, pictures and densities. In both the layers between have their means.

    Args:
        encoders: modules that map to ``(mean, logvar)`` of a layer, the first from images, each other from
            the layer below, (batch, latents).
        decoders: modules from a layer downwards: the first to the reconstruction, each other to
            ``(mean, logvar)`` of the layer below. As many as encoders, at least 1.
        widths: number of latents of each layer, the lowest first.
        layer: the layer that is the code, 1 for the lowest; the highest if None. It can be changed later, as
            the attribute ``layer``.

    Raises:
        TypeError: a width or layer is not an integer.
        ValueError: encoders, decoders and widths are not equal in number, a width is below 1, or there is no
            such layer.

    Example:
        >>> import torch, fastdis
        >>> model = fastdis.models.hierarchical_vae(latents=4, below=[16, 8])
        >>> output = model(torch.zeros(2, 1, 64, 64))
        >>> output.z.shape, output.kl.shape, model.encode(torch.zeros(2, 1, 64, 64), layer=1)[0].shape
        (torch.Size([2, 4]), torch.Size([3, 2]), torch.Size([2, 16]))
    """

    def __init__(
        self,
        encoders: Sequence[nn.Module],
        decoders: Sequence[nn.Module],
        *,
        widths: Sequence[int],
        layer: int | None = None,
    ) -> None:
        if not encoders or {len(encoders), len(decoders), len(widths)} != {len(encoders)}:
            raise ValueError(
                f"HierarchicalVAE: encoders, decoders and widths must be equal in number, at least 1, "
                f"got {len(encoders)}, {len(decoders)} and {len(widths)}"
            )
        super().__init__(encoders[0], decoders[0])
        self.upwards = nn.ModuleList(encoders[1:])
        self.downwards = nn.ModuleList(decoders[1:])
        self.widths = [
            _checks.integer("HierarchicalVAE", f"widths[{level}]", width)
            for level, width in enumerate(widths)
        ]
        self.layer = self._layer(layer)

    @property
    def layers(self) -> int:
        """The number of layers."""
        return 1 + len(self.upwards)

    def forward(self, images: Tensor) -> HierarchicalOutput:  # type: ignore[override]  # a VAEOutput and more
        samples: list[Tensor] = []
        posteriors: list[tuple[Tensor, Tensor]] = []
        for level in range(self.layers):
            mean, logvar = super().encode(images) if level == 0 else self.upwards[level - 1](samples[-1])
            samples.append(reparameterize(mean, logvar))
            posteriors.append((mean, logvar))
        kl = []
        for level, (z, posterior) in enumerate(zip(samples, posteriors, strict=True)):
            prior = self._prior(samples, level)
            kl.append(log_density(z, *posterior) - log_density(z, *prior))
        chosen = self.layer - 1
        return HierarchicalOutput(
            super().decode(samples[0]), samples[chosen], *posteriors[chosen], torch.stack(kl)
        )

    def encode(self, images: Tensor, *, layer: int | None = None) -> tuple[Tensor, Tensor]:
        """Return mean and logvar of a layer, both (batch, latents), the layers below having their means.

        Args:
            images: (batch, ...).
            layer: 1 for the lowest; ``self.layer`` if None.
        """
        mean, logvar = super().encode(images)
        for encoder in self.upwards[: self._layer(layer or self.layer) - 1]:
            mean, logvar = encoder(mean)
        return mean, logvar

    def decode(self, z: Tensor, *, layer: int | None = None) -> Tensor:
        """Return the reconstruction for a code of a layer, the layers below having their means.

        Args:
            z: (batch, latents).
            layer: 1 for the lowest; ``self.layer`` if None.
        """
        level = self._layer(layer or self.layer) - 1
        check_codes(self.decoder, z, self.widths[level])
        for decoder in reversed(self.downwards[:level]):
            z, _ = decoder(z)
        return super().decode(z)

    @torch.no_grad()
    def sample(self, count: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Draw from the model by ancestral sampling: h_L from the prior, each layer from the one above.

        Args:
            count: how many, at least 1.
            generator: torch's default if None.

        Returns:
            The decoder's output for h_1, (count, ...).

        Example:
            >>> import fastdis
            >>> fastdis.models.hierarchical_vae().sample(3).shape
            torch.Size([3, 1, 64, 64])
        """
        count = _checks.integer("HierarchicalVAE", "count", count)
        weight = next(self.parameters())
        shape = (count, self.widths[-1])
        z = torch.randn(shape, generator=generator, dtype=weight.dtype, device=weight.device)
        for decoder in reversed(self.downwards):
            z = reparameterize(*decoder(z), generator=generator)
        return super().decode(z)

    def _prior(self, samples: list[Tensor], level: int) -> tuple[Tensor, Tensor]:
        """Return mean and logvar of p(h_l | h_{l+1}), of the standard normal for the highest layer."""
        if level == self.layers - 1:
            zeros = torch.zeros_like(samples[level])
            return zeros, zeros
        mean, logvar = self.downwards[level](samples[level + 1])
        return mean, logvar

    def _layer(self, layer: int | None) -> int:
        return _checks.integer("HierarchicalVAE", "layer", layer or self.layers, high=self.layers)


def log_density(z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    """Compute log N(z; mean, exp(logvar)), summed over the latents: (batch, latent) to (batch,), in nats.

    Example:
        >>> import torch
        >>> log_density(torch.zeros(1, 2), torch.zeros(1, 2), torch.zeros(1, 2))  # -log 2π
        tensor([-1.8379])
    """
    z, mean, logvar = (codes.float() if codes.dtype.itemsize < 4 else codes for codes in (z, mean, logvar))
    squared = (z - mean).square() * torch.exp(-logvar)
    total: Tensor = (math.log(2 * math.pi) + logvar + squared).sum(1)
    return -0.5 * total


class GaussianLayer(nn.Module):
    """Map latents to the mean and logvar of another layer's by a hidden layer with ReLU.

    Args:
        inputs: latents of the layer that conditions.
        latents: latents of the layer that is described.
        hidden: units of the hidden layer.

    Shape:
        z (batch, inputs) -> mean and logvar, both (batch, latents).

    Raises:
        TypeError: a size is not an integer, or z does not have the dtype of the weights.
        ValueError: a size is below 1, or z has another width.
        RuntimeError: z is on another device than the weights.

    Example:
        >>> import torch, fastdis
        >>> mean, logvar = fastdis.models.GaussianLayer(16, 4)(torch.zeros(2, 16))
        >>> mean.shape, logvar.shape
        (torch.Size([2, 4]), torch.Size([2, 4]))
    """

    def __init__(self, inputs: int, latents: int, *, hidden: int = 128) -> None:
        super().__init__()
        self.inputs, self.latents, hidden = _checks.integers(
            "GaussianLayer", inputs=inputs, latents=latents, hidden=hidden
        )
        self.hidden = nn.Linear(self.inputs, hidden)
        self.output = nn.Linear(hidden, 2 * self.latents)
        prepare(self)
        self.output.weight.data *= 0.1  # each conditional begins near N(0, I): no ratio of densities is large

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        check_codes(self, z, self.inputs)
        mean, logvar = self.output(self.hidden(z).relu()).chunk(2, dim=1)
        return mean, logvar


def hierarchical_vae(
    latents: int = 10, *, channels: int = 1, below: Sequence[int] = (32,), layer: int | None = None
) -> HierarchicalVAE:
    """Build a VAE of several layers of latents: Burgess's convolutions, dense layers of 128 units above.

    Args:
        latents: number of latents of the highest layer.
        channels: channels of the images, at least 1.
        below: number of latents of each layer below it, the lowest first.
        layer: the layer that is the code, 1 for the lowest; the highest if None. See `HierarchicalVAE`.

    Raises:
        TypeError: a size or layer is not an integer.
        ValueError: a size is below 1, or there is no such layer.

    Example:
        >>> import torch, fastdis
        >>> model = fastdis.models.hierarchical_vae(latents=6, layer=1)
        >>> model(torch.zeros(2, 1, 64, 64)).z.shape
        torch.Size([2, 32])
    """
    latents, channels = _checks.integers("hierarchical_vae", latents=latents, channels=channels)
    sizes = [
        _checks.integer("hierarchical_vae", f"below[{level}]", size)
        for level, size in enumerate(_checks.sequence("hierarchical_vae", "below", below))
    ]
    widths = [*sizes, latents]
    steps = list(pairwise(widths))
    encoders = [BurgessEncoder(widths[0], channels=channels), *(GaussianLayer(*pair) for pair in steps)]
    decoders = [
        BurgessDecoder(widths[0], channels=channels),
        *(GaussianLayer(above, lower) for lower, above in steps),
    ]
    return HierarchicalVAE(encoders, decoders, widths=widths, layer=layer)
