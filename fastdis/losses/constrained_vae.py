"""The evidence lower bound under a constraint, whose multiplier is learnt."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .. import _checks, models
from ..functional import gaussian_kl
from ._arguments import check_codes
from ._processes import moved, over_processes
from .reconstruction import LIKELIHOODS, reconstruction_error
from .terms import Draw, LossTerms, Turn

CONSTRAINTS = ("kl", "reconstruction")
DECAY = 0.9  # of the moving average; at 0.99 it lags so far behind that λ swings about its value
_LARGEST = 12.0  # |log λ|, so that a bound which no model reaches leaves the loss finite


class ConstrainedVAE(nn.Module):
    """Minimise one half of the evidence lower bound while the other is at most a bound, with λ learnt.

    ::

        constraint "kl":              reconstruction + λ (KL - bound)      λ is the β of the β-VAE
        constraint "reconstruction":  KL + λ (reconstruction - bound)      λ is 1/β

    The β-VAE is the Lagrangian of the first problem with β as its Karush-Kuhn-Tucker multiplier (Higgins et
    al. 2017, equations 2 and 3): there β is chosen and the bound follows, here it is the other way round. The
    second problem is GECO (Rezende & Viola 2018, Taming VAEs, equation 2 and algorithm 1). λ is found by
    gradient ascent on its logarithm, with the moving average a of the constrained term (decay 0.9)::

        log λ  <-  log λ + rate (a - bound) / (a + bound)

    Rezende & Viola ascend by the difference a - bound itself; divided by the sum it needs no unit, and a
    first reconstruction of 2,800 nats does not throw λ away. A slack constraint lets λ fall to 0, as
    complementary slackness says; |log λ| ends at 12.

    Args:
        constraint: which term is bounded, "kl" or "reconstruction".
        bound: in nats, finite and at least 0. On dSprites a VAE has a KL of some 20 nats, a reconstruction of
            some 30.
        rate: the step size of the ascent, finite and at least 0.
        likelihood: "bernoulli" (logits) or "gaussian" (unit variance).

    Call:
        ``objective(reconstruction, target, z, mean, logvar, step=None)``, images of shape (batch, ...) and
        codes (batch, latent), gives `LossTerms` with ``reconstruction``, ``kl`` and ``multiplier``; the first
        two in nats. The call changes nothing; λ advances by `update`, which the loop calls through ``turns``
        after every step and one's own loop calls itself. The state is in buffers, which a checkpoint keeps;
        of several processes all have the same. `fit_many` refuses it; ``compile=True`` compiles the model
        alone.

    Raises:
        TypeError: a setting is not a number, or an argument of the call not a floating-point tensor.
        ValueError: a setting is out of range, an unknown constraint or likelihood, or shapes that do not fit
            together.

    Example:
        >>> import torch, fastdis
        >>> images, mean, logvar = torch.zeros(2, 1, 8, 8), torch.ones(2, 3), torch.zeros(2, 3)
        >>> objective = fastdis.losses.ConstrainedVAE(constraint="kl", bound=1.0, rate=0.5)
        >>> terms = objective(images, images, mean, mean, logvar)  # KL = 1.5
        >>> terms
        LossTerms(total=44.8614, reconstruction=44.3614, kl=1.5, multiplier=1)
        >>> objective.update(terms)
        >>> objective.multiplier  # exp(0.5 · 0.5 / 2.5)
        tensor(1.1052)
    """

    log_multiplier: Tensor
    average: Tensor
    updates: Tensor

    def __init__(
        self,
        *,
        constraint: str = "kl",
        bound: float = 15.0,
        rate: float = 0.05,
        likelihood: str = "bernoulli",
    ) -> None:
        super().__init__()
        name = type(self).__name__
        _checks.choice(name, "constraint", constraint, CONSTRAINTS)
        self.constraint = constraint
        self.bound, self.rate = _checks.weights(name, bound=bound, rate=rate)
        _checks.choice(name, "likelihood", likelihood, LIKELIHOODS)
        self.likelihood = likelihood
        for buffer in ("log_multiplier", "average"):
            self.register_buffer(buffer, torch.zeros(()))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    @property
    def multiplier(self) -> Tensor:
        """The multiplier λ as it is now, a scalar."""
        return self.log_multiplier.exp()

    def forward(
        self,
        reconstruction: Tensor,
        target: Tensor,
        z: Tensor,
        mean: Tensor,
        logvar: Tensor,
        *,
        step: int | None = None,
    ) -> LossTerms:
        name = type(self).__name__
        error = reconstruction_error(name, reconstruction, target, self.likelihood)
        check_codes(name, target, mean=mean, logvar=logvar)
        kl = gaussian_kl(mean, logvar).sum()
        minimised, bounded = (error, kl) if self.constraint == "kl" else (kl, error)
        multiplier = self.multiplier.to(kl)
        total = minimised + multiplier * (bounded - self.bound)
        return LossTerms(total, reconstruction=error, kl=kl, multiplier=multiplier)

    @torch.no_grad()
    def update(self, terms: LossTerms) -> None:
        """Take one step of gradient ascent on log λ with the terms of a batch."""
        value = over_processes(terms.kl if self.constraint == "kl" else terms.reconstruction)
        moved(self.average, value, self.updates, DECAY)
        violation = (self.average - self.bound) / (self.average + self.bound).clamp(min=1e-6)
        self.log_multiplier += self.rate * violation
        self.log_multiplier.clamp_(-_LARGEST, _LARGEST)

    def turns(self, model: models.VAE, draw: Draw, step: int) -> Iterator[Turn]:
        """Perform one step of the model, and one of the ascent with the terms of its batch."""
        images = draw()
        output = model(images)
        terms = self(output.reconstruction, images, output.z, output.mean, output.logvar, step=step)
        yield "model", terms
        self.update(terms)

    def extra_repr(self) -> str:
        return (
            f"constraint={self.constraint!r}, bound={self.bound}, rate={self.rate}, "
            f"likelihood={self.likelihood!r}"
        )
