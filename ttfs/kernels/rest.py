"""Whether a potential with ramps that end just reaches its threshold, decided without rounding.

The line of a potential, slope * t - total, carries the rounding errors of all that was added and
subtracted. Mostly they only shift a spike by as little. But where a potential stops
rising exactly at its threshold, rounding decides whether there is a spike at all; and thresholds
that are sums of weights, or input spikes that are fractions of a rise apart, make that common.

So wherever a line is at the threshold to within rounding, when a ramp ends or anything else
may stop it, the line only says when to check. What decides is

    V(t) = sum of the weights that have arrived - what each that still rises has yet to add

which is weight * (arrival - origin) / rise for those that arrived after the origin, t - rise.
Its terms are products of differences. Pairs of numbers, of which the second holds what
rounding took from the first, add them up as if nothing were rounded (Dekker 1971; Knuth, The
Art of Computer Programming 2, section 4.2.2). A plateau is the plain sum of its weights.
"""

from typing import NamedTuple

import numpy as np

from ttfs.kernels.arrivals import arrival_of
from ttfs.kernels.jit import kernel

DOUBT = 32  # rounding errors of all that a line has added and subtracted: closer counts as equal;
BIASED = 8  # plus one for so many inputs, as equal numbers are rounded in the same direction
SOLID = 64  # a slope that is a smaller fraction of the bulk may be rounding error
NOISE = 2.0**-90  # relative to the terms: less may be the rounding of pairs
LONGER = 1 + 2.0**-10  # times the rise, as times are rounded
SPLITTER = 2.0**27 + 1.0


class Rising(NamedTuple):
    """Ramps of one neuron that still rise. Those of weight 0 do not count."""

    left: float  # what they have yet to add at a time,
    lost: float  # and what rounding took from it
    high: float  # the same times the rise, for an origin, with
    low: float  # products that are not rounded either
    size: float  # of its terms
    slope: float  # sum of the weights
    end: float  # when the first of them ends; inf if none rises


@kernel
def two_sum(a, b):
    """A sum, and what rounding took from it."""
    found = a + b
    rest = found - a
    return found, (a - (found - rest)) + (b - rest)


@kernel
def two_product(a, b):
    """A product, and what rounding took from it."""
    found, c, d = a * b, SPLITTER * a, SPLITTER * b
    a_high, b_high = c - (c - a), d - (d - b)
    a_low, b_low = a - a_high, b - b_high
    return found, a_low * b_low - (((found - a_high * b_high) - a_low * b_high) - a_high * b_low)


@kernel
def nothing():
    """No ramp yet."""
    return Rising(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, np.inf)


@kernel
def include(rising, weight, arrival, end, moment, origin, rise):
    """One more ramp, which rises from its arrival to its end. origin: a pair of numbers."""
    if weight == 0:
        return rising
    left, lost, high, low, size, slope, first = rising
    if end > moment:
        left, error = two_sum(left, weight * (1.0 - (moment - arrival) / rise))
        lost += error
    since, below = two_sum(arrival, -origin[0]) if origin[0] < np.inf else (0.0, 0.0)
    below -= origin[1]
    if since + below > 0:
        product, rest = two_product(weight, since)
        high, error = two_sum(high, product)
        low += error + (rest + weight * below)
        size += abs(product)
    return Rising(left, lost, high, low, size, slope + weight, min(first, end))


@kernel
def level_of(rising, summed, number):
    """The potential, given the sum of the weights that have arrived."""
    left = rising.left + rising.lost
    if not abs(left) < np.inf:  # a sum that overflows has lost a NaN
        left = rising.left
    return number(np.float64(summed) - left)


@kernel
def excess(rising, summed, threshold, rise):
    """How far the potential is over the threshold, times the rise; 0 if at it."""
    above, lost = two_sum(np.float64(summed), -np.float64(threshold))
    product, rest = two_product(above, rise)
    high, error = two_sum(product, -rising.high)
    found = high + (error + (rest + lost * rise) - rising.low)
    if abs(found) <= NOISE * (rising.size + abs(product)):
        return 0.0
    return found


@kernel
def meeting(rising, over, since):
    """When the line meets the threshold, if that is `over` when the first ramp ends; or inf."""
    if not over >= 0:
        return np.inf
    if rising.end == np.inf:
        return since
    if over == 0 or not rising.slope > 0:
        return rising.end
    return max(since, rising.end - over / rising.slope)


@kernel
def latest(since, rise):
    """The end of a line that begins at an instant: by then all ramps have ended.

    Whatever slope is left then is rounding error.
    """
    return np.float64(since) + LONGER * rise


@kernel
def eps_and_tiny(number):
    """Those of a type of weights or times, as `np.finfo` has them.

    `np.finfo` would load Numba's linear algebra and SciPy's, which takes a tenth of a second.
    """
    if number(1) + number(2.0**-30) > number(1):
        return 2.0**-52, 2.0**-1022
    return 2.0**-23, 2.0**-126


@kernel
def share_of(inputs, number, kind):
    """The largest rounding error of a line, as a fraction of all that it added and subtracted.

    number, kind: the types of weights and of times.
    """
    return (DOUBT + inputs / BIASED) * max(eps_and_tiny(number)[0], eps_and_tiny(kind)[0])


@kernel
def doubt(time, rise, share, number):
    """The largest rounding error of a line at a time, for each unit of `bulk`.

    The bulk of a line is its threshold and the magnitudes of all weights that arrived or ended.
    """
    return number(share * (np.float64(time) + rise))


@kernel
def is_sound(total, bulk):
    """Whether the sums of a line have not overflowed; if they have, it is followed as it is."""
    return (abs(total) < np.inf) & (bulk < np.inf)


@kernel
def is_solid(slope, bulk, number):
    """Whether a slope is more than rounding may have left of others."""
    return slope * number(SOLID) > bulk


@kernel
def goes_on(slope, bulk, rise, error, number):
    """Whether a line rises so steeply that the next one will meet the threshold anyway.

    error: its largest rounding error, for each unit of `bulk`.
    """
    steep = slope * number(rise) > number(DOUBT) * (error * bulk)
    return steep and is_solid(slope, bulk, number)


@kernel
def is_jump(since, rise, kind):
    """Whether ramps are too short for the precision of times, and end as they arrive."""
    return arrival_of(since, rise, kind) == since
