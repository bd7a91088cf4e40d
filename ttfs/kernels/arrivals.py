"""When spikes arrive, in the precision of their times; its twin in NumPy is `arrivals_of`."""

import numpy as np

from ttfs.kernels.jit import kernel


@kernel
def arrival_of(time, delay, kind):
    """The moment at which a spike arrives, or at which the ramp of an arrival ends.

    kind: the type of times, to which the sum is rounded.
    """
    return kind(np.float64(time) + delay)


@kernel
def count_arrivals(times, delays, reached, bound, limits, counts, first, last):
    """Add to `counts` the neurons reached by the spikes of the samples from first to last.

    times: (samples, inputs). delays, reached: (inputs,) of each, and how many neurons it reaches.
    bound, limits: arrivals count before the bound, and not after the sample's own limit.
    """
    kind = times.dtype.type
    for s in range(first, last):
        row, limit, found = times[s], limits[s], 0
        for i in range(row.size):
            arrival = arrival_of(row[i], delays[i], kind)
            found += reached[i] if (arrival < bound) & (arrival <= limit) else 0
        counts[s] += found
