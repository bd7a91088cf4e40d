"""One step of each optimizer on a flat parameter, in place; each element on its own."""

import numpy as np

from ttfs.kernels.jit import kernel


@kernel
def sgd(parameter, gradient, rate, first, last):
    """Down the gradient."""
    step = parameter.dtype.type(rate)
    for k in range(first, last):
        parameter[k] -= step * gradient[k]


@kernel
def momentum(parameter, gradient, velocity, rate, keep, first, last):
    """Down a running sum of gradients."""
    step, kept = parameter.dtype.type(rate), parameter.dtype.type(keep)
    for k in range(first, last):
        velocity[k] = kept * velocity[k] + gradient[k]
        parameter[k] -= step * velocity[k]


@kernel
def adam(parameter, gradient, mean, square, rate, keep, tiny, first, last):
    """Down the running mean of gradients over the root of that of their squares.

    keep: the shares of both that are kept.
    """
    number = parameter.dtype.type
    step, b1, b2, floor = number(rate), number(keep[0]), number(keep[1]), number(tiny)
    one = number(1)
    for k in range(first, last):
        g = gradient[k]
        mean[k] = b1 * mean[k] + (one - b1) * g
        square[k] = b2 * square[k] + (one - b2) * g * g
        parameter[k] -= step * mean[k] / (np.sqrt(square[k]) + floor)
