"""The reconstruction with a penalty on how much the code moves with the image."""

from collections.abc import Iterator

import torch
from torch import Tensor

from .. import _checks, models
from .ae import AE
from .reconstruction import widened
from .terms import Draw, LossTerms, Turn


class ContractiveAE(AE):
    """Minimise reconstruction + weight |dz/dx|²_F: the contractive autoencoder of Rifai et al. 2011.

    The paper is Contractive Auto-Encoders (ICML 2011); Song 2018 names it in section 2.1. The squared
    Frobenius norm is that of the Jacobian of each image's code, averaged over the batch. It is exact: each
    latent costs a backward pass through the encoder, and another one through that for the gradient, so it
    belongs to small encoders. It is meant for codes without noise; of a VAE it is the Jacobian of the sample.

    Args:
        weight: the weight of the norm, finite and at least 0; 0.1 is usual.
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance: half the squared error).

    Call:
        As `AE`; the loop adds the penalty through ``turns``, as `LossTerms` with ``reconstruction``, in nats,
        and ``contraction``. In a loop of one's own call `contraction` for it.

    Raises:
        TypeError: weight is not a number, or images are not floating-point tensors.
        ValueError: weight is out of range, an unknown likelihood, or images of different shapes.

    Example:
        >>> import torch, fastdis
        >>> encoder = fastdis.models.MLPEncoder(1, image_shape=(1, 2, 2), hidden=())
        >>> decoder = fastdis.models.MLPDecoder(1, image_shape=(1, 2, 2), hidden=())
        >>> model, images = fastdis.models.Autoencoder(encoder, decoder), torch.rand(3, 1, 2, 2)
        >>> ((player, terms),) = fastdis.losses.ContractiveAE().turns(model, lambda: images, step=0)
        >>> torch.allclose(terms.contraction, encoder.layers[0].weight[0].square().sum())
        True
    """

    def __init__(self, *, weight: float = 0.1, likelihood: str = "bernoulli") -> None:
        super().__init__(likelihood=likelihood)
        self.weight = _checks.number(type(self).__name__, "weight", weight, low=0)

    def turns(self, model: models.VAE, draw: Draw, step: int) -> Iterator[Turn]:
        """Perform one step: encode, differentiate the codes with respect to the images, decode."""
        images = draw()
        seen = images.detach().requires_grad_()
        output = model(seen)
        terms = self(output.reconstruction, images, output.z, output.mean, output.logvar, step=step)
        norm = contraction(output.z, seen)
        total = terms.total + self.weight * norm
        yield "model", LossTerms(total, reconstruction=terms.reconstruction, contraction=norm)

    def extra_repr(self) -> str:
        return f"weight={self.weight}, {super().extra_repr()}"


def contraction(z: Tensor, images: Tensor) -> Tensor:
    """Compute the mean over the batch of the squared Frobenius norm of dz_i/dx_i.

    Args:
        z: codes (batch, latent), each computed from its own image alone.
        images: what they were computed from, (batch, ...), with ``requires_grad``.

    Returns:
        A scalar, at least 0, differentiable with respect to the encoder's weights.

    Raises:
        TypeError: z is not a floating-point tensor.
        ValueError: z is not (batch, latent).

    Example:
        >>> import torch
        >>> images = torch.rand(5, 3, requires_grad=True)
        >>> contraction(2 * images[:, :2], images)  # two rows of norm 2
        tensor(8.)
    """
    _checks.matrices("contraction", z=z)
    squared = z.new_zeros(())
    for latent in z.unbind(1):
        (gradient,) = torch.autograd.grad(latent.sum(), images, create_graph=True)
        squared = squared + widened(gradient).square().sum()
    return squared / len(z)
