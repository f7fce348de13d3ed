"""What every CPU kernel shares: one set of njit options, one launch rule, the vectorisable exponentials.

Threads. A kernel is a worker over a range of chunks that releases the GIL; threads take chunks until none is
left. The number of chunks depends on the shape alone, each writes its own place, and partial sums are added
in their order: the same machine code runs on the same chunks whatever the number of threads, so no bit of a
result depends on it. Numba's own parallel loops compile every kernel twice, to different bits, and its OpenMP
layer ends a forked process. ``torch.set_num_threads`` is obeyed.

Cache. Compiled code is kept in the user's cache directory under a digest of all kernels' files, because
Numba's own staleness test does not see that another file has changed. Where that
directory cannot be written (a read-only container) kernels are compiled once in each process.
"""

import functools
import hashlib
import math
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import platformdirs
import torch
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from . import _chunks, _threads

# reassoc lets sums vectorise; nnan and ninf are left out, so NaN and infinity keep their meaning
_FASTMATH = {"contract", "reassoc", "nsz", "arcp"}
_STRICT = {"fastmath": {"contract"}, "error_model": "numpy"}

# what a call of a worker should be worth at least, since some allocate and clear arrays of their own
_CALL_NS = 10_000

_HALF = (torch.float16, torch.bfloat16)


def _cache_directory() -> str:
    """A writable directory for compiled code, or "" where there is none."""
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    directory = Path(numba.config.CACHE_DIR or platformdirs.user_cache_path("fastdis")) / f"numba-{digest}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError:
        return ""
    return str(directory) if os.access(directory, os.W_OK) else ""


_CACHE = _cache_directory()
_decorating = threading.Lock()


def njit(function: Callable[..., Any]) -> Any:
    """numba.njit with the options of this project."""
    with _decorating:
        users, numba.config.CACHE_DIR = numba.config.CACHE_DIR, _CACHE  # read once, while decorating
        try:
            return numba.njit(
                function, nogil=True, error_model="numpy", fastmath=_FASTMATH, cache=bool(_CACHE)
            )
        finally:
            numba.config.CACHE_DIR = users


def threads(nanoseconds: float) -> int:
    """How many threads that much single-thread work is worth: one below 30 microseconds."""
    return 1 if nanoseconds < 30_000 else torch.get_num_threads()


def launch(worker: Any, chunks: int, nanoseconds: float, *arguments: Any) -> None:
    """Run ``worker(first, last, *arguments)`` over all chunks, on as many threads as the work is worth.

    These are all of torch's or one, whatever the number of chunks: OpenMP ends and makes threads where it
    changes.

    Raises:
        MemoryError: the worker found none.
    """
    count = threads(nanoseconds) if chunks > 1 else 1
    step = chunks
    if count > 1:
        step = max(1, chunks // (8 * count), math.ceil(chunks * _CALL_NS / nanoseconds))
    _threads.run(_loop(worker), count, np.zeros(1, np.int64), chunks, step, *arguments)


_worker: Any = None  # of the template; each compiled loop has its own


def _template(parallel, threads, taken, chunks, step, *arguments):
    return _chunks.take(parallel, threads, _worker, taken, chunks, step, arguments)


@functools.cache
def _loop(worker: Any) -> Any:
    """The compiled loop over the chunks of a worker, kept in the cache beside it."""
    of = worker.py_func
    assert of.__closure__ is None, "the cache tells loops apart by their workers' names"
    name = f"{of.__name__}_chunks"
    code = _template.__code__.replace(
        co_filename=of.__code__.co_filename, co_firstlineno=of.__code__.co_firstlineno, co_name=name
    )
    loop = type(of)(code, {"_chunks": _chunks, "_worker": worker}, name)
    loop.__module__, loop.__qualname__ = of.__module__, name  # the cache's file is named after them
    return njit(loop)


def array(tensor: torch.Tensor) -> np.ndarray:
    """The memory of a CPU tensor as a C-contiguous NumPy array; half types are widened to float32."""
    if tensor.dtype in _HALF:
        tensor = tensor.float()
    return tensor.contiguous().numpy(force=True)


def tensor(array: np.ndarray, dtype: torch.dtype) -> torch.Tensor:
    """An array as a CPU tensor of that dtype, in the same memory unless it must be narrowed."""
    made = torch.from_numpy(array)
    return made if made.dtype == dtype else made.to(dtype)


@intrinsic
def wide_vectors(typingctx: Any) -> Any:
    """Let the loops of the calling kernel use 512-bit vectors, which LLVM avoids for old processors' sake."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        # past llvmlite's own list of attributes, which has only those without a value
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.none(), codegen


@intrinsic
def _round(typingctx: Any, x: Any) -> Any:
    """Nearest integer as a float: one instruction, where np.rint is a call that stops the vectoriser."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(arguments[0].type, [arguments[0].type]),
            f"llvm.rint.f{signature.args[0].bitwidth}",
        )
        return builder.call(function, arguments)

    return x(x), codegen


@intrinsic
def _power_of_two(typingctx: Any, n: Any) -> Any:
    """2**n for an integral float n, by writing the exponent's bits; the type's smallest exponent gives 0."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = signature.args[0].bitwidth
        integer = ir.IntType(bits)
        mantissa, bias = (23, 127) if bits == 32 else (52, 1023)
        exponent = builder.fptosi(arguments[0], integer)
        exponent = builder.shl(builder.add(exponent, integer(bias)), integer(mantissa))
        return builder.bitcast(exponent, arguments[0].type)

    return n(n), codegen


# exp(r) = 1 + r + r^2 (1/2 + r/6 + r^2/24 + ...) on |r| <= ln(2)/2. The terms left out are below 1e-8
# (float32) and 1e-18 (float64) of the result. Highest power first, as Horner's rule takes them.
_SERIES = {
    np.float32: tuple(np.float32(1 / math.factorial(k)) for k in range(7, 1, -1)),
    np.float64: tuple(1 / math.factorial(k) for k in range(14, 1, -1)),
}
_LN2 = {  # in two parts, so that n * high is exact
    np.float32: (np.float32(0.693145751953125), np.float32(1.428606765330187e-06)),
    np.float64: (0.693147180559663, 2.8235290563031577e-13),
}
_RANGE = {np.float32: (np.float32(-87.6), np.float32(89.0)), np.float64: (-708.5, 710.0)}


def _exponentials(dtype: Any) -> tuple[Any, Any]:
    """exp, and expm1 with its remainder, of one float type: free of branches, so that loops vectorise.

    "contract" alone: reassociation would fold the two parts of ln 2 into one.
    """
    series, (high, low), (smallest, largest) = _SERIES[dtype], _LN2[dtype], _RANGE[dtype]
    half, one, two, log2e = dtype(0.5), dtype(1), dtype(2), dtype(1 / math.log(2))

    @numba.njit(**_STRICT)
    def reduce(x):
        x = smallest if x < smallest else x
        x = largest if x > largest else x
        n = _round(x * log2e)
        r = (x - n * high) - n * low
        q = series[0]
        for k in range(1, len(series)):
            q = q * r + series[k]
        return r, r * r * q, _power_of_two(n - one), n

    @numba.njit(**_STRICT)
    def exp(x):
        r, tail, half_scale, _ = reduce(x)
        return ((one + (r + tail)) * half_scale) * two  # 2**128 alone would overflow before the product

    @numba.njit(**_STRICT)
    def expm1_parts(x):
        r, tail, half_scale, n = reduce(x)
        e = ((r + tail) * half_scale + (half_scale - half)) * two
        return e, (tail if n == 0 else e - x)

    return exp, expm1_parts


_EXPONENTIALS = {types.float32: _exponentials(np.float32), types.float64: _exponentials(np.float64)}


def exp(x: float) -> float:
    """exp(x), to about one unit in the last place; results below the smallest normal number are 0.

    Denormal results would make every later product some ten times slower.
    """
    return math.exp(x)


def expm1_parts(x: float) -> tuple[float, float]:
    """expm1(x) and expm1(x) - x, the second without cancellation near 0."""
    return math.expm1(x), math.expm1(x) - x


@overload(exp, jit_options=_STRICT)
def _exp(x):
    return _EXPONENTIALS[x][0].py_func


@overload(expm1_parts, jit_options=_STRICT)
def _expm1_parts(x):
    return _EXPONENTIALS[x][1].py_func
