"""Spikes of a row, earliest first; equal times stay in the order of the neurons.

A few hundred times are binned faster than they are compared: by the upper eight bits of
a time as a whole number, and before that, unless the rest are all zero, by the next eight.
So whole steps take one pass, and two leave hardly a pair out of order. Times so uneven
that most have the same bits are sorted by the bytes that store them.
"""

import math

import numpy as np

from ttfs.kernels.gathering import gather
from ttfs.kernels.jit import kernel
from ttfs.kernels.vector import highest_bit

BITS = 8  # bits by which a pass sorts
BINS = 2**BITS
LAST = np.uint64(BINS - 1)


@kernel
def insert(time, neuron, place, times, index):
    """Insert a spike among the sorted ones before `place`, after equal times; return where."""
    while place > 0 and times[place - 1] > time:
        times[place] = times[place - 1]
        index[place] = index[place - 1]
        place -= 1
    times[place] = time
    index[place] = neuron
    return place


@kernel
def find_places(bins):
    """Turn how many are in each bin into where each begins."""
    place = 0
    for b in range(BINS):
        found = bins[b]
        bins[b] = place
        place += found


@kernel
def sort_bits(count, scale, given_times, given_index, times, index, bins):
    """Fill `times`, `index` with the given spikes, by the last bits of time * scale."""
    for b in range(BINS):
        bins[b] = 0
    for e in range(count):
        bins[np.uint64(np.int64(given_times[e] * scale)) & LAST] += 1
    find_places(bins)
    for e in range(count):
        b = np.uint64(np.int64(given_times[e] * scale)) & LAST
        place = np.uint64(bins[b])  # unsigned, or it is checked for counting from the end
        bins[b] += 1
        times[place] = given_times[e]
        index[place] = given_index[e]


@kernel
def scale_for(t_max):
    """The power of two that turns the times before t_max into numbers of at most thirty bits.

    0 if there is none that float32 and its inverse could hold.
    """
    return math.ldexp(1.0, 30 - math.frexp(t_max)[1]) if 1e-28 < t_max < 1e28 else 0.0


@kernel
def sort_bins(count, scale, given_times, given_index, times, index, bins):
    """Fill `times`, `index` with the given spikes, by bins and then by insertion.

    No product of a time and `scale`, a power of two or 0, may have more than thirty bits.

    Returns False if the times are so uneven that this would take long: then all are there, equal
    times in order, but not sorted. The given spikes are overwritten.
    """
    number, used = given_times.dtype.type, np.int32(0)
    fine = number(scale)
    for e in range(count):
        used |= np.int32(given_times[e] * fine)
    lower = max(0, highest_bit(np.uint64(used)) + 1 - BITS)
    upper = number(scale / (1 << lower))
    if used & ((1 << lower) - 1):
        sort_bits(count, upper * number(BINS), given_times, given_index, times, index, bins)
        for e in range(count):
            given_times[e] = times[e]
            given_index[e] = index[e]
    sort_bits(count, upper, given_times, given_index, times, index, bins)
    moves = 0
    for e in range(1, count):
        moves += times[e] < times[e - 1]
    if moves == 0:  # most of the time, and vectors can tell
        return True
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
        for b in range(BINS):
            bins[b] = 0
        for e in range(count):
            bins[digits[e]] += 1
        find_places(bins)
        for e in range(count):
            place = bins[digits[e]]
            bins[digits[e]] += 1
            spare_times[place] = times[e]
            spare_index[place] = index[e]
        for e in range(count):
            times[e] = spare_times[e]
            index[e] = spare_index[e]


@kernel
def sort_events(row, t_max, times, index, spare_times, spare_index, bins):
    """Fill `times`, `index` with the spikes of `row` before t_max, earliest first; count them.

    Equal times stay in order of the neurons. Both indices are at least as long as the row.
    """
    count = gather(row, t_max, spare_index)
    for e in range(count):
        spare_times[e] = abs(row[np.uint64(spare_index[e])])  # -0 would be sorted last
    scale = scale_for(t_max)
    if not sort_bins(count, scale, spare_times, spare_index, times, index, bins):
        sort_bytes(count, times, index, spare_times, spare_index, bins)
    return count
