"""When a neuron of a layer crosses its threshold, given the events that reached the layer.

The line decides, or `rest` where the line is in doubt. `work` is a `ramp.Work` of the layer.
"""

import numpy as np

from ttfs.kernels.jit import kernel, rare_kernel
from ttfs.kernels.rest import (
    doubt,
    excess,
    goes_on,
    include,
    is_jump,
    is_solid,
    is_sound,
    latest,
    meeting,
    nothing,
    two_sum,
)


@kernel
def line_meets(slope, total, since, rise, work):
    """When a line that rises from `since` on meets the threshold; or inf."""
    if slope > 0:
        crossing = work.moments.dtype.type(total / slope)
        if crossing < np.inf and crossing <= latest(since, rise):  # false for NaN
            return max(since, crossing)
    return work.moments.dtype.type(np.inf)


@rare_kernel
def weigh(weights, column, e, since, moment, origin, rise, work):
    """Which of a neuron's ramps rise at event e, and the sum of all weights until then."""
    rising, number = nothing(), weights.dtype.type
    summed = number(0)
    for k in range(e):
        if work.signs[k] > 0:
            weight = weights[work.starts[k] + column]
            summed += weight
            if work.until[k] > since:
                arrival, end = np.float64(work.moments[k]), np.float64(work.until[k])
                rising = include(rising, np.float64(weight), arrival, end, moment, origin, rise)
    return rising, summed


@kernel
def end_in_doubt(weights, column, e, time, last, after, work):
    """The arrival, later than `after`, of a neuron's first ramp to end from `time` to `last`.

    Or inf.
    """
    for k in range(work.oldest[e], e):
        if work.until[k] > last:
            break
        arrival = np.float64(work.moments[k])
        if work.until[k] >= time and arrival > after and weights[work.starts[k] + column] != 0:
            return arrival
    return np.inf


@kernel
def is_there(threshold, weights, column, e, since, rise, work):
    """Whether a neuron is at its threshold at event e, or when one of its ramps ends then."""
    moment = work.moments[e]
    start = end_in_doubt(weights, column, e, moment, moment, -np.inf, work)
    origin = two_sum(np.float64(moment), -rise) if start == np.inf else (start, 0.0)
    while True:
        rising, summed = weigh(weights, column, e, since, np.inf, origin, rise, work)
        if excess(rising, summed, threshold, rise) >= 0:
            return True
        if start < np.inf:
            start = end_in_doubt(weights, column, e, moment, moment, start, work)
        if start == np.inf:
            return False
        origin = start, 0.0


@kernel
def sums_after(slope, bulk, weights, column, e, work):
    """A slope and a bulk when all events of the instant of event e have been added."""
    k = e
    while work.moments[k] == work.moments[e] and work.moments[k] < np.inf:
        weight = weights[work.starts[k] + column]
        slope += work.signs[k] * weight
        bulk += abs(weight)
        k += 1
    return slope, bulk


@kernel
def last_in_doubt(crossing, slope, bulk, rise, work):
    """The latest true crossing of a line whose crossing is known only to within rounding."""
    if not slope > 0:
        return np.inf
    error = doubt(crossing, rise, work.share[0], work.slope.dtype.type) * bulk
    return np.float64(crossing) + np.float64(error) / np.float64(slope)


@kernel
def is_in_doubt(crossing, line, e, rise, work):
    """Whether rounding decides if a line is at the threshold by event e.

    line: its slope, total and bulk.
    """
    number, oldest, moment = work.slope.dtype.type, work.oldest[e], work.moments[e]
    slope, total, bulk = line
    if not is_sound(total, bulk):
        return False
    if e > 0 and is_jump(work.moments[e - 1], rise, work.times.dtype.type):
        return True
    if crossing > moment:
        return total - slope * number(moment) <= doubt(moment, rise, work.share[0], number) * bulk
    if not crossing < np.inf:
        return False
    last = last_in_doubt(crossing, slope, bulk, rise, work)
    ends = oldest < e and work.until[oldest] <= last
    return ends or crossing == moment or not is_solid(slope, bulk, number)


@kernel
def decide(crossing, line, threshold, weights, column, e, rise, work):
    """When a neuron fires whose line is in doubt; later than event e if not by then.

    crossing: according to its line; line: its slope, total and bulk.
    """
    kind = work.moments.dtype.type
    number, since = weights.dtype.type, work.moments[e - 1] if e > 0 else kind(0)
    moment, (slope, total, bulk) = work.moments[e], line
    if e > 0 and is_jump(since, rise, kind):
        _, summed = weigh(weights, column, e, since, np.inf, (np.inf, 0.0), rise, work)
        return since if summed >= threshold else kind(np.inf)
    if crossing <= moment and crossing < np.inf:
        last = last_in_doubt(crossing, slope, bulk, rise, work)
        start = end_in_doubt(weights, column, e, crossing, last, -np.inf, work)
        rising, summed = weigh(weights, column, e, since, np.inf, (start, 0.0), rise, work)
        if start < np.inf or rising.end == np.inf:
            over = excess(rising, summed, threshold, rise)
            crossing = max(crossing, kind(meeting(rising, over, np.float64(since))))
    error = doubt(moment, rise, work.share[0], number)
    close = moment < np.inf and total - slope * number(moment) <= error * bulk
    if moment < np.inf and (crossing == moment or (crossing > moment and close)):
        slope, bulk = sums_after(slope, bulk, weights, column, e, work)
        if not goes_on(slope, bulk, rise, error, number):
            there = is_there(threshold, weights, column, e, since, rise, work)
            return moment if there else kind(np.inf)
    return crossing
