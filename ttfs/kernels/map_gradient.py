"""Gradients of layers of maps: the same weights at all positions, inputs through windows.

Arrivals are laid out as the map below with its padding, in which, as where there is no spike,
they are inf. So a line of a window is a run of contiguous numbers, which a vector
takes at once, and no index of rows of weights is needed. Weights and their
gradients are transposed: a column, which is a channel of the layer, is a row here, line after line
of the window, each line filled up to whole vectors. What is read past the end of a line meets
weights of 0, or ends where it is not used.

Neurons without gain, which after pooling most are, are left out. Sums are made sample by sample,
position by position and channel by channel, in that order.

until, gains: (samples, units) of each neuron, as in `kernels.exact`: position by position, and
then up to a whole vector.
"""

import numpy as np

from ttfs.kernels.arrivals import arrival_of
from ttfs.kernels.jit import kernel
from ttfs.kernels.reach import (
    ACROSS,
    BREADTH,
    BROAD,
    CHANNELS,
    COLUMNS,
    DOWN,
    HEIGHT,
    LEFT,
    LINES,
    PLACES,
    POOLS,
    TALL,
    TOP,
)
from ttfs.kernels.vector import (
    LANES,
    add,
    below,
    broadcast,
    load,
    lowest_bit,
    multiply,
    store,
    subtract,
    where,
)

ONE = np.uint64(1)


def size_of(reach):
    """The length of a map when it is laid out; not compiled."""
    height, breadth = reach[HEIGHT] + 2 * reach[TOP], reach[BREADTH] + 2 * reach[LEFT]
    beyond = 0 if reach[POOLS] else LANES  # the last line is read up to a whole vector
    return int(height * breadth * reach[CHANNELS]) + beyond


@kernel
def line_of(reach):
    """The length of a line of a map when it is laid out."""
    return (reach[BREADTH] + 2 * reach[LEFT]) * reach[CHANNELS]


@kernel
def corner_of(reach, position):
    """Where the window of a position begins in a map that is laid out."""
    y, x = position // reach[PLACES] * reach[DOWN], position % reach[PLACES] * reach[ACROSS]
    return y * line_of(reach) + x * reach[CHANNELS]


@kernel
def lay_out(reach, times, delay, t_max, out, first, last):
    """The times at which spikes (samples, inputs) arrive before the horizon."""
    line, length = line_of(reach), reach[BREADTH] * reach[CHANNELS]
    for s in range(first, last):
        row, laid = times[s], out[s]
        laid[:] = np.inf
        for y in range(reach[HEIGHT]):
            start = (y + reach[TOP]) * line + reach[LEFT] * reach[CHANNELS]
            own, spikes = laid[start : start + length], row[y * length : (y + 1) * length]
            for i in range(length):
                arrival = np.float64(arrival_of(spikes[i], delay, row.dtype.type))
                own[i] = arrival if arrival < t_max else np.inf


@kernel
def gained(gains, place):
    """A bit for each of LANES neurons that has a gain."""
    gain, zero = load(gains, place), broadcast(gains, 0.0)
    return below(gain, zero) | below(zero, gain)


@kernel
def lanes_between(first, last):
    """A bit for each of LANES lanes from the first on and before the last."""
    low, high = np.uint64(max(0, first)), np.uint64(min(LANES, last))
    return ((ONE << high) - ONE) & ~((ONE << low) - ONE)


@kernel
def weight_gradient(reach, arrivals, bounds, until, gains, out, first, last):
    """Sum over samples and positions of gain times minus what an input counted, transposed.

    bounds: minus the most and the least that an input counts that came before the spike; in
    between it is the time by which it did. Shared by columns.
    """
    out[first:last] = 0
    for s in range(len(gains)):
        for position in range(reach[LINES] * reach[PLACES]):
            corner = corner_of(reach, position)
            for column in range(first // LANES * LANES, last, LANES):
                unit = position * reach[COLUMNS] + column
                bits = gained(gains[s], unit) & lanes_between(first - column, last - column)
                if bits:
                    rows = out[column : column + LANES]
                    told = gains[s, unit : unit + LANES], until[s, unit : unit + LANES]
                    add_changes(reach, arrivals[s, corner:], bounds, told, bits, rows)


@kernel
def add_changes(reach, arrivals, bounds, told, bits, rows):
    """Add the gradients of LANES neurons of a position to their rows; arrivals: from its corner."""
    gains, until = told
    size, line = rows.shape[1] // reach[TALL], line_of(reach)
    least, most = broadcast(rows, bounds[0]), broadcast(rows, bounds[1])
    zero = broadcast(rows, 0.0)
    for y in range(reach[TALL]):
        for x in range(0, size, LANES):
            arrival, place, left = load(arrivals, y * line + x), y * size + x, bits
            while left:
                j = lowest_bit(left)
                left &= left - ONE
                moment = broadcast(rows, until[j])
                minus = subtract(arrival, moment)
                minus = where(below(minus, least), least, minus)
                minus = where(below(most, minus), most, minus)
                change = multiply(broadcast(rows, gains[j]), minus)
                change = where(below(arrival, moment), change, zero)
                store(add(load(rows[j], place), change), rows[j], place)


@kernel
def errors_below(reach, arrivals, rise, until, gains, weights, out, first, last):
    """Derivative of the loss by the inputs' spike times, laid out, (samples, room).

    Inputs count that came before the spike and still rose. weights: transposed.
    """
    for s in range(first, last):
        out[s] = 0
        for position in range(reach[LINES] * reach[PLACES]):
            corner = corner_of(reach, position)
            for column in range(0, reach[COLUMNS], LANES):
                unit = position * reach[COLUMNS] + column
                bits = gained(gains[s], unit) & lanes_between(0, reach[COLUMNS] - column)
                if bits:
                    rows = weights[column : column + LANES]
                    told = gains[s, unit : unit + LANES], until[s, unit : unit + LANES]
                    errors = out[s, corner:]
                    add_errors(reach, arrivals[s, corner:], rise, told, bits, rows, errors)


@kernel
def add_errors(reach, arrivals, rise, told, bits, rows, errors):
    """Add the errors of LANES neurons of a position to the inputs of their window."""
    gains, until = told
    size, line = rows.shape[1] // reach[TALL], line_of(reach)
    rises, zero = broadcast(rows, rise), broadcast(rows, 0.0)
    for y in range(reach[TALL]):
        for x in range(0, size, LANES):
            arrival, left = load(arrivals, y * line + x), bits
            end, error = add(arrival, rises), load(errors, y * line + x)
            while left:
                j = lowest_bit(left)
                left &= left - ONE
                moment = broadcast(rows, until[j])
                caused = below(arrival, moment) & ~below(end, moment)
                product = multiply(load(rows[j], y * size + x), broadcast(rows, gains[j]))
                error = add(error, where(caused, product, zero))
            store(error, errors, y * line + x)


@kernel
def potentials_at(reach, arrivals, until, weights, out, first, last):
    """Sum of the weights (rows, width) of inputs that came before `until`, (samples, units)."""
    for s in range(first, last):
        for position in range(reach[LINES] * reach[PLACES]):
            came = arrivals[s, corner_of(reach, position) :]
            for column in range(0, reach[COLUMNS], LANES):  # any excess is overwritten
                unit = position * reach[COLUMNS] + column
                potential = potential_at(reach, came, load(until[s], unit), weights, column)
                store(potential, out[s], unit)


@kernel
def potential_at(reach, arrivals, moments, weights, column):
    """That of LANES neurons of a position; arrivals: from its corner on."""
    length, line = reach[BROAD] * reach[CHANNELS], line_of(reach)
    potential, zero = broadcast(weights, 0.0), broadcast(weights, 0.0)
    for y in range(reach[TALL]):
        for x in range(length):
            arrival = arrivals[y * line + x]
            if arrival < np.inf:
                came = below(broadcast(weights, arrival), moments)
                row = load(weights[y * length + x], column)
                potential = add(potential, where(came, row, zero))
    return potential


@kernel
def hand_back(reach, arrivals, until, errors, silent, out, first, last):
    """Errors of the first spikes of windows, which go to the input that came first, laid out.

    until: (samples, outputs) those spikes, as the errors. Of several first ones, to that with
    the lowest index. If all are silent, to none, or, if `silent`, to each of them. The errors
    are used up.
    """
    channels, line = reach[CHANNELS], line_of(reach)
    for s in range(first, last):
        out[s] = 0
        for position in range(reach[LINES] * reach[PLACES]):
            corner, unit = corner_of(reach, position), position * channels
            spikes, left = until[s, unit : unit + channels], errors[s, unit : unit + channels]
            none = left.dtype.type(0)
            for y in range(reach[TALL]):
                for x in range(reach[BROAD]):
                    place = corner + y * line + x * channels
                    came = arrivals[s, place : place + channels]
                    told = out[s, place : place + channels]
                    for c in range(channels):
                        fired = spikes[c] < np.inf
                        own = left[c] if came[c] == spikes[c] and (fired or silent) else none
                        told[c] += own
                        left[c] -= own if fired else none
