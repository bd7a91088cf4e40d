"""When spikes arrive, in the precision of their times; its twin in NumPy is `arrivals_of`."""

import numpy as np

from ttfs.kernels.jit import kernel


@kernel
def arrival_of(time, delay, kind):
    """The moment at which a spike arrives, or at which the ramp of an arrival ends.

    kind: the type of times, to which the sum is rounded.
    """
    return kind(np.float64(time) + delay)
