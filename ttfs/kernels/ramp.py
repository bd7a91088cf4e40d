"""Spike times of a network with ramp responses, one sample at a time.

The potential of a neuron is a straight line between events: spikes that arrive and, if the
rise is finite, ramps that end. In units in which a ramp rises by its weight in a unit of
time it is slope * t - (total - threshold), where an arrival at time a adds its weight w to
`slope` and w * a to `total`, and an end takes the same away at its own time. `total` begins
at the threshold, so the line reaches it at total / slope.

A neuron fires at that time if it comes before the next event or with it. Whether it does is
first asked of sixteen neurons at once by a product instead of a quotient, with a margin for
rounding; only where that says yes is the division done.
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from ttfs.kernels.jit import kernel, making_kernel, parallel_kernel
from ttfs.kernels.propagation import block_of
from ttfs.kernels.sorting import BINS, sort_events
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

WIDE = 4 * LANES  # neurons whose sums are in registers at the same time
ONE = np.uint64(1)


class Work(NamedTuple):
    """Scratch for one sample and layer."""

    times: np.ndarray  # (longest,) spikes of the layer below, in order
    index: np.ndarray  # (longest,)
    arrivals: np.ndarray  # (longest + 1,) when they arrive; scratch of the sort
    ends: np.ndarray  # (longest + 1,) when their ramps end
    spare_index: np.ndarray  # (longest,)
    bins: np.ndarray  # (BINS + 1,)
    moments: np.ndarray  # (2 * longest + 1,) events in order: when, and at last inf,
    limits: np.ndarray  # (2 * longest + 1,) that with a margin; NaN if the event before is then
    values: np.ndarray  # (2 * longest,) when, in the network's precision
    signs: np.ndarray  # (2 * longest,) 1 for an arrival, -1 for the end of a ramp
    starts: np.ndarray  # (2 * longest,) where the row of weights begins
    slope: np.ndarray  # (WIDE,) sums of the neurons in the registers
    total: np.ndarray  # (WIDE,)


class Traces(NamedTuple):
    """What a layer leaves for one sample; a place for each padded neuron."""

    spikes: np.ndarray  # inf: silent
    slopes: np.ndarray  # of the potential at the spike, or at the horizon
    totals: np.ndarray  # at the horizon; inf if fired


@making_kernel
def make_work(arrays, times):
    """Scratch for samples whose times have the dtype of `times`."""
    longest = 1
    for layer in range(arrays.widths.size):
        longest = max(longest, arrays.sizes[layer])
    return Work(
        np.empty(longest, times.dtype),
        np.empty(longest, np.int64),
        np.empty(longest + 1, times.dtype),
        np.empty(longest + 1, times.dtype),
        np.empty(longest, np.int64),
        np.empty(BINS + 1, np.int64),
        np.empty(2 * longest + 1, times.dtype),
        np.empty(2 * longest + 1, arrays.weights.dtype),
        np.empty(2 * longest, arrays.weights.dtype),
        np.empty(2 * longest, arrays.weights.dtype),
        np.empty(2 * longest, np.int64),
        np.empty(WIDE, arrays.weights.dtype),
        np.empty(WIDE, arrays.weights.dtype),
    )


@kernel
def schedule(arrays, layer, rise, count, work):
    """Note the events at `layer` before the horizon; return how many.

    At the same time arrivals come before ends, and each kind in the order of the spikes.
    """
    arrivals, ends = work.arrivals, work.ends
    for k in range(count):
        arrivals[k] = work.times[k] + arrays.delays[layer]
        ends[k] = arrivals[k] + rise
    arrivals[count], ends[count] = np.inf, np.inf
    number = work.values.dtype.type
    coarser = max(np.finfo(number).eps, np.finfo(work.times.dtype.type).eps)
    margin, tiny = number(1 + 16 * coarser), np.finfo(number).tiny
    events, arriving, ending = 0, 0, 0
    while True:
        arrives = arrivals[arriving] <= ends[ending]
        time = arrivals[arriving] if arrives else ends[ending]
        if time >= arrays.t_max:
            break
        spike = arriving if arrives else ending
        arriving += arrives
        ending += not arrives
        value = number(time)
        same = events > 0 and time == work.moments[events - 1]
        work.moments[events] = time
        work.limits[events] = number(np.nan) if same else value * margin + tiny
        work.values[events] = value
        work.signs[events] = 1 if arrives else -1
        work.starts[events] = arrays.rows[layer] + work.index[spike] * arrays.widths[layer]
        events += 1
    work.moments[events] = np.inf
    work.limits[events] = number(arrays.t_max) * margin + tiny
    return events


@kernel
def cross(bits, first, e, t_max, work, traces):
    """Let those neurons fire, of the ones whose bits are set, that cross by event e.

    Returns their bits.
    """
    fired = bits ^ bits
    since = work.moments[e - 1] if e > 0 else work.moments.dtype.type(0)
    while bits:
        lane = lowest_bit(bits)
        bits &= bits - ONE
        if work.slope[lane] > 0:
            crossing = work.moments.dtype.type(work.total[lane] / work.slope[lane])
            time = max(since, crossing)
            if crossing <= work.moments[e] and time < t_max:  # false for NaN
                traces.spikes[first + lane] = time
                traces.slopes[first + lane] = work.slope[lane]
                fired |= ONE << np.uint64(lane)
    return fired


@kernel
def sweep_wide(first, events, weights, thresholds, t_max, work, traces):
    """Follow the lines of WIDE neurons from event to event, until the horizon."""
    a0 = broadcast(weights, 0.0)
    a1, a2, a3 = a0, a0, a0
    s0, s1 = load(thresholds, first), load(thresholds, first + LANES)
    s2, s3 = load(thresholds, first + 2 * LANES), load(thresholds, first + 3 * LANES)
    nearly = broadcast(weights, 64 * np.finfo(weights.dtype.type).tiny)
    never = broadcast(weights, np.inf)
    for e in range(events + 1):
        limit = broadcast(weights, work.limits[e])
        b0 = below(subtract(s0, multiply(a0, limit)), nearly)
        b1 = below(subtract(s1, multiply(a1, limit)), nearly)
        b2 = below(subtract(s2, multiply(a2, limit)), nearly)
        b3 = below(subtract(s3, multiply(a3, limit)), nearly)
        bits = b0 | b1 << np.uint64(16) | b2 << np.uint64(32) | b3 << np.uint64(48)
        if bits:
            store(a0, work.slope, 0)
            store(a1, work.slope, LANES)
            store(a2, work.slope, 2 * LANES)
            store(a3, work.slope, 3 * LANES)
            store(s0, work.total, 0)
            store(s1, work.total, LANES)
            store(s2, work.total, 2 * LANES)
            store(s3, work.total, 3 * LANES)
            fired = cross(bits, first, e, t_max, work, traces)
            s0, s1 = where(fired, never, s0), where(fired >> np.uint64(16), never, s1)
            s2, s3 = (
                where(fired >> np.uint64(32), never, s2),
                where(fired >> np.uint64(48), never, s3),
            )
        if e < events:
            start = work.starts[e] + first
            sign, value = broadcast(weights, work.signs[e]), broadcast(weights, work.values[e])
            w0 = multiply(sign, load(weights, start))
            w1 = multiply(sign, load(weights, start + LANES))
            w2 = multiply(sign, load(weights, start + 2 * LANES))
            w3 = multiply(sign, load(weights, start + 3 * LANES))
            a0, s0 = add(a0, w0), add(s0, multiply(w0, value))
            a1, s1 = add(a1, w1), add(s1, multiply(w1, value))
            a2, s2 = add(a2, w2), add(s2, multiply(w2, value))
            a3, s3 = add(a3, w3), add(s3, multiply(w3, value))
    keep(a0, s0, first, traces)
    keep(a1, s1, first + LANES, traces)
    keep(a2, s2, first + 2 * LANES, traces)
    keep(a3, s3, first + 3 * LANES, traces)


@kernel
def sweep_narrow(first, events, weights, thresholds, t_max, work, traces):
    """The same for LANES neurons."""
    a, s = broadcast(weights, 0.0), load(thresholds, first)
    nearly = broadcast(weights, 64 * np.finfo(weights.dtype.type).tiny)
    never = broadcast(weights, np.inf)
    for e in range(events + 1):
        limit = broadcast(weights, work.limits[e])
        bits = below(subtract(s, multiply(a, limit)), nearly)
        if bits:
            store(a, work.slope, 0)
            store(s, work.total, 0)
            s = where(cross(bits, first, e, t_max, work, traces), never, s)
        if e < events:
            sign, value = broadcast(weights, work.signs[e]), broadcast(weights, work.values[e])
            w = multiply(sign, load(weights, work.starts[e] + first))
            a, s = add(a, w), add(s, multiply(w, value))
    keep(a, s, first, traces)


@kernel
def keep(slope, total, first, traces):
    """Note the sums of LANES neurons at the horizon; slopes at spikes stay."""
    store(total, traces.totals, first)
    fired = below(load(traces.spikes, first), broadcast(traces.spikes, np.inf))
    store(where(fired, load(traces.slopes, first), slope), traces.slopes, first)


@kernel
def sweep(arrays, layer, events, work, traces):
    """Fill the traces of one layer."""
    width = arrays.widths[layer]
    thresholds = arrays.thresholds[arrays.units[layer] : arrays.units[layer + 1]]
    for j in range(width):
        traces.spikes[j] = np.inf
    first = 0
    while first + WIDE <= width:
        sweep_wide(first, events, arrays.weights, thresholds, arrays.t_max, work, traces)
        first += WIDE
    while first < width:
        sweep_narrow(first, events, arrays.weights, thresholds, arrays.t_max, work, traces)
        first += LANES


@kernel
def run_sample(arrays, rise, row, work, spikes, slopes, totals):
    """Fill the traces of all layers, of which each array holds one after the other."""
    below = row
    for layer in range(arrays.widths.size):
        count = sort_events(
            below, arrays.t_max, work.times, work.index, work.arrivals, work.spare_index, work.bins
        )
        events = schedule(arrays, layer, rise, count, work)
        first, last = arrays.units[layer], arrays.units[layer + 1]
        traces = Traces(spikes[first:last], slopes[first:last], totals[first:last])
        sweep(arrays, layer, events, work, traces)
        below = traces.spikes[: arrays.sizes[layer + 1]]


@kernel
def settle(arrays, rise, spikes, slopes, totals, potential):
    """Potentials of the last layer: the threshold if it fired, else that at the horizon."""
    first, number = arrays.units[-2], slopes.dtype.type
    scale = number(1) if rise == np.inf else number(rise)
    for j in range(potential.size):
        threshold = arrays.thresholds[first + j]
        potential[j] = threshold / scale
        if spikes[first + j] == np.inf:
            line = slopes[first + j] * number(arrays.t_max) - (totals[first + j] - threshold)
            potential[j] = line / scale


@making_kernel
def run_block(arrays, rise, times, spikes, slopes, potential):
    """Spike times and slopes of all layers, and the potentials of the last, for a few samples."""
    work = make_work(arrays, times)
    totals = np.empty(spikes.shape[1], slopes.dtype)
    for s in range(len(times)):
        run_sample(arrays, rise, times[s], work, spikes[s], slopes[s], totals)
        settle(arrays, rise, spikes[s], slopes[s], totals, potential[s])


@parallel_kernel
def run(arrays, rise, times, spikes, slopes, potential, blocks):
    """The same for a batch, in parallel blocks."""
    for block in prange(blocks):
        part = block_of(block, blocks, len(times))
        run_block(arrays, rise, times[part], spikes[part], slopes[part], potential[part])
