"""The reconstruction of a clean image from a corrupted one."""

from collections.abc import Iterator

import torch
from torch import Tensor

from .. import models
from .ae import AE
from .terms import Draw, Turn, check_weights


class DenoisingAE(AE):
    """loss = reconstruction of x from a corrupted x~: Vincent et al. 2008 and 2010.

    ::

        x~ = mask · (x + noise ε),    ε ~ N(0, I),    P(mask = 0) = ν

    for every number of an image by itself. The values that are kept keep their size (torch's dropout would
    divide them by 1 - dropout), and the loss compares with the clean image.

    Args:
        dropout: the probability ν that a number is set to 0, at least 0 and below 1; 0.1 to 0.5 are usual.
        noise: standard deviation of the Gaussian noise, finite and at least 0.
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance: half the squared error).

    Call:
        As `AE`; the loop corrupts the model's input through ``turns``. In a loop of one's own write
        ``output = model(objective.corrupted(images))``.

    Raises:
        TypeError: dropout or noise is not a number.
        ValueError: one of them is out of range, an unknown likelihood, or images of different shapes.

    Example:
        >>> import torch, fastdis
        >>> objective = fastdis.losses.DenoisingAE(dropout=0.5)
        >>> objective.corrupted(torch.ones(2, 1, 8, 8)).unique()
        tensor([0., 1.])
    """

    def __init__(self, dropout: float = 0.25, noise: float = 0.0, likelihood: str = "bernoulli") -> None:
        super().__init__(likelihood)
        check_weights("DenoisingAE", dropout=dropout, noise=noise)
        if dropout >= 1:
            raise ValueError(f"DenoisingAE: dropout must be below 1, got {dropout}")
        self.dropout = dropout
        self.noise = noise

    def corrupted(self, images: Tensor) -> Tensor:
        """The images with noise added and some numbers set to 0, by torch's default generator."""
        if self.noise:
            images = images + self.noise * torch.randn_like(images)
        if self.dropout:
            images = images * (torch.rand_like(images) >= self.dropout)
        return images

    def turns(self, model: models.VAE, draw: Draw, step: int) -> Iterator[Turn]:
        """One step: the model sees the corrupted batch, the loss the clean one."""
        images = draw()
        output = model(self.corrupted(images))
        yield "model", self(output.reconstruction, images, output.z, output.mean, output.logvar, step)

    def extra_repr(self) -> str:
        return f"dropout={self.dropout}, noise={self.noise}, {super().extra_repr()}"
