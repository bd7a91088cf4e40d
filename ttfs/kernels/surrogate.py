"""What has arrived at neurons by a moment of their own, and who is to blame for it.

inputs, arrivals, counts: of each sample, the inputs that arrive, when, and how many.
until: (samples, width) the moment of each neuron; -inf where nothing counts.
"""

from numba import prange

from ttfs.kernels.jit import parallel_kernel
from ttfs.kernels.vector import LANES, add, below, broadcast, load, store, subtract, where


@parallel_kernel
def potentials_at(inputs, arrivals, counts, until, weights, out):
    """Sum of the weights of the inputs that have arrived, (samples, width)."""
    for s in prange(len(out)):
        for first in range(0, out.shape[1], LANES):
            potential, zero = broadcast(out, 0.0), broadcast(out, 0.0)
            last = load(until[s], first)
            for e in range(counts[s]):
                row = load(weights[inputs[s, e]], first)
                late = below(last, broadcast(out, arrivals[s, e]))
                potential = add(potential, where(late, zero, row))
            store(potential, out[s], first)


@parallel_kernel
def blame(inputs, arrivals, counts, until, gains, out):
    """Minus the sum over samples of the gains of neurons at which an input has arrived.

    gains: (samples, width). out: (inputs, width). Each worker has neurons of its own, for
    which samples are added in order.
    """
    for block in prange(gains.shape[1] // LANES):
        first = block * LANES
        zero = broadcast(out, 0.0)
        for i in range(len(out)):
            store(zero, out[i], first)
        for s in range(len(gains)):
            gain, last = load(gains[s], first), load(until[s], first)
            if below(gain, zero) | below(zero, gain):
                for e in range(counts[s]):
                    late = below(last, broadcast(out, arrivals[s, e]))
                    row = out[inputs[s, e]]
                    store(subtract(load(row, first), where(late, zero, gain)), row, first)
