"""From the latent weights that learn to the signs that spikes add, and to bits."""

from numba import prange

from ttfs.kernels.jit import parallel_kernel
from ttfs.kernels.vector import LANES, broadcast, load, mark


@parallel_kernel
def take_signs(latents, bound, size, weights):
    """Keep latent weights within +-bound, and write their signs, 0 counting as +1.

    Both are (inputs, width); what is beyond `size` outputs is padding.
    """
    number = latents.dtype.type
    low, high, one = number(-bound), number(bound), number(1)
    for i in prange(len(latents)):
        latent, weight = latents[i], weights[i]
        for j in range(size):
            latent[j] = min(max(latent[j], low), high)
            weight[j] = one if latent[j] >= number(0) else -one


@parallel_kernel
def take_bits(weights, bits):
    """Write signs as bits, set for +1.

    weights: (inputs, width) +1 and -1; bits: (inputs, words) of LANES bits each, at least
    as many.
    """
    for i in prange(len(weights)):
        row, words = weights[i], bits[i]
        one = broadcast(row, 1)
        for first in range(0, row.size, LANES):
            mark(load(row, first), one, words, first // LANES)
