"""From latent weights, which learn, to the signs that spikes add, and to bits."""

from ttfs.kernels.jit import kernel
from ttfs.kernels.vector import LANES, broadcast, load, mark


@kernel
def take_signs(latents, bound, size, weights, first, last):
    """Keep latent weights within +-bound, and write their signs, 0 counting as +1.

    Both are (inputs, width); columns beyond `size` outputs are padding.
    """
    number = latents.dtype.type
    low, high, one = number(-bound), number(bound), number(1)
    for i in range(first, last):
        latent, weight = latents[i], weights[i]
        for j in range(size):
            latent[j] = min(max(latent[j], low), high)
            weight[j] = one if latent[j] >= number(0) else -one


@kernel
def take_bits(weights, bits, first, last):
    """Write signs as bits, set for +1.

    weights: (inputs, width) +1 and -1; bits: (inputs, words) of LANES bits each, at least
    as many.
    """
    for i in range(first, last):
        row, words = weights[i], bits[i]
        one = broadcast(row, 1)
        for neuron in range(0, row.size, LANES):
            mark(load(row, neuron), one, words, neuron // LANES)
