"""Random integers for kernels: SplitMix64, a stream for each column (Steele, Lea & Flood 2014)."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .compile import inlined

INCREMENT = np.uint64(0x9E3779B97F4A7C15)  # from one state of a stream to the next
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


@inlined
def _mix(state):
    state = (state ^ (state >> np.uint64(30))) * _FIRST
    state = (state ^ (state >> np.uint64(27))) * _SECOND
    return state ^ (state >> np.uint64(31))


@inlined
def stream(seed, column):
    """Return the first state of a column's stream: those of different columns start at unrelated places."""
    return _mix(seed + _mix(np.uint64(column) + INCREMENT))


@inlined
def below(state, limit):
    """Return an integer, uniform over 0 .. limit - 1: the state's 64 random bits are a fraction of limit."""
    return np.int64(_high_half(_mix(state), np.uint64(limit)))


@intrinsic
def _high_half(typingctx: Any, a: Any, b: Any) -> Any:
    """The upper 64 bits of the product of two uint64."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        a, b = (builder.zext(value, wide) for value in arguments)
        return builder.trunc(builder.lshr(builder.mul(a, b), wide(64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), codegen
