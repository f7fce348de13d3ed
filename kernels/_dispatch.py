"""Which backend runs, and how an operation is made known to torch. The only file that names device types.

The rule of ``backend="auto"``, by the device of the tensors:

========  ===============================================
cpu       the Numba kernel
cuda      the Triton kernel, where the operation has one
other     the reference, in plain PyTorch
========  ===============================================

The rule looks at what is installed, never at what an attempt raised.
"""

import functools
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from . import _check

BACKENDS = ("auto", "reference", "numba", "triton")
_DEVICE = {"numba": "cpu", "triton": "cuda"}
_DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.uint8, torch.int32, torch.int64)
_INSTALLED = {name: find_spec(name) is not None for name in _DEVICE}
_LIBRARY = torch.library.Library("fastdis", "FRAGMENT")


def choose(function: str, backend: str, tensor: Tensor, *, triton: bool = False) -> str:
    """The backend that will run for this tensor: "reference", "numba" or "triton".

    triton: whether the operation has a Triton kernel.

    Raises:
        ValueError: the backend's name is unknown.
        RuntimeError: a backend asked for by name cannot run here; the message says what to install or move.
    """
    _check.choice(function, "backend", backend, BACKENDS)
    device = tensor.device.type
    if backend == "auto":
        for name in ("numba", "triton") if triton else ("numba",):
            if device == _DEVICE[name] and _INSTALLED[name] and tensor.dtype in _DTYPES:
                return name
        return "reference"
    if backend != "reference":
        if not _INSTALLED[backend]:
            raise RuntimeError(
                f"{function}: backend={backend!r} needs the package {backend}: pip install {backend}"
            )
        if device != _DEVICE[backend]:
            raise RuntimeError(
                f"{function}: backend={backend!r} runs on {_DEVICE[backend]} tensors, got one on {device}"
            )
        if backend == "triton" and not triton:
            raise RuntimeError(f"{function}: there is no Triton kernel; use backend='reference'")
    return backend


def register(
    schema: str,
    *,
    numba: Callable[..., Any],
    triton: Callable[..., Any] | None = None,
    fake: Callable[..., Any],
    setup_context: Callable[..., None] | None = None,
    backward: Callable[..., Any] | None = None,
) -> torch._ops.OpOverload[..., Any]:
    """Define ``fastdis::<schema>`` with its kernels, its shape rule and its gradient, and return it.

    Under autocast the inputs are read as float32. An operation without ``backward`` is itself a gradient:
    differentiating it raises, and names the backend that can.
    """
    name = schema[: schema.index("(")]
    _LIBRARY.define(schema, tags=(torch.Tag.pt2_compliant_tag,))
    _LIBRARY.impl(name, numba, "CPU")
    if triton is not None:
        _LIBRARY.impl(name, _on_its_device(triton), "CUDA")
    qualified = f"fastdis::{name}"
    torch.library.register_fake(qualified, fake, lib=_LIBRARY)

    def no_second_derivative(ctx: Any, *gradients: Tensor) -> None:
        raise RuntimeError(
            f"{qualified} has no derivative of its own; use backend='reference' for second ones"
        )

    torch.library.register_autograd(
        qualified, backward or no_second_derivative, setup_context=setup_context, lib=_LIBRARY
    )
    for device in _DEVICE.values():
        torch.library.register_autocast(qualified, device, torch.float32, lib=_LIBRARY)
    overload: torch._ops.OpOverload[..., Any] = getattr(torch.ops.fastdis, name).default
    return overload


def _on_its_device(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """The kernel, launched on the device of its first tensor and not on whichever is the current one."""

    @functools.wraps(kernel)
    def run(*arguments: Any) -> Any:
        with torch.cuda.device_of(next(value for value in arguments if isinstance(value, Tensor))):
            return kernel(*arguments)

    return run


def promoted(*tensors: Tensor) -> Sequence[Tensor]:
    """The tensors in their common dtype, as torch's own arithmetic would bring them together."""
    dtype = tensors[0].dtype
    if all(tensor.dtype == dtype for tensor in tensors):
        return tensors
    for tensor in tensors[1:]:
        dtype = torch.promote_types(dtype, tensor.dtype)
    return [tensor.to(dtype) for tensor in tensors]


def accumulation_dtype(dtype: torch.dtype) -> torch.dtype:
    """The dtype in which sums are kept and returned: float32 for the half types, else the dtype itself."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


def widened(*tensors: Tensor) -> list[Tensor]:
    """The tensors in the dtype in which sums over them are kept."""
    return [tensor.to(accumulation_dtype(tensor.dtype)) for tensor in tensors]
