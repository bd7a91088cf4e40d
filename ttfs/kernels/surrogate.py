"""What has arrived at neurons by a time of their own, and credit assignment to their inputs.

inputs, arrivals, counts: of each sample, the inputs that arrive, when, and how many.
until: (samples, width) the time of each neuron; -inf where nothing counts.
"""

from ttfs.kernels.jit import kernel
from ttfs.kernels.vector import LANES, add, below, broadcast, load, store, subtract, where


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


@kernel
def blame(inputs, arrivals, counts, until, gains, out, first, last):
    """Minus the sum over samples of the gains of neurons at which an input has arrived.

    gains: (samples, width). out: (inputs, width). Shared by neurons, LANES at a time; for each,
    samples are added in order.
    """
    for neuron in range(first * LANES, last * LANES, LANES):
        zero = broadcast(out, 0.0)
        for i in range(len(out)):
            store(zero, out[i], neuron)
        for s in range(len(gains)):
            gain, moment = load(gains[s], neuron), load(until[s], neuron)
            if below(gain, zero) | below(zero, gain):
                for e in range(counts[s]):
                    late = below(moment, broadcast(out, arrivals[s, e]))
                    row = out[inputs[s, e]]
                    store(subtract(load(row, neuron), where(late, zero, gain)), row, neuron)
