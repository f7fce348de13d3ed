"""What every objective returns."""

from collections.abc import Callable

from torch import Tensor

Draw = Callable[[], Tensor]  # the next batch
Turn = tuple[str, "LossTerms"]  # a player's name, and what its optimiser minimises in this turn


class LossTerms:
    """Hold the loss and, by name, the terms it is made of.

    ``total`` carries the graph; every other term is detached, for logging. A term is an attribute, and
    ``to_dict()`` gives all of them, ``total`` first.

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
        """Return all terms by name, detached."""
        return {"total": self.total.detach(), **self._terms}

    def __repr__(self) -> str:
        return f"LossTerms({', '.join(f'{name}={value:.6g}' for name, value in self.to_dict().items())})"
