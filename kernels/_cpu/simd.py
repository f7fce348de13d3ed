"""Loops in vector instructions, written in Python.

LLVM's vectoriser keeps neither a value in registers for several rows at once nor the sums of several rows,
and checks before every loop whether arrays overlap. Where that costs, a function under `vector_code` says
which instructions are wanted. It is called once for each combination of types, while its caller is compiled,
with arguments that stand for values: what it does with them is written down. So Python's own loops unroll,
and `v.loop` is the loop that the machine runs::

    @vector_code
    def add_scaled(v, out, x, factor, size):
        outs, xs, factors = out.at(0), x.at(0), v.splat(factor)
        with v.loop(0, size, v.width) as j:
            v.store(outs + j, v.multiply_add(v.load(xs + j), factors, v.load(outs + j)))

`size` is a multiple of v.width: arrays are padded, for there is no code for a remainder.
"""

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .compile import inlined_exact

SIMD_WIDTH = 16 if llvmlite.binding.get_host_cpu_features().get("avx512f") else 8  # float32 in a register

_INDEX, _LANE = ir.IntType(64), ir.IntType(32)


def vector_code(
    function: Callable[..., Any] | None = None,
    *,
    width: int | None = None,
    exact: bool = False,
    returns: Callable[..., Any] = types.none,
) -> Any:
    """Make ``function(v, *arguments)`` callable in compiled code as ``function(*arguments)``.

    v is the `VectorCode` for vectors of the float type that comes first among the arguments. They are
    `Array`, `Value`, None or tuples of these.

    Args:
        width: numbers in a vector; what a register holds if None.
        exact: keep float arithmetic as it is written; else it follows the rules of the calling function.
        returns: from the types of the arguments to the signature.
    """
    if function is None:
        return functools.partial(vector_code, width=width, exact=exact, returns=returns)
    parameters = list(inspect.signature(function).parameters.values())[1:]

    def define(typingctx: Any, *kinds: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            v = VectorCode(context, builder, _float_type(signature.args), width)
            arguments = [v.argument(kind, value) for kind, value in zip(signature.args, values, strict=True)]
            result = function(v, *arguments)
            return context.get_dummy_value() if result is None else result.value

        return returns(*kinds), codegen

    functools.update_wrapper(define, function)
    first = inspect.Parameter("typingctx", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    define.__signature__ = inspect.Signature([first, *parameters])
    code = intrinsic(define)
    return inlined_exact(lambda *arguments: code(*arguments)) if exact else code


def _float_type(kinds: Any) -> Any:
    """The first float type among types, the types in tuples, and those of arrays."""
    for kind in kinds:
        if isinstance(kind, types.Array):
            return kind.dtype
        if isinstance(kind, types.Float):
            return kind
        if isinstance(kind, types.BaseTuple) and (found := _float_type(kind)) is not None:
            return found
    return None


class VectorCode:
    """The instructions on vectors of `width` numbers of a float type, written down at a builder."""

    def __init__(self, context: Any, builder: Any, number: Any, width: int | None = None) -> None:
        self.context, self.builder, self.bits = context, builder, number.bitwidth
        self.width = width or SIMD_WIDTH * 32 // self.bits
        self._number_type = number
        self.vector = ir.VectorType(context.get_data_type(number), self.width)
        self._integers = ir.VectorType(ir.IntType(self.bits), self.width)

    def argument(self, kind: Any, value: Any) -> Any:
        """Return an argument as the code sees it: an integer is an index, a float a scalar."""
        if isinstance(kind, types.Array):
            return Array(self, kind, value)
        if isinstance(kind, types.BaseTuple):
            parts = cgutils.unpack_tuple(self.builder, value)
            made = [self.argument(*part) for part in zip(kind, parts, strict=True)]
            return kind.instance_class(*made) if isinstance(kind, types.BaseNamedTuple) else tuple(made)
        if isinstance(kind, types.NoneType):
            return None
        wanted = types.intp if isinstance(kind, types.Integer) else self._number_type
        return Value(self, self.context.cast(self.builder, value, kind, wanted))

    def constant(self, number: float) -> "Value":
        """The number in every place of a vector."""
        return Value(self, ir.Constant(self.vector, [number] * self.width))

    def splat(self, number: "Value") -> "Value":
        """The number in every place of a vector."""
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(undefined, number.value, _LANE(0))
        zeros = ir.Constant(ir.VectorType(_LANE, self.width), [0] * self.width)
        return Value(self, self.builder.shuffle_vector(first, undefined, zeros))

    def load(self, pointer: "Pointer") -> "Value":
        """The vector that begins there."""
        place = self.builder.bitcast(pointer.value, self.vector.as_pointer())
        return Value(self, self.builder.load(place, align=self.bits // 8))

    def load_number(self, pointer: "Pointer") -> "Value":
        """The one number there."""
        return Value(self, self.builder.load(pointer.value))

    def store(self, pointer: "Pointer", value: "Value") -> None:
        """Write a vector, or a number, there."""
        place = self.builder.bitcast(pointer.value, value.value.type.as_pointer())
        self.builder.store(value.value, place, align=self.bits // 8)

    def multiply_add(self, a: "Value", b: "Value", c: "Value | float") -> "Value":
        """a b + c, rounded once where the processor can; of vectors or of numbers."""
        kind = a.value.type
        suffix = f"v{kind.count}f{self.bits}" if isinstance(kind, ir.VectorType) else f"f{self.bits}"
        return self._call(f"llvm.fmuladd.{suffix}", a, b, a.like(c))

    def maximum(self, a: "Value", b: "Value") -> "Value":
        """The larger of each two, the second where one is NaN."""
        return self.select(a > b, a, b)

    def select(self, condition: "Value", a: "Value", b: "Value | float") -> "Value":
        """a where the condition holds, else b."""
        return Value(self, self.builder.select(condition.value, a.value, a.like(b).value))

    def sum(self, vector: "Value") -> "Value":
        """The sum of the numbers of a vector, added in pairs."""
        value, width = vector.value, self.width
        while width > 1:
            width //= 2
            halves = [ir.Constant(ir.VectorType(_LANE, width), list(range(k, k + width))) for k in (0, width)]
            value = self.builder.fadd(*(self.builder.shuffle_vector(value, value, half) for half in halves))
        return Value(self, self.builder.extract_element(value, _LANE(0)))

    def any(self, condition: "Value") -> "Value":
        """Whether the condition holds anywhere in the vector."""
        mask = ir.IntType(self.width)
        return Value(
            self, self.builder.icmp_unsigned("!=", self.builder.bitcast(condition.value, mask), mask(0))
        )

    def as_integers(self, vector: "Value") -> "Value":
        """The bits of floats, as integers."""
        return Value(self, self.builder.bitcast(vector.value, self._integers))

    def as_floats(self, integers: "Value") -> "Value":
        """Floats from their bits."""
        return Value(self, self.builder.bitcast(integers.value, self.vector))

    def variable(self, value: "Value | float") -> "Variable":
        """A vector that changes in a loop, kept in a register."""
        start = value if isinstance(value, Value) else self.constant(value)
        return Variable(self, cgutils.alloca_once_value(self.builder, start.value))

    @contextlib.contextmanager
    def loop(self, start: "Value | int", stop: "Value | int", step: int = 1) -> Iterator["Value"]:
        """Run what is inside for the indices of range(start, stop, step); a whole number of steps."""
        first, last = (k.value if isinstance(k, Value) else _INDEX(k) for k in (start, stop))
        # counted, so that LLVM knows how often it runs
        count = self.builder.udiv(self.builder.sub(last, first), _INDEX(step))
        with cgutils.for_range(self.builder, count) as counted:
            yield Value(self, self.builder.add(first, self.builder.mul(counted.index, _INDEX(step))))

    def _call(self, name: str, *arguments: "Value") -> "Value":
        values = [argument.value for argument in arguments]
        kind = ir.FunctionType(values[0].type, [value.type for value in values])
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return Value(self, self.builder.call(function, values))


class Value:
    """A vector, a number, an index or the outcome of a comparison."""

    def __init__(self, v: VectorCode, value: Any) -> None:
        self.v, self.value = v, value

    def like(self, other: "Value | float") -> "Value":
        """The other operand; a number of Python's becomes a constant of this value's type."""
        if isinstance(other, Value):
            return other
        kind = self.value.type
        constant = [other] * kind.count if isinstance(kind, ir.VectorType) else other
        return Value(self.v, ir.Constant(kind, constant))

    def _operate(self, of_floats: str, of_integers: str, other: "Value | float") -> "Value":
        kind = self.value.type
        number = kind.element if isinstance(kind, ir.VectorType) else kind
        name = of_integers if isinstance(number, ir.IntType) else of_floats
        return Value(self.v, getattr(self.v.builder, name)(self.value, self.like(other).value))

    def __add__(self, other: "Value | float") -> "Value":
        return self._operate("fadd", "add", other)

    def __sub__(self, other: "Value | float") -> "Value":
        return self._operate("fsub", "sub", other)

    def __mul__(self, other: "Value | float") -> "Value":
        return self._operate("fmul", "mul", other)

    def __truediv__(self, other: "Value | float") -> "Value":
        return Value(self.v, self.v.builder.fdiv(self.value, self.like(other).value))

    def __lshift__(self, other: int) -> "Value":
        return Value(self.v, self.v.builder.shl(self.value, self.like(other).value))

    def __neg__(self) -> "Value":
        return Value(self.v, self.v.builder.fneg(self.value))

    def __gt__(self, other: "Value | float") -> "Value":
        """False where one is NaN."""
        return Value(self.v, self.v.builder.fcmp_ordered(">", self.value, self.like(other).value))


class Variable:
    """A vector that changes in a loop."""

    def __init__(self, v: VectorCode, place: Any) -> None:
        self.v, self._place = v, place

    @property
    def value(self) -> Value:
        return Value(self.v, self.v.builder.load(self._place))

    @value.setter
    def value(self, new: Value) -> None:
        self.v.builder.store(new.value, self._place)

    def __iadd__(self, other: Value) -> "Variable":
        self.value = self.value + other
        return self


class Pointer:
    """The place of a number in an array; pointer + index is so many numbers further."""

    def __init__(self, v: VectorCode, value: Any) -> None:
        self.v, self.value = v, value

    def __add__(self, index: "Value | int") -> "Pointer":
        offset = index.value if isinstance(index, Value) else _INDEX(index)
        return Pointer(self.v, self.v.builder.gep(self.value, [offset]))


class Array:
    """An argument that is an array, C-contiguous."""

    def __init__(self, v: VectorCode, kind: Any, value: Any) -> None:
        self.v, self._kind = v, kind
        self._array = v.context.make_array(kind)(v.context, v.builder, value)

    @property
    def data(self) -> Pointer:
        """The place of the first number."""
        return Pointer(self.v, self._array.data)

    def at(self, *indices: "Value | int") -> Pointer:
        """The place of the number with these indices, one an axis."""
        values = [index.value if isinstance(index, Value) else _INDEX(index) for index in indices]
        return Pointer(
            self.v,
            cgutils.get_item_pointer(self.v.context, self.v.builder, self._kind, self._array, values),
        )

    def size(self, axis: int) -> Value:
        """How many numbers it has along an axis."""
        return Value(self.v, self.v.builder.extract_value(self._array.shape, axis))
