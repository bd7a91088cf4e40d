"""Spikes of a row, earliest first; equal times stay in order of the neurons.

Counting into bins sorts a few hundred times faster than anything that compares. Times so
uneven that most fall into the same bins are sorted by the bytes that store them.
"""

import numpy as np

from ttfs.kernels.jit import kernel
from ttfs.kernels.vector import (
    LANES,
    add,
    below,
    broadcast,
    compress,
    compress_places,
    count_bits,
    load,
)

BINS = 512  # at least 256; whole steps up to it have a bin each, and ramps want fine ones


@kernel
def gather(row, t_max, times, index):
    """Fill `times`, `index` with the spikes of `row` before t_max; count them.

    `row` must be contiguous. Silence is passed over sixteen neurons at a time.
    """
    count, whole = 0, row.size - row.size % LANES
    horizon, zero = broadcast(row, up_to(t_max, row)), broadcast(row, 0.0)
    for first in range(0, whole, LANES):
        found = load(row, first)
        spiked = below(found, horizon)
        compress(add(found, zero), spiked, times, count)  # -0 + 0 is 0; -0 would sort last
        compress_places(first, spiked, index, count)
        count += count_bits(spiked)
    for i in range(whole, row.size):
        times[count] = abs(row[i])
        index[count] = i
        count += row[i] < t_max
    return count


@kernel
def up_to(t_max, row):
    """The least number of the row's kind that is not below t_max."""
    number = row.dtype.type
    bound = number(t_max)
    return np.nextafter(bound, number(np.inf)) if bound < t_max else bound


@kernel
def insert(time, neuron, place, times, index):
    """Put a spike among the sorted ones before `place`, behind those of its time; return where."""
    while place > 0 and times[place - 1] > time:
        times[place] = times[place - 1]
        index[place] = index[place - 1]
        place -= 1
    times[place] = time
    index[place] = neuron
    return place


@kernel
def sort_bins(count, scale, given_times, given_index, times, index, bins):
    """Fill `times`, `index` with what is given, by bins and within them by insertion.

    No product of a time and `scale` is BINS + 1 or more; one that is rounded may be BINS.

    False if the times are so uneven that this would take long: then they are all there, equal
    times in order, but not sorted.
    """
    for b in range(BINS + 1):
        bins[b] = 0
    for e in range(count):
        bins[np.uint64(np.int64(given_times[e] * scale))] += 1
    place = 0
    for b in range(BINS + 1):
        found = bins[b]
        bins[b] = place
        place += found
    for e in range(count):
        b = np.uint64(np.int64(given_times[e] * scale))
        place = bins[b]
        bins[b] = place + 1
        times[place] = given_times[e]
        index[place] = given_index[e]
    moves = 0
    for e in range(1, count):
        if times[e] < times[e - 1]:
            moves += e - insert(times[e], index[e], e, times, index)
            if moves > 64 + 8 * count:
                return False
    return True


@kernel
def sort_bytes(count, times, index, spare_times, spare_index, bins):
    """Sort by the bytes that store the times; passes over a byte that all share.

    Times are not negative, so they are ordered as their bytes are.
    """
    for byte in range(times.itemsize):
        digits = times.view(np.uint8)[byte :: times.itemsize]
        e = 1
        while e < count and digits[e] == digits[0]:
            e += 1
        if e >= count:
            continue
        for value in range(BINS + 1):
            bins[value] = 0
        for e in range(count):
            bins[int(digits[e]) + 1] += 1
        for value in range(BINS):
            bins[value + 1] += bins[value]
        for e in range(count):
            place = bins[digits[e]]
            bins[digits[e]] = place + 1
            spare_times[place] = times[e]
            spare_index[place] = index[e]
        for e in range(count):
            times[e] = spare_times[e]
            index[e] = spare_index[e]


@kernel
def sort_events(row, t_max, times, index, spare_times, spare_index, bins):
    """Fill `times`, `index` with the spikes of `row` before t_max, earliest first; count them.

    Equal times stay in order of the neurons.
    """
    count = gather(row, t_max, spare_times, spare_index)
    scale = times.dtype.type(0)
    if 1e-30 < t_max < 1e30:
        scale = times.dtype.type(BINS / t_max)
    if not sort_bins(count, scale, spare_times, spare_index, times, index, bins):
        sort_bytes(count, times, index, spare_times, spare_index, bins)
    return count
