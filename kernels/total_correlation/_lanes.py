"""The three loops over the posteriors of a batch, in vector instructions, for a group of samples at once.

Numba's vectoriser keeps neither a posterior in registers for several samples nor the sums of a row, and
checks before every row whether arrays overlap: it took 0.9 to 1.6 ns a (sample, posterior, latent), forward
and backward, where these take 0.4 on a core with AVX-512 while all lies in its caches.

Densities are in powers of two: with precisions multiplied by log2(e) / 2 an exponential needs neither a
multiplication nor two parts of ln 2 to reduce its argument. None meets the end of the exponents: terms below
`LEAST` count as 0, and shifts are chosen so that none is above -LEAST.
"""

import math
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from .._tile import LANES

GROUP = 4 if LANES == 16 else 2  # samples, so that the registers suffice
LEAST = -60 / math.log(2)  # powers of two under the shift: 60 nats, a relative 1e-26

# 2^x on [-1/2, 1/2] as polynomials, the highest power first: Chebyshev fits to a relative 2e-9 and 3e-18
_SERIES = {
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


class _Vectors:
    """Instructions on vectors of one float type, at a builder."""

    def __init__(self, context: Any, builder: Any, bits: int, lanes: int | None = None) -> None:
        self.context, self.builder, self.bits = context, builder, bits
        self.lanes = lanes or LANES * 32 // bits
        self.number = ir.FloatType() if bits == 32 else ir.DoubleType()
        self.type = ir.VectorType(self.number, self.lanes)
        self._integers = ir.VectorType(ir.IntType(bits), self.lanes)
        self._multiply_add = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(self.type, [self.type] * 3), f"llvm.fmuladd.v{self.lanes}f{bits}"
        )

    def pointer(self, kind: Any, array: Any, *indices: Any) -> Any:
        array = self.context.make_array(kind)(self.context, self.builder, array)
        return cgutils.get_item_pointer(self.context, self.builder, kind, array, indices, wraparound=False)

    def along(self, pointer: Any, offset: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(pointer, [offset]), self.type.as_pointer())

    def load(self, pointer: Any) -> Any:
        return self.builder.load(pointer, align=self.bits // 8)

    def store(self, value: Any, pointer: Any) -> None:
        self.builder.store(value, pointer, align=self.bits // 8)

    def constant(self, value: float) -> Any:
        return ir.Constant(self.type, [value] * self.lanes)

    def length(self, kind: Any, array: Any) -> Any:
        shape = self.context.make_array(kind)(self.context, self.builder, array).shape
        return self.builder.extract_value(shape, 0)

    def everywhere(self, number: Any) -> Any:
        """A number in every lane."""
        lane = ir.IntType(32)
        undefined = ir.Constant(self.type, ir.Undefined)
        first = self.builder.insert_element(undefined, number, lane(0))
        return self.builder.shuffle_vector(
            first, undefined, ir.Constant(ir.VectorType(lane, self.lanes), [0] * self.lanes)
        )

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        return self.builder.call(self._multiply_add, [a, b, c])

    def density(self, x: Any, mean: Any, scaled: Any, constant: Any) -> Any:
        """constant - (x - mean)^2 scaled."""
        difference = self.builder.fsub(x, mean)
        slope = self.builder.fneg(self.builder.fmul(difference, scaled))
        return self.multiply_add(slope, difference, constant)

    def sum(self, value: Any) -> Any:
        """Of the lanes, pairwise."""
        lane, width = ir.IntType(32), self.lanes
        while width > 1:
            width //= 2
            halves = [ir.Constant(ir.VectorType(lane, width), list(range(k, k + width))) for k in (0, width)]
            value = self.builder.fadd(*(self.builder.shuffle_vector(value, value, half) for half in halves))
        return self.builder.extract_element(value, lane(0))

    def share(self, weight: Any, x: Any) -> Any:
        """weight 2^x, and 0 where x is not above LEAST; x has to be below 120."""
        builder = self.builder
        mantissa = 23 if self.bits == 32 else 52
        whole = self.constant(1.5 * 2.0**mantissa)  # added, the last bits are x to the nearest integer
        shifted = builder.fadd(x, whole)
        rest = builder.fsub(x, builder.fsub(shifted, whole))
        series = [self.constant(value) for value in _SERIES[self.bits]]
        power = series[0]
        for value in series[1:]:
            power = self.multiply_add(power, rest, value)
        exponent = builder.shl(
            builder.bitcast(shifted, self._integers), ir.Constant(self._integers, [mantissa] * self.lanes)
        )
        power = builder.bitcast(builder.add(builder.bitcast(power, self._integers), exponent), self.type)
        above = builder.fcmp_ordered(">", x, self.constant(LEAST))
        return builder.select(above, builder.fmul(weight, power), self.constant(0.0))

    def total(self) -> Any:
        return cgutils.alloca_once_value(self.builder, self.constant(0.0))

    def add(self, place: Any, value: Any) -> None:
        self.builder.store(self.builder.fadd(self.builder.load(place), value), place)

    def add_to(self, pointer: Any, total: Any) -> None:
        """The sum of a total's lanes to the number there."""
        value = self.sum(self.builder.load(total))
        self.builder.store(self.builder.fadd(self.builder.load(pointer), value), pointer)


@intrinsic
def _density(typingctx, x, mean, scaled, constant):
    def codegen(context, builder, signature, arguments):
        v = _Vectors(context, builder, signature.return_type.bitwidth, lanes=1)
        return builder.extract_element(v.density(*map(v.everywhere, arguments)), ir.IntType(32)(0))

    return x(x, mean, scaled, constant), codegen


def _opened(context: Any, builder: Any, signature: Any, arguments: Any) -> tuple[Any, ...]:
    """The vectors, an array's element by its place among the arguments, and what place and part say."""
    kinds = signature.args
    v = _Vectors(context, builder, next(k.dtype.bitwidth for k in kinds if isinstance(k, types.Array)))

    def at(k: int, *indices: Any) -> Any:
        return v.pointer(kinds[k], arguments[k], *indices)

    d, sample, row = cgutils.unpack_tuple(builder, arguments[0])
    start, stop = cgutils.unpack_tuple(builder, arguments[1])
    samples, rows = ([builder.add(k, k.type(g)) for g in range(GROUP)] for k in (sample, row))
    return v, at, d, samples, rows, start, builder.udiv(builder.sub(stop, start), start.type(v.lanes))


@intrinsic
def _marginals(
    typingctx, place, part, points, shifts, mean, scaled, constant, weights, joint, marginal, totals
):
    def codegen(context, builder, signature, arguments):
        v, at, d, samples, rows, start, count = _opened(context, builder, signature, arguments)
        xs, lows = ([v.everywhere(builder.load(at(k, d, t))) for t in samples] for k in (2, 3))
        tables = [at(k, d, start) for k in (4, 5, 6)]
        shares, joints = ([at(k, row, start) for row in rows] for k in (7, 8))
        outs = [at(9, d, row, start) for row in rows]
        sums = [v.total() for _ in rows]
        with cgutils.for_range(builder, count) as loop:
            j = builder.mul(loop.index, start.type(v.lanes))
            m, p, c = (v.load(v.along(table, j)) for table in tables)
            for x, low, share, row, out, total in zip(xs, lows, shares, joints, outs, sums, strict=True):
                density = v.density(x, m, p, c)
                place = v.along(row, j)
                v.store(builder.fadd(v.load(place), density), place)
                value = v.share(v.load(v.along(share, j)), builder.fsub(density, low))
                v.store(value, v.along(out, j))
                v.add(total, value)
        for t, total in zip(samples, sums, strict=True):
            v.add_to(at(10, d, t), total)
        return context.get_dummy_value()

    return types.none(
        place, part, points, shifts, mean, scaled, constant, weights, joint, marginal, totals
    ), codegen


@intrinsic
def _joints(typingctx, place, part, shifts, weights, joint, totals):
    def codegen(context, builder, signature, arguments):
        v, at, d, samples, rows, start, count = _opened(context, builder, signature, arguments)
        lows = [v.everywhere(builder.load(at(2, d, t))) for t in samples]
        shares, joints = ([at(k, row, start) for row in rows] for k in (3, 4))
        sums = [v.total() for _ in rows]
        with cgutils.for_range(builder, count) as loop:
            j = builder.mul(loop.index, start.type(v.lanes))
            for low, share, row, total in zip(lows, shares, joints, sums, strict=True):
                place = v.along(row, j)
                value = v.share(v.load(v.along(share, j)), builder.fsub(v.load(place), low))
                v.store(value, place)
                v.add(total, value)
        for t, total in zip(samples, sums, strict=True):
            v.add_to(at(5, d, t), total)
        return context.get_dummy_value()

    return types.none(place, part, shifts, weights, joint, totals), codegen


@intrinsic
def _slopes(
    typingctx,
    place,
    part,
    points,
    coefficients,
    mean,
    precision,
    marginal,
    joint,
    totals,
    by_point,
    grad_mean,
    grad_logvar,
):
    def codegen(context, builder, signature, arguments):
        v, at, d, samples, rows, start, count = _opened(context, builder, signature, arguments)
        xs = [v.everywhere(builder.load(at(2, d, t))) for t in samples]
        last = builder.sub(v.length(signature.args[8], arguments[8]), d.type(1))
        factors = [
            [v.everywhere(builder.fdiv(factor, builder.load(at(8, k, t)))) for t in samples]
            for factor, k in zip(cgutils.unpack_tuple(builder, arguments[3]), (last, d), strict=True)
        ]
        tables, grads = ([at(k, d, start) for k in pair] for pair in ((4, 5), (10, 11)))
        marginals, joints = [at(6, d, row, start) for row in rows], [at(7, row, start) for row in rows]
        sums = [v.total() for _ in rows]
        with cgutils.for_range(builder, count) as loop:
            j = builder.mul(loop.index, start.type(v.lanes))
            m, p = (v.load(v.along(table, j)) for table in tables)
            places = [v.along(grad, j) for grad in grads]
            by_mean, by_logvar = (v.load(place) for place in places)
            for x, a, b, row, column, total in zip(xs, *factors, joints, marginals, sums, strict=True):
                difference = builder.fsub(x, m)
                g = v.multiply_add(b, v.load(v.along(column, j)), builder.fmul(a, v.load(v.along(row, j))))
                slope = builder.fmul(g, builder.fmul(difference, p))
                v.add(total, slope)
                by_mean = builder.fadd(by_mean, slope)
                by_logvar = builder.fadd(by_logvar, v.multiply_add(slope, difference, builder.fneg(g)))
            for value, place in zip((by_mean, by_logvar), places, strict=True):
                v.store(value, place)
        for t, total in zip(samples, sums, strict=True):
            v.add_to(at(9, d, t), total)
        return context.get_dummy_value()

    return types.none(
        place,
        part,
        points,
        coefficients,
        mean,
        precision,
        marginal,
        joint,
        totals,
        by_point,
        grad_mean,
        grad_logvar,
    ), codegen


# Functions of their own, without Numba's fast arithmetic, which would undo the rounding by addition. place is
# (latent, the first sample's number in the chunk, and in the tile), part the posteriors from and to.


@njit(error_model="numpy", fastmath=False)
def density(x, mean, scaled, constant):
    """constant - (x - mean)^2 scaled, rounded as in `marginals`: the largest is a shift however far off."""
    return _density(x, mean, scaled, constant)


@njit(error_model="numpy", fastmath=False)
def marginals(place, part, points, shifts, mean, scaled, constant, weights, joint, marginal, totals):
    """marginal (latent, tile, padded) = w_ij 2^(density - shift), summed over j to totals (latent + 1, rows).

    points and shifts (latent, rows); mean, scaled and constant (latent, padded); weights (tile, padded). The
    densities are added to joint (tile, padded).
    """
    _marginals(place, part, points, shifts, mean, scaled, constant, weights, joint, marginal, totals)


@njit(error_model="numpy", fastmath=False)
def joints(place, part, shifts, weights, joint, totals):
    """joint = w_ij 2^(joint - shift), summed over j to totals; place's latent is one past the last."""
    _joints(place, part, shifts, weights, joint, totals)


@njit(error_model="numpy", fastmath=False)
def slopes(
    place,
    part,
    points,
    coefficients,
    mean,
    precision,
    marginal,
    joint,
    totals,
    by_point,
    grad_mean,
    grad_logvar,
):
    """The gradients, for coefficients (c, e)::

    g = c joint / its total + e marginal / its total,  s = g (point - mean) precision
    by_point (latent, rows) += sum over j of s
    grad_mean (latent, padded) += sum over i of s
    grad_logvar (latent, padded) += sum over i of s (point - mean) - g
    """
    _slopes(
        place,
        part,
        points,
        coefficients,
        mean,
        precision,
        marginal,
        joint,
        totals,
        by_point,
        grad_mean,
        grad_logvar,
    )
