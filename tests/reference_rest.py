"""When a neuron with ramps that end fires, slow and obvious: in rational numbers where it matters.

Its potential is what the weights that have arrived add up to, less what has yet to rise. The
line between two instants, slope * t - total in floats, says when it meets the threshold. Where
it is there but for its roundings, and may not go on, the potential itself decides.
"""

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

INF = np.inf
DOUBT, BIASED, SOLID, LONGER = 32, 8, 64, 1 + 2.0**-10


class Neuron(NamedTuple):
    """What does not change."""

    threshold: float
    inputs: int  # how many neurons could reach it
    rise: float
    kind: type  # of times


class Line(NamedTuple):
    """A potential between two instants."""

    slope: float
    total: float
    summed: float  # of the weights that have arrived
    bulk: float  # the threshold, and the magnitudes of weights that arrived or ended
    rising: tuple  # (weight, arrival, end) of those that still rise
    since: float


def beginning(neuron):
    """Nothing has arrived."""
    threshold, number = neuron.threshold, type(neuron.threshold)
    total = threshold if neuron.rise == INF else threshold * number(neuron.rise)
    return Line(number(0), total, number(0), threshold, (), neuron.kind(0))


def follow(line, events, weights, neuron):
    """The line after some events, (time, whether a ramp ends, ..., input)."""
    slope, total, summed, bulk, rising, since = line
    for since, ended, *_, i in events:
        weight = -weights[i] if ended else weights[i]
        slope, total = slope + weight, total + weight * type(total)(since)
        bulk += abs(weight)
        if not ended:
            summed += weight
            end = neuron.kind(np.float64(since) + neuron.rise)
            rising = (*rising, (weight, since, end))
    rising = tuple(ramp for ramp in rising if ramp[2] > since)
    return Line(slope, total, summed, bulk, rising, since)


def fires(events, weights, neuron, t_max):
    """When a neuron fires, or inf, and its line then or at last; events by time, kind and input."""
    line = beginning(neuron)
    for instant in [*sorted({time for time, *_ in events}), INF]:
        now = [event for event in events if event[0] == instant]
        after = follow(line, now, weights, neuron)
        time = crossing(line, instant, after, neuron)
        if time <= instant and time < t_max:
            return time, line
        line = after
    return INF, line


def last_level(line, neuron, t_max):
    """The potential of a silent neuron at the horizon."""
    if neuron.rise < INF:
        return level(line, t_max, neuron.rise)
    return line.slope * type(line.slope)(t_max) - (line.total - neuron.threshold)


def level(line, time, rise):
    """The potential at a time."""
    left = [
        float(w) * (1 - (float(time) - float(a)) / rise)
        for w, a, end in line.rising
        if float(end) > float(time)
    ]
    try:
        left = math.fsum(left)
    except (OverflowError, ValueError):
        left = sum(left)
    return type(line.summed)(float(line.summed) - left)


def over(line, neuron, origin):
    """How far the potential is over the threshold a rise after an origin, times it: a Fraction."""
    left = sum(
        Fraction(float(w)) * (Fraction(float(a)) - origin)
        for w, a, _ in line.rising
        if Fraction(float(a)) > origin
    )
    above = Fraction(float(line.summed)) - Fraction(float(neuron.threshold))
    return above * Fraction(neuron.rise) - left


def roundings(neuron, time):
    """What those of a line can come to at a time, for each unit of its bulk."""
    number = type(neuron.threshold)
    coarser = max(float(np.finfo(number).eps), float(np.finfo(neuron.kind).eps))
    return number((DOUBT + neuron.inputs / BIASED) * coarser * (float(time) + neuron.rise))


def is_solid(line):
    """Whether a slope is more than what rounding may have left."""
    return line.slope * type(line.slope)(SOLID) > line.bulk


def goes_on(line, neuron, error):
    """Whether a line rises so much that it will reach the threshold all the same."""
    number = type(line.slope)
    steep = line.slope * number(neuron.rise) > number(DOUBT) * (error * line.bulk)
    return steep and is_solid(line)


def by_the_line(line, neuron):
    """When the line meets the threshold; it cannot hold for longer than a rise."""
    if line.slope > 0:
        time = neuron.kind(line.total / line.slope)
        if time < INF and float(time) <= float(line.since) + LONGER * neuron.rise:
            return max(time, neuron.kind(line.since))
    return neuron.kind(INF)


def crossing(line, moment, after, neuron):
    """When the neuron fires if nothing happens to it before `moment`; later, if not by then.

    after: its line when what happens at that moment has been added.
    """
    never, time = neuron.kind(INF), by_the_line(line, neuron)
    if neuron.rise == INF or not (line.bulk < INF and abs(line.total) < INF):
        return time
    jumps = neuron.kind(np.float64(line.since) + neuron.rise) == line.since
    if jumps and line.since > 0:
        return neuron.kind(line.since) if line.summed >= neuron.threshold else never
    if time <= moment and time < INF:
        time = max(time, neuron.kind(at_an_end(line, neuron, time, moment)))
    error = roundings(neuron, moment)
    close = line.total - line.slope * type(error)(moment) <= error * line.bulk
    asked = moment < INF and (time == moment or (time > moment and close))
    if asked and not goes_on(after, neuron, error):
        return neuron.kind(moment) if is_there(line, neuron, moment) else never
    return time


def is_there(line, neuron, moment):
    """Whether the potential is at the threshold when a ramp ends at that moment, or else then."""
    origins = [Fraction(float(a)) for w, a, end in line.rising if w and end == moment]
    origins = origins or [Fraction(float(moment)) - Fraction(neuron.rise)]
    return any(over(line, neuron, origin) >= 0 for origin in origins)


def at_an_end(line, neuron, time, moment):
    """When the potential reaches the threshold, if a ramp ends as soon as makes no difference."""
    error = roundings(neuron, time) * line.bulk
    last = float(time) + float(error) / float(line.slope)
    starts = [a for w, a, end in line.rising if w and float(time) <= float(end) <= last]
    own = [float(end) for w, _, end in line.rising if w]
    if not own:
        return line.since if line.summed >= neuron.threshold else INF
    if not starts:
        return time
    excess = over(line, neuron, Fraction(float(min(starts))))
    if excess < 0:
        return INF
    slope = sum(float(w) for w, _, _ in line.rising)
    if excess == 0 or slope <= 0:
        return min(own)
    return max(float(line.since), min(own) - float(excess) / slope)
