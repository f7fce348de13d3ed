"""The network that tells samples of q(z) from samples of the product of its marginals."""

from torch import Tensor, nn

from ._layers import check_codes, check_sizes


class Discriminator(nn.Module):
    """Six dense layers of 1000 units with leaky ReLU, slope 0.2: codes to two logits.

    Kim & Mnih 2018, appendix A. Class 0 means "from q(z)", class 1 "from the product of its marginals"; the
    difference of the logits estimates the logarithm of their density ratio.

    The layers begin as torch's do, with logits near 0: the gradient that a discriminator sends before it
    knows anything has a norm of 0.004 for each code, which He et al.'s initialisation would make 2.

    Args:
        latents: number of latents.

    Shape:
        z (batch, latents) -> logits (batch, 2).

    Raises:
        TypeError: latents is not an integer.
        ValueError: latents is below 1, or z has another width.

    Example:
        >>> import torch, fastdis
        >>> fastdis.models.Discriminator(latents=10)(torch.zeros(2, 10)).shape
        torch.Size([2, 2])
    """

    def __init__(self, latents: int = 10) -> None:
        super().__init__()
        check_sizes("Discriminator", latents=latents)
        self.latents = latents
        layers: list[nn.Module] = []
        for inputs in (latents, *[1000] * 5):
            layers += [nn.Linear(inputs, 1000), nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Linear(1000, 2))

    def forward(self, z: Tensor) -> Tensor:
        check_codes("Discriminator", z, self.latents)
        logits: Tensor = self.layers(z)
        return logits
