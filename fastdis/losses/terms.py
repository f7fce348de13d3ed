"""What every objective returns, and the reconstruction term that all of them share."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

LIKELIHOODS = ("bernoulli", "gaussian")

Draw = Callable[[], Tensor]  # the next batch
Turn = tuple[str, "LossTerms"]  # a player's name, and what its optimiser shall minimise now


class LossTerms:
    """The loss and, by name, the terms it is made of.

    ``total`` carries the graph; every other term is detached, for logging. A term is an attribute, and
    ``to_dict()`` has all of them, ``total`` first.

    Example:
        >>> import torch
        >>> terms = LossTerms(torch.tensor(5.0), reconstruction=torch.tensor(3.0), kl=torch.tensor(2.0))
        >>> terms.kl
        tensor(2.)
        >>> terms
        LossTerms(total=5, reconstruction=3, kl=2)
    """

    def __init__(self, total: Tensor, **terms: Tensor) -> None:
        self.total = total
        self._terms = {name: term.detach() for name, term in terms.items()}

    def __getattr__(self, name: str) -> Tensor:
        terms: dict[str, Tensor] = self.__dict__.get("_terms", {})
        if name not in terms:
            raise AttributeError(f"LossTerms has no term {name!r}; it has {', '.join(['total', *terms])}")
        return terms[name]

    def to_dict(self) -> dict[str, Tensor]:
        """All terms by name, detached."""
        return {"total": self.total.detach(), **self._terms}

    def __repr__(self) -> str:
        return f"LossTerms({', '.join(f'{name}={value:.6g}' for name, value in self.to_dict().items())})"


def reconstruction_loss(reconstruction: Tensor, target: Tensor, likelihood: str = "bernoulli") -> Tensor:
    """Negative log-likelihood of the images, summed over pixels and averaged over the batch.

    Args:
        reconstruction: the decoder's output, (batch, ...): logits for "bernoulli", means for "gaussian".
        target: the images, of the same shape; in [0, 1] for "bernoulli".
        likelihood: "bernoulli" is the cross-entropy of the logits; "gaussian", of unit variance and without
            its constant, is half the squared error.

    Returns:
        A scalar in nats.

    Raises:
        ValueError: the shapes differ, the batch is empty, or the likelihood is unknown.

    Example:
        >>> import torch
        >>> zeros = torch.zeros(2, 1, 8, 8)
        >>> reconstruction_loss(zeros, zeros)  # 64 pixels of log 2
        tensor(44.3614)
        >>> reconstruction_loss(zeros, zeros + 1, "gaussian")
        tensor(32.)
    """
    check_choice("reconstruction_loss", "likelihood", likelihood, LIKELIHOODS)
    if target.shape != reconstruction.shape or reconstruction.numel() == 0:
        raise ValueError(
            f"reconstruction_loss: target must have shape {tuple(reconstruction.shape)} like reconstruction, "
            f"and not be empty, got {tuple(target.shape)}"
        )
    if likelihood == "bernoulli":
        total = functional.binary_cross_entropy_with_logits(reconstruction, target, reduction="sum")
    else:
        total = 0.5 * functional.mse_loss(reconstruction, target, reduction="sum")
    return total / reconstruction.shape[0]


def widened(tensor: Tensor) -> Tensor:
    """Half precision, as autocast leaves it, as float32: sums over it are then not rounded to 3 digits."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def check_choice(function: str, name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Require one of a few words."""
    if value not in allowed:
        words = " or ".join(repr(word) for word in allowed)
        raise ValueError(f"{function}: {name} must be {words}, got {value!r}")


def check_weights(function: str, **weights: float) -> None:
    """Require finite numbers of at least 0."""
    for name, value in weights.items():
        if not isinstance(value, (int, float)):
            raise TypeError(f"{function}: {name} must be a number, got {type(value).__name__}")
        if not 0 <= value < math.inf:
            raise ValueError(f"{function}: {name} must be finite and at least 0, got {value}")


def check_batch(function: str, images: Tensor, mean: Tensor) -> None:
    """Require one posterior an image; all else is checked where it is used."""
    if images.shape[:1] != mean.shape[:1]:
        raise ValueError(
            f"{function}: mean must have shape ({images.shape[0]}, latent) like the batch, "
            f"got {tuple(mean.shape)}"
        )


def check_counts(function: str, **counts: int) -> None:
    """Require integers of at least 1."""
    for name, value in counts.items():
        if not isinstance(value, int):
            raise TypeError(f"{function}: {name} must be an integer, got {type(value).__name__}")
        if value < 1:
            raise ValueError(f"{function}: {name} must be at least 1, got {value}")
