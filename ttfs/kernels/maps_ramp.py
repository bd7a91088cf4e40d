"""Spike times of a layer of maps whose ramps never end; see `ramp` and `maps`.

A position follows the lines of its neurons through the events on its list. What holds for an
event at all positions is stored once.
"""

from typing import NamedTuple

import numpy as np

from ttfs.kernels.arrivals import arrival_of
from ttfs.kernels.jit import kernel
from ttfs.kernels.maps import Handed, hand_out, make_handed
from ttfs.kernels.ramp import Traces, keep
from ttfs.kernels.reach import COLUMNS, inputs_of, shift_of
from ttfs.kernels.rest import eps_and_tiny
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
TWO, FOUR = 2 * LANES, 4 * LANES


class Lines(NamedTuple):
    """Scratch for a sample: its events, and the lines of some neurons."""

    handed: Handed
    moments: np.ndarray  # (inputs + 1,) when each event arrives, and inf at the end
    limits: np.ndarray  # (inputs + 1,) the same with a margin, in the network's precision
    values: np.ndarray  # (inputs,) when, in that precision
    starts: np.ndarray  # (inputs,) where the row of weights begins, without the shift
    slope: np.ndarray  # (FOUR,) of the neurons in the registers
    total: np.ndarray  # (FOUR,)
    totals: np.ndarray  # (width,) of a position at the horizon; inf if fired


def make_lines(arrays, times):
    """Scratch for samples whose times have the dtype of `times`; not compiled."""
    events, number = inputs_of(arrays.reaches[0]) + 1, arrays.weights.dtype
    return Lines(
        make_handed(arrays, times),
        np.empty(events, times.dtype),
        np.empty(events, number),
        np.empty(events, number),
        np.empty(events, np.int64),
        np.empty(FOUR, number),
        np.empty(FOUR, number),
        np.empty(arrays.widths[0], number),
    )


@kernel
def note_events(arrays, count, lines):
    """Store when events arrive, and drop those from the horizon on; return how many remain."""
    number, kind = lines.values.dtype.type, lines.moments.dtype.type
    eps, tiny = eps_and_tiny(number)
    margin = number(1 + 16 * max(eps, eps_and_tiny(kind)[0]))
    least, events = number(tiny), 0
    for e in range(count):
        moment = arrival_of(lines.handed.times[e], arrays.delays[0], kind)
        value = number(moment)
        lines.moments[e], lines.values[e] = moment, value
        lines.limits[e] = value * margin + least
        lines.starts[e] = arrays.rows[0] + lines.handed.index[e] * arrays.widths[0]
        events += moment < arrays.t_max
    lines.moments[events], lines.limits[events] = np.inf, number(arrays.t_max) * margin + least
    return events


@kernel
def meet(bits, first, moment, since, t_max, lines, traces):
    """Fire those neurons, of the ones whose bits are set, that cross by a given time.

    Returns their bits. since: the time from which the lines are straight.
    """
    fired = bits ^ bits
    while bits:
        lane = lowest_bit(bits)
        bits &= bits - ONE
        slope = lines.slope[lane]
        if slope > 0:
            crossing = lines.moments.dtype.type(lines.total[lane] / slope)
            if crossing < since:
                crossing = since
            if crossing <= moment and crossing < t_max:  # false for NaN
                traces.spikes[first + lane], traces.slopes[first + lane] = crossing, slope
                fired |= ONE << np.uint64(lane)
    return fired


@kernel
def reach_of(slope, total, e, lines):
    """The bits of those of LANES neurons that may cross by event e."""
    nearly = broadcast(total, 64 * eps_and_tiny(lines.limits.dtype.type)[1])
    return below(subtract(total, multiply(slope, broadcast(total, lines.limits[e]))), nearly)


@kernel
def follow_one(first, shift, order, events, arrays, lines, traces):
    """Follow the lines of LANES neurons of a position from event to event, until the horizon."""
    weights, never = arrays.weights, broadcast(arrays.weights, np.inf)
    a0, s0 = broadcast(weights, 0.0), load(arrays.thresholds, first)
    since, k, going = lines.moments.dtype.type(0), np.uint64(0), True
    while going:
        e = np.uint64(min(order[k], events))
        moment = lines.moments[e]
        bits = reach_of(a0, s0, e, lines)
        if bits and moment != since:
            store(a0, lines.slope, 0)
            store(s0, lines.total, 0)
            fired = meet(bits, first, moment, since, arrays.t_max, lines, traces)
            s0 = where(fired, never, s0)
        going = e != np.uint64(events)
        if going:
            start, value = lines.starts[e] - shift + first, broadcast(weights, lines.values[e])
            w0 = load(weights, start)
            a0, s0 = add(a0, w0), add(s0, multiply(w0, value))
        since, k = moment, k + ONE
    keep(a0, s0, first, traces)


@kernel
def follow_two(first, shift, order, events, arrays, lines, traces):
    """The same for TWO neurons."""
    weights, never = arrays.weights, broadcast(arrays.weights, np.inf)
    a0, s0 = broadcast(weights, 0.0), load(arrays.thresholds, first)
    a1, s1 = a0, load(arrays.thresholds, first + LANES)
    since, k, going = lines.moments.dtype.type(0), np.uint64(0), True
    while going:
        e = np.uint64(min(order[k], events))
        moment = lines.moments[e]
        bits = reach_of(a0, s0, e, lines) | reach_of(a1, s1, e, lines) << np.uint64(16)
        if bits and moment != since:
            store(a0, lines.slope, 0)
            store(a1, lines.slope, LANES)
            store(s0, lines.total, 0)
            store(s1, lines.total, LANES)
            fired = meet(bits, first, moment, since, arrays.t_max, lines, traces)
            s0, s1 = where(fired, never, s0), where(fired >> np.uint64(16), never, s1)
        going = e != np.uint64(events)
        if going:
            start, value = lines.starts[e] - shift + first, broadcast(weights, lines.values[e])
            w0, w1 = load(weights, start), load(weights, start + LANES)
            a0, s0 = add(a0, w0), add(s0, multiply(w0, value))
            a1, s1 = add(a1, w1), add(s1, multiply(w1, value))
        since, k = moment, k + ONE
    keep(a0, s0, first, traces)
    keep(a1, s1, first + LANES, traces)


@kernel
def follow_four(first, shift, order, events, arrays, lines, traces):
    """The same for FOUR neurons."""
    weights, never = arrays.weights, broadcast(arrays.weights, np.inf)
    a0, s0 = broadcast(weights, 0.0), load(arrays.thresholds, first)
    a1, s1 = a0, load(arrays.thresholds, first + LANES)
    a2, s2 = a0, load(arrays.thresholds, first + 2 * LANES)
    a3, s3 = a0, load(arrays.thresholds, first + 3 * LANES)
    since, k, going = lines.moments.dtype.type(0), np.uint64(0), True
    while going:
        e = np.uint64(min(order[k], events))
        moment = lines.moments[e]
        bits = reach_of(a0, s0, e, lines) | reach_of(a1, s1, e, lines) << np.uint64(16)
        bits |= reach_of(a2, s2, e, lines) << np.uint64(32)
        bits |= reach_of(a3, s3, e, lines) << np.uint64(48)
        if bits and moment != since:
            store(a0, lines.slope, 0)
            store(a1, lines.slope, LANES)
            store(a2, lines.slope, 2 * LANES)
            store(a3, lines.slope, 3 * LANES)
            store(s0, lines.total, 0)
            store(s1, lines.total, LANES)
            store(s2, lines.total, 2 * LANES)
            store(s3, lines.total, 3 * LANES)
            fired = meet(bits, first, moment, since, arrays.t_max, lines, traces)
            s0, s1 = where(fired, never, s0), where(fired >> np.uint64(16), never, s1)
            s2 = where(fired >> np.uint64(32), never, s2)
            s3 = where(fired >> np.uint64(48), never, s3)
        going = e != np.uint64(events)
        if going:
            start, value = lines.starts[e] - shift + first, broadcast(weights, lines.values[e])
            w0, w1 = load(weights, start), load(weights, start + LANES)
            w2, w3 = load(weights, start + 2 * LANES), load(weights, start + 3 * LANES)
            a0, s0 = add(a0, w0), add(s0, multiply(w0, value))
            a1, s1 = add(a1, w1), add(s1, multiply(w1, value))
            a2, s2 = add(a2, w2), add(s2, multiply(w2, value))
            a3, s3 = add(a3, w3), add(s3, multiply(w3, value))
        since, k = moment, k + ONE
    keep(a0, s0, first, traces)
    keep(a1, s1, first + LANES, traces)
    keep(a2, s2, first + 2 * LANES, traces)
    keep(a3, s3, first + 3 * LANES, traces)


@kernel
def follow(shift, order, events, arrays, lines, traces):
    """Follow all neurons of a position."""
    width, first = arrays.widths[0], 0
    while first < width:
        left = width - first
        if left >= FOUR:
            follow_four(first, shift, order, events, arrays, lines, traces)
            first += FOUR
        elif left >= TWO:
            follow_two(first, shift, order, events, arrays, lines, traces)
            first += TWO
        else:
            follow_one(first, shift, order, events, arrays, lines, traces)
            first += LANES


@kernel
def settle(arrays, traces, potential):
    """Potentials of a position: the threshold if a neuron fired, else that at the horizon."""
    number = arrays.weights.dtype.type
    for j in range(potential.size):
        threshold = arrays.thresholds[j]
        potential[j] = threshold
        if traces.spikes[j] == np.inf:
            shift = traces.totals[j] - threshold
            potential[j] = traces.slopes[j] * number(arrays.t_max) - shift


@kernel
def run_endless(arrays, below, base, times, found, lines, first, last):
    """Spike times, slopes, and potentials where there is room for them, of some samples.

    found: a `ramp.Found`.
    """
    reach, width = arrays.reaches[0], arrays.widths[0]
    columns, inputs = reach[COLUMNS], inputs_of(reach)
    for s in range(first, last):
        row = times[s, below : below + inputs]
        count = hand_out(reach, row, arrays.t_max, lines.handed)
        events = note_events(arrays, count, lines)
        for p in range(lines.handed.counts.size):
            some = slice(base + p * columns, base + p * columns + width)
            traces = Traces(found.spikes[s, some], found.slopes[s, some], lines.totals)
            traces.spikes[:] = np.inf
            shift = shift_of(reach, p) * width
            follow(shift, lines.handed.order[p], events, arrays, lines, traces)
            if found.potential.shape[1]:
                potential = found.potential[s, p * columns : (p + 1) * columns]
                settle(arrays, traces, potential)
