"""One step of each optimizer on a flat parameter, in place; each element on its own."""

import numpy as np
from numba import prange

from ttfs.kernels.jit import parallel_kernel


@parallel_kernel
def sgd(parameter, gradient, rate):
    """Down the gradient."""
    step = parameter.dtype.type(rate)
    for k in prange(parameter.size):
        parameter[k] -= step * gradient[k]


@parallel_kernel
def momentum(parameter, gradient, velocity, rate, keep):
    """Down a running sum of gradients."""
    step, kept = parameter.dtype.type(rate), parameter.dtype.type(keep)
    for k in prange(parameter.size):
        velocity[k] = kept * velocity[k] + gradient[k]
        parameter[k] -= step * velocity[k]


@parallel_kernel
def adam(parameter, gradient, mean, square, rate, keep_mean, keep_square, tiny):
    """Down the running mean of gradients over the root of that of their squares."""
    number = parameter.dtype.type
    step, b1, b2, floor = number(rate), number(keep_mean), number(keep_square), number(tiny)
    one = number(1)
    for k in prange(parameter.size):
        g = gradient[k]
        mean[k] = b1 * mean[k] + (one - b1) * g
        square[k] = b2 * square[k] + (one - b2) * g * g
        parameter[k] -= step * mean[k] / (np.sqrt(square[k]) + floor)
