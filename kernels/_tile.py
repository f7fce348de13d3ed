"""A tile of multiply-adds that stays in registers: the inner loop of CPU kernels that are matrix products.

LLVM's vectoriser spills such a tile, so its instructions are written out. Its accumulators, a row of the
weight and a broadcast must fit the registers: 32 of 16 numbers with AVX-512, else 16 of 8. On a core with
AVX-512 a loop over tiles runs at 160 GFLOPS, as do the matrix products of MKL.
"""

from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES, ROWS = (16, 8) if llvmlite.binding.get_host_cpu_features().get("avx512f") else (8, 4)
GROUP = 4  # the rows of a tile are groups of four


def tile(vectors: int) -> Any:
    """multiply_add for tiles of ROWS rows and ``vectors`` registers.

    out[p, :] = initial[p, :] + sum over r < runs and s < steps of x[p, r, s] * weight[r, s, :]

    multiply_add(initial, initial_strides, out, out_strides, x, x_strides, weight, weight_strides, size): the
    arrays are float32 and flat and come with the index of their first number, (array, start). Strides are in
    numbers: for initial, out and x that from a row p to the next and that from a group of rows to the next,
    for x and weight that of r and that of s. size is (runs, steps).
    """

    @intrinsic
    def multiply_add(
        typingctx: Any,
        initial: Any,
        initial_strides: Any,
        out: Any,
        out_strides: Any,
        x: Any,
        x_strides: Any,
        weight: Any,
        weight_strides: Any,
        size: Any,
    ) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _write(context, builder, vectors, list(zip(signature.args, arguments, strict=True)))
            return context.get_dummy_value()

        return types.none(
            initial, initial_strides, out, out_strides, x, x_strides, weight, weight_strides, size
        ), codegen

    return multiply_add


def _write(context: Any, builder: Any, vectors: int, arguments: list[tuple[Any, Any]]) -> None:
    vector, index = ir.VectorType(ir.FloatType(), LANES), ir.IntType(64)
    lane = ir.IntType(32)
    everywhere = ir.Constant(ir.VectorType(lane, LANES), [0] * LANES)
    undefined = ir.Constant(vector, ir.Undefined)
    multiply_add = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fmuladd.v{LANES}f32"
    )

    def unpack(k: int) -> list[Any]:
        kind, value = arguments[k]
        return [builder.extract_value(value, part) for part in range(len(kind))]

    def first(k: int) -> Any:
        array, start = unpack(k)
        return builder.gep(context.make_array(arguments[k][0][0])(context, builder, array).data, [start])

    def along(pointer: Any, count: Any, stride: Any) -> Any:
        return builder.gep(pointer, [builder.mul(count, stride)])

    def row(pointer: Any, p: int, near: Any, far: Any) -> Any:
        return along(along(pointer, index(p % GROUP), near), index(p // GROUP), far)

    def lanes(pointer: Any, v: int) -> Any:
        return builder.bitcast(builder.gep(pointer, [index(v * LANES)]), vector.as_pointer())

    initials, outs, xs, weights = (first(k) for k in (0, 2, 4, 6))
    near, far, run_stride, step_stride = unpack(5)
    weight_run, weight_step = unpack(7)
    runs, steps = unpack(8)
    sums = [[cgutils.alloca_once(builder, vector) for _ in range(vectors)] for _ in range(ROWS)]
    for p, v, place in _each(sums):
        builder.store(builder.load(lanes(row(initials, p, *unpack(1)), v), align=4), place)
    with cgutils.for_range(builder, runs) as r:
        x_of_run, weight_of_run = along(xs, r.index, run_stride), along(weights, r.index, weight_run)
        with cgutils.for_range(builder, steps) as s:
            x, weight = along(x_of_run, s.index, step_stride), along(weight_of_run, s.index, weight_step)
            factors = [builder.load(lanes(weight, v), align=4) for v in range(vectors)]
            for p, places in enumerate(sums):
                value = builder.insert_element(undefined, builder.load(row(x, p, near, far)), lane(0))
                value = builder.shuffle_vector(value, undefined, everywhere)
                for factor, place in zip(factors, places, strict=True):
                    builder.store(builder.call(multiply_add, [value, factor, builder.load(place)]), place)
    for p, v, place in _each(sums):
        builder.store(builder.load(place), lanes(row(outs, p, *unpack(3)), v), align=4)


def _each(sums: list[list[Any]]) -> list[tuple[int, int, Any]]:
    return [(p, v, place) for p, places in enumerate(sums) for v, place in enumerate(places)]
