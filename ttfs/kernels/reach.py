"""Which neurons of a map an input reaches, and which row of weights it adds there.

Maps are flat, row by row, column by column, channel by channel. All channels of one place are a
*position*. The inputs in a window around it are added to it with the rows of one block of
weights, (rows of the window, columns, channels), which all positions share. So the row that an
input adds is a number of the input, its `origin`, less one of the position, its `shift`. A
layer in which every input reaches every neuron is a map of one position.
"""

import numpy as np

from ttfs.kernels.jit import kernel

# numbers of a reach: the map below, the window, its stride and padding, the positions, and
# whether the first spike of a window counts instead of a sum of weights
HEIGHT, BREADTH, CHANNELS, TALL, BROAD, DOWN, ACROSS, TOP, LEFT, LINES, PLACES, COLUMNS, POOLS = (
    range(13)
)
LENGTH = 13


@kernel
def inputs_of(reach):
    """How many inputs there are."""
    return reach[HEIGHT] * reach[BREADTH] * reach[CHANNELS]


@kernel
def place_of(reach, unit):
    """(row, column, channel) of an input."""
    channel, pixel = unit % reach[CHANNELS], unit // reach[CHANNELS]
    return pixel // reach[BREADTH], pixel % reach[BREADTH], channel


@kernel
def origin_of(reach, unit):
    """The row of weights that an input would add to a position without shift."""
    y, x, channel = place_of(reach, unit)
    return ((y + reach[TOP]) * reach[BROAD] + x + reach[LEFT]) * reach[CHANNELS] + channel


@kernel
def shift_at(reach, y, x):
    """How many rows of weights lie between the first position and the one at a line and place."""
    return (y * reach[DOWN] * reach[BROAD] + x * reach[ACROSS]) * reach[CHANNELS]


@kernel
def shift_of(reach, position):
    """The same for a position given by its number."""
    return shift_at(reach, position // reach[PLACES], position % reach[PLACES])


@kernel
def hears(reach, position, unit):
    """Whether an input is in the window of a position."""
    y, x, _ = place_of(reach, unit)
    down = y + reach[TOP] - position // reach[PLACES] * reach[DOWN]
    across = x + reach[LEFT] - position % reach[PLACES] * reach[ACROSS]
    return 0 <= down < reach[TALL] and 0 <= across < reach[BROAD]


@kernel
def span_of(place, window, stride, positions):
    """The first position in one direction whose window holds a place, and after the last.

    place: counted from the beginning of the padding.
    """
    first = max(0, (place - window + stride) // stride)
    return first, min(positions, place // stride + 1)


@kernel
def spans_of(reach, unit):
    """The lines and places of positions that an input reaches: first and after the last of each."""
    y, x, _ = place_of(reach, unit)
    first, last = span_of(y + reach[TOP], reach[TALL], reach[DOWN], reach[LINES])
    begin, end = span_of(x + reach[LEFT], reach[BROAD], reach[ACROSS], reach[PLACES])
    return first, last, begin, end


@kernel
def window_of(reach, position):
    """The map rows and columns of a position's window that exist: first and after the last."""
    top = position // reach[PLACES] * reach[DOWN] - reach[TOP]
    left = position % reach[PLACES] * reach[ACROSS] - reach[LEFT]
    bottom, right = top + reach[TALL], left + reach[BROAD]
    return max(0, top), min(reach[HEIGHT], bottom), max(0, left), min(reach[BREADTH], right)


@kernel
def count_reached(reach, counts):
    """Fill (inputs,) with how many neurons each input reaches."""
    each = 1 if reach[POOLS] else reach[COLUMNS]
    for unit in range(counts.size):
        first, last, begin, end = spans_of(reach, unit)
        counts[unit] = max(0, last - first) * max(0, end - begin) * each


def make_reach(takes, window, stride, padding, gives, pools):
    """The numbers of a reach; shapes are (height, width, channels), the others (rows, columns)."""
    return np.array([*takes, *window, *stride, *padding, *gives, pools], np.int64)
