"""What kernels use beyond the public interfaces of torch, Numba, llvmlite and libgomp: resolved here, once.

Each of these may go with a new version. Beside it stands what is done without it, by public means; results
stay right and calls get slower. Everything else in `kernels` is public, Numba's `cgutils` and llvmlite's `ir`
(by which Numba's manual extends it) included.

===================  ====================================================  ===================================
name                 what it gains                                         without it
===================  ====================================================  ===================================
transformed          50 microseconds of a loss' 110 to 150, at batch 64    two public functions, asked to fail
untouched            the direct way: 32 to 38 % of a loss at batch 64      torch's dispatcher
has_global_hooks     convolutions that run together                        layers one by one
MODULE_HOOKS_KNOWN   the same                                              layers one by one
cache_in             15 seconds of each process' start                     compiled anew in each process
use_wide_vectors     512-bit vectors in Numba's own loops of convolutions  LLVM's choice, 256 bits
subroutine           chunks shared out in compiled code                    chunks shared out by Python
gomp_parallel        torch's threads, which need not be woken              a pool of Python's threads
===================  ====================================================  ===================================

What gained less than 5 % is gone: `Function.apply` without its layer in Python (3 % of a loss at batch 64)
and wide vectors in the losses, whose loops over posteriors are written in vector instructions (nothing).

Nothing here imports Numba before a kernel has.
"""

import contextlib
import ctypes
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

PLAIN = {Tensor, nn.Parameter}


def found(start: Any, path: str) -> Any:
    """Follow dotted attributes; None where one is missing.

    Example:
        >>> found(torch, "nn.Linear"), found(torch, "nn.no.such")
        (<class 'torch.nn.modules.linear.Linear'>, None)
    """
    for name in path.split("."):
        start = getattr(start, name, None)
    return start


class _Refused(torch.autograd.Function):
    """Refuse to run under a transform of torch.func, as every Function without ``setup_context`` does."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        return tensor.clone()


def publicly_transformed() -> bool:
    """Tell it by what is only allowed outside a transform, and what only inside a dual level."""
    zero = torch.zeros(())
    refused: Any = _Refused
    try:
        refused.apply(zero)
    except RuntimeError:
        return True
    try:
        forward_ad.make_dual(zero, zero)
    except RuntimeError:
        return False
    return True


def _transformed() -> Callable[[], bool]:
    active, level = found(torch, "_C._are_functorch_transforms_active"), found(forward_ad, "_current_level")
    if active is None or level is None:
        return publicly_transformed
    return lambda: active() or forward_ad._current_level >= 0


def through_the_dispatcher(tensors: list[Tensor], device: str) -> bool:
    """Leave every call to torch's dispatcher."""
    return False


def _untouched() -> Callable[[list[Tensor], str], bool]:
    names = "_len_torch_dispatch_stack", "_len_torch_function_stack", "_are_functorch_transforms_active"
    asked = [found(torch, f"_C.{name}") for name in (*names, "_functorch.is_legacy_batchedtensor")]
    tracing = found(torch, "_C._is_tracing") or found(torch, "jit.is_tracing")  # public, and slower
    if None in asked or found(forward_ad, "_current_level") is None:
        return through_the_dispatcher
    dispatch_modes, function_modes, transforms, is_batched = asked

    def untouched(tensors: list[Tensor], device: str) -> bool:
        return PLAIN.issuperset(map(type, tensors)) and not (
            torch.is_autocast_enabled(device)
            or dispatch_modes()
            or function_modes()
            or transforms()
            or tracing()
            or forward_ad._current_level >= 0
            or True in map(is_batched, tensors)  # is_grads_batched=True
        )

    return untouched


transformed: Callable[[], bool] = _transformed()
"""Tell whether a functorch transform or a level of forward-mode derivatives is active."""

untouched: Callable[[list[Tensor], str], bool] = _untouched()
"""Tell whether torch does nothing with a call on tensors of a device but record it for autograd."""

has_global_hooks: Callable[[], bool] = found(nn.modules.module, "_has_any_global_hook") or (lambda: True)
"""Tell whether hooks are set that see every module's call."""

MODULE_HOOKS_KNOWN = {
    *("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"),
    *("_parameters", "_modules"),
} <= vars(nn.Module()).keys()
"""Whether a module keeps its hooks and parameters where `fastdis.models` looks for them."""


@contextlib.contextmanager
def cache_in(folder: Callable[[str], str]) -> Iterator[bool]:
    """Let functions decorated meanwhile keep their code in a folder of ours; whether there is one.

    numba.config.CACHE_DIR is read while a function is decorated (Numba 0.61 to 0.68).

    Args:
        folder: gives it, "" for none, from the one that the user has set.
    """
    import numba

    config: Any = numba.config
    users = found(config, "CACHE_DIR")
    if users is None:
        yield False
        return
    config.CACHE_DIR = folder(users)
    try:
        yield config.CACHE_DIR != ""
    finally:
        config.CACHE_DIR = users


def use_wide_vectors(function: Any) -> None:
    """Let LLVM use 512-bit vectors in a function, which it avoids for old processors' sake."""
    if isinstance(function.attributes, set):
        # past llvmlite's own list of attributes, which has only those without a value (llvmlite 0.44 to 0.50)
        set.add(function.attributes, '"prefer-vector-width"="512"')


def subroutine(context: Any, dispatcher: Any, signature: Any) -> Callable[[Any, list[Any]], Any] | None:
    """Compile a function as a part of another; what calls it, and tells whether it raised.

    By Numba's own means an exception would return from the caller as from a Python function, which OpenMP's
    threads are not in. As in Numba 0.61 to 0.68; None where that cannot be done.
    """
    from numba.core import compiler

    flags = found(compiler, "Flags")
    parse = found(dispatcher, "targetdescr.options.parse_as_flags")
    call_internal = found(context, "call_internal_no_propagate")
    if None in (flags, parse, call_internal, found(context, "compile_subroutine")):
        return None
    options = flags()
    parse(options, dispatcher.targetoptions)

    def call(builder: Any, arguments: list[Any]) -> Any:
        made = context.compile_subroutine(
            builder, dispatcher.py_func, signature, flags=options, caching=False
        )
        status, _ = call_internal(builder, made.fndesc, made.signature, arguments)
        return status.is_error

    return call


def subroutines_known() -> bool:
    """Tell whether `subroutine` has what it needs, before anything is compiled."""
    from numba.core import base, compiler, registry

    return None not in (
        found(compiler, "Flags"),
        found(base, "BaseContext.compile_subroutine"),
        found(base, "BaseContext.call_internal_no_propagate"),
        found(registry, "cpu_target.options.parse_as_flags"),
    )


def gomp_parallel() -> int:
    """Return the address of GOMP_parallel in the libgomp that torch brought and uses, 0 where there is none.

    The function is what compilers call for ``#pragma omp parallel``: part of libgomp's interface since GCC
    4.9, in no document. torch 2.11 to 2.13 bring it in one of these two folders.
    """
    torch_lib = Path(torch.__file__).parent / "lib"
    libraries = [*torch_lib.glob("libgomp*.so*"), *torch_lib.parents[1].glob("torch.libs/libgomp*.so*")]
    if len(libraries) != 1:
        return 0
    function = found(ctypes.CDLL(str(libraries[0])), "GOMP_parallel")
    return 0 if function is None else ctypes.cast(function, ctypes.c_void_p).value or 0
