"""Ask for memory before it is read.

The processor foresees what follows within a page of 4 KB, but not which row of an array an index names next.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .compile import inlined

_LINE = 64  # bytes that come at once
_INT = ir.IntType(32)
_READ, _INTO_L2, _DATA = (ir.Constant(_INT, number) for number in (0, 2, 1))


@intrinsic
def _ask_for(typingctx: Any, array: Any, place: Any) -> Any:
    """Ask for the line that holds the byte ``array[place]`` of a contiguous array of bytes."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        byte = builder.gep(data, [arguments[1]])
        kind = ir.FunctionType(ir.VoidType(), [byte.type, _INT, _INT, _INT])
        fetch = builder.module.declare_intrinsic("llvm.prefetch", [byte.type], kind)
        builder.call(fetch, [byte, _READ, _INTO_L2, _DATA])
        return context.get_dummy_value()

    return types.none(array, types.intp), codegen


@inlined
def prefetch(row):
    """Ask for a contiguous row of bytes, which comes while something else is computed."""
    for place in range(0, len(row), _LINE):
        _ask_for(row, place)
