"""Exponentials without branches: scalar ones, for loops that LLVM vectorises, and one of whole vectors.

No result is denormal: what would be is 0. Denormal numbers would make every later product some ten times
slower.
"""

import math
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

# "contract" alone: reassociation would fold the two parts of ln 2 into one
_OPTIONS = {"fastmath": {"contract"}, "error_model": "numpy", "forceinline": True}

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

# 2^x on [-1/2, 1/2] as polynomials, the highest power first: Chebyshev fits to a relative 2e-9 and 3e-18
_POWERS_OF_TWO = {
    32: (
        1.546144469856991e-4,
        1.340042817761584e-3,
        9.618056678524638e-3,
        5.550327226671702e-2,
        0.2402265092228876,
        0.6931472067028326,
        1.0,
    ),
    64: (
        4.455817908336064e-10,
        7.074194297288521e-9,
        1.017805708773394e-7,
        1.321543253591238e-6,
        1.525273384155677e-5,
        1.540353046372434e-4,
        1.333355814640647e-3,
        9.618129107587257e-3,
        5.550410866482163e-2,
        0.2402265069591016,
        0.6931471805599453,
        1.0,
    ),
}
_MANTISSA_BITS = {32: 23, 64: 52}


def exp(x: float) -> float:
    """Return exp(x), to about one unit in the last place; results below the smallest normal number are 0."""
    return math.exp(x)


def expm1_parts(x: float) -> tuple[float, float]:
    """Return expm1(x) and expm1(x) - x, the second without cancellation near 0."""
    return math.expm1(x), math.expm1(x) - x


def exp2(v: Any, x: Any) -> Any:
    """Return 2^x in the vector code `v`, for x so that the result is normal, to one unit in the last place.

    For `inlined_exact` functions: fast arithmetic would undo the rounding by addition.
    """
    mantissa = _MANTISSA_BITS[v.bits]
    whole = 1.5 * 2.0**mantissa  # added, the last bits are x to the nearest integer
    shifted = x + whole
    rest = x - (shifted - whole)
    highest, *series = _POWERS_OF_TWO[v.bits]
    power = v.constant(highest)
    for factor in series:
        power = v.multiply_add(power, rest, factor)
    return v.as_floats(v.as_integers(power) + (v.as_integers(shifted) << mantissa))


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
        integer, mantissa = ir.IntType(bits), _MANTISSA_BITS[bits]
        bias = (1 << (bits - mantissa - 2)) - 1
        exponent = builder.fptosi(arguments[0], integer)
        exponent = builder.shl(builder.add(exponent, integer(bias)), integer(mantissa))
        return builder.bitcast(exponent, arguments[0].type)

    return n(n), codegen


def _exponentials(dtype: Any) -> tuple[Any, Any]:
    """exp, and expm1 with its remainder, of one float type."""
    series, (high, low), (smallest, largest) = _SERIES[dtype], _LN2[dtype], _RANGE[dtype]
    half, one, two, log2e = dtype(0.5), dtype(1), dtype(2), dtype(1 / math.log(2))

    @numba.njit(**_OPTIONS)
    def reduce(x):
        x = smallest if x < smallest else x
        x = largest if x > largest else x
        n = _round(x * log2e)
        r = (x - n * high) - n * low
        q = series[0]
        for k in range(1, len(series)):
            q = q * r + series[k]
        return r, r * r * q, _power_of_two(n - one), n

    def exp(x):
        r, tail, half_scale, _ = reduce(x)
        return ((one + (r + tail)) * half_scale) * two  # 2**128 alone would overflow before the product

    def expm1_parts(x):
        r, tail, half_scale, n = reduce(x)
        e = ((r + tail) * half_scale + (half_scale - half)) * two
        return e, (tail if n == 0 else e - x)

    return exp, expm1_parts


_EXPONENTIALS = {types.float32: _exponentials(np.float32), types.float64: _exponentials(np.float64)}


@overload(exp, jit_options=_OPTIONS)
def _exp(x):
    return _EXPONENTIALS[x][0]


@overload(expm1_parts, jit_options=_OPTIONS)
def _expm1_parts(x):
    return _EXPONENTIALS[x][1]
