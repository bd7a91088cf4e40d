"""What has arrived at neurons by a time of their own, and credit assignment to their inputs.

inputs, arrivals, counts: of each sample, the inputs that arrive, when, and how many.
until: (samples, width) the time of each neuron; -inf where nothing counts.
"""

from ttfs.kernels.jit import kernel
from ttfs.kernels.vector import LANES, add, below, broadcast, load, store, where


@kernel
def potentials_at(inputs, arrivals, counts, until, weights, out, first, last):
    """Sum of the weights of the inputs that have arrived, (samples, width)."""
    for s in range(first, last):
        for neuron in range(0, out.shape[1], LANES):
            potential, zero = broadcast(out, 0.0), broadcast(out, 0.0)
            moment = load(until[s], neuron)
            for e in range(counts[s]):
                row = load(weights[inputs[s, e]], neuron)
                late = below(moment, broadcast(out, arrivals[s, e]))
                potential = add(potential, where(late, zero, row))
            store(potential, out[s], neuron)
