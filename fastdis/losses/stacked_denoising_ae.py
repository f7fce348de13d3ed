"""Denoising autoencoders trained one layer after the other, then as a whole."""

from collections.abc import Iterator

import torch

from .. import _checks, models
from .denoising_ae import DenoisingAE
from .reconstruction import reconstruction_error
from .terms import Draw, LossTerms, Turn


class StackedDenoisingAE(DenoisingAE):
    """Train the layers of a deep autoencoder one by one as denoising autoencoders: Vincent et al. 2010.

    The paper is Stacked Denoising Autoencoders, section 3.5; Song 2018 names it in section 2.1.
    Layer l has ``pretraining`` steps, with everything below it fixed::

        h_l = relu(W_l h~_{l-1} + b_l)    (no relu on the code)
        loss = error of W_l^T h_l + c_l against h_{l-1},    h~ corrupted as in `DenoisingAE`,    h_0 = x

    The error is that of ``likelihood`` for images, half the squared error for hidden units, to which the
    mirrored layer answers with a relu of its own. After the last layer all of them are trained together, as a
    denoising autoencoder of images.

    The stage follows from the step alone, so a run can be resumed at any. The terms are sums over the units
    of the layer that is trained: they jump where a stage ends.

    Args:
        pretraining: steps of each layer, at least 1.
        dropout: the probability that a number is set to 0, at least 0 and below 1; 0.1 to 0.5 are usual.
        noise: standard deviation of the Gaussian noise, finite and at least 0.
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance: half the squared error).

    Call:
        As `AE`. The loop trains through ``turns`` a `fastdis.models.Autoencoder` of `MLPEncoder` and
        `TiedDecoder`, as `fastdis.models.stacked_autoencoder` builds it. `LossTerms` have
        ``reconstruction``, in nats, and ``layer``: 1 for the lowest, 0 for all.

    Raises:
        TypeError: a setting is not a number, pretraining not an integer, images not floating-point tensors,
            or another kind of model.
        ValueError: one of them is out of range, an unknown likelihood, or images of different shapes.

    Example:
        >>> import torch, fastdis
        >>> objective, images = fastdis.losses.StackedDenoisingAE(pretraining=10), torch.rand(2, 1, 64, 64)
        >>> model = fastdis.models.stacked_autoencoder()  # three layers
        >>> turns = [next(objective.turns(model, lambda: images, step)) for step in (0, 10, 25, 30)]
        >>> [int(terms.layer) for player, terms in turns]
        [1, 2, 3, 0]
    """

    def __init__(
        self,
        *,
        pretraining: int = 10_000,
        dropout: float = 0.25,
        noise: float = 0.0,
        likelihood: str = "bernoulli",
    ) -> None:
        super().__init__(dropout=dropout, noise=noise, likelihood=likelihood)
        self.pretraining = _checks.integer(type(self).__name__, "pretraining", pretraining)

    def turns(self, model: models.VAE, draw: Draw, step: int) -> Iterator[Turn]:
        """Perform one step of the layer whose turn it is, or of all."""
        encoder, decoder = model.encoder, model.decoder
        if not (isinstance(encoder, models.MLPEncoder) and isinstance(decoder, models.TiedDecoder)):
            raise TypeError(
                f"{type(self).__name__}: the model must have an MLPEncoder and a TiedDecoder, "
                f"got {type(encoder).__name__} and {type(decoder).__name__}"
            )
        images, layer = draw(), step // self.pretraining
        if layer >= encoder.depth:
            output = model(self.corrupted(images))
            terms = self(output.reconstruction, images, output.z, output.mean, output.logvar, step=step)
            error, of_layer = terms.total, 0
        else:
            with torch.no_grad():
                below = images.flatten(1)
                for index in range(layer):
                    below = encoder.hidden(index, below)
            answer = decoder.mirrored(layer, encoder.hidden(layer, self.corrupted(below)))
            likelihood = "gaussian" if layer else self.likelihood
            error = reconstruction_error(type(self).__name__, answer, below, likelihood)
            of_layer = layer + 1
        yield "model", LossTerms(error, reconstruction=error, layer=error.new_full((), of_layer))

    def extra_repr(self) -> str:
        return f"pretraining={self.pretraining}, {super().extra_repr()}"
