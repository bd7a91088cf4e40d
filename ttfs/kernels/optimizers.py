"""One step of each optimizer, in place; each number of a parameter on its own.

Gradients, and what an optimizer stores, are read before anything is written: a processor that
finds a number where it has just written one with the same last bits of the address waits for it.
"""

from typing import NamedTuple

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from ttfs.kernels.jit import kernel
from ttfs.kernels.vector import LANES, add, broadcast, load, multiply, store, subtract

NONE, SGD, MOMENTUM, ADAM = range(4)


class Stride(NamedTuple):
    """How an optimizer changes a parameter.

    way: which optimizer; NONE puts the gradient itself in the parameter's place.
    numbers: its settings, in the parameter's precision: the rate, the shares that running means
        keep, and the least divisor.
    first, second: the running means, in the parameter's shape if the optimizer has any.
    """

    way: int
    numbers: np.ndarray  # as many as it has
    first: np.ndarray
    second: np.ndarray


@intrinsic
def divide(typing, first, second):
    """first / second."""

    def generate(context, builder, signature, arguments):
        return builder.fdiv(*arguments)

    return first(first, second), generate


@intrinsic
def root(typing, vector):
    """The square roots."""

    def generate(context, builder, signature, arguments):
        kind = arguments[0].type
        name = f"llvm.sqrt.v{kind.count}f{vector.dtype.bitwidth}"
        function = ir.FunctionType(kind, [kind])
        function = cgutils.get_or_insert_function(builder.module, function, name)
        return builder.call(function, arguments)

    return vector(vector), generate


if numba.config.DISABLE_JIT:  # the same in plain Python

    def divide(first, second):  # noqa: D103
        return first / second

    def root(vector):  # noqa: D103
        return np.sqrt(vector)


@kernel
def move(stride, gradient, parameter, at):
    """Change LANES numbers of a parameter, from `at` on; their gradient is a vector."""
    given, first, second = stride.numbers, stride.first, stride.second
    if stride.way == NONE:
        store(gradient, parameter, at)
        return
    now, change = load(parameter, at), multiply(broadcast(gradient, given[0]), gradient)
    if stride.way == MOMENTUM:  # down a running sum of gradients
        speed = add(multiply(broadcast(gradient, given[1]), load(first, at)), gradient)
        store(speed, first, at)
        change = multiply(broadcast(gradient, given[0]), speed)
    elif stride.way == ADAM:  # down a mean of gradients, divided by the root of that of squares
        one = broadcast(gradient, 1.0)
        keep, long = broadcast(gradient, given[1]), broadcast(gradient, given[2])
        mean, square = multiply(keep, load(first, at)), multiply(long, load(second, at))
        mean = add(mean, multiply(subtract(one, keep), gradient))
        square = add(square, multiply(multiply(subtract(one, long), gradient), gradient))
        store(mean, first, at)
        store(square, second, at)
        divisor = add(root(square), broadcast(gradient, given[3]))
        change = divide(multiply(broadcast(gradient, given[0]), mean), divisor)
    store(subtract(now, change), parameter, at)


@kernel
def step(stride, gradient, parameter, spare, first, last):
    """Change a parameter, LANES numbers at a time; a last few go through `spare` (4, LANES)."""
    size = parameter.size
    whole = size - size % LANES
    for at in range(first * LANES, min(last * LANES, whole), LANES):
        move(stride, load(gradient, at), parameter, at)
    if last * LANES > size:
        for k in range(whole, size):
            spare[0, k - whole], spare[1, k - whole] = parameter[k], gradient[k]
            if stride.way >= MOMENTUM:
                spare[2, k - whole] = stride.first[k]
            if stride.way == ADAM:
                spare[3, k - whole] = stride.second[k]
        copied = Stride(stride.way, stride.numbers, spare[2], spare[3])
        move(copied, load(spare[1], 0), spare[0], 0)
        for k in range(whole, size):
            parameter[k] = spare[0, k - whole]
            if stride.way >= MOMENTUM:
                stride.first[k] = spare[2, k - whole]
            if stride.way == ADAM:
                stride.second[k] = spare[3, k - whole]
