"""Which backend runs, and how an operation is made known to torch. The only file that names device types.

A call reaches its kernel by one of two ways. Where torch has something to do in between (tracing, a functorch
transform, autocast, a mode, a tensor subclass) it goes through torch's dispatcher. Everywhere else, as in
most training loops, the kernel is called directly under an autograd.Function: the dispatcher's Python layers
cost some 100 microseconds for the β-TCVAE's forward and backward pass, more than its kernel at batch 64.

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

from .. import _checks

BACKENDS = ("auto", "reference", "numba", "triton")
_DEVICE = {"numba": "cpu", "triton": "cuda"}
_DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.uint8, torch.int32, torch.int64)
_INSTALLED = {name: find_spec(name) is not None for name in _DEVICE}
_PLAIN = {Tensor, torch.nn.Parameter}
_LIBRARY = torch.library.Library("fastdis", "FRAGMENT")


def choose(function: str, backend: str, tensor: Tensor, *, triton: bool = False) -> str:
    """The backend that will run for this tensor: "reference", "numba" or "triton".

    triton: whether the operation has a Triton kernel.

    Raises:
        ValueError: the backend's name is unknown.
        RuntimeError: a backend asked for by name cannot run here; the message says what to install or move.
    """
    _checks.choice(function, "backend", backend, BACKENDS)
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
) -> Callable[..., Any]:
    """Define ``fastdis::<schema>`` with its kernels, its shape rule and its gradient; the function to call.

    Under autocast the inputs are read as float32. An operation without ``backward`` is itself a gradient:
    differentiating it raises, and names the backend that can.
    """
    name = schema[: schema.index("(")]
    qualified = f"fastdis::{name}"
    kernels = {"cpu": numba}
    if triton is not None:
        kernels["cuda"] = _on_its_device(triton)
    _LIBRARY.define(schema, tags=(torch.Tag.pt2_compliant_tag,))
    for device, kernel in kernels.items():
        _LIBRARY.impl(name, kernel, device.upper())
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
    overload = getattr(torch.ops.fastdis, name).default
    direct = _direct(kernels, setup_context, backward) if setup_context and backward else overload

    def call(*arguments: Any) -> Any:
        if torch.compiler.is_compiling():
            return overload(*arguments)
        tensors = [value for value in arguments if isinstance(value, Tensor)]
        device = tensors[0].device.type
        if device not in kernels or not untouched(tensors, device):
            return overload(*arguments)
        if not (torch.is_grad_enabled() and True in [tensor.requires_grad for tensor in tensors]):
            return kernels[device](*arguments)
        return direct(*arguments)

    return call


def _direct(
    kernels: dict[str, Callable[..., Any]],
    setup_context: Callable[..., None],
    differentiate: Callable[..., Any],
) -> Callable[..., Any]:
    """The kernels under an autograd.Function."""

    class Direct(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *arguments: Any) -> Any:
            output = kernels[arguments[0].device.type](*arguments)
            setup_context(ctx, arguments, output)
            return output

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            return differentiate(ctx, *gradients)

    # past the Python layer of Function.apply, which is for functorch's transforms and takes 2 microseconds
    apply: Callable[..., Any] = super(torch.autograd.Function, Direct).apply
    return apply


def untouched(tensors: list[Tensor], device: str) -> bool:
    """Whether torch does nothing with a call but record it for autograd."""
    return _PLAIN.issuperset(map(type, tensors)) and not (
        torch.is_autocast_enabled(device)
        or torch._C._len_torch_dispatch_stack()
        or torch._C._len_torch_function_stack()
        or torch._C._are_functorch_transforms_active()
        or torch._C._is_tracing()
        or torch.autograd.forward_ad._current_level >= 0
        or True in map(torch._C._functorch.is_legacy_batchedtensor, tensors)  # is_grads_batched=True
    )


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
