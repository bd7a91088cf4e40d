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
DOUBT, LONGER = 32, 1 + 2.0**-10


class Line(NamedTuple):
    """A potential between two instants."""

    slope: float
    total: float
    summed: float  # of the weights that have arrived
    bulk: float  # the threshold, and the magnitudes of weights that arrived or ended
    rising: tuple  # (weight, arrival, end) of those that still rise
    since: float


def beginning(threshold, rise, kind):
    """Nothing has arrived."""
    number = type(threshold)
    total = threshold if rise == INF else threshold * number(rise)
    return Line(number(0), total, number(0), threshold, (), kind(0))


def follow(line, events, weights, rise, kind):
    """The line after the events of an instant, (time, whether a ramp ends, ..., input)."""
    slope, total, summed, bulk, rising, since = line
    for since, ended, *_, i in events:
        weight = -weights[i] if ended else weights[i]
        slope, total = slope + weight, total + weight * type(total)(since)
        bulk += abs(weight)
        if not ended:
            summed += weight
            rising = (*rising, (weight, since, kind(np.float64(since) + rise)))
    rising = tuple(ramp for ramp in rising if ramp[2] > since)
    return Line(slope, total, summed, bulk, rising, since)


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


def over(line, threshold, origin, rise):
    """How far the potential is over the threshold a rise after an origin, times it: a Fraction."""
    left = sum(
        Fraction(float(w)) * (Fraction(float(a)) - origin)
        for w, a, _ in line.rising
        if Fraction(float(a)) > origin
    )
    return (Fraction(float(line.summed)) - Fraction(float(threshold))) * Fraction(rise) - left


def roundings(line, time, rise):
    """What those of a line can come to at a time."""
    number = type(line.bulk)
    coarser = max(float(np.finfo(number).eps), float(np.finfo(type(line.since)).eps))
    return number(DOUBT * coarser * (float(time) + rise)) * line.bulk


def by_the_line(line, rise, kind):
    """When the line meets the threshold; it cannot hold for longer than a rise."""
    if line.slope > 0:
        time = kind(line.total / line.slope)
        if time < INF and float(time) <= float(line.since) + LONGER * rise:
            return max(time, kind(line.since))
    return kind(INF)


def crossing(line, threshold, moment, after, rise, kind):
    """When the neuron fires if nothing happens to it before `moment`; later, if not by then.

    after: its slope when what happens at that moment has been added.
    """
    time = by_the_line(line, rise, kind)
    if rise == INF or not line.bulk < INF:
        return time
    if time <= moment and time < INF:
        time = max(time, kind(at_an_end(line, threshold, time, rise)))
    number, error = type(line.bulk), roundings(line, moment, rise)
    close = line.total - line.slope * number(moment) <= error
    goes_on = after * number(rise) > number(DOUBT) * error
    if moment < INF and not goes_on and (time == moment or (time > moment and close)):
        return kind(moment) if is_there(line, threshold, moment, rise) else kind(INF)
    return time


def is_there(line, threshold, moment, rise):
    """Whether the potential is at the threshold when a ramp ends at that moment, or else then."""
    origins = [Fraction(float(a)) for w, a, end in line.rising if w and end == moment]
    origins = origins or [Fraction(float(moment)) - Fraction(rise)]
    return any(over(line, threshold, origin, rise) >= 0 for origin in origins)


def at_an_end(line, threshold, time, rise):
    """When the potential reaches the threshold, if a ramp ends as soon as makes no difference."""
    last = float(time) + float(roundings(line, time, rise)) / float(line.slope)
    starts = [a for w, a, end in line.rising if w and float(time) <= float(end) <= last]
    if not starts:
        return time
    excess = over(line, threshold, Fraction(float(min(starts))), rise)
    if excess < 0:
        return INF
    first = min(float(end) for w, _, end in line.rising if w)
    slope = sum(float(w) for w, _, _ in line.rising)
    if excess == 0 or slope <= 0:
        return first
    return max(float(line.since), first - float(excess) / slope)
