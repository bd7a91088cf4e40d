"""Gradients of the loss by weights, spike times, delays and scales, for ramp responses.

A neuron that fires at t did so where total = slope * t, so a small change of an input's
weight by dw moves t by -(t - a) / slope * dw for an input that arrived at a and still
rises, and by -rise / slope * dw if its rise has ended; an input that still rises and comes
later by da moves t by w / slope * da. The error that a neuron gets from the loss, divided by its
slope, is called its gain here. Weight gradients of a batch are summed over samples in order.
"""

import numpy as np

from ttfs.kernels.arrivals import arrival_of
from ttfs.kernels.gathering import gather
from ttfs.kernels.jit import kernel
from ttfs.kernels.vector import (
    LANES,
    add,
    below,
    broadcast,
    load,
    multiply,
    store,
    subtract,
    total,
    where,
)


@kernel
def list_causes(times, delay, t_max, index, arrivals, counts):
    """Per sample, the inputs that arrive before the horizon, and when."""
    for s in range(len(times)):
        counts[s] = list_row(times[s], delay, t_max, index[s], arrivals[s])


@kernel
def list_row(row, delay, t_max, index, arrivals):
    """The same for one sample; returns how many."""
    count = 0
    for e in range(gather(row, t_max, index)):
        i = index[e]
        arrival = np.float64(arrival_of(row[i], delay, row.dtype.type))
        index[count], arrivals[count] = i, arrival
        count += arrival < t_max
    return count


@kernel
def make_gains(errors, first, spikes, slopes, floors, gains, until):
    """Errors divided by slopes, these at least `floors`, and until when an arrival is a cause.

    errors: (samples, outputs), positions of as many neurons as there are floors. spikes,
    slopes: rows of all neurons, in which the layer's units begin at `first`. Silent neurons,
    and the padding, have no gain and no causes.
    """
    columns, size = floors.size, gains.shape[1]
    for s in range(len(errors)):
        last = first + size
        spike, slope = spikes[s, first:last], slopes[s, first:last]
        for p in range(0, errors.shape[1], columns):
            q = p + columns
            r = size if q == errors.shape[1] else q
            filled = gains[s, p:r], until[s, p:r]
            gain_row(errors[s, p:q], spike[p:r], slope[p:r], floors, *filled)


@kernel
def gain_row(errors, spikes, slopes, floors, gains, until):
    """The same for one sample; rows are contiguous, so that loops become vectors."""
    none, never = gains.dtype.type(0), until.dtype.type(-np.inf)
    for j in range(errors.size):
        fired = spikes[j] < np.inf
        gains[j] = errors[j] / max(slopes[j], floors[j]) if fired else none
        until[j] = spikes[j] if fired else never
    for j in range(errors.size, gains.size):
        gains[j], until[j] = none, never


@kernel
def weight_gradient(index, arrivals, counts, rise, until, gains, out, first, last):
    """Sum over samples of gain times minus the time that an input had to rise, (inputs, width).

    Shared by neurons, LANES at a time.
    """
    for neuron in range(first * LANES, last * LANES, LANES):
        for i in range(len(out)):
            store(broadcast(out, 0.0), out[i], neuron)
        zero, least = broadcast(out, 0.0), broadcast(out, -rise)
        for s in range(len(gains)):
            gain, spike = load(gains[s], neuron), load(until[s], neuron)
            if below(gain, zero) | below(zero, gain):
                for e in range(counts[s]):
                    arrival = broadcast(out, arrivals[s, e])
                    row = out[index[s, e]]
                    minus = subtract(arrival, spike)
                    minus = where(below(minus, least), least, minus)
                    change = where(below(arrival, spike), multiply(gain, minus), zero)
                    store(add(load(row, neuron), change), row, neuron)


@kernel
def carry_back(weights, arrival, rise, until, gains):
    """Sum of weight times gain over the neurons for which an input still rose."""
    found, zero = broadcast(weights, 0.0), broadcast(weights, 0.0)
    start, end = broadcast(weights, arrival), broadcast(weights, arrival + rise)
    for first in range(0, gains.size, LANES):
        spike = load(until, first)
        caused = below(start, spike) & ~below(end, spike)
        product = multiply(load(weights, first), load(gains, first))
        found = add(found, where(caused, product, zero))
    return total(found)


@kernel
def errors_below(index, arrivals, counts, rise, until, gains, weights, out, first, last):
    """Derivative of the loss by the inputs' spike times, (samples, inputs)."""
    for s in range(first, last):
        row = out[s]
        row[:] = 0
        for e in range(counts[s]):
            i = index[s, e]
            row[i] = carry_back(weights[i], arrivals[s, e], rise, until[s], gains[s])
