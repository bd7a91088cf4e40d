"""Many neurons at once: a value that stays in the processor's registers.

A plain loop keeps the potentials of a layer in memory and has to load and store them for
every row it adds. Held in registers they cost nothing, a row is one load and one addition,
and the comparison with the threshold leaves sixteen bits. LLVM turns the same code into
whichever vector instructions the processor has (`vaddps`, `vcmpps`, `kmovw` with AVX-512).

A vector holds LANES floating-point numbers, BYTES signed bytes or WORDS words of 64 bits.
"""

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.extending import intrinsic, register_model

LANES = 16
BYTES = 64
WORDS = 8
INT, ADDRESS = ir.IntType(32), ir.IntType(8).as_pointer()
NUMBERS = {
    types.int8: ir.IntType(8),
    types.uint64: ir.IntType(64),
    types.float32: ir.FloatType(),
    types.float64: ir.DoubleType(),
}


class Vector(types.Type):
    """A few numbers of the same kind."""

    def __init__(self, dtype):
        self.dtype = dtype
        self.whole = isinstance(dtype, types.Integer)
        self.lanes = {types.int8: BYTES, types.uint64: WORDS}.get(dtype, LANES)
        super().__init__(name=f"Vector({dtype})")


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    """In LLVM's terms."""

    def __init__(self, manager, vector):
        number = NUMBERS[vector.dtype]
        super().__init__(manager, vector, ir.VectorType(number, vector.lanes))


def element(context, builder, array, value, place):
    """The address of array[place]."""
    return builder.gep(context.make_array(array)(context, builder, value).data, [place])


@intrinsic
def load(typing, array, start):
    """array[start : start + lanes]."""
    vector = Vector(array.dtype)

    def generate(context, builder, signature, arguments):
        at = element(context, builder, array, *arguments)
        at = builder.bitcast(at, context.get_value_type(vector).as_pointer())
        return builder.load(at, align=array.dtype.bitwidth // 8)

    return vector(array, types.intp), generate


@intrinsic
def zeros(typing, array):
    """Zeros of the array's kind."""
    vector = Vector(array.dtype)

    def generate(context, builder, signature, arguments):
        return ir.Constant(context.get_value_type(vector), None)

    return vector(array), generate


@intrinsic
def add(typing, first, second):
    """first + second; whole numbers wrap around."""

    def generate(context, builder, signature, arguments):
        return (builder.add if first.whole else builder.fadd)(*arguments)

    return first(first, second), generate


@intrinsic
def mark(typing, vector, threshold, marks, place):
    """marks[place] = one bit for each lane in which vector >= threshold (uint16)."""

    def generate(context, builder, signature, arguments):
        crossed = builder.fcmp_ordered(">=", arguments[0], arguments[1])
        at = element(context, builder, marks, arguments[2], arguments[3])
        builder.store(builder.bitcast(crossed, ir.IntType(LANES)), at)
        return context.get_dummy_value()

    return types.none(vector, threshold, marks, types.intp), generate


@intrinsic
def broadcast(typing, kind, number):
    """The same number in every lane, of the kind of an array or a vector."""
    vector = Vector(kind.dtype)

    def generate(context, builder, signature, arguments):
        value = context.cast(builder, arguments[1], number, kind.dtype)
        whole = context.get_value_type(vector)
        first = builder.insert_element(ir.Constant(whole, ir.Undefined), value, INT(0))
        places = ir.Constant(ir.VectorType(INT, vector.lanes), None)
        return builder.shuffle_vector(first, first, places)

    return vector(kind, number), generate


@intrinsic
def subtract(typing, first, second):
    """first - second; whole numbers wrap around."""

    def generate(context, builder, signature, arguments):
        return (builder.sub if first.whole else builder.fsub)(*arguments)

    return first(first, second), generate


@intrinsic
def multiply(typing, first, second):
    """first * second."""

    def generate(context, builder, signature, arguments):
        return builder.fmul(*arguments)

    return first(first, second), generate


@intrinsic
def magnitude(typing, vector):
    """The absolute values: all bits but the first."""

    def generate(context, builder, signature, arguments):
        kind = arguments[0].type
        width = vector.dtype.bitwidth
        whole = ir.VectorType(ir.IntType(width), vector.lanes)
        mask = ir.Constant(whole, [2 ** (width - 1) - 1] * vector.lanes)
        bits = builder.and_(builder.bitcast(arguments[0], whole), mask)
        return builder.bitcast(bits, kind)

    return vector(vector), generate


@intrinsic
def below(typing, first, second):
    """One bit for each lane in which first < second (uint64)."""

    def generate(context, builder, signature, arguments):
        compare = builder.fcmp_ordered
        if first.whole:
            compare = builder.icmp_signed if first.dtype.signed else builder.icmp_unsigned
        bits = builder.bitcast(compare("<", *arguments), ir.IntType(first.lanes))
        return builder.zext(bits, ir.IntType(64)) if first.lanes < 64 else bits

    return types.uint64(first, second), generate


@intrinsic
def reached(typing, first, second):
    """One bit for each lane in which first >= second (uint64)."""

    def generate(context, builder, signature, arguments):
        bits = builder.bitcast(builder.fcmp_ordered(">=", *arguments), ir.IntType(first.lanes))
        return builder.zext(bits, ir.IntType(64))

    return types.uint64(first, second), generate


@intrinsic
def both(typing, first, second):
    """The bits that are set in both."""

    def generate(context, builder, signature, arguments):
        return builder.and_(*arguments)

    return first(first, second), generate


@intrinsic
def where(typing, bits, first, second):
    """The lane of first where its bit is set, and of second elsewhere."""

    def generate(context, builder, signature, arguments):
        chosen = arguments[0]
        if first.lanes < 64:
            chosen = builder.trunc(chosen, ir.IntType(first.lanes))
        chosen = builder.bitcast(chosen, ir.VectorType(ir.IntType(1), first.lanes))
        return builder.select(chosen, *arguments[1:])

    return first(types.uint64, first, second), generate


def by_halves(builder, value, join):
    """One number of a vector: halves are combined until one number is left."""
    half = LANES // 2
    while half:
        low, high = (list(range(k * half, (k + 1) * half)) for k in range(2))
        parts = [
            builder.shuffle_vector(value, value, ir.Constant(ir.VectorType(INT, half), places))
            for places in (low, high)
        ]
        value, half = join(*parts), half // 2
    return builder.extract_element(value, INT(0))


@intrinsic
def total(typing, vector):
    """The sum of all lanes."""

    def generate(context, builder, signature, arguments):
        return by_halves(builder, arguments[0], builder.fadd)

    return vector.dtype(vector), generate


@intrinsic
def least(typing, vector):
    """The least of all lanes, of which none may be NaN."""

    def generate(context, builder, signature, arguments):
        def lower(low, high):
            return builder.select(builder.fcmp_ordered("<", low, high), low, high)

        return by_halves(builder, arguments[0], lower)

    return vector.dtype(vector), generate


@intrinsic
def store(typing, vector, array, start):
    """array[start : start + lanes] = vector."""
    if array.dtype != vector.dtype:
        return None  # otherwise the compiler finds no such store

    def generate(context, builder, signature, arguments):
        at = element(context, builder, array, *arguments[1:])
        at = builder.bitcast(at, context.get_value_type(vector).as_pointer())
        builder.store(arguments[0], at, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.none(vector, array, types.intp), generate


@intrinsic
def narrow(typing, wide, low, high):
    """The BYTES whole numbers of an array, none below low and none above high, as bytes."""
    vector = Vector(types.int8)

    def generate(context, builder, signature, arguments):
        array, *bounds = arguments
        kind = ir.VectorType(ir.IntType(wide.dtype.bitwidth), BYTES)
        at = element(context, builder, wide, array, ir.Constant(ir.IntType(64), 0))
        value = builder.load(builder.bitcast(at, kind.as_pointer()), align=wide.dtype.bitwidth // 8)
        for bound, outside in zip(bounds, ("<", ">"), strict=True):
            bound = builder.insert_element(ir.Constant(kind, ir.Undefined), bound, INT(0))
            lanes = ir.Constant(ir.VectorType(INT, BYTES), None)
            bound = builder.shuffle_vector(bound, bound, lanes)
            value = builder.select(builder.icmp_signed(outside, value, bound), bound, value)
        return builder.trunc(value, context.get_value_type(vector))

    return vector(wide, wide.dtype, wide.dtype), generate


@intrinsic
def add_wide(typing, vector, wide):
    """Add the bytes of a vector to the BYTES whole numbers of an array."""

    def generate(context, builder, signature, arguments):
        kind = ir.VectorType(ir.IntType(wide.dtype.bitwidth), BYTES)
        at = element(context, builder, wide, arguments[1], ir.Constant(ir.IntType(64), 0))
        at, align = builder.bitcast(at, kind.as_pointer()), wide.dtype.bitwidth // 8
        total = builder.add(builder.load(at, align=align), builder.sext(arguments[0], kind))
        builder.store(total, at, align=align)
        return context.get_dummy_value()

    return types.none(vector, wide), generate


@intrinsic
def prefetch(typing, array, place):
    """Prefetch the cache line that holds array[place]."""

    def generate(context, builder, signature, arguments):
        at = builder.bitcast(element(context, builder, array, *arguments), ADDRESS)
        kind = ir.FunctionType(ir.VoidType(), [ADDRESS, INT, INT, INT])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch")
        builder.call(function, [at, INT(0), INT(3), INT(1)])  # to read; keep; data
        return context.get_dummy_value()

    return types.none(array, types.intp), generate


@intrinsic
def count_bits(typing, word):
    """How many bits of a word are set."""

    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.intp(word), generate


@intrinsic
def highest_bit(typing, word):
    """The index of the highest set bit of a word; -1 if there is none."""

    def generate(context, builder, signature, arguments):
        zeros = builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))
        return builder.sub(ir.Constant(zeros.type, zeros.type.width - 1), zeros)

    return types.intp(word), generate


@intrinsic
def lowest_bit(typing, word):
    """The index of the lowest set bit of a word that is not 0."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.intp(word), generate


if numba.config.DISABLE_JIT:  # the same in plain Python

    def lanes_of(array):  # noqa: D103
        return {"int8": BYTES, "uint64": WORDS}.get(array.dtype.name, LANES)

    def load(array, start):  # noqa: D103
        return array[start : start + lanes_of(array)].copy()

    def zeros(array):  # noqa: D103
        return np.zeros(lanes_of(array), array.dtype)

    def add(first, second):  # noqa: D103
        return first + second

    def broadcast(kind, number):  # noqa: D103
        return np.full(lanes_of(kind), number, kind.dtype)

    def subtract(first, second):  # noqa: D103
        return first - second

    def multiply(first, second):  # noqa: D103
        return first * second

    def magnitude(vector):  # noqa: D103
        return np.abs(vector)

    def below(first, second):  # noqa: D103
        return np.uint64(sum(1 << k for k in range(len(first)) if first[k] < second[k]))

    def reached(first, second):  # noqa: D103
        return np.uint64(sum(1 << k for k in range(len(first)) if first[k] >= second[k]))

    def prefetch(array, place):  # noqa: D103
        array[place]  # which must exist

    def both(first, second):  # noqa: D103
        return first & second

    def where(bits, first, second):  # noqa: D103
        return np.where([int(bits) >> k & 1 for k in range(len(first))], first, second)

    def total(vector):  # noqa: D103
        while len(vector) > 1:
            vector = vector[: len(vector) // 2] + vector[len(vector) // 2 :]
        return vector[0]

    def least(vector):  # noqa: D103
        return vector.min()

    def store(vector, array, start):  # noqa: D103
        array[start : start + len(vector)] = vector

    def narrow(wide, low, high):  # noqa: D103
        return np.clip(wide[:BYTES], low, high).astype(np.int8)

    def add_wide(vector, wide):  # noqa: D103
        wide[:BYTES] += vector

    def mark(vector, threshold, marks, place):  # noqa: D103
        marks[place] = sum(1 << k for k in range(LANES) if vector[k] >= threshold[k])

    def count_bits(word):  # noqa: D103
        return int(word).bit_count()

    def highest_bit(word):  # noqa: D103
        return int(word).bit_length() - 1

    def lowest_bit(word):  # noqa: D103
        return (int(word) & -int(word)).bit_length() - 1
