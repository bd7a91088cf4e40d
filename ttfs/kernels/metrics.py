"""What an evaluation counts of the spikes of a layer.

The most common time of a sample is found by counting times in a hash table; sorting them would
take ten times as long.
"""

import numpy as np

from ttfs.kernels.jit import kernel

FACTOR, HALF, LOW = np.uint64(0x9E3779B1), np.uint64(32), np.uint64(0xFFFFFFFF)
LEAST = 4  # the smallest table has 2**4 places


@kernel
def place_of(bits, shift):
    """Where in a table to look first for a time with these bits."""
    folded = (bits ^ (bits >> HALF)) & LOW
    return (folded * FACTOR & LOW) >> shift


@kernel
def commonest(spikes, bits, count, keys, hits):
    """How often the most common of `count` times occurs.

    bits: of the times. keys, hits: a table of at least twice as many places, a power of 2.
    """
    size, shift = 2**LEAST, 32 - LEAST
    while size < 2 * count:
        size, shift = size * 2, shift - 1
    for place in range(size):
        hits[place] = 0
    most = 0
    for i in range(count):
        place = np.int64(place_of(np.uint64(bits[i]), np.uint64(shift)))
        while hits[place] > 0 and keys[place] != spikes[i]:
            place = (place + 1) & (size - 1)
        keys[place] = spikes[i]
        hits[place] += 1
        most = max(most, hits[place])
    return most


@kernel
def tally(times, decided, counts, sums, spikes, bits, keys, hits, first, last):
    """Fill `counts` and `sums` for the samples from first to last.

    times: (samples, neurons). decided: (samples,) times of the decisions.
    counts: (samples, 3) spikes, those until the decision, those at the sample's most common time.
    sums: (samples,) of the times of the spikes.
    spikes: room for the spikes of a sample and one more; bits: the same memory, as whole numbers.
    """
    for s in range(first, last):
        row, until, total, count = times[s], 0, 0.0, 0
        for i in range(row.size):
            spikes[count] = abs(row[i])  # one 0 instead of two
            count += row[i] < np.inf
        for i in range(count):
            until += spikes[i] <= decided[s]
        for i in range(count):
            total += np.float64(spikes[i])
        counts[s, 0], counts[s, 1], sums[s] = count, until, total
        counts[s, 2] = commonest(spikes, bits, count, keys, hits)
