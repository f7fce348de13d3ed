"""Settings that change from step to step: the learning rate, or a weight of the objective."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeAlias

import torch
from torch import nn

Schedule: TypeAlias = Callable[[int], float]


@dataclass(frozen=True)
class LinearSchedule:
    """From start to stop in a straight line over the first so many steps, and stop from there on.

    Raises:
        TypeError: steps is not an integer.
        ValueError: steps is below 1.

    Example:
        >>> warm_up = LinearSchedule(0.0, 4.0, steps=1000)
        >>> warm_up(0), warm_up(250), warm_up(5000)
        (0.0, 1.0, 4.0)
    """

    start: float
    stop: float
    steps: int

    def __post_init__(self) -> None:
        if not isinstance(self.steps, int):
            raise TypeError(f"LinearSchedule: steps must be an integer, got {type(self.steps).__name__}")
        if self.steps < 1:
            raise ValueError(f"LinearSchedule: steps must be at least 1, got {self.steps}")

    def __call__(self, step: int) -> float:
        return self.start + (self.stop - self.start) * min(step / self.steps, 1.0)


def check_schedules(schedules: Mapping[str, Schedule], objective: nn.Module) -> None:
    """Require that each names the learning rate or a number of the objective's."""
    numbers = {name for name, value in vars(objective).items() if type(value) in (int, float)}
    known = sorted({"learning_rate"} | numbers)
    for name in schedules:
        if name not in known:
            close = get_close_matches(name, known, n=3) or known
            raise ValueError(f"fit: schedules must be of {', '.join(close)}, got one of {name!r}")


@contextmanager
def scheduled(
    schedules: Mapping[str, Schedule], objective: nn.Module, optimizer: torch.optim.Optimizer
) -> Iterator[Callable[[int], None]]:
    """A function that sets what the schedules say for a step; the objective gets its own numbers back."""
    before = {name: value for name, value in vars(objective).items() if name in schedules}

    def apply(step: int) -> None:
        for name, schedule in schedules.items():
            if name == "learning_rate":
                for group in optimizer.param_groups:
                    group["lr"] = schedule(step)
            else:
                setattr(objective, name, schedule(step))

    try:
        yield apply
    finally:
        for name, value in before.items():
            setattr(objective, name, value)


def described(schedules: Mapping[str, Schedule]) -> dict[str, str]:
    """What ``config.json`` keeps: of a function its name, which every process gives it, else the repr."""
    return {name: getattr(schedule, "__qualname__", repr(schedule)) for name, schedule in schedules.items()}
