"""A Wasserstein GAN with gradient penalty from whose images the codes can be read back."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import _checks, models
from ..functional import frozen
from ..models.infogan import checked_categories
from ._input_gradient import input_gradient, rectified_layers
from .reconstruction import widened
from .terms import Draw, LossTerms, Turn


class InfoGAN(nn.Module):
    """Train InfoGAN (Chen et al. 2016, equation 6) as a WGAN-GP (Gulrajani et al. 2017, equation 3).

    ::

        critic:  E[D(G(c))] - E[D(x)] + penalty E[(|grad D(x^)| - 1)²],    x^ = ε x + (1 - ε) G(c)
        model:  -E[D(G(c))] - information (E[log q(c|G(c))] + H(c)) - categorical_information (the same of k)

    The brackets of the second line are lower bounds on the mutual information of codes and images: of the
    continuous codes c ~ N(0, I), and of categorical codes k, if there are any, each uniform over its
    categories; E log q is then minus the cross-entropy, and H the sum of log(categories). The model
    is G and Q: its ``decode`` gives the logits of G(c), its ``encode`` mean and logvar of q(c|x). The codes
    are standard normal as those of a VAE, so that scores, traversals and densities mean the same for both;
    Chen et al. draw theirs uniformly. A step is ``critic_steps`` turns of the critic, with a batch each, and
    one of the model. There is no reconstruction, and the objective is not called as others are: it gives
    ``turns`` to a loop, and ``critic_terms`` and ``model_terms`` to one's own. With the networks of
    `fastdis.models.infogan` and 64 images a step of five turns is 34 billion multiply-adds, some 0.6 s of one
    core at the speed of the convolutions here, of which the gradient penalty takes two fifths.

    Args:
        latents: number of codes.
        information: weight of the bound for continuous codes, finite and at least 0; 0.1 to 1 are usual.
        penalty: weight of the gradient penalty, finite and at least 0; 10 is usual.
        critic_steps: turns of the critic for one of the model, at least 1; 5 is usual.
        critic: maps images to one real number each; `fastdis.models.InfoGANCritic` if None. It is part of the
            objective, and saved with it.
        channels: channels of the images, which the default critic is built for.
        categories: of each categorical code how many it has, at least 2; no such codes if None. The model
            must have the same, as ``fastdis.models.infogan(categories=...)`` has.
        categorical_information: weight of their bound, finite and at least 0; 1 if None.

    Raises:
        TypeError: a weight is not a number, a count not an integer.
        ValueError: one of them is out of range.

    Example:
        >>> import torch, fastdis
        >>> objective = fastdis.losses.InfoGAN(latents=5)
        >>> model, images = fastdis.models.infogan(latents=5), torch.rand(2, 1, 64, 64)
        >>> [player for player, terms in objective.turns(model, lambda: images, step=0)]
        ['critic', 'critic', 'critic', 'critic', 'critic', 'model']
        >>> list(objective.model_terms(model, torch.randn(2, 5)).to_dict())
        ['total', 'adversarial', 'mutual_information']
    """

    def __init__(
        self,
        *,
        latents: int = 10,
        information: float = 0.2,
        penalty: float = 10.0,
        critic_steps: int = 5,
        critic: nn.Module | None = None,
        channels: int = 1,
        categories: Sequence[int] | None = None,
        categorical_information: float | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.latents, self.critic_steps, channels = _checks.integers(
            name, latents=latents, critic_steps=critic_steps, channels=channels
        )
        self.information, self.penalty, self.categorical_information = _checks.weights(
            name,
            information=information,
            penalty=penalty,
            categorical_information=1 if categorical_information is None else categorical_information,
        )
        self.categories = checked_categories(name, categories)
        self.critic = models.InfoGANCritic(channels=channels) if critic is None else critic

    def critic_terms(self, images: Tensor, generated: Tensor) -> LossTerms:
        """Compute the critic's loss, with its estimate of the Wasserstein distance and the gradient penalty.

        Args:
            images: a batch of data, (batch, ...).
            generated: as many images of the generator, of the same shape.

        Raises:
            TypeError: images or generated is not a floating-point tensor.
            ValueError: their shapes differ, or they are empty.
        """
        name = type(self).__name__
        _checks.floating(name, images=images, generated=generated)
        if generated.shape != images.shape or images.numel() == 0:
            raise ValueError(
                f"{name}: generated must have shape {tuple(images.shape)} like images, and not be empty, "
                f"got {tuple(generated.shape)}"
            )
        generated = generated.detach()
        distance = widened(self.critic(images)).mean() - widened(self.critic(generated)).mean()
        penalty = gradient_penalty(self.critic, images, generated)
        return LossTerms(self.penalty * penalty - distance, wasserstein=distance, gradient_penalty=penalty)

    def model_terms(self, model: models.VAE, codes: Tensor) -> LossTerms:
        """Compute the loss of generator and Q for codes drawn from the prior; it leaves the critic alone.

        Args:
            model: ``decode`` gives the logits of the generated images, ``encode`` reads the codes back.
            codes: (batch, latents + len(categories)): samples of the standard normal, then numbers of
                categories.

        Raises:
            TypeError: codes are not a floating-point tensor.
            ValueError: codes, or what the model reads back, have other shapes.
        """
        name = type(self).__name__
        _checks.matrices(name, codes=codes)
        width = self.latents + len(self.categories)
        if codes.shape[1] != width:
            raise ValueError(f"{name}: codes must have shape (batch, {width}), got {tuple(codes.shape)}")
        generated = model.decode(codes).sigmoid()
        adversarial = -widened(frozen(self.critic)(generated)).mean()
        mean, logvar, *logits = map(widened, self._read(model, generated))
        continuous = codes[:, : self.latents]
        _checks.matrices(name, codes=continuous, mean=mean, logvar=logvar)
        surprise = 0.5 * (math.log(2 * math.pi) + logvar + (continuous - mean).square() * torch.exp(-logvar))
        entropy = 0.5 * self.latents * math.log(2 * math.pi * math.e)
        information = entropy - surprise.sum(1).mean()
        total = adversarial - self.information * information
        terms = {"adversarial": adversarial, "mutual_information": information}
        if self.categories:
            categorical = self._of_categories(codes[:, self.latents :], logits)
            total = total - self.categorical_information * categorical
            terms["categorical_information"] = categorical
        return LossTerms(total, **terms)

    def _read(self, model: models.VAE, generated: Tensor) -> tuple[Tensor, ...]:
        """Return mean and logvar of the continuous codes, and the logits of each categorical one."""
        if not self.categories:
            return model.encode(generated)
        encoder: Any = model.encoder
        found = getattr(encoder, "categories", None)
        if found != self.categories:
            raise ValueError(
                f"{type(self).__name__}: the model's encoder must have categories {self.categories}, "
                f"got {found}"
            )
        read: Callable[[Tensor], tuple[Tensor, ...]] = encoder.read
        return read(generated)

    def _of_categories(self, numbers: Tensor, logits: Sequence[Tensor]) -> Tensor:
        """Compute Σ [log(categories) + E log q(k|x)], a scalar in nats."""
        bound = numbers.new_zeros(())
        for number, of_code in zip(numbers.unbind(1), logits, strict=True):
            surprise = functional.cross_entropy(of_code, number.long())
            bound = bound + math.log(of_code.shape[1]) - surprise
        return bound

    def turns(self, model: models.VAE, draw: Draw, step: int) -> Iterator[Turn]:
        """Perform one step: some turns of the critic, then one of the model."""
        for _ in range(self.critic_steps):
            images = draw()
            with torch.no_grad():
                generated = model.decode(self._codes(images)).sigmoid()
            yield "critic", self.critic_terms(images, generated)
        yield "model", self.model_terms(model, self._codes(images))

    def optimizers(self, model: nn.Module, learning_rate: float) -> dict[str, torch.optim.Optimizer]:
        """Return Adam for both with Gulrajani et al.'s moments; the critic's learning rate is always 1e-4."""
        adam, betas = torch.optim.Adam, (0.5, 0.9)
        return {
            "model": adam(model.parameters(), learning_rate, betas, fused=True),
            "critic": adam(self.critic.parameters(), 1e-4, betas, fused=True),
        }

    def _codes(self, images: Tensor) -> Tensor:
        """Draw as many codes as there are images from the prior."""
        continuous = torch.randn(len(images), self.latents, dtype=images.dtype, device=images.device)
        column = continuous[:, :1]
        numbers = [(torch.rand_like(column) * count).floor() for count in self.categories]
        return torch.cat([continuous, *numbers], dim=1)

    def extra_repr(self) -> str:
        categorical = ""  # runs of 0.1 had none
        if self.categories:
            weight = self.categorical_information
            categorical = f", categories={self.categories}, categorical_information={weight}"
        return (
            f"latents={self.latents}, information={self.information}, penalty={self.penalty}, "
            f"critic_steps={self.critic_steps}{categorical}"
        )


def gradient_penalty(critic: Callable[[Tensor], Tensor], images: Tensor, generated: Tensor) -> Tensor:
    """Compute the gradient penalty E[(|grad D(x^)| - 1)²]: Gulrajani et al. 2017, equation 3.

    x^ = ε x + (1 - ε) G(c) with ε ~ U(0, 1) lies between an image and a generated one. The norm is that of
    each image's gradient, over all its pixels.

    Args:
        critic: maps images to one real number each, independently of one another.
        images: (batch, ...).
        generated: like images.

    Returns:
        A scalar, at least 0, differentiable with respect to the critic's weights.

    Example:
        >>> import torch
        >>> critic = lambda images: 3 * images.flatten(1)[:, 0]  # the norm is 3 everywhere
        >>> gradient_penalty(critic, torch.rand(4, 1, 8, 8), torch.rand(4, 1, 8, 8)).item()
        4.0
    """
    share = torch.rand(len(images), *[1] * (images.dim() - 1), dtype=images.dtype, device=images.device)
    between = share * images + (1 - share) * generated
    layers = rectified_layers(critic)
    if layers is not None:
        gradient = input_gradient(layers, between)
    else:
        between.requires_grad_()
        (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    norm: Tensor = widened(gradient).flatten(1).norm(dim=1)
    return (norm - 1).square().mean()
