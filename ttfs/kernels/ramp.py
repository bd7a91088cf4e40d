"""Spike times of a network with ramp responses, one sample at a time.

The potential of a neuron is a straight line between events: spikes that arrive and, if the
rise is finite, ramps that end. In units in which a ramp rises by its weight in a unit of
time it is slope * t - (total - threshold), where an arrival at time a adds its weight w to
`slope` and w * a to `total`, and an end takes the same away at its own time. `total` begins
at the threshold, so the line reaches it at total / slope.

A neuron fires at that time if it is before the next event or with it. Whether it does is
first tested for sixteen neurons at once by a product instead of a quotient, with a margin for
rounding; only where this test is positive is the division done.

With ramps that end, lines at the threshold to within rounding are in doubt, and `rest`
decides. A third sum bounds the rounding: the bulk of all that was added and subtracted.
"""

from typing import NamedTuple

import numpy as np

from ttfs.kernels.arrivals import arrival_of
from ttfs.kernels.jit import kernel
from ttfs.kernels.ramp_crossing import decide, is_in_doubt, line_meets, weigh
from ttfs.kernels.rest import doubt, eps_and_tiny, level_of, share_of
from ttfs.kernels.sorting import BINS, sort_events
from ttfs.kernels.vector import (
    LANES,
    add,
    below,
    broadcast,
    load,
    lowest_bit,
    magnitude,
    multiply,
    store,
    subtract,
    where,
)

WIDE = 4 * LANES  # neurons whose sums are in registers together
ONE = np.uint64(1)


class Work(NamedTuple):
    """Scratch for one sample and layer."""

    times: np.ndarray  # (longest,) spikes of the layer below, in order
    index: np.ndarray  # (longest,)
    arrivals: np.ndarray  # (longest + 1,) when they arrive; scratch of the sort
    ends: np.ndarray  # (longest + 1,) when their ramps end
    spare_index: np.ndarray  # (longest,)
    bins: np.ndarray  # (BINS,)
    moments: np.ndarray  # (2 * longest + 1,) events in order: when, and inf at the end,
    limits: np.ndarray  # (2 * longest + 1,) the same with a margin; NaN if the event before is then
    doubts: np.ndarray  # (2 * longest + 1,) twice the largest rounding error by then
    values: np.ndarray  # (2 * longest,) when, in the network's precision
    signs: np.ndarray  # (2 * longest,) 1 for an arrival, -1 for the end of a ramp
    starts: np.ndarray  # (2 * longest,) where the row of weights begins
    until: np.ndarray  # (2 * longest,) when the ramp of an arrival ends; -inf for an end
    oldest: np.ndarray  # (2 * longest + 1,) before each event, the first arrival that rises
    places: np.ndarray  # (longest + 1,) where among the events each spike arrives
    slope: np.ndarray  # (WIDE,) sums of the neurons in the registers
    total: np.ndarray  # (WIDE,)
    bulk: np.ndarray  # (WIDE,)
    share: np.ndarray  # (1,) the largest rounding error as a fraction of the bulk
    totals: np.ndarray  # (units,) of the traces
    own: np.ndarray  # (longest,) when spikes reach a neuron whose inputs each have their own delay


class Found(NamedTuple):
    """What a run fills for each sample."""

    spikes: np.ndarray  # (samples, units) inf: silent
    slopes: np.ndarray  # (samples, units) of the potential at the spike, or at the horizon
    potential: np.ndarray  # (samples, outputs) of the last layer


class Traces(NamedTuple):
    """The result of a layer for one sample; a place for each padded neuron."""

    spikes: np.ndarray  # inf: silent
    slopes: np.ndarray  # of the potential at the spike, or at the horizon
    totals: np.ndarray  # at the horizon; inf if fired


def make_work(arrays, times):
    """Scratch for samples whose times have the dtype of `times`; not compiled."""
    longest = max(arrays.sizes.tolist()[:-1])
    return Work(
        np.empty(longest, times.dtype),
        np.empty(longest, np.int64),
        np.empty(longest + 1, times.dtype),
        np.empty(longest + 1, times.dtype),
        np.empty(longest, np.int64),
        np.empty(BINS, np.int64),
        np.empty(2 * longest + 1, times.dtype),
        np.empty(2 * longest + 1, arrays.weights.dtype),
        np.empty(2 * longest + 1, arrays.weights.dtype),
        np.empty(2 * longest, arrays.weights.dtype),
        np.empty(2 * longest, arrays.weights.dtype),
        np.empty(2 * longest, np.int64),
        np.empty(2 * longest, times.dtype),
        np.empty(2 * longest + 1, np.int64),
        np.empty(longest + 1, np.int64),
        np.empty(WIDE, arrays.weights.dtype),
        np.empty(WIDE, arrays.weights.dtype),
        np.empty(WIDE, arrays.weights.dtype),
        np.empty(1, np.float64),
        np.empty(arrays.units[-1], arrays.weights.dtype),
        np.empty(longest, times.dtype),
    )


@kernel
def schedule(arrays, layer, rise, count, work):
    """List the events at `layer` before the horizon; return how many.

    At the same time arrivals come before ends, and each kind in the order of the spikes.
    """
    arrivals, ends, kind = work.arrivals, work.ends, work.times.dtype.type
    for k in range(count):
        arrivals[k] = arrival_of(work.times[k], arrays.delays[layer], kind)
        ends[k] = arrival_of(arrivals[k], rise, kind)
    arrivals[count], ends[count] = np.inf, np.inf
    never = kind(-np.inf)
    number = work.values.dtype.type
    eps, tiny = eps_and_tiny(number)
    coarser = max(eps, eps_and_tiny(kind)[0])
    share = share_of(arrays.sizes[layer], number, kind)
    work.share[0] = share
    margin, least = number(1 + 16 * coarser), number(tiny)
    events, arriving, ending = 0, 0, 0
    while True:
        arrives = arrivals[arriving] <= ends[ending]
        time = arrivals[arriving] if arrives else ends[ending]
        if time >= arrays.t_max:
            break
        spike = arriving if arrives else ending
        work.oldest[events] = work.places[ending] if ending < arriving else events
        work.places[spike] = events if arrives else work.places[spike]
        work.until[events] = ends[spike] if arrives else never
        arriving += arrives
        ending += not arrives
        value = number(time)
        same = events > 0 and time == work.moments[events - 1]
        work.moments[events] = time
        work.limits[events] = number(np.nan) if same else value * margin + least
        work.doubts[events] = 2 * doubt(time, rise, share, number)
        work.values[events] = value
        work.signs[events] = 1 if arrives else -1
        work.starts[events] = arrays.rows[layer] + work.index[spike] * arrays.widths[layer]
        events += 1
    work.oldest[events] = work.places[ending] if ending < arriving else events
    work.moments[events] = np.inf
    work.limits[events] = number(arrays.t_max) * margin + least
    work.doubts[events] = 2 * doubt(arrays.t_max, rise, share, number)
    return events


@kernel
def schedule_endless(arrays, layer, count, work):
    """The same where ramps never end: only what is needed there, and in loops without branches."""
    kind, number = work.moments.dtype.type, work.values.dtype.type
    eps, tiny = eps_and_tiny(number)
    margin, least = number(1 + 16 * max(eps, eps_and_tiny(kind)[0])), number(tiny)
    times, moments, limits = work.times[:count], work.moments[:count], work.limits[:count]
    values, starts, events = work.values[:count], work.starts[:count], 0
    for k in range(count):
        moments[k] = arrival_of(times[k], arrays.delays[layer], kind)
        values[k] = number(moments[k])
        limits[k] = values[k] * margin + least
        starts[k] = arrays.rows[layer] + work.index[k] * arrays.widths[layer]
        events += moments[k] < arrays.t_max
    for k in range(1, count):
        limits[k] = number(np.nan) if moments[k] == moments[k - 1] else limits[k]
    work.moments[events] = np.inf
    work.limits[events] = number(arrays.t_max) * margin + least
    return events


@kernel
def cross(bits, first, e, arrays, thresholds, rise, work, traces):
    """Fire those neurons, of the ones whose bits are set, that cross by event e.

    Returns their bits.
    """
    fired = bits ^ bits
    since = work.moments[e - 1] if e > 0 else work.moments.dtype.type(0)
    if e > 0 and work.moments[e] == since:
        return fired
    while bits:
        lane = lowest_bit(bits)
        bits &= bits - ONE
        slope, total = work.slope[lane], work.total[lane]
        time = line_meets(slope, total, since, rise, work)
        line, threshold = (slope, total, work.bulk[lane]), thresholds[first + lane]
        if rise < np.inf and is_in_doubt(time, line, e, rise, work):
            time = decide(time, line, threshold, arrays.weights, first + lane, e, rise, work)
        if time <= work.moments[e] and time < arrays.t_max:
            traces.spikes[first + lane] = time
            traces.slopes[first + lane] = slope
            fired |= ONE << np.uint64(lane)
    return fired


@kernel
def reach(slope, total, bulk, e, rise, work):
    """The bits of those of LANES neurons that may cross by event e."""
    nearly = broadcast(total, 64 * eps_and_tiny(work.slope.dtype.type)[1])
    gap = subtract(total, multiply(slope, broadcast(total, work.limits[e])))
    bits = below(gap, nearly)
    if rise < np.inf:
        bits |= below(gap, multiply(bulk, broadcast(total, work.doubts[e])))
    return bits


@kernel
def change(slope, total, bulk, weights, start, e, rise, work):
    """The sums of LANES neurons after event e."""
    weight, value = load(weights, start), work.values[e]
    if rise == np.inf:
        return add(slope, weight), add(total, multiply(weight, broadcast(total, value))), bulk
    sign = work.signs[e]
    slope = add(slope, multiply(weight, broadcast(total, sign)))
    total = add(total, multiply(weight, broadcast(total, sign * value)))
    return slope, total, add(bulk, magnitude(weight))


@kernel
def note(slope, total, bulk, place, rise, work):
    """Store the sums of LANES neurons for `cross`."""
    store(slope, work.slope, place)
    store(total, work.total, place)
    if rise < np.inf:
        store(bulk, work.bulk, place)


@kernel
def begin(thresholds, first, rise):
    """The sums of LANES neurons before anything has arrived."""
    bulk = load(thresholds, first)
    total = multiply(bulk, broadcast(bulk, rise)) if rise < np.inf else bulk
    return broadcast(bulk, 0.0), total, bulk


@kernel
def sweep_wide(first, events, arrays, thresholds, rise, work, traces):
    """Follow the lines of WIDE neurons from event to event, until the horizon."""
    weights, never = arrays.weights, broadcast(arrays.weights, np.inf)
    a0, s0, b0 = begin(thresholds, first, rise)
    a1, s1, b1 = begin(thresholds, first + LANES, rise)
    a2, s2, b2 = begin(thresholds, first + 2 * LANES, rise)
    a3, s3, b3 = begin(thresholds, first + 3 * LANES, rise)
    for e in range(events + 1):
        bits = reach(a0, s0, b0, e, rise, work)
        bits |= reach(a1, s1, b1, e, rise, work) << np.uint64(16)
        bits |= reach(a2, s2, b2, e, rise, work) << np.uint64(32)
        bits |= reach(a3, s3, b3, e, rise, work) << np.uint64(48)
        if bits:
            note(a0, s0, b0, 0, rise, work)
            note(a1, s1, b1, LANES, rise, work)
            note(a2, s2, b2, 2 * LANES, rise, work)
            note(a3, s3, b3, 3 * LANES, rise, work)
            fired = cross(bits, first, e, arrays, thresholds, rise, work, traces)
            s0, s1 = where(fired, never, s0), where(fired >> np.uint64(16), never, s1)
            s2, s3 = (
                where(fired >> np.uint64(32), never, s2),
                where(fired >> np.uint64(48), never, s3),
            )
        if e < events:
            start = work.starts[e] + first
            a0, s0, b0 = change(a0, s0, b0, weights, start, e, rise, work)
            a1, s1, b1 = change(a1, s1, b1, weights, start + LANES, e, rise, work)
            a2, s2, b2 = change(a2, s2, b2, weights, start + 2 * LANES, e, rise, work)
            a3, s3, b3 = change(a3, s3, b3, weights, start + 3 * LANES, e, rise, work)
    keep(a0, s0, first, traces)
    keep(a1, s1, first + LANES, traces)
    keep(a2, s2, first + 2 * LANES, traces)
    keep(a3, s3, first + 3 * LANES, traces)


@kernel
def sweep_narrow(first, events, arrays, thresholds, rise, work, traces):
    """The same for LANES neurons."""
    slope, total, bulk = begin(thresholds, first, rise)
    for e in range(events + 1):
        bits = reach(slope, total, bulk, e, rise, work)
        if bits:
            note(slope, total, bulk, 0, rise, work)
            fired = cross(bits, first, e, arrays, thresholds, rise, work, traces)
            total = where(fired, broadcast(total, np.inf), total)
        if e < events:
            start = work.starts[e] + first
            slope, total, bulk = change(slope, total, bulk, arrays.weights, start, e, rise, work)
    keep(slope, total, first, traces)


@kernel
def keep(slope, total, first, traces):
    """Store the sums of LANES neurons at the horizon; slopes at spikes stay."""
    store(total, traces.totals, first)
    fired = below(load(traces.spikes, first), broadcast(traces.spikes, np.inf))
    store(where(fired, load(traces.slopes, first), slope), traces.slopes, first)


@kernel
def sweep(arrays, layer, rise, events, work, traces):
    """Fill the traces of one layer."""
    width = arrays.widths[layer]
    thresholds = arrays.thresholds[arrays.units[layer] : arrays.units[layer + 1]]
    for j in range(width):
        traces.spikes[j] = np.inf
    first = 0
    while first + WIDE <= width:
        if rise == np.inf:  # a constant, so that what is for ramps that end is not compiled
            sweep_wide(first, events, arrays, thresholds, np.inf, work, traces)
        else:
            sweep_wide(first, events, arrays, thresholds, rise, work, traces)
        first += WIDE
    while first < width:
        sweep_narrow(first, events, arrays, thresholds, rise, work, traces)
        first += LANES


@kernel
def part_of(traces, first, last):
    """The traces of some neurons."""
    return Traces(
        traces.spikes[first:last],
        traces.slopes[first:last],
        traces.totals[first:last],
    )


@kernel
def run_sample(arrays, rise, row, work, whole):
    """Fill the traces of all layers, each of which holds one after the other.

    Returns how many events the last layer had.
    """
    below, events = row, 0
    for layer in range(arrays.widths.size):
        count = sort_events(
            below, arrays.t_max, work.times, work.index, work.arrivals, work.spare_index, work.bins
        )
        if rise == np.inf:
            events = schedule_endless(arrays, layer, count, work)
        else:
            events = schedule(arrays, layer, rise, count, work)
        traces = part_of(whole, arrays.units[layer], arrays.units[layer + 1])
        sweep(arrays, layer, rise, events, work, traces)
        below = traces.spikes[: arrays.sizes[layer + 1]]
    return events


@kernel
def level_at_end(arrays, column, events, rise, work):
    """The potential of a neuron at the horizon, where ramps end."""
    since = work.moments[events - 1] if events > 0 else work.moments.dtype.type(0)
    moment, weights = np.float64(arrays.t_max), arrays.weights
    rising, summed = weigh(weights, column, events, since, moment, (np.inf, 0.0), rise, work)
    return level_of(rising, summed, weights.dtype.type)


@kernel
def settle(arrays, rise, events, work, traces, potential):
    """Potentials of the last layer: the threshold if it fired, else that at the horizon."""
    first, number = arrays.units[-2], arrays.weights.dtype.type
    for j in range(potential.size):
        threshold = arrays.thresholds[first + j]
        potential[j] = threshold
        if traces.spikes[first + j] == np.inf and rise < np.inf:
            potential[j] = level_at_end(arrays, j, events, rise, work)
        elif traces.spikes[first + j] == np.inf:
            shift = traces.totals[first + j] - threshold
            potential[j] = traces.slopes[first + j] * number(arrays.t_max) - shift


@kernel
def traces_of(found, s, work):
    """The traces of all layers, for a sample."""
    return Traces(found.spikes[s], found.slopes[s], work.totals)


@kernel
def run(arrays, rise, times, found, work, first, last):
    """Spike times and slopes of all layers, and the potentials of the last, for some samples."""
    for s in range(first, last):
        traces = traces_of(found, s, work)
        events = run_sample(arrays, rise, times[s], work, traces)
        settle(arrays, rise, events, work, traces, found.potential[s])
