"""The loop of a kernel's threads over its chunks, compiled: OpenMP calls it, and not Python."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils, compiler
from numba.extending import intrinsic


@intrinsic
def take(
    typingctx: Any,
    parallel: Any,
    threads: Any,
    worker: Any,
    taken: Any,
    chunks: Any,
    step: Any,
    arguments: Any,
) -> Any:
    """Call worker(first, last, *arguments) for chunks that no thread has taken yet, until none is left.

    parallel: the address of GOMP_parallel, which then runs the loop on so many threads; 0: this thread alone.
    taken: int64 (1,), the chunks taken so far, shared by all threads. step: chunks taken at once.
    True where a call raised.
    """
    dispatcher = worker.dispatcher
    flags = compiler.Flags()
    dispatcher.targetdescr.options.parse_as_flags(flags, dispatcher.targetoptions)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        parallel, threads, _, taken, chunks, step, arguments = values
        counter = context.make_array(signature.args[3])(context, builder, taken).data
        failed = cgutils.alloca_once_value(builder, context.get_constant(types.int32, 0))
        arguments = cgutils.unpack_tuple(builder, arguments)
        kinds = signature.args[6]
        lent = [_lent(context, builder, kind, value) for kind, value in zip(kinds, arguments, strict=True)]
        shared = [counter, chunks, step, failed, *lent]
        data = cgutils.alloca_once_value(builder, cgutils.make_anonymous_struct(builder, shared))
        called = types.void(types.int64, types.int64, *kinds)
        compiled = context.compile_subroutine(builder, dispatcher.py_func, called, flags=flags, caching=False)
        region = _region(context, builder.module, data.type, compiled)
        data = builder.bitcast(data, cgutils.voidptr_t)
        with builder.if_else(cgutils.is_not_null(builder, parallel)) as (with_others, alone):
            with with_others:
                unsigned = ir.IntType(32)
                kind = ir.FunctionType(ir.VoidType(), [region.type, data.type, unsigned, unsigned])
                count = builder.trunc(threads, unsigned)
                builder.call(
                    builder.inttoptr(parallel, kind.as_pointer()), [region, data, count, unsigned(0)]
                )
            with alone:
                builder.call(region, [data])
        return cgutils.is_not_null(builder, builder.load(failed))

    return types.boolean(parallel, threads, worker, taken, chunks, step, arguments), codegen


def _lent(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """An array without its count of references, for which threads that make views would wait.

    The caller holds a reference for as long as the threads run.
    """
    if not isinstance(kind, types.Array):
        return value
    array = context.make_array(kind)(context, builder, value)
    array.meminfo = cgutils.get_null_value(array.meminfo.type)
    return array._getvalue()


def _region(context: Any, module: Any, data_type: Any, compiled: Any) -> Any:
    """``void region(void *data)``: the loop of one thread."""
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
    status, _ = context.call_internal_no_propagate(
        builder, compiled.fndesc, compiled.signature, [first, last, *arguments]
    )
    with builder.if_then(status.is_error):
        builder.store(failed.type.pointee(1), failed)
    builder.branch(loop)
    builder.position_at_end(end)
    builder.ret_void()
    return region
