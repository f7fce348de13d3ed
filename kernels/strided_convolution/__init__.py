"""Runs of convolutions 4x4 of stride 2 with their rectifiers: where most models of dSprites spend their time.

A layer maps x (batch, f, 2h, 2w) to y (batch, c, h, w), with weight W (c, f, 4, 4) and bias b:

    y[c, p] = r(b[c] + sum over taps o of 4x4 and f of W[c, f, o] x[f, 2p + o - 1])

with the rectifier r(v) = v > 0 ? v : slope v; or, transposed, the other way: x[f, q] = r(b[f] + sum over c
and all p, o with 2p + o - 1 = q of W[c, f, o] y[c, p]). Either is the gradient of the other. A layer takes
16 c f h w multiply-adds an image, and its gradient as many for each of x and W: 2.3 billion for a training
step of Burgess's autoencoder at batch 64, 14 ms on two cores with AVX-512.

torch has these operations, and on a GPU they are at its limit there; only the CPU kernel is ours. It takes a
whole run of layers, image by image, so that nothing between them leaves the second-level cache, and it is
used where torch would do nothing with the call but record it for autograd. Everywhere else (another device or
dtype, autocast, ``torch.compile``, a functorch transform, a forward-mode level, second derivatives) the
reference runs, in the backward pass too.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from .. import _dispatch, _private
from . import reference


def convolutions(
    images: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    slopes: Sequence[float],
    *,
    transposed: bool = False,
) -> Tensor:
    """Apply convolutions 4x4 of stride 2, padding 1, one after the other, each with a leaky rectifier.

    Args:
        images: (batch, channels, height, width), float.
        weights: one a layer, (outputs, inputs, 4, 4); (inputs, outputs, 4, 4) if transposed. Like images.
        biases: one a layer, (outputs,). Like images.
        slopes: one a layer, that of the rectifier for negative values: 0 is ReLU, 1 none.
        transposed: whether each layer doubles height and width; else it halves them.

    Returns:
        Tensor: (batch, outputs, ...), the last layer's.

    Example:
        >>> import torch
        >>> from fastdis.kernels.strided_convolution import convolutions
        >>> weights, biases = [torch.ones(32, 1, 4, 4)], [torch.zeros(32)]
        >>> convolutions(torch.ones(1, 1, 8, 8), weights, biases, [0.0])[0, 0]
        tensor([[ 9., 12., 12.,  9.],
                [12., 16., 16., 12.],
                [12., 16., 16., 12.],
                [ 9., 12., 12.,  9.]])
    """
    tensors = [images, *weights, *biases]
    if min(slopes) < 0 or not (_runs(tensors) and _fits(images, weights, biases, transposed)):
        return reference.convolutions(images, weights, biases, slopes, transposed)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        return _recorded(transposed, slopes, images, *weights, *biases)
    from . import numba_cpu

    return numba_cpu.forward(images, weights, biases, slopes, transposed, False)[0]


def _runs(tensors: list[Tensor]) -> bool:
    """Tell whether the kernel may stand for torch's operations: there is one, and torch only records."""
    images = tensors[0]
    return (
        not torch.compiler.is_compiling()
        and _dispatch.choose("convolutions", "auto", images) == "numba"
        and all(tensor.dtype == torch.float32 and tensor.device == images.device for tensor in tensors)
        and _private.untouched(tensors, images.device.type)
    )


def _fits(images: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], transposed: bool) -> bool:
    """Tell whether the kernel's tiles cover the layers: groups of 4 pixels, vectors of channels or taps."""
    if images.dim() != 4 or any(weight.dim() != 4 for weight in weights):
        return False
    if 0 in [tensor.numel() for tensor in (images, *weights)]:
        return False
    sides = 4 if transposed else 4 * 2 ** len(weights)
    channels = images.shape[1]
    for weight, bias in zip(weights, biases, strict=True):
        narrow, wide = weight.shape[:2]
        before, after = (narrow, wide) if transposed else (wide, narrow)
        if weight.shape[2:] != (4, 4) or before != channels or bias.shape != (after,):
            return False
        if narrow % 32 or (wide % 32 and wide > 3):
            return False
        channels = after
    return all(side % sides == 0 for side in images.shape[2:])


class _Convolutions(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, transposed: bool, slopes: Sequence[float], images: Tensor, *layers: Tensor
    ) -> Tensor:
        from . import numba_cpu

        weights, biases = layers[: len(slopes)], layers[len(slopes) :]
        output, frames = numba_cpu.forward(images, weights, biases, slopes, transposed, True)
        ctx.save_for_backward(images, torch.from_numpy(frames), *layers)
        ctx.transposed, ctx.slopes = transposed, slopes
        return output

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        wanted = ctx.needs_input_grad[2:]
        if torch.is_grad_enabled() or not _private.untouched([grad], grad.device.type):
            return None, None, *_of_reference(ctx, grad, wanted)
        images, frames, *layers = ctx.saved_tensors
        weights = layers[: len(ctx.slopes)]
        from . import numba_cpu

        grad_images, grad_weights, grad_biases = numba_cpu.backward(
            grad,
            frames.numpy(),
            images.shape[1:],
            weights,
            ctx.slopes,
            ctx.transposed,
            (wanted[0], any(wanted[1 : 1 + len(weights)])),
        )
        return None, None, grad_images, *grad_weights, *grad_biases


def _of_reference(ctx: Any, grad: Tensor, wanted: Sequence[bool]) -> Iterator[Tensor | None]:
    """Compute the wanted gradients by torch's operations, which have derivatives of every order and kind."""
    images, _, *layers = ctx.saved_tensors
    saved = [images, *layers]

    def output(*varied: Tensor) -> Tensor:
        given = iter(varied)
        images, *layers = [next(given) if need else kept for kept, need in zip(saved, wanted, strict=True)]
        weights, biases = layers[: len(ctx.slopes)], layers[len(ctx.slopes) :]
        return reference.convolutions(images, weights, biases, ctx.slopes, ctx.transposed)

    pull = torch.func.vjp(output, *[tensor for tensor, need in zip(saved, wanted, strict=True) if need])[1]
    found = iter(pull(grad))
    return (next(found) if need else None for need in wanted)


_recorded: Callable[..., Tensor] = _Convolutions.apply
