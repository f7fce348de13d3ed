"""A tile of multiply-adds that stays in registers: the inner loop of CPU kernels that are matrix products.

LLVM's vectoriser spills such a tile, so its instructions are written out. Its accumulators, a row of the
weight and a broadcast must fit the registers: 32 of 16 numbers with AVX-512, else 16 of 8. On a core with
AVX-512 a loop over tiles runs at 160 GFLOPS, as do the matrix products of MKL.
"""

from typing import Any

from .simd import SIMD_WIDTH, vector_code

TILE_ROWS = 8 if SIMD_WIDTH == 16 else 4
ROW_GROUP = 4  # the rows of a tile are groups of four


def register_tile(vectors: int) -> Any:
    """Return multiply_add for tiles of TILE_ROWS rows and ``vectors`` registers, callable in compiled code.

    out[p, :] = initial[p, :] + sum over r < runs and s < steps of x[p, r, s] * weight[r, s, :]

    multiply_add(initial, initial_strides, out, out_strides, x, x_strides, weight, weight_strides, size): the
    arrays are float32 and flat and come with the index of their first number, (array, start). Strides are in
    numbers: for initial, out and x that from a row p to the next and that from a group of rows to the next,
    for x and weight that of r and that of s. size is (runs, steps).
    """

    @vector_code
    def multiply_add(
        v, initial, initial_strides, out, out_strides, x, x_strides, weight, weight_strides, size
    ):
        initials, outs, xs, weights = (array.data + start for array, start in (initial, out, x, weight))
        *to_row, run_stride, step_stride = x_strides
        weight_run, weight_step = weight_strides
        sums = {
            (p, k): v.variable(v.load(_row(initials, p, *initial_strides) + k * v.width))
            for p in range(TILE_ROWS)
            for k in range(vectors)
        }
        with v.loop(0, size[0]) as r:
            x_of_run, weight_of_run = xs + r * run_stride, weights + r * weight_run
            with v.loop(0, size[1]) as s:
                x_here, weight_here = x_of_run + s * step_stride, weight_of_run + s * weight_step
                factors = [v.load(weight_here + k * v.width) for k in range(vectors)]
                for p in range(TILE_ROWS):
                    number = v.splat(v.load_number(_row(x_here, p, *to_row)))
                    for k, factor in enumerate(factors):
                        sums[p, k].value = v.multiply_add(number, factor, sums[p, k].value)
        for (p, k), total in sums.items():
            v.store(_row(outs, p, *out_strides) + k * v.width, total.value)

    return multiply_add


def _row(first: Any, p: int, near: Any, far: Any) -> Any:
    """The place of row p: within its group, then from group to group."""
    return first + near * (p % ROW_GROUP) + far * (p // ROW_GROUP)
