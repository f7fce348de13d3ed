"""The gradient of a run of convolutions with respect to its images, with a derivative of its own.

With the slopes s_l that the rectifiers have for an image x, the layers h_l = s_l * (W_l h_{l-1} + b_l) are
linear, h_0 = x, and the gradient of x is the transpose of that map on a gradient d_L of the outputs:

    d_l = s_l * (W_{l+1}^T d_{l+1}),    g = W_1^T d_1.

g is linear in d_L and in every W_l, and the slopes have no derivative. So along a direction t_0 of the images
the derivative of <g, t_0> by d_L is t_L, where t_l = s_l * (W_l t_{l-1}), and by W_l it is the outer product
of d_l and t_{l-1}. The backward pass makes the d_l of an image anew, one pass in four, sooner than it would
read them back from memory.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from . import _fits, _runs


def held_convolutions(
    images: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], slopes: Sequence[float]
) -> tuple[Tensor, Callable[[Tensor], Tensor]] | None:
    """Apply convolutions as `convolutions` does, and return the transpose that they have for these images.

    Args:
        images: (batch, channels, height, width), float.
        weights, biases, slopes: as of `convolutions`.

    Returns:
        The outputs, without a graph, and a function that maps gradients of them to gradients of the images,
        differentiable, once, with respect to its argument and the weights. None where the kernel does not
        run: torch's operations have to be taken there.

    Example:
        >>> import torch
        >>> weights, biases = [torch.ones(32, 1, 4, 4)], [torch.zeros(32)]
        >>> outputs, transpose = held_convolutions(torch.ones(1, 1, 8, 8), weights, biases, [0.0])
        >>> transpose(torch.ones_like(outputs))[0, 0, 0, :4]
        tensor([32., 64., 64., 64.])
    """
    if min(slopes) < 0 or not (_runs([images, *weights, *biases]) and _fits(images, weights, biases, False)):
        return None
    from . import numba_cpu

    outputs, frames = numba_cpu.forward(images, weights, biases, slopes, False, True)
    kept, (channels, height, width) = torch.from_numpy(frames), images.shape[1:]

    def transpose(grad: Tensor) -> Tensor:
        return _recorded(kept, (channels, height, width), slopes, grad, *weights)

    return outputs, transpose


class _Transposed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        frames: Tensor,
        sizes: tuple[int, int, int],
        slopes: Sequence[float],
        grad: Tensor,
        *weights: Tensor,
    ) -> Tensor | None:
        from . import numba_cpu

        ctx.slopes = slopes
        ctx.save_for_backward(frames, grad, *weights)
        return numba_cpu.backward(grad, frames.numpy(), sizes, weights, slopes, False, (True, False))[0]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, along: Tensor) -> tuple[Any, ...]:
        from . import numba_cpu

        frames, grad, *weights = ctx.saved_tensors
        return None, None, None, *numba_cpu.along(grad, frames.numpy(), along, weights, ctx.slopes)


_recorded: Callable[..., Tensor] = _Transposed.apply
