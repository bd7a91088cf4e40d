"""One step of each optimizer on a flat parameter, in place; each element on its own.

For all the compiler knows, an index from `first` to `last` may count from the end; in a
slice it cannot, so that loops become vectors.
"""

import numpy as np

from ttfs.kernels.jit import kernel


@kernel
def sgd(parameter, gradient, rate, first, last):
    """Down the gradient."""
    step, part = parameter.dtype.type(rate), parameter[first:last]
    slope = gradient[first:last]
    for k in range(part.size):
        part[k] -= step * slope[k]


@kernel
def momentum(parameter, gradient, velocity, rate, keep, first, last):
    """Down a running sum of gradients."""
    step, kept = parameter.dtype.type(rate), parameter.dtype.type(keep)
    part, slope, speed = parameter[first:last], gradient[first:last], velocity[first:last]
    for k in range(part.size):
        speed[k] = kept * speed[k] + slope[k]
        part[k] -= step * speed[k]


@kernel
def adam(parameter, gradient, mean, square, rate, keep, tiny, first, last):
    """Down the running mean of gradients, divided by the root of that of their squares.

    keep: the decay factors of both means.
    """
    number = parameter.dtype.type
    step, b1, b2, floor = number(rate), number(keep[0]), number(keep[1]), number(tiny)
    one, part, slope = number(1), parameter[first:last], gradient[first:last]
    m, v = mean[first:last], square[first:last]
    for k in range(part.size):
        g = slope[k]
        m[k] = b1 * m[k] + (one - b1) * g
        v[k] = b2 * v[k] + (one - b2) * g * g
        part[k] -= step * m[k] / (np.sqrt(v[k]) + floor)
