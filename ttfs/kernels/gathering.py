"""Which neurons of a row spike: sixteen at a time, without a branch.

With AVX-512 the indices of those that do are compressed in a register, and the whole register is
stored. An instruction that stores only the lanes that are set takes hundreds of cycles on some
processors. Without AVX-512, index after index is stored, which takes half as long again.
"""

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

from ttfs.kernels.jit import kernel
from ttfs.kernels.vector import INT, LANES, below, broadcast, count_bits, element, load, prefetch

LINE = 64  # bytes that are fetched at a time
MOST = 4096  # bytes; the processor itself fetches what follows them
FEATURES = numba.config.CPU_FEATURES  # features of the processor that kernels are compiled for,
if FEATURES is None:  # unless another was asked for
    FEATURES = get_host_cpu_features()
COMPRESSES = "+avx512f" in FEATURES.split(",")  # whether it has that instruction


@intrinsic
def put_places(typing, first, bits, array, start):
    """first + k for each lane k whose bit is set, in order, to array[start:].

    LANES numbers are written; those after the last one mean nothing.
    """

    def generate(context, builder, signature, arguments):
        value, bits, *where = arguments
        at = element(context, builder, array, *where)
        number = ir.IntType(array.dtype.bitwidth)
        value = context.cast(builder, value, types.intp, array.dtype)
        put = put_compressed if COMPRESSES else put_singly
        put(builder, value, builder.trunc(bits, ir.IntType(LANES)), at, number)
        return context.get_dummy_value()

    return types.none(types.intp, types.uint64, array, types.intp), generate


def put_compressed(builder, first, bits, at, number):
    """In a register."""
    lanes, kind = ir.VectorType(INT, LANES), ir.VectorType(number, LANES)
    mask = builder.bitcast(bits, ir.VectorType(ir.IntType(1), LANES))
    name = f"llvm.x86.avx512.mask.compress.v{LANES}i32"
    compress = ir.FunctionType(lanes, [lanes, lanes, mask.type])
    compress = cgutils.get_or_insert_function(builder.module, compress, name)
    numbers, none = ir.Constant(lanes, list(range(LANES))), ir.Constant(lanes, None)
    places = builder.call(compress, [numbers, none, mask])
    if number.width != INT.width:
        places = (builder.zext if number.width > INT.width else builder.trunc)(places, kind)
    begin = builder.insert_element(ir.Constant(kind, ir.Undefined), first, INT(0))
    begin = builder.shuffle_vector(begin, begin, ir.Constant(lanes, None))
    at = builder.bitcast(at, kind.as_pointer())
    builder.store(builder.add(begin, places), at, align=number.width // 8)


def put_singly(builder, first, bits, at, number):
    """One after the other; an index whose bit is not set is overwritten by the next."""
    for k in range(LANES):
        builder.store(builder.add(first, number(k)), at)
        bit = builder.and_(builder.lshr(bits, bits.type(k)), bits.type(1))
        at = builder.gep(at, [builder.zext(bit, ir.IntType(64))])


if numba.config.DISABLE_JIT:  # the same in plain Python

    def put_places(first, bits, array, start):  # noqa: D103
        chosen = [first + k for k in range(LANES) if int(bits) >> k & 1]
        array[start : start + LANES] = chosen + [first] * (LANES - len(chosen))


@kernel
def expect(row):
    """Prefetch a row, so that it is cached by the time it is gathered."""
    for i in range(0, min(row.size, MOST // row.itemsize), LINE // row.itemsize):
        prefetch(row, i)


@kernel
def gather(row, t_max, index):
    """Fill `index` with the neurons of `row` that spike before t_max; count them.

    `row` must be contiguous, and `index` at least as long. Silence is skipped sixteen
    neurons at a time.
    """
    count, whole = 0, row.size - row.size % LANES
    horizon = broadcast(row, up_to(t_max, row))
    for first in range(0, whole, LANES):
        spiked = below(load(row, first), horizon)
        put_places(first, spiked, index, count)
        count += count_bits(spiked)
    for i in range(whole, row.size):
        index[count] = i
        count += row[i] < t_max
    return count


@kernel
def up_to(t_max, row):
    """The least number of the row's type that is not below t_max."""
    number = row.dtype.type
    bound = number(t_max)
    return np.nextafter(bound, number(np.inf)) if bound < t_max else bound
