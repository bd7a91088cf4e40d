"""Sixteen neurons at once: a value that stays in the processor's registers.

A plain loop keeps the potentials of a layer in memory and has to load and store them for
every row it adds. Held in registers they cost nothing, a row is one load and one addition,
and the comparison with the threshold leaves sixteen bits. LLVM turns the same code into
whichever vector instructions the processor has (`vaddps`, `vcmpps`, `kmovw` with AVX-512).
"""

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.errors import TypingError
from numba.extending import intrinsic, register_model

LANES = 16
INT = ir.IntType(32)


class Vector(types.Type):
    """LANES floating-point numbers."""

    def __init__(self, dtype):
        self.dtype = dtype
        super().__init__(name=f"Vector({dtype})")


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    """In LLVM's terms."""

    def __init__(self, manager, vector):
        number = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}[vector.dtype]
        super().__init__(manager, vector, ir.VectorType(number, LANES))


def element(context, builder, array, value, place):
    """The address of array[place]."""
    return builder.gep(context.make_array(array)(context, builder, value).data, [place])


@intrinsic
def load(typing, array, start):
    """array[start : start + LANES]."""
    vector = Vector(array.dtype)

    def generate(context, builder, signature, arguments):
        at = element(context, builder, array, *arguments)
        at = builder.bitcast(at, context.get_value_type(vector).as_pointer())
        return builder.load(at, align=array.dtype.bitwidth // 8)

    return vector(array, types.intp), generate


@intrinsic
def zeros(typing, array):
    """LANES zeros of the array's kind."""
    vector = Vector(array.dtype)

    def generate(context, builder, signature, arguments):
        return ir.Constant(context.get_value_type(vector), None)

    return vector(array), generate


@intrinsic
def add(typing, first, second):
    """first + second."""

    def generate(context, builder, signature, arguments):
        return builder.fadd(*arguments)

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
def broadcast(typing, array, number):
    """LANES times the same number, of the array's kind."""
    vector = Vector(array.dtype)

    def generate(context, builder, signature, arguments):
        value = context.cast(builder, arguments[1], number, array.dtype)
        whole = context.get_value_type(vector)
        first = builder.insert_element(ir.Constant(whole, ir.Undefined), value, INT(0))
        places = ir.Constant(ir.VectorType(INT, LANES), [0] * LANES)
        return builder.shuffle_vector(first, first, places)

    return vector(array, number), generate


@intrinsic
def subtract(typing, first, second):
    """first - second."""

    def generate(context, builder, signature, arguments):
        return builder.fsub(*arguments)

    return first(first, second), generate


@intrinsic
def multiply(typing, first, second):
    """first * second."""

    def generate(context, builder, signature, arguments):
        return builder.fmul(*arguments)

    return first(first, second), generate


@intrinsic
def below(typing, first, second):
    """One bit for each lane in which first < second (uint64)."""

    def generate(context, builder, signature, arguments):
        bits = builder.fcmp_ordered("<", *arguments)
        return builder.zext(builder.bitcast(bits, ir.IntType(LANES)), ir.IntType(64))

    return types.uint64(first, second), generate


@intrinsic
def where(typing, bits, first, second):
    """The lane of first where its bit is set, and of second elsewhere."""

    def generate(context, builder, signature, arguments):
        narrow = builder.trunc(arguments[0], ir.IntType(LANES))
        chosen = builder.bitcast(narrow, ir.VectorType(ir.IntType(1), LANES))
        return builder.select(chosen, *arguments[1:])

    return first(types.uint64, first, second), generate


@intrinsic
def total(typing, vector):
    """The sum of all lanes: halves are added to each other until one number is left."""

    def generate(context, builder, signature, arguments):
        (value,) = arguments
        half = LANES // 2
        while half:
            low, high = (list(range(k * half, (k + 1) * half)) for k in range(2))
            parts = [
                builder.shuffle_vector(value, value, ir.Constant(ir.VectorType(INT, half), places))
                for places in (low, high)
            ]
            value, half = builder.fadd(*parts), half // 2
        return builder.extract_element(value, INT(0))

    return vector.dtype(vector), generate


@intrinsic
def store(typing, vector, array, start):
    """array[start : start + LANES] = vector."""
    if array.dtype != vector.dtype:
        raise TypingError(f"store of {vector} in an array of {array.dtype}")

    def generate(context, builder, signature, arguments):
        at = element(context, builder, array, *arguments[1:])
        at = builder.bitcast(at, context.get_value_type(vector).as_pointer())
        builder.store(arguments[0], at, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.none(vector, array, types.intp), generate


@intrinsic
def compress(typing, vector, bits, array, start):
    """The lanes of vector whose bits are set, one after the other, to array[start:]."""

    def generate(context, builder, signature, arguments):
        values, chosen, *where = arguments
        if array.dtype != vector.dtype:
            kind = context.get_value_type(Vector(array.dtype))
            narrow = array.dtype.bitwidth < vector.dtype.bitwidth
            values = (builder.fptrunc if narrow else builder.fpext)(values, kind)
        at = element(context, builder, array, *where)
        return store_lanes(context, builder, values, chosen, at)

    return types.none(vector, types.uint64, array, types.intp), generate


@intrinsic
def compress_places(typing, first, bits, array, start):
    """The same for first, first + 1, ...: the places of lanes."""

    def generate(context, builder, signature, arguments):
        value, chosen, *where = arguments
        at = element(context, builder, array, *where)
        kind = ir.VectorType(ir.IntType(array.dtype.bitwidth), LANES)
        value = context.cast(builder, value, types.intp, array.dtype)
        begin = builder.insert_element(ir.Constant(kind, ir.Undefined), value, INT(0))
        lanes = ir.Constant(ir.VectorType(INT, LANES), [0] * LANES)
        begin = builder.shuffle_vector(begin, begin, lanes)
        places = builder.add(begin, ir.Constant(kind, list(range(LANES))))
        return store_lanes(context, builder, places, chosen, at)

    return types.none(types.intp, types.uint64, array, types.intp), generate


def store_lanes(context, builder, values, bits, at):
    """The lanes whose bits are set, one after the other from an address on."""
    number = values.type.element
    letter = "i" if isinstance(number, ir.IntType) else "f"
    width = number.width if letter == "i" else {ir.FloatType(): 32, ir.DoubleType(): 64}[number]
    mask = builder.bitcast(
        builder.trunc(bits, ir.IntType(LANES)), ir.VectorType(ir.IntType(1), LANES)
    )
    kind = ir.FunctionType(ir.VoidType(), [values.type, at.type, mask.type])
    name = f"llvm.masked.compressstore.v{LANES}{letter}{width}"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    builder.call(function, [values, at, mask])
    return context.get_dummy_value()


@intrinsic
def count_bits(typing, word):
    """How many bits of a word are set."""

    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.intp(word), generate


@intrinsic
def lowest_bit(typing, word):
    """The place of the lowest set bit of a word that is not 0."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.intp(word), generate


if numba.config.DISABLE_JIT:  # the same in plain Python

    def load(array, start):  # noqa: D103
        return array[start : start + LANES].copy()

    def zeros(array):  # noqa: D103
        return array[:1].repeat(LANES) * 0

    def add(first, second):  # noqa: D103
        return first + second

    def broadcast(array, number):  # noqa: D103
        return np.full(LANES, number, array.dtype)

    def subtract(first, second):  # noqa: D103
        return first - second

    def multiply(first, second):  # noqa: D103
        return first * second

    def below(first, second):  # noqa: D103
        return np.uint64(sum(1 << k for k in range(LANES) if first[k] < second[k]))

    def where(bits, first, second):  # noqa: D103
        return np.where([int(bits) >> k & 1 for k in range(LANES)], first, second)

    def total(vector):  # noqa: D103
        while len(vector) > 1:
            vector = vector[: len(vector) // 2] + vector[len(vector) // 2 :]
        return vector[0]

    def store(vector, array, start):  # noqa: D103
        array[start : start + LANES] = vector

    def mark(vector, threshold, marks, place):  # noqa: D103
        marks[place] = sum(1 << k for k in range(LANES) if vector[k] >= threshold[k])

    def compress(vector, bits, array, start):  # noqa: D103
        chosen = [k for k in range(LANES) if int(bits) >> k & 1]
        array[start : start + len(chosen)] = vector[chosen]

    def compress_places(first, bits, array, start):  # noqa: D103
        chosen = [first + k for k in range(LANES) if int(bits) >> k & 1]
        array[start : start + len(chosen)] = chosen

    def count_bits(word):  # noqa: D103
        return int(word).bit_count()

    def lowest_bit(word):  # noqa: D103
        return (int(word) & -int(word)).bit_length() - 1
