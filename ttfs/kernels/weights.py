"""From the latent weights that learn to the signs that spikes add."""

from numba import prange

from ttfs.kernels.jit import parallel_kernel
from ttfs.kernels.vector import LANES, load, mark, zeros


@parallel_kernel
def take_signs(latents, bound, size, weights, bits):
    """Keep latent weights within +-bound, and write their signs, 0 counting as +1.

    Latents and weights are (inputs, width); what is beyond `size` outputs is padding.
    bits: (inputs, words) of 16 bits each, which are set for +1.
    """
    number = latents.dtype.type
    low, high, one = number(-bound), number(bound), number(1)
    for i in prange(len(latents)):
        latent, weight, row = latents[i], weights[i], bits[i]
        for j in range(size):
            latent[j] = min(max(latent[j], low), high)
            weight[j] = one if latent[j] >= number(0) else -one
        for first in range(0, latent.size, LANES):
            mark(load(latent, first), zeros(latent), row, first // LANES)
