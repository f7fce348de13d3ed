"""Which backend runs, and how an operation is made known to torch. The only file that names device types.

A call reaches its kernel by one of two ways. Where torch has something to do in between (tracing, autocast, a
mode, a tensor subclass) it goes through torch's dispatcher. Everywhere else, as in most training loops, the
kernel is called directly under an autograd.Function: the dispatcher's Python layers cost some 100
microseconds for the β-TCVAE's forward and backward pass, more than its kernel at batch 64. Both ways bring
numbers to the types of the operation's schema.

The rule of ``backend="auto"``, by the device of the tensors:

========  ===============================================
cpu       the Numba kernel
cuda      the Triton kernel, where the operation has one
other     the reference, in plain PyTorch: on "meta" too, where there are shapes and no numbers
========  ===============================================

The rule looks at what is installed, never at what an attempt raised.

Transforms. Kernels know one first derivative, in reverse mode. Under every transform of ``torch.func``
(``grad``, ``vjp``, ``jvp``, ``jacrev``, ``jacfwd``, ``hessian``, ``vmap``, ``linearize``,
``functionalize``, however nested) and inside every ``torch.autograd.forward_ad.dual_level``, ``"auto"``
means the reference, which torch differentiates and batches as it does its own operations: tangents and
higher derivatives are right, never zero. A kernel asked for by name raises RuntimeError there. The gradient
of a call that was recorded outside follows the same rule: asked for under a transform, it is the reference's.
Noise and permutations that are drawn under ``vmap`` follow its ``randomness``, as torch's own draws do.
"""

import functools
import operator
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from .. import _checks
from . import _private

BACKENDS = ("auto", "reference", "numba", "triton")
_DEVICE = {"numba": "cpu", "triton": "cuda"}
_MODULE = {"cpu": "numba_cpu", "cuda": "triton_gpu"}
_DTYPES = {torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.uint8, torch.int32, torch.int64}
_INSTALLED = {name: find_spec(name) is not None for name in _DEVICE}
_LIBRARY = torch.library.Library("fastdis", "FRAGMENT")
KERNELS: dict[str, dict[str, Callable[..., Any]]] = {}  # of each operation, by device


def choose(function: str, backend: str, tensor: Tensor, *, triton: bool = False) -> str:
    """Choose what will run for this tensor: "reference", "numba" or "triton".

    triton: whether the operation has a Triton kernel.

    Raises:
        ValueError: the backend's name is unknown.
        RuntimeError: a backend asked for by name cannot run here; the message says what to do.
    """
    if backend == "auto":
        device = tensor.device.type
        for name in ("numba", "triton") if triton else ("numba",):
            if device == _DEVICE[name] and _INSTALLED[name] and tensor.dtype in _DTYPES:
                return "reference" if _private.transformed() else name
        return "reference"
    _checks.choice(function, "backend", backend, BACKENDS)
    if backend != "reference":
        if not _INSTALLED[backend]:
            raise RuntimeError(
                f"{function}: backend={backend!r} needs the package {backend}: pip install {backend}"
            )
        device = tensor.device.type
        if device != _DEVICE[backend]:
            raise RuntimeError(
                f"{function}: backend={backend!r} runs on {_DEVICE[backend]} tensors, got one on {device}"
            )
        if backend == "triton" and not triton:
            raise RuntimeError(f"{function}: there is no Triton kernel; use backend='reference'")
        if _private.transformed():
            raise RuntimeError(
                f"{function}: backend={backend!r} cannot run under a transform of torch.func or a level of "
                "forward-mode derivatives; use backend='reference' or 'auto'"
            )
    return backend


def register(
    schema: str,
    *,
    folder: str,
    numba: str | None = None,
    triton: str | None = None,
    reference: Callable[..., Any] | None = None,
    fake: Callable[..., Any],
    setup_context: Callable[..., None] | None = None,
    backward: Callable[..., Any] | None = None,
) -> Callable[..., Any]:
    """Define ``fastdis::<schema>`` with its kernels, its shape rule and its gradient; return what to call.

    Under autocast the inputs are read as float32. An operation without ``backward`` is itself a gradient:
    differentiating it raises, and names the backend that can.

    Args:
        schema: name, arguments and results, as torch writes them.
        folder: the package that holds the modules ``numba_cpu`` and ``triton_gpu``.
        numba: the function of ``numba_cpu`` with this schema, imported on its first call.
        triton: that of ``triton_gpu``.
        reference: of a gradient, the same in plain PyTorch: it runs under transforms, and on the CPU if there
            is no ``numba``.
        fake: gives outputs of the right shapes and dtypes.
        setup_context: saves what ``backward`` needs, as `torch.library.register_autograd` has it.
        backward: gives the gradients of the arguments.
    """
    name = schema[: schema.index("(")]
    qualified = f"fastdis::{name}"
    kernels = KERNELS[name] = {}
    if numba is not None:
        _import_later(kernels, "cpu", folder, numba)
    elif reference is not None:
        kernels["cpu"] = reference
    if triton is not None:
        _import_later(kernels, "cuda", folder, triton)
    _LIBRARY.define(schema, tags=(torch.Tag.pt2_compliant_tag,))
    overload = getattr(torch.ops.fastdis, name).default
    brought = _bringing(qualified, overload._schema.arguments)

    def dispatched(device: str) -> Callable[..., Any]:
        return lambda *arguments: kernels[device](*brought(arguments))

    for device in kernels:
        _LIBRARY.impl(name, dispatched(device), device.upper())
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
    direct = _direct(kernels, setup_context, backward) if setup_context and backward else overload

    def call(*arguments: Any) -> Any:
        if torch.compiler.is_compiling():
            return overload(*arguments)
        tensors = [value for value in arguments if isinstance(value, Tensor)]
        device = tensors[0].device.type
        if device not in kernels or not _private.untouched(tensors, device):
            return (reference if reference and _private.transformed() else overload)(*arguments)
        arguments = brought(arguments)
        if not (torch.is_grad_enabled() and True in [tensor.requires_grad for tensor in tensors]):
            return kernels[device](*arguments)
        return direct(*arguments)

    return call


def _import_later(kernels: dict[str, Callable[..., Any]], device: str, folder: str, name: str) -> None:
    """Fill in the device's kernel: on its first call it is imported and takes its place."""

    def first(*arguments: Any) -> Any:
        kernel = getattr(import_module(f"{folder}.{_MODULE[device]}"), name)
        kernels[device] = _on_its_device(kernel) if device == "cuda" else kernel
        return kernels[device](*arguments)

    kernels[device] = first


def _bringing(function: str, schema: Sequence[Any]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """Make the function that brings the numbers among the arguments to their types in the schema.

    It takes what torch's dispatcher takes: Python's and NumPy's numbers and tensors of one element; of lists
    it makes tuples, which Numba wants. Only a fraction is refused where an integer belongs.
    """
    numbers = [(k, *_NUMBERS[str(a.type)], a) for k, a in enumerate(schema) if str(a.type) in _NUMBERS]
    if not numbers:
        return lambda arguments: arguments

    def bring(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        changed = None
        for k, kind, convert, argument in numbers:
            value = arguments[k]
            if type(value) is not kind:
                if changed is None:
                    changed = list(arguments)
                try:
                    changed[k] = convert(value)
                except TypeError as error:
                    wanted, came = argument.type, type(value).__name__
                    raise TypeError(f"{function}: {argument.name} must be {wanted}, got {came}") from error
        return arguments if changed is None else tuple(changed)

    return bring


def _floats(values: Sequence[Any]) -> tuple[float, ...]:
    return tuple([value if type(value) is float else _float(value) for value in values])


def _float(value: Any) -> float:
    if isinstance(value, str):  # which float() would read
        raise TypeError
    return float(value)


def _bool(value: Any) -> bool:
    if isinstance(value, str):
        raise TypeError
    return bool(value)


# by the names of torch's schemas (a SymInt's is int): the type that needs no conversion, and the conversion
_NUMBERS: dict[str, tuple[type | None, Callable[[Any], Any]]] = {
    "int": (int, operator.index),
    "float": (float, _float),
    "bool": (bool, _bool),
    "List[float]": (None, _floats),
}


def _direct(
    kernels: dict[str, Callable[..., Any]],
    setup_context: Callable[..., None],
    differentiate: Callable[..., Any],
) -> Callable[..., Any]:
    """Put the kernels under an autograd.Function."""

    class Direct(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *arguments: Any) -> Any:
            output = kernels[arguments[0].device.type](*arguments)
            setup_context(ctx, arguments, output)
            return output

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            return differentiate(ctx, *gradients)

    apply: Callable[..., Any] = Direct.apply
    return apply


def _on_its_device(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Launch the kernel on the device of its first tensor, whichever device is the current one."""

    @functools.wraps(kernel)
    def run(*arguments: Any) -> Any:
        with torch.cuda.device_of(next(value for value in arguments if isinstance(value, Tensor))):
            return kernel(*arguments)

    return run


def drawn_with(generator: torch.Generator | None) -> dict[str, Any]:
    """Name a generator to torch, if there is one: generator=None fails where a size is symbolic."""
    return {} if generator is None else {"generator": generator}


def weight(function: str, name: str, value: Any) -> float | Tensor:
    """Require a weight that is a finite number, without gradient; see `_checks.number`.

    Where a graph is traced or a transform is active, a tensor of one number is not read but returned.

    Raises:
        TypeError: it is not a real number, or carries a gradient.
        ValueError: it is NaN or infinite.
    """
    compiling = torch.compiler.is_compiling()
    if compiling and not isinstance(value, int | float):
        value = torch.as_tensor(value)  # which NumPy's numbers are in a graph
    if isinstance(value, Tensor) and (compiling or _private.transformed()):
        return _checks.scalar(function, name, value)
    return _checks.number(function, name, value)


def is_known(value: float | Tensor) -> bool:
    """Tell whether a weight is a number now, and not one that a compiled graph is given with each call."""
    if isinstance(value, Tensor):
        return False
    if not torch.compiler.is_compiling():
        return True
    from torch.fx.experimental.symbolic_shapes import (
        has_static_value,  # a second, but for a compiler's process
    )

    return has_static_value(value)


def without_autocast(tensor: Tensor) -> AbstractContextManager[Any]:
    """Leave autocast for a while, on the tensor's device; the meta device, without numbers, has none."""
    return nullcontext() if tensor.is_meta else torch.autocast(tensor.device.type, enabled=False)


def promoted(*tensors: Tensor) -> Sequence[Tensor]:
    """Bring the tensors to their common dtype, as torch's own arithmetic does."""
    dtype = tensors[0].dtype
    for tensor in tensors:
        if tensor.dtype != dtype:
            break
    else:
        return tensors
    for tensor in tensors[1:]:
        dtype = torch.promote_types(dtype, tensor.dtype)
    return [tensor.to(dtype) for tensor in tensors]


def accumulation_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return the dtype in which sums are kept and returned: float32 for the half types, else the same."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


def widened(*tensors: Tensor) -> list[Tensor]:
    """Bring the tensors to the dtype in which sums over them are kept."""
    return [tensor.to(accumulation_dtype(tensor.dtype)) for tensor in tensors]
