"""Gradients of the loss by weights, spike times, delays and scales, for ramp responses.

A neuron that fires at t did so where total = slope * t, so a small change of an input's
weight by dw moves t by -(t - a) / slope * dw for an input that arrived at a and still
rises, and by -rise / slope * dw if its rise has ended; an input that still rises and comes
later by da moves t by w / slope * da. The error that a neuron gets from the loss, divided by its
slope, is called its gain here. Weight gradients of a batch are summed over samples in order.
"""

from typing import NamedTuple

import numpy as np

from ttfs.kernels.arrivals import arrival_of
from ttfs.kernels.gathering import gather
from ttfs.kernels.jit import kernel
from ttfs.kernels.optimizers import move
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

CHUNK = 64  # samples
TALL = 64  # inputs
WIDE = 4 * LANES  # neurons whose gradients are in registers together


class Listed(NamedTuple):
    """Which samples each input reaches, and when: input by input for each chunk of samples."""

    begins: np.ndarray  # (chunks, inputs + 1) where in the list each input begins
    samples: np.ndarray  # where the gains of the sample begin
    arrivals: np.ndarray


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
def make_gains(errors, first, spikes, slopes, floor, thresholds, gains, until):
    """Errors divided by slopes, and until when an arrival is a cause.

    errors: (samples, outputs), positions of as many neurons as there are thresholds, which times
    `floor` are the least slopes. spikes, slopes: rows of all neurons, in which the layer's units
    begin at `first`. Silent neurons, and the padding, have no gain and no causes.
    """
    columns, size = thresholds.size, gains.shape[1]
    for s in range(len(errors)):
        last = first + size
        spike, slope = spikes[s, first:last], slopes[s, first:last]
        for p in range(0, errors.shape[1], columns):
            q = p + columns
            r = size if q == errors.shape[1] else q
            filled = gains[s, p:r], until[s, p:r]
            gain_row(errors[s, p:q], spike[p:r], slope[p:r], floor, thresholds, *filled)


@kernel
def gain_row(errors, spikes, slopes, floor, thresholds, gains, until):
    """The same for one sample; rows are contiguous, so that loops become vectors."""
    number = gains.dtype.type
    none, never, share = number(0), until.dtype.type(-np.inf), number(floor)
    for j in range(errors.size):
        fired = spikes[j] < np.inf
        gains[j] = errors[j] / max(slopes[j], share * thresholds[j]) if fired else none
        until[j] = spikes[j] if fired else never
    for j in range(errors.size, gains.size):
        gains[j], until[j] = none, never


@kernel
def list_by_input(index, arrivals, counts, width, listed):
    """Fill `listed`; `width` is the length of a sample's gains."""
    count = 0
    for chunk in range(len(listed.begins)):
        begin, last = listed.begins[chunk], min(counts.size, (chunk + 1) * CHUNK)
        begin[:] = 0
        for s in range(chunk * CHUNK, last):
            for e in range(counts[s]):
                begin[np.uint64(index[s, e] + 1)] += 1
        begin[0] = count
        for i in range(1, begin.size):
            begin[i], count = count, count + begin[i]
        for s in range(chunk * CHUNK, last):  # which turns each beginning into an end
            for e in range(counts[s]):
                i = np.uint64(index[s, e] + 1)
                place = np.uint64(begin[i])
                begin[i] += 1
                listed.samples[place], listed.arrivals[place] = s * width, arrivals[s, e]


@kernel
def change_of(arrival, spike, gain, least, most):
    """Gain times minus what an input counted, for LANES neurons; 0 if it came too late."""
    minus = subtract(arrival, spike)
    if least > -np.inf:
        minus = where(below(minus, broadcast(minus, least)), broadcast(minus, least), minus)
        minus = where(below(broadcast(minus, most), minus), broadcast(minus, most), minus)
    return where(below(arrival, spike), multiply(gain, minus), broadcast(minus, 0.0))


@kernel
def learn_wide(
    listed, top, bottom, neuron, until, gains, pull, least, most, room, stride, parameter
):
    """The same for WIDE neurons and the inputs from `top` to `bottom`."""
    width, last = gains.shape[1], len(listed.begins) - 1
    given, fired = gains.reshape(-1), until.reshape(-1)
    for chunk in range(last + 1):
        begin = listed.begins[chunk]
        for i in range(top, bottom):
            place, at = (i - top) * WIDE, i * width + neuron
            a = broadcast(gains, 0.0)
            b, c, d = a, a, a
            if chunk > 0:
                a, b = load(room, place), load(room, place + LANES)
                c, d = load(room, place + 2 * LANES), load(room, place + 3 * LANES)
            for k in range(begin[np.uint64(i)], begin[np.uint64(i + 1)]):
                arrival = broadcast(gains, listed.arrivals[np.uint64(k)])
                p = listed.samples[np.uint64(k)] + neuron
                q, r, s = p + LANES, p + 2 * LANES, p + 3 * LANES
                a = add(a, change_of(arrival, load(fired, p), load(given, p), least, most))
                b = add(b, change_of(arrival, load(fired, q), load(given, q), least, most))
                c = add(c, change_of(arrival, load(fired, r), load(given, r), least, most))
                d = add(d, change_of(arrival, load(fired, s), load(given, s), least, most))
            store(a, room, place)
            store(b, room, place + LANES)
            store(c, room, place + 2 * LANES)
            store(d, room, place + 3 * LANES)
            for k in range(0, WIDE if chunk == last else 0, LANES):  # one piece of code, not four
                change = subtract(load(room, place + k), load(pull, neuron + k))
                move(stride, change, parameter, at + k)


@kernel
def learn_narrow(listed, top, bottom, neuron, until, gains, pull, least, most, stride, parameter):
    """The same for LANES neurons."""
    given, fired = gains.reshape(-1), until.reshape(-1)
    for i in range(top, bottom):
        found = broadcast(gains, 0.0)
        for chunk in range(len(listed.begins)):
            begin = listed.begins[chunk]
            for k in range(begin[np.uint64(i)], begin[np.uint64(i + 1)]):
                arrival = broadcast(gains, listed.arrivals[np.uint64(k)])
                p = listed.samples[np.uint64(k)] + neuron
                change = change_of(arrival, load(fired, p), load(given, p), least, most)
                found = add(found, change)
        found = subtract(found, load(pull, neuron))
        move(stride, found, parameter, i * gains.shape[1] + neuron)


@kernel
def learn_some(listed, until, gains, pull, least, most, room, stride, parameter, first, last):
    """The same for the inputs from `first` to `last`."""
    given = until, gains, pull, least, most
    for top in range(first, last, TALL):
        bottom, neuron = min(last, top + TALL), 0
        while neuron + WIDE <= gains.shape[1]:
            learn_wide(listed, top, bottom, neuron, *given, room, stride, parameter)
            neuron += WIDE
        while neuron < gains.shape[1]:
            learn_narrow(listed, top, bottom, neuron, *given, stride, parameter)
            neuron += LANES


@kernel
def learn(listed, bounds, until, gains, pull, room, stride, parameter, first, last):
    """Move (inputs x width) weights along their gradient, or put it in their place.

    bounds: minus the most and the least that an input counts that came before the spike; in
    between it is the time by which it did. Shared by inputs. pull: (width,) subtracted from the
    gradients of all weights of a neuron. The gains of a few neurons in CHUNK samples stay in the
    fastest cache while TALL inputs go by.
    """
    least, most = bounds
    given = listed, until, gains, pull
    if least == -np.inf:  # a constant, so that nothing is compared with it
        learn_some(*given, -np.inf, most, room, stride, parameter, first, last)
    else:
        learn_some(*given, least, most, room, stride, parameter, first, last)


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
