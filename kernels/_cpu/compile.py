"""The options that kernels are compiled with.

Numba compiles every function by itself, then once more within each function that calls it. The copies may
round differently, and which of them runs depends on which was loaded first: a process that compiles a kernel
would get other bits than one that finds it in the cache. So what a kernel calls is `inlined` into it, and
only whole kernels exist as machine code.
"""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numba
from numba import types
from numba.extending import intrinsic

from .. import _private
from .cache import compiled_folder

# reassoc lets sums vectorise; nnan and ninf are left out, so NaN and infinity keep their meaning
OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz", "arcp"}}
INLINED = {"forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}

_decorating = threading.Lock()


def njit(function: Callable[..., Any]) -> Any:
    """Compile a function that is called from Python."""
    return cached(function, Path(function.__code__.co_filename).parent)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function that only compiled functions call, into each of them."""
    return numba.njit(function, **OPTIONS | INLINED)


def exact(function: Callable[..., Any]) -> Any:
    """Compile a function that only compiled functions call: its copies give the same bits, fused or not."""
    return numba.njit(function, **OPTIONS | INLINED | {"fastmath": False, "forceinline": False})


def inlined_exact(function: Callable[..., Any]) -> Any:
    """Compile like `inlined`, with float arithmetic as it is written: nothing is reordered or fused."""
    return numba.njit(function, **OPTIONS | INLINED | {"fastmath": False})


def cached(function: Callable[..., Any], sources: Path) -> Any:
    """Compile a function, and keep its code in the folder for what is compiled from those sources."""
    with _decorating, _private.cache_in(partial(compiled_folder, sources)) as keep:
        return numba.njit(function, cache=keep, **OPTIONS)


@intrinsic
def wide_vectors(typingctx: Any) -> Any:
    """Let the loops of the calling kernel use 512-bit vectors, which LLVM avoids for old processors' sake."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _private.use_wide_vectors(builder.function)
        return context.get_dummy_value()

    return types.none(), codegen
