"""A sequence of layers that knows which of its convolutions run together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn

from ..kernels import _private
from ..kernels.strided_convolution import convolutions

# `__class__` tells a parametrised layer from a plain one
_of_convolution = attrgetter(
    "__class__", "kernel_size", "stride", "padding", "dilation", "output_padding", "groups", "padding_mode"
)
_GEOMETRY = ((4, 4), (2, 2), (1, 1), (1, 1), (0, 0), 1, "zeros")


class ConvStack(nn.Sequential):
    """Run as ``nn.Sequential`` does, with neighbouring convolutions 4x4 of stride 2 in one call.

    Which modules are taken together, and with what slopes, is found when the stack is built, or when modules
    were put in or taken out. A call compares only what can be changed in place: hooks, ``forward``, the class
    (a parametrisation changes it), geometry and slopes, and reads the parameters as they are now. A run that
    was changed is called module by module, as is everything under ``torch.compile``, global hooks, a tracer
    or a subclass of ``torch.Tensor``; autocast and the transforms of ``torch.func`` are the kernel's matter.
    """

    def __init__(self, *modules: Any) -> None:
        super().__init__(*modules)
        self._plan()

    def _plan(self) -> None:
        self._planned = tuple(self._modules.values())
        self._steps = _steps(self._planned)

    def forward(self, input: Tensor) -> Tensor:
        if type(input) is not Tensor or torch.compiler.is_compiling() or _private.has_global_hooks():
            for module in self:
                input = module(input)
            return input
        if tuple(self._modules.values()) != self._planned:
            self._plan()
        for step in self._steps:
            input = step(input)
        return input


@dataclass(frozen=True)
class _Run:
    """Call convolutions of one direction, with their rectifiers, as one operation."""

    modules: tuple[nn.Module, ...]
    settings: tuple[Any, ...]  # of each module, as they were when the run was found
    slopes: tuple[float, ...]  # one for each convolution: 1 without a rectifier
    transposed: bool

    def __call__(self, input: Tensor) -> Tensor:
        weights, biases = [], []
        for module, settings in zip(self.modules, self.settings, strict=True):
            state = vars(module)
            if (
                "forward" in state
                or state["_forward_hooks"]
                or state["_forward_pre_hooks"]
                or state["_backward_hooks"]
                or state["_backward_pre_hooks"]
                or _settings(module) != settings
            ):
                return self._one_by_one(input)
            if settings[0] is nn.Conv2d or settings[0] is nn.ConvTranspose2d:
                parameters = state["_parameters"]
                weight, bias = parameters.get("weight"), parameters.get("bias")
                if weight is None or bias is None:
                    return self._one_by_one(input)
                weights.append(weight)
                biases.append(bias)
        return convolutions(input, weights, biases, self.slopes, transposed=self.transposed)

    def _one_by_one(self, input: Tensor) -> Tensor:
        for module in self.modules:
            input = module(input)
        return input


def _settings(module: nn.Module) -> tuple[Any, ...]:
    """Return what decides, besides parameters and hooks, what a convolution or a rectifier does."""
    kind = type(module)
    if kind is nn.ReLU:
        return (kind, 0.0)
    if kind is nn.LeakyReLU:
        return (kind, module.negative_slope)
    if kind is nn.Conv2d or kind is nn.ConvTranspose2d:
        settings: tuple[Any, ...] = _of_convolution(module)
        return settings
    return (kind,)


def _steps(modules: tuple[nn.Module, ...]) -> list[Callable[[Tensor], Tensor]]:
    """Return the modules in order, with those that run together as one."""
    steps: list[Callable[[Tensor], Tensor]] = []
    first = 0
    while first < len(modules):
        run = _run(modules[first:]) if _private.MODULE_HOOKS_KNOWN else None
        steps.append(run or modules[first])
        first += len(run.modules) if run else 1
    return steps


def _run(modules: Sequence[nn.Module]) -> _Run | None:
    """Return the run that begins with the first of the modules, if one does."""
    taken: list[nn.Module] = []
    slopes: list[float] = []
    rectified = True
    for module in modules:
        if not rectified and type(module) in (nn.ReLU, nn.LeakyReLU):
            slopes[-1] = _settings(module)[1]
            rectified = True
        elif halves_or_doubles(module) and type(module) is type(modules[0]):
            slopes.append(1.0)
            rectified = False
        else:
            break
        taken.append(module)
    if not taken:
        return None
    transposed = type(taken[0]) is nn.ConvTranspose2d
    return _Run(tuple(taken), tuple(map(_settings, taken)), tuple(slopes), transposed)


def halves_or_doubles(module: nn.Module) -> bool:
    """Tell whether the kernel has this convolution: 4x4 of stride 2, padding 1, with a bias."""
    return (
        type(module) in (nn.Conv2d, nn.ConvTranspose2d)
        and _settings(module)[1:] == _GEOMETRY
        and getattr(module, "bias", None) is not None
    )
