"""Kernels over chunks, on threads: each thread takes the next chunks until none is left.

The number of chunks depends on the shape alone, each writes its own place, and partial sums are added in
their order: the same machine code runs on the same chunks whatever the number of threads, so no bit of a
result depends on it. Numba's own parallel loops compile every kernel twice, to different bits, and its OpenMP
layer ends a forked process. ``torch.set_num_threads`` is obeyed.
"""

import functools
import math
import threading
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .. import _private
from .compile import INLINED, OPTIONS, cached, njit
from .threads import SCRATCH, run, thread_count

# what a call of a kernel should be worth at least, since some allocate and clear arrays of their own
_CALL_NS = 10_000


def parallel_for(kernel: Callable[..., None]) -> Callable[..., None]:
    """Run a kernel over chunks: it is ``(first, last, *arguments)``, its call ``(chunks, work, *arguments)``.

    The kernel computes the chunks from first to last - 1, all of which write different places. It is called
    for all chunks from 0 to chunks - 1, without Python's lock, by as many threads as the work is worth.

    Args of the call:
        chunks: how many there are.
        work: nanoseconds that all of them take on one thread.
        scratch: bytes that one thread works in, where it matters: all threads together take no more than
            `SCRATCH`, or they are fewer.

    Raises:
        MemoryError: a chunk found none.
        TypeError: the kernel has free variables, by which compiled code would not be told apart.
    """
    if kernel.__closure__ is not None:
        raise TypeError(f"parallel_for: {kernel.__qualname__} must not use variables of another function")
    loop = _loop_over(kernel) if _private.subroutines_known() else _python_loop_over(kernel)

    @functools.wraps(kernel)
    def launch(chunks: int, work: float, *arguments: Any, scratch: int = 0) -> None:
        threads = thread_count(work) if chunks > 1 else 1
        if scratch * threads > SCRATCH:
            threads = max(1, SCRATCH // scratch)
        step = chunks
        if threads > 1:
            step = max(1, chunks // (8 * threads), math.ceil(chunks * _CALL_NS / work))
        run(loop, threads, np.zeros(1, np.int64), chunks, step, *arguments)

    return launch


def _loop_over(kernel: Callable[..., None]) -> Any:
    """Compile the loop over the chunks of a kernel.

    Numba keeps the code of a function under its name, its line and a digest of its bytecode and its free
    variables. All these loops have one bytecode and, since Numba cannot tell free variables of two processes
    to be the same, none; so the name says which kernel, in which file and line.
    """
    source = kernel.__code__
    file = Path(source.co_filename)
    name = f"{file.stem}.{kernel.__qualname__}.{source.co_firstlineno}"
    loop = FunctionType(_loop.__code__, {"_take": _take, "_kernel": numba.njit(kernel, **OPTIONS | INLINED)})
    loop.__module__ = kernel.__module__
    loop.__name__ = loop.__qualname__ = name
    return cached(loop, file.parent)


def _python_loop_over(kernel: Callable[..., None]) -> Callable[..., bool]:
    """Share the chunks out in Python, for want of `_private.subroutine`."""
    compiled, taking = njit(kernel), threading.Lock()

    def loop(openmp: int, threads: int, taken: Any, chunks: int, step: int, *arguments: Any) -> bool:
        while True:
            with taking:
                first = int(taken[0])
                taken[0] += step
            if first >= chunks:
                return False
            compiled(first, min(first + step, chunks), *arguments)

    return loop


_kernel: Any = None  # each loop has its own


def _loop(openmp, threads, taken, chunks, step, *arguments):
    return _take(openmp, threads, _kernel, taken, chunks, step, arguments)


@intrinsic
def _take(
    typingctx: Any,
    openmp: Any,
    threads: Any,
    kernel: Any,
    taken: Any,
    chunks: Any,
    step: Any,
    arguments: Any,
) -> Any:
    """Call kernel(first, last, *arguments) for chunks that no thread has taken yet, until none is left.

    openmp: the address of GOMP_parallel, which then runs the loop on so many threads; 0: this thread alone.
    taken: int64 (1,), the chunks taken so far, shared by all threads. step: chunks taken at once.
    True where a call raised.
    """

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        openmp, threads, _, taken, chunks, step, arguments = values
        counter = context.make_array(signature.args[3])(context, builder, taken).data
        failed = cgutils.alloca_once_value(builder, context.get_constant(types.int32, 0))
        kinds = signature.args[6]
        arguments = cgutils.unpack_tuple(builder, arguments)
        lent = [_lent(context, builder, kind, value) for kind, value in zip(kinds, arguments, strict=True)]
        shared = [counter, chunks, step, failed, *lent]
        data = cgutils.alloca_once_value(builder, cgutils.make_anonymous_struct(builder, shared))
        call = _private.subroutine(context, kernel.dispatcher, types.void(types.int64, types.int64, *kinds))
        region = _region(builder.module, data.type, call)
        data = builder.bitcast(data, cgutils.voidptr_t)
        with builder.if_else(cgutils.is_not_null(builder, openmp)) as (with_others, alone):
            with with_others:
                unsigned = ir.IntType(32)
                kind = ir.FunctionType(ir.VoidType(), [region.type, data.type, unsigned, unsigned])
                gomp_parallel = builder.inttoptr(openmp, kind.as_pointer())
                builder.call(gomp_parallel, [region, data, builder.trunc(threads, unsigned), unsigned(0)])
            with alone:
                builder.call(region, [data])
        return cgutils.is_not_null(builder, builder.load(failed))

    return types.boolean(openmp, threads, kernel, taken, chunks, step, arguments), codegen


def _lent(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """Return an array without its count of references, for which threads that make views would wait.

    The caller holds a reference for as long as the threads run.
    """
    if not isinstance(kind, types.Array):
        return value
    array = context.make_array(kind)(context, builder, value)
    array.meminfo = cgutils.get_null_value(array.meminfo.type)
    return array._getvalue()


def _region(module: Any, data_type: Any, call: Callable[[Any, list[Any]], Any]) -> Any:
    """Write ``void region(void *data)``: the loop of one thread."""
    region = ir.Function(
        module, ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t]), module.get_unique_name("region")
    )
    region.linkage = "internal"
    region.attributes.add("noinline")  # one machine code for one thread and for many
    builder = ir.IRBuilder(region.append_basic_block())
    shared = builder.load(builder.bitcast(region.args[0], data_type))
    parts = [builder.extract_value(shared, k) for k in range(len(shared.type.elements))]
    counter, chunks, step, failed, *arguments = parts
    loop, body, end = (region.append_basic_block(name) for name in ("loop", "body", "end"))
    builder.branch(loop)
    builder.position_at_end(loop)
    first = builder.atomic_rmw("add", counter, step, "monotonic")
    builder.cbranch(builder.icmp_signed("<", first, chunks), body, end)
    builder.position_at_end(body)
    after = builder.add(first, step)
    last = builder.select(builder.icmp_signed("<", after, chunks), after, chunks)
    with builder.if_then(call(builder, [first, last, *arguments])):
        builder.store(failed.type.pointee(1), failed)
    builder.branch(loop)
    builder.position_at_end(end)
    builder.ret_void()
    return region
