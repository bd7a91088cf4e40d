"""Spikes that carry values, with a window for each layer: their times and their values.

A value is how long before the end of its window a spike occurs, in windows. Whole maps are matrix
products of the values that reach positions, which are laid out as rows for that.
"""

import numpy as np

from ttfs.kernels.jit import kernel
from ttfs.kernels.reach import (
    ACROSS,
    BREADTH,
    BROAD,
    CHANNELS,
    DOWN,
    LEFT,
    PLACES,
    TALL,
    TOP,
    window_of,
)


@kernel
def value_at(time, end, length):
    """The value of a spike in a window that ends at some time."""
    return (end - time) / length if time < end else 0.0


@kernel
def moment_of(potential, threshold, steps, begin, end, length, number):
    """When a neuron with a final potential fires, or inf; `number` is the type of times.

    steps: the instants of a window, or 0 for any time.
    """
    share = np.float64(potential) / np.float64(threshold)
    share = np.floor(share * steps + 0.5) / steps if steps else share
    # no branches, so that several are done at a time; NaN is silent
    time = number(end - (share if share < 1 else 1.0) * length)
    time = time if time > number(begin) else number(begin)
    return time if (share > 0) & (time < number(end)) else number(np.inf)


@kernel
def take_values(times, begin, count, end, length, values, first, last):
    """Fill rows of values by the spikes in rows of times from `begin` on; none before `first`."""
    number = values.dtype.type
    for s in range(first, last):
        row = times[s, begin : begin + count]
        for j in range(count):
            time = np.float64(row[j])
            values[s - first, j] = number((end - time) / length if time < end else 0.0)


@kernel
def unroll(reach, values, rows, samples):
    """Lay out the values that reach each position, one row for each position of some samples."""
    breadth, channels, broad = reach[BREADTH], reach[CHANNELS], reach[BROAD]
    positions = rows.shape[0] // values.shape[0]
    for s in range(samples):
        for p in range(positions):
            row, source = rows[s * positions + p], values[s]
            top, bottom, left, right = window_of(reach, p)
            y0 = p // reach[PLACES] * reach[DOWN] - reach[TOP]
            x0 = p % reach[PLACES] * reach[ACROSS] - reach[LEFT]
            whole = bottom - top == reach[TALL] and right - left == broad
            if not whole:
                row[:] = 0
            count = np.uint64((right - left) * channels)
            for y in range(top, bottom):
                to = np.uint64(((y - y0) * broad + left - x0) * channels)
                of = np.uint64((y * breadth + left) * channels)
                for j in range(count):
                    row[to + j] = source[of + j]


@kernel
def let_fire(potential, thresholds, steps, begin, end, length, bound, spikes, base, first, last):
    """Fill rows of spikes, from `base` on, by the potentials of some samples.

    potential: (samples x positions, padded columns), of which the thresholds are as many as
    there are; spikes at `bound` or later do not happen.
    """
    columns, number = thresholds.size, spikes.dtype.type
    positions = potential.shape[0] // max(1, last - first)
    late = number(bound)
    for s in range(first, last):
        for p in range(positions):
            row = potential[(s - first) * positions + p]
            found = spikes[s, base + p * columns : base + (p + 1) * columns]
            for c in range(columns):
                time = moment_of(row[c], thresholds[c], steps, begin, end, length, number)
                found[c] = time if time < late else number(np.inf)


@kernel
def roll_up(reach, rows, values, samples):
    """The transpose of `unroll`: each value gets the sum over all places where it was laid out."""
    breadth, channels, broad = reach[BREADTH], reach[CHANNELS], reach[BROAD]
    positions = rows.shape[0] // values.shape[0]
    for s in range(samples):
        target = values[s]
        for p in range(positions):
            row = rows[s * positions + p]
            top, bottom, left, right = window_of(reach, p)
            y0 = p // reach[PLACES] * reach[DOWN] - reach[TOP]
            x0 = p % reach[PLACES] * reach[ACROSS] - reach[LEFT]
            count = np.uint64((right - left) * channels)
            for y in range(top, bottom):
                of = np.uint64(((y - y0) * broad + left - x0) * channels)
                to = np.uint64((y * breadth + left) * channels)
                for j in range(count):
                    target[to + j] += row[of + j]


@kernel
def tell_largest(reach, values, found, errors, below, samples):
    """Add the error of each window's largest value to the first input that has it, if above 0."""
    channels, breadth, columns = reach[CHANNELS], reach[BREADTH], reach[CHANNELS]
    positions = found.shape[1] // columns
    for s in range(samples):
        for p in range(positions):
            top, bottom, left, right = window_of(reach, p)
            for c in range(channels):
                largest, missing = found[s, p * columns + c], True
                if not largest > 0:
                    continue
                for y in range(top, bottom):
                    for x in range(left, right):
                        unit = (y * breadth + x) * channels + c
                        if missing and values[s, unit] == largest:
                            below[s, unit] += errors[s, p * columns + c]
                            missing = False
