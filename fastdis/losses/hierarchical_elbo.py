"""The evidence lower bound of a model with several layers of latents, with a weight on its KL."""

from collections.abc import Iterator

from torch import Tensor, nn

from .. import _checks, models
from .reconstruction import LIKELIHOODS, reconstruction_error, widened
from .terms import Draw, LossTerms, Turn


class HierarchicalELBO(nn.Module):
    """Minimise reconstruction + β Σ_l KL_l over the layers of a `fastdis.models.HierarchicalVAE`.

    ::

        KL_l = E_q [log q(h_l | h_{l-1}) - log p(h_l | h_{l+1})],    h_0 = x,    p(h_L) = N(0, I)

    Lecture 15, "How to train?"; Sønderby et al. 2016 (Ladder Variational Autoencoders), who let β rise from 0
    to 1 so that the upper layers come into use (``schedules`` of `fit`, ``--warmup beta=STEPS`` on the
    command line). With β = 1 it is the negated bound on log p(x). Each term is a sample's. That of a layer
    can be negative, as its expectation can where h_{l+1} says more of h_l than h_{l-1} does; the expectation
    of their sum cannot.

    Args:
        beta: the weight of the KL, finite and at least 0; 1 is the evidence lower bound.
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance).

    Call:
        The loop trains through ``turns``; in one's own ``terms(model(images), images)`` gives `LossTerms`
        with ``reconstruction``, ``kl`` and ``kl_layer1`` and so on, in nats: sums over pixels and latents,
        means over the batch.

    Raises:
        TypeError: beta is not a number, images are not floating-point tensors, or another kind of model.
        ValueError: beta is out of range, an unknown likelihood, or images of different shapes.

    Example:
        >>> import torch, fastdis
        >>> model, images = fastdis.models.hierarchical_vae(), torch.zeros(2, 1, 64, 64)
        >>> terms = fastdis.losses.HierarchicalELBO().terms(model(images), images)
        >>> list(terms.to_dict())
        ['total', 'reconstruction', 'kl', 'kl_layer1', 'kl_layer2']
    """

    def __init__(self, *, beta: float = 1.0, likelihood: str = "bernoulli") -> None:
        super().__init__()
        name = type(self).__name__
        self.beta = _checks.number(name, "beta", beta, low=0)
        _checks.choice(name, "likelihood", likelihood, LIKELIHOODS)
        self.likelihood = likelihood

    def terms(self, output: models.HierarchicalOutput, images: Tensor) -> LossTerms:
        """Compute the terms from what the model gives for a batch of images."""
        name = type(self).__name__
        of_layers = getattr(output, "kl", None)
        if of_layers is None:
            raise TypeError(
                f"{name}: the model must give the KL of each layer, as fastdis.models.HierarchicalVAE does, "
                f"got {type(output).__name__}"
            )
        error = reconstruction_error(name, output.reconstruction, images, self.likelihood)
        layers = widened(of_layers).mean(1)
        kl = layers.sum()
        named = {f"kl_layer{level}": value for level, value in enumerate(layers.unbind(), 1)}
        return LossTerms(error + self.beta * kl, reconstruction=error, kl=kl, **named)

    def turns(self, model: models.HierarchicalVAE, draw: Draw, step: int) -> Iterator[Turn]:
        """Perform one step."""
        images = draw()
        yield "model", self.terms(model(images), images)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, likelihood={self.likelihood!r}"
