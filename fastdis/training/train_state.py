"""How far a run has come, and the sums that become the next line of its log."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .distributed import mean


@dataclass
class TrainState:
    """What besides weights and optimisers changes from step to step.

    The sums stay on the device: nothing waits for it before a line of the log is due.
    """

    step: int = 0  # optimisation steps done
    drawn: int = 0  # batches drawn
    seconds: float = 0.0  # spent in them
    logged: int = 0  # the step of the log's last line that was due
    names: tuple[str, ...] = ()  # of the loss terms
    sums: Tensor | None = None  # (terms,) float64, over the steps since that line
    _finite: Tensor | None = None  # (terms,), after how many of these steps each sum was finite

    def advance(self, terms: dict[str, Tensor]) -> None:
        """Count one step with its loss terms.

        Raises:
            ValueError: the terms are not those of the steps before.
        """
        if tuple(terms) != self.names:
            if self.names:
                raise ValueError(
                    f"fit: the terms of a step must be {', '.join(self.names)} like those of the step "
                    f"before, got {', '.join(terms)}"
                )
            self.names = tuple(terms)
        values = torch.stack(list(terms.values())).double()
        self.sums = values if self.sums is None else self.sums + values
        if self._finite is None:
            self._finite = torch.full_like(values, self.step - self.logged)
        self._finite += self.sums.isfinite()
        self.step += 1

    def not_finite(self) -> tuple[str, int] | None:
        """Find the first term that was not finite and its step, a part before the total; None if all were."""
        if self.sums is None or self._finite is None or bool(self.sums.isfinite().all()):
            return None
        steps = [self.logged + 1 + int(count) for count in self._finite]
        at_fault = [name for name, step in zip(self.names, steps, strict=True) if step == min(steps)]
        return min(at_fault, key=lambda name: name == "total"), min(steps)

    def row(self) -> dict[str, float]:
        """Make a line of the log: the means of the terms since the last line that was due."""
        row: dict[str, float] = {"step": self.step, "seconds": round(self.seconds, 3)}
        if self.sums is not None:
            means = mean(self.sums.clone()) / (self.step - self.logged)
            row |= dict(zip(self.names, means.tolist(), strict=True))
        return row

    def next_line(self) -> None:
        """Begin the sums of the next line."""
        self.logged, self.sums, self._finite = self.step, None, None
