"""Each latent shuffled over the batch by its own permutation: samples of the product of the marginals.

Kim & Mnih 2018 (Disentangling by Factorising), algorithm 1. With D independent uniform permutations p_d of
the B rows::

    out_id = z_{p_d(i), d}

Values never move across the latents of a row. The gradient goes back along the permutations: d z_{p_d(i), d}
= g_id.

Work: B D random numbers and swaps, one read and one write of z, and one of each more where two threads share
it; the permutations are not stored, the gradient draws them again. On the GPU all pairs of a column are
compared, in one launch up to 16,384 rows.
"""

from typing import Any

import torch
from torch import Tensor

from ... import _checks
from .. import _dispatch
from . import reference

LARGEST_COMPARED = 16_384  # rows; beyond it the reference's sort does less work than comparing all pairs


def permute_dims(z: Tensor, *, generator: torch.Generator | None = None, backend: str = "auto") -> Tensor:
    """Shuffle each latent over the batch, independently (Kim & Mnih 2018, algorithm 1).

    Args:
        z: samples, (batch, latent), any floating dtype.
        generator: the torch generator to draw with; torch's default if None.
        backend: "auto", "reference", "numba" or "triton"; backends draw different permutations.

    Returns:
        (batch, latent): column d holds the values of column d of z in uniformly random order; differentiable.

    Raises:
        TypeError: z is not a floating-point tensor.
        ValueError: z is not (batch, latent) or a size is 0.
        RuntimeError: the backend asked for cannot run here.

    Example:
        >>> import torch, fastdis
        >>> z = torch.arange(6.0).reshape(3, 2)
        >>> fastdis.permute_dims(z).sort(0).values
        tensor([[0., 1.],
                [2., 3.],
                [4., 5.]])
    """
    _checks.matrices("permute_dims", z=z)
    chosen = _dispatch.choose("permute_dims", backend, z, triton=True)
    if chosen == "reference" or (chosen == "triton" and z.shape[0] > LARGEST_COMPARED):
        return reference.permute_dims(z, generator)
    seed = torch.randint(2**63 - 1, (), device=z.device, **_dispatch.drawn_with(generator))
    out: Tensor = _permute_dims(z, seed)
    return out


# What torch.library is told.


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(inputs[1])


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
    return _permute_dims_backward(grad, *ctx.saved_tensors), None


def _reference_backward(grad: Tensor, seed: Tensor) -> Tensor:
    """The gradient in plain PyTorch, along the permutation that the kernel draws from this seed."""
    rows = torch.arange(grad.shape[0], dtype=torch.float64, device=grad.device)
    sources = _permute_dims(rows.unsqueeze(1).expand(grad.shape), seed).long()
    return torch.zeros_like(grad).scatter(0, sources, grad)


_permute_dims = _dispatch.register(
    "permute_dims(Tensor z, Tensor seed) -> Tensor",
    folder=__name__,
    numba="permute_dims",
    triton="permute_dims",
    fake=lambda z, seed: z.new_empty(z.shape),
    setup_context=_save,
    backward=_backward,
)
_permute_dims_backward = _dispatch.register(
    "permute_dims_backward(Tensor grad, Tensor seed) -> Tensor",
    folder=__name__,
    numba="backward",
    triton="backward",
    reference=_reference_backward,
    fake=lambda grad, seed: grad.new_empty(grad.shape),
)
