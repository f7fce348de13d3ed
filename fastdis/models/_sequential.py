"""A sequence of layers whose convolutions run together."""

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook

from ..kernels.strided_convolution import convolutions


class Layers(nn.Sequential):
    """An ``nn.Sequential`` that takes neighbouring convolutions in one go, wherever nothing can tell."""

    def forward(self, input: Tensor) -> Tensor:
        if type(input) is not Tensor or torch.compiler.is_compiling() or _has_any_global_hook():
            for module in self:
                input = module(input)
            return input
        modules = list(self)
        while modules:
            run, slopes, taken = _convolutions(modules)
            if run:
                weights, biases = _parameters(run, "weight"), _parameters(run, "bias")
                input = convolutions(
                    input, weights, biases, slopes, transposed=isinstance(run[0], nn.ConvTranspose2d)
                )
                del modules[:taken]
            else:
                input = modules.pop(0)(input)
        return input


def _convolutions(modules: list[nn.Module]) -> tuple[list[nn.Module], list[float], int]:
    """The convolutions 4x4 of stride 2 at the front, of one direction, and their rectifiers' slopes.

    Last, how many modules these are together.
    """
    run: list[nn.Module] = []
    slopes: list[float] = []
    rectified = True
    for taken, module in enumerate(modules):
        if not rectified and type(module) in (nn.ReLU, nn.LeakyReLU) and not _changed(module):
            slopes[-1] = getattr(module, "negative_slope", 0.0)
            rectified = True
        elif (not run or type(module) is type(run[0])) and _halves_or_doubles(module):
            run.append(module)
            slopes.append(1.0)
            rectified = False
        else:
            return run, slopes, taken
    return run, slopes, len(modules)


def _parameters(run: list[nn.Module], name: str) -> list[Tensor]:
    return [getattr(layer, name) for layer in run]


def _halves_or_doubles(module: nn.Module) -> bool:
    return (
        (type(module) is nn.Conv2d or type(module) is nn.ConvTranspose2d)
        and (module.kernel_size, module.stride, module.padding) == ((4, 4), (2, 2), (1, 1))
        and (module.dilation, module.output_padding, module.groups) == ((1, 1), (0, 0), 1)
        and module.padding_mode == "zeros"
        and module.bias is not None
        and not _changed(module)
    )


def _changed(module: nn.Module) -> bool:
    """Whether a call of this module does more than its class says."""
    return bool(
        "forward" in vars(module)
        or module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    )
