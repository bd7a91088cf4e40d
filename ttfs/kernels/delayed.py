"""Spike times and gradients of a layer in which each input, or each pair, has its own delay.

Spikes can overtake each other, so arrivals are sorted after the delay has been added:
once for a layer if a spike takes equally long to all of its neurons, and for every neuron if each
pair has a delay of its own. Events of the same time come in the order: arrivals, ends of
ramps, and each kind by input.

Here a layer is an `Arrays` of its own, with one layer, in which nothing is delayed any more.
"""

import numpy as np

from ttfs.kernels.arrivals import arrival_of
from ttfs.kernels.jit import kernel
from ttfs.kernels.ramp import level_at_end, schedule
from ttfs.kernels.ramp_crossing import decide, is_in_doubt, line_meets
from ttfs.kernels.sorting import insert, sort_events

FEW = 48  # so few arrivals are sorted faster by insertion than by bins


@kernel
def sort_few(arrivals, t_max, times, index):
    """The same as `sort_events`, for a few arrivals."""
    count = 0
    for i in range(arrivals.size):
        time = abs(arrivals[i])
        if time < t_max:
            insert(time, i, count, times, index)
            count += 1
    return count


@kernel
def list_events(arrays, rise, arrivals, work):
    """List the arrivals before the horizon, and the ends of their ramps; return how many."""
    times, index, spare = work.times, work.index, work.spare_index
    if arrivals.size <= FEW:
        count = sort_few(arrivals, arrays.t_max, times, index)
    else:
        count = sort_events(arrivals, arrays.t_max, times, index, work.arrivals, spare, work.bins)
    events = schedule(arrays, 0, rise, count, work)
    order_ends(events, work)
    return events


@kernel
def order_ends(events, work):
    """Put events of one kind and time in the order of the inputs.

    Ramps that began one after the other may end at the same rounded time.
    """
    for e in range(1, events):
        start, place = work.starts[e], e
        while (
            place > 0
            and work.moments[place - 1] == work.moments[e]
            and work.signs[place - 1] == work.signs[e]
            and work.starts[place - 1] > start
        ):
            work.starts[place] = work.starts[place - 1]
            place -= 1
        work.starts[place] = start


@kernel
def arrive(row, delays, neuron, arrivals):
    """When each spike of a row reaches a neuron."""
    for i in range(row.size):
        arrivals[i] = arrival_of(row[i], delays[i, neuron], row.dtype.type)


@kernel
def follow_ramps(neuron, events, arrays, rise, work):
    """Follow the line of one neuron; return its spike, slope and potential then or at the end."""
    weights, threshold = arrays.weights, arrays.thresholds[neuron]
    number, kind = weights.dtype.type, work.moments.dtype.type
    ends, slope, bulk = rise < np.inf, number(0), threshold
    total = threshold * number(rise) if ends else threshold
    since = kind(0)
    for e in range(events + 1):
        moment = work.moments[e]
        if e == 0 or moment != since:
            time = line_meets(slope, total, since, rise, work)
            line = slope, total, bulk
            if ends and is_in_doubt(time, line, e, rise, work):
                time = decide(time, line, threshold, weights, neuron, e, rise, work)
            if time <= moment and time < arrays.t_max:
                return time, slope, threshold
        if e < events:
            weight = weights[work.starts[e] + neuron]
            slope += work.signs[e] * weight
            total += work.signs[e] * work.values[e] * weight
            bulk += abs(weight)
            since = moment
    if ends:
        return kind(np.inf), slope, level_at_end(arrays, neuron, events, rise, work)
    return kind(np.inf), slope, slope * number(arrays.t_max) - (total - threshold)


@kernel
def follow_steps(neuron, events, weights, threshold, work):
    """Add up the jumps of one neuron; return its spike, and its potential then or at the end."""
    potential = weights.dtype.type(0)
    for e in range(events):
        potential += weights[work.starts[e] + neuron]
        if potential >= threshold and work.moments[e + 1] != work.moments[e]:
            return work.moments[e], potential
    return work.moments.dtype.type(np.inf), potential


@kernel
def paired_ramps(arrays, delays, rise, times, found, work, first, last):
    """Spike times, slopes and potentials of a layer with a delay for each pair.

    delays: (inputs, outputs); times: (samples, inputs) of the spikes; found: a `ramp.Found`.
    """
    arrivals = work.own[: times.shape[1]]
    for s in range(first, last):
        spikes, slopes = found.spikes[s], found.slopes[s]
        spikes[:], slopes[:] = np.inf, 0
        for j in range(delays.shape[1]):
            arrive(times[s], delays, j, arrivals)
            events = list_events(arrays, rise, arrivals, work)
            spikes[j], slopes[j], found.potential[s, j] = follow_ramps(
                j, events, arrays, rise, work
            )


@kernel
def paired_steps(arrays, delays, times, found, work, first, last):
    """The same with step responses: spike times and potentials."""
    arrivals = work.own[: times.shape[1]]
    for s in range(first, last):
        spikes = found.spikes[s]
        spikes[:] = np.inf
        for j in range(delays.shape[1]):
            arrive(times[s], delays, j, arrivals)
            events = list_events(arrays, np.inf, arrivals, work)
            spikes[j], found.potential[s, j] = follow_steps(
                j, events, arrays.weights, arrays.thresholds[j], work
            )


@kernel
def rises_from(times, delays, s, i, j, out):
    """When the spike of an input arrives at a neuron, in the precision of `out`."""
    return out.dtype.type(arrival_of(times[s, i], delays[i, j], times.dtype.type))


@kernel
def weight_gradient(times, delays, rise, until, gains, out, first, last):
    """Sum over samples of gain times minus the time that a pair had to rise, (inputs, width)."""
    least = out.dtype.type(-rise)
    for i in range(first, last):
        row = out[i]
        row[:] = 0
        for s in range(len(times)):
            for j in range(delays.shape[1]):
                arrival = rises_from(times, delays, s, i, j, out)
                if arrival < until[s, j]:
                    row[j] += gains[s, j] * max(arrival - until[s, j], least)


@kernel
def delay_gradient(times, delays, rise, until, gains, weights, out, first, last):
    """Sum over samples of the derivative of the loss by each arrival, (inputs, outputs)."""
    for i in range(first, last):
        row = out[i]
        row[:] = 0
        for s in range(len(times)):
            for j in range(delays.shape[1]):
                arrival = rises_from(times, delays, s, i, j, out)
                if arrival < until[s, j] <= arrival_of(arrival, rise, out.dtype.type):
                    row[j] += weights[i, j] * gains[s, j]


@kernel
def errors_below(times, delays, rise, until, gains, weights, out, first, last):
    """Derivative of the loss by the inputs' spike times, (samples, inputs)."""
    for s in range(first, last):
        for i in range(out.shape[1]):
            total = out.dtype.type(0)
            for j in range(delays.shape[1]):
                arrival = rises_from(times, delays, s, i, j, out)
                if arrival < until[s, j] <= arrival_of(arrival, rise, out.dtype.type):
                    total += weights[i, j] * gains[s, j]
            out[s, i] = total
