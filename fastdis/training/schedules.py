"""Settings that change from step to step: the learning rate, or a weight of the objective."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import nn

from .. import _checks

Schedule: TypeAlias = Callable[[int], float]


@dataclass(frozen=True)
class LinearSchedule:
    """Go from start to stop in a straight line over the first steps, and stay at stop from there on.

    Args:
        start: the value at step 0.
        stop: the value from step ``steps`` on.
        steps: how many steps it takes, at least 1.

    Raises:
        TypeError: start or stop is not a number, or steps not an integer.
        ValueError: start or stop is not finite, or steps is below 1.

    Example:
        >>> warm_up = LinearSchedule(0.0, 4.0, steps=1000)
        >>> warm_up(0), warm_up(250), warm_up(5000)
        (0.0, 1.0, 4.0)
    """

    start: float
    stop: float
    steps: int

    def __post_init__(self) -> None:
        for name in ("start", "stop"):
            object.__setattr__(self, name, _checks.number("LinearSchedule", name, getattr(self, name)))
        object.__setattr__(self, "steps", _checks.integer("LinearSchedule", "steps", self.steps))

    def __call__(self, step: int) -> float:
        return self.start + (self.stop - self.start) * min(step / self.steps, 1.0)


def check_schedules(schedules: Mapping[str, Schedule], objective: nn.Module) -> None:
    """Require that each is a function and is for the learning rate or a number of the objective.

    Raises:
        TypeError: a schedule cannot be called.
        ValueError: there is no such number.
    """
    numbers = {name for name, value in vars(objective).items() if type(value) in (int, float)}
    for name, schedule in schedules.items():
        _checks.choice("fit", "names of schedules", name, sorted({"learning_rate"} | numbers))
        if not callable(schedule):
            raise TypeError(
                f"fit: schedules must be functions of the step, got {type(schedule).__name__} for {name}"
            )


@contextmanager
def scheduled(
    schedules: Mapping[str, Schedule], objective: nn.Module, optimizer: torch.optim.Optimizer
) -> Iterator[Callable[[int], None]]:
    """Yield a function that sets what the schedules say for a step; give the objective its numbers back."""
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
    """Describe schedules for ``config.json``: a function by its name, which every process gives it."""
    return {name: getattr(schedule, "__qualname__", repr(schedule)) for name, schedule in schedules.items()}
