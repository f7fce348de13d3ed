"""The network that tells samples of q(z) from samples of the product of its marginals."""

from torch import Tensor, nn

from .. import _checks
from ._layers import check_codes


class Discriminator(nn.Module):
    """Map codes to two logits by six dense layers of 1000 units with leaky ReLU, slope 0.2.

    Kim & Mnih 2018, appendix A. Class 0 means "from q(z)", class 1 "from the product of its marginals"; the
    difference of the logits estimates the logarithm of their density ratio.

    The layers have torch's initialisation, with logits near 0: the gradient that an untrained discriminator
    sends has a norm of 0.004 for each code, which He et al.'s initialisation would make 2.

    Args:
        latents: number of latents.

    Shape:
        z (batch, latents) -> logits (batch, 2).

    Raises:
        TypeError: latents is not an integer, or z does not have the dtype of the weights.
        ValueError: latents is below 1, or z has another width.
        RuntimeError: z is on another device than the weights.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.Discriminator(latents=10)(torch.zeros(2, 10)).shape
        torch.Size([2, 2])
    """

    def __init__(self, latents: int = 10) -> None:
        super().__init__()
        self.latents = _checks.integer("Discriminator", "latents", latents)
        layers: list[nn.Module] = []
        for inputs in (self.latents, *[1000] * 5):
            layers += [nn.Linear(inputs, 1000), nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Linear(1000, 2))

    def forward(self, z: Tensor) -> Tensor:
        check_codes(self, z, self.latents)
        logits: Tensor = self.layers(z)
        return logits
