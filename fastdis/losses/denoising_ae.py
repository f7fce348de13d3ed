"""The reconstruction of a clean image from a corrupted one."""

from collections.abc import Iterator

import torch
from torch import Tensor

from .. import _checks, models
from .ae import AE
from .terms import Draw, Turn


class DenoisingAE(AE):
    """Minimise the reconstruction of x from a corrupted x~: Vincent et al. 2008 and 2010.

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
        TypeError: dropout or noise is not a number, or images are not floating-point tensors.
        ValueError: one of them is out of range, an unknown likelihood, or images of different shapes.

    Example:
        >>> import torch, fastdis
        >>> objective = fastdis.losses.DenoisingAE(dropout=0.5)
        >>> objective.corrupted(torch.ones(2, 1, 8, 8)).unique()
        tensor([0., 1.])
    """

    def __init__(self, *, dropout: float = 0.25, noise: float = 0.0, likelihood: str = "bernoulli") -> None:
        super().__init__(likelihood=likelihood)
        name = type(self).__name__
        self.dropout, self.noise = _checks.weights(name, dropout=dropout, noise=noise)
        if self.dropout >= 1:
            raise ValueError(f"{name}: dropout must be below 1, got {self.dropout:g}")

    def corrupted(self, images: Tensor) -> Tensor:
        """Add noise to the images and set some numbers to 0, with torch's default generator."""
        if self.noise:
            images = images + self.noise * torch.randn_like(images)
        if self.dropout:
            images = images * (torch.rand_like(images) >= self.dropout)
        return images

    def turns(self, model: models.VAE, draw: Draw, step: int) -> Iterator[Turn]:
        """Perform one step: the model sees the corrupted batch, the loss the clean one."""
        images = draw()
        output = model(self.corrupted(images))
        yield "model", self(output.reconstruction, images, output.z, output.mean, output.logvar, step=step)

    def extra_repr(self) -> str:
        return f"dropout={self.dropout}, noise={self.noise}, {super().extra_repr()}"
