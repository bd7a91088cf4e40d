"""Spike times of a network with step responses, one sample at a time.

A sample is a list of events, sorted by time and then by neuron. A layer turns the events
of the layer below into its own in three passes: `schedule` groups the arrivals that share
an instant, `cross_wide` and `cross_narrow` add the rows for a few neurons at a time and
mark at each instant who is over the threshold, and `emit` reads the first mark of every
neuron as its spike. Events come out sorted, because instants are read in order.

Rows are padded to whole vectors; a padded neuron is never read.
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from ttfs.kernels.jit import kernel, making_kernel, parallel_kernel
from ttfs.kernels.vector import (
    LANES,
    add,
    below,
    broadcast,
    compress,
    compress_places,
    count_bits,
    load,
    lowest_bit,
    mark,
    zeros,
)

BLOCK = 16  # samples that share work arrays; any value gives the same result
WIDE = 4 * LANES  # neurons whose potentials are in registers at the same time
BINS = 512  # of the sort, at least 256
WORD = 64  # marks are read as words of 64 neurons
ONE = np.uint64(1)
ALL = ~np.uint64(0)


class Arrays(NamedTuple):
    """A network as plain arrays; `layer` counts from 0, the first one above the input."""

    sizes: np.ndarray  # (layers + 1,) neurons, those of the input first
    widths: np.ndarray  # (layers,) neurons, padded to a multiple of LANES
    units: np.ndarray  # (layers + 1,) where a layer begins in a row of all padded neurons
    rows: np.ndarray  # (layers,) where a layer's weights begin
    weights: np.ndarray  # (inputs, width) of every layer, one after the other
    thresholds: np.ndarray  # one for each padded neuron, in the order of `units`
    delays: np.ndarray  # (layers,)
    t_max: float


class Work(NamedTuple):
    """Scratch for one sample."""

    times: np.ndarray  # (layers + 1, longest) events of each layer, the input first
    index: np.ndarray  # (layers + 1, longest)
    counts: np.ndarray  # (layers + 1,)
    arrivals: np.ndarray  # (longest,) of the events below: when,
    starts: np.ndarray  # (longest,) where the row of weights begins,
    places: np.ndarray  # (longest,) and where the marks of that instant begin
    instants: np.ndarray  # (longest,) the distinct arrivals
    marks: np.ndarray  # (longest * words * 4,) uint16, who is over the threshold
    waiting: np.ndarray  # (words,) uint64, who has not fired
    potential: np.ndarray  # (widest,)
    bins: np.ndarray  # (BINS + 1,) of the sort


@making_kernel
def make_work(arrays, times):
    """Scratch for samples whose times have the dtype of `times`."""
    layers = arrays.widths.size
    longest, widest = arrays.sizes[0] + 1, 0
    for layer in range(layers):
        longest = max(longest, arrays.sizes[layer + 1])
        widest = max(widest, arrays.widths[layer])
    words = (widest + WORD - 1) // WORD
    return Work(
        np.empty((layers + 1, longest), times.dtype),
        np.empty((layers + 1, longest), np.int64),
        np.zeros(layers + 1, np.int64),
        np.empty(longest, times.dtype),
        np.empty(longest, np.int64),
        np.empty(longest, np.int64),
        np.empty(longest, times.dtype),
        np.empty(longest * words * (WORD // LANES), np.uint16),
        np.empty(words, np.uint64),
        np.empty(widest, arrays.weights.dtype),
        np.empty(BINS + 1, np.int64),
    )


@kernel
def gather(row, t_max, times, index):
    """Fill `times`, `index` with the spikes of `row` before t_max; count them.

    `row` must be contiguous. Silence is passed over sixteen neurons at a time.
    """
    count, whole = 0, row.size - row.size % LANES
    horizon, zero = broadcast(row, up_to(t_max, row)), broadcast(row, 0.0)
    for first in range(0, whole, LANES):
        found = load(row, first)
        spiked = below(found, horizon)
        compress(add(found, zero), spiked, times, count)  # -0 + 0 is 0; -0 would sort last
        compress_places(first, spiked, index, count)
        count += count_bits(spiked)
    for i in range(whole, row.size):
        times[count] = abs(row[i])
        index[count] = i
        count += row[i] < t_max
    return count


@kernel
def up_to(t_max, row):
    """The least number of the row's kind that is not below t_max."""
    number = row.dtype.type
    bound = number(t_max)
    return np.nextafter(bound, number(np.inf)) if bound < t_max else bound


@kernel
def insert(time, neuron, place, times, index):
    """Put a spike among the sorted ones before `place`, behind those of its time; return where."""
    while place > 0 and times[place - 1] > time:
        times[place] = times[place - 1]
        index[place] = index[place - 1]
        place -= 1
    times[place] = time
    index[place] = neuron
    return place


@kernel
def sort_bins(count, scale, times, index, spare_times, spare_index, bins):
    """Sort by bins of equal width, and within them by insertion.

    False if the times are so uneven that this would take long: then they are as they were.
    """
    for b in range(BINS + 1):
        bins[b] = 0
    for e in range(count):
        bins[int(times[e] * scale) + 1] += 1
    for b in range(BINS):
        bins[b + 1] += bins[b]
    for e in range(count):
        b = int(times[e] * scale)
        spare_times[bins[b]] = times[e]
        spare_index[bins[b]] = index[e]
        bins[b] += 1
    moves = 0
    for e in range(1, count):
        moves += e - insert(spare_times[e], spare_index[e], e, spare_times, spare_index)
        if moves > 64 + 8 * count:
            return False
    for e in range(count):
        times[e] = spare_times[e]
        index[e] = spare_index[e]
    return True


@kernel
def sort_bytes(count, times, index, spare_times, spare_index, bins):
    """Sort by the bytes that store the times; passes over a byte that all share.

    Times are not negative, so they are ordered as their bytes are.
    """
    for byte in range(times.itemsize):
        digits = times.view(np.uint8)[byte :: times.itemsize]
        e = 1
        while e < count and digits[e] == digits[0]:
            e += 1
        if e >= count:
            continue
        for value in range(BINS + 1):
            bins[value] = 0
        for e in range(count):
            bins[int(digits[e]) + 1] += 1
        for value in range(BINS):
            bins[value + 1] += bins[value]
        for e in range(count):
            place = bins[digits[e]]
            bins[digits[e]] = place + 1
            spare_times[place] = times[e]
            spare_index[place] = index[e]
        for e in range(count):
            times[e] = spare_times[e]
            index[e] = spare_index[e]


@kernel
def sort_events(row, t_max, times, index, spare_times, spare_index, bins):
    """Fill `times`, `index` with the spikes of `row` before t_max, earliest first; count them.

    Equal times stay in order of the neurons.
    """
    count = gather(row, t_max, times, index)
    scale = times.dtype.type(0)
    if 1e-30 < t_max < 1e30:
        scale = times.dtype.type((BINS - 1) / t_max)
    uneven = True
    if scale > 0:
        uneven = not sort_bins(count, scale, times, index, spare_times, spare_index, bins)
    if uneven:
        sort_bytes(count, times, index, spare_times, spare_index, bins)
    return count


@kernel
def schedule(arrays, layer, work):
    """Note the events that reach `layer` before the horizon; return events and instants."""
    width = arrays.widths[layer]
    events, instants = 0, 0
    for e in range(work.counts[layer]):
        work.arrivals[e] = work.times[layer, e] + arrays.delays[layer]
        if work.arrivals[e] >= arrays.t_max:
            break
        if e == 0 or work.arrivals[e] != work.arrivals[e - 1]:
            work.instants[instants] = work.arrivals[e]
            instants += 1
        work.starts[e] = arrays.rows[layer] + work.index[layer, e] * width
        work.places[e] = (instants - 1) * (WORD // LANES)
        events += 1
    return events, instants


@kernel
def cross_wide(first, events, starts, places, weights, thresholds, marks):
    """Mark who of WIDE neurons is over the threshold; the last event of an instant stands."""
    v0 = zeros(weights)
    v1, v2, v3 = v0, v0, v0
    h0, h1 = load(thresholds, first), load(thresholds, first + LANES)
    h2, h3 = load(thresholds, first + 2 * LANES), load(thresholds, first + 3 * LANES)
    for e in range(events):
        start = starts[e] + first
        place = places[e]
        v0 = add(v0, load(weights, start))
        v1 = add(v1, load(weights, start + LANES))
        v2 = add(v2, load(weights, start + 2 * LANES))
        v3 = add(v3, load(weights, start + 3 * LANES))
        mark(v0, h0, marks, place)
        mark(v1, h1, marks, place + 1)
        mark(v2, h2, marks, place + 2)
        mark(v3, h3, marks, place + 3)


@kernel
def cross_narrow(first, events, starts, places, weights, thresholds, marks):
    """The same for LANES neurons."""
    v = zeros(weights)
    h = load(thresholds, first)
    for e in range(events):
        v = add(v, load(weights, starts[e] + first))
        mark(v, h, marks, places[e])


@kernel
def emit(size, instants, work, spikes, times, index):
    """Read the first mark of each neuron as its spike; return how many fired."""
    words = (size + WORD - 1) // WORD
    for k in range(words):
        work.waiting[k] = ALL
    if size % WORD:
        work.waiting[words - 1] = (ONE << np.uint64(size % WORD)) - ONE
    marks = work.marks.view(np.uint64)
    column = marks.size // work.waiting.size
    fired = 0
    for i in range(instants):
        for k in range(words):
            crossed = marks[k * column + i] & work.waiting[k]
            work.waiting[k] ^= crossed
            while crossed:
                j = WORD * k + lowest_bit(crossed)
                spikes[j] = work.instants[i]
                times[fired] = work.instants[i]
                index[fired] = j
                fired += 1
                crossed &= crossed - ONE
    return fired


@kernel
def sweep(arrays, layer, work, spikes):
    """Fill the spike times of `layer` (inf: silent); return the events that reached it."""
    width, size = arrays.widths[layer], arrays.sizes[layer + 1]
    thresholds = arrays.thresholds[arrays.units[layer] : arrays.units[layer + 1]]
    events, instants = schedule(arrays, layer, work)
    first = 0
    column = work.marks.size // work.waiting.size
    while first + WIDE <= width:
        marks = work.marks[first // WORD * column :]
        cross_wide(first, events, work.starts, work.places, arrays.weights, thresholds, marks)
        first += WIDE
    while first < width:
        marks = work.marks[first // WORD * column + first % WORD // LANES :]
        cross_narrow(first, events, work.starts, work.places, arrays.weights, thresholds, marks)
        first += LANES
    for j in range(width):
        spikes[j] = np.inf
    work.counts[layer + 1] = emit(
        size, instants, work, spikes, work.times[layer + 1], work.index[layer + 1]
    )
    return events


@kernel
def run_sample(arrays, row, work, spikes):
    """Fill the spike times of all layers; return the events that reached the last one."""
    work.counts[0] = sort_events(
        row, arrays.t_max, work.times[0], work.index[0], work.arrivals, work.starts, work.bins
    )
    events = 0
    for layer in range(arrays.widths.size):
        units = spikes[arrays.units[layer] : arrays.units[layer + 1]]
        events = sweep(arrays, layer, work, units)
    return events


@kernel
def settle(events, work, weights, spikes, potential):
    """Potentials of the last layer: at the spike, or if silent just before the horizon."""
    v = work.potential[: spikes.size]
    for j in range(v.size):
        v[j] = 0
    for e in range(events):
        row = weights[work.starts[e] : work.starts[e] + spikes.size]
        arrival = work.arrivals[e]
        for j in range(spikes.size):
            v[j] += row[j] if arrival <= spikes[j] else row.dtype.type(0)
    for j in range(potential.size):
        potential[j] = v[j]


@making_kernel
def run_block(arrays, times, spikes, potential):
    """Spike times of all layers, and the potentials of the last, for a few samples."""
    work, last = make_work(arrays, times), arrays.units[-2]
    for s in range(len(times)):
        events = run_sample(arrays, times[s], work, spikes[s])
        settle(events, work, arrays.weights, spikes[s, last:], potential[s])


@parallel_kernel
def run(arrays, times, spikes, potential):
    """The same for a batch, in parallel."""
    for block in prange((len(times) + BLOCK - 1) // BLOCK):
        samples = slice(BLOCK * block, BLOCK * (block + 1))
        run_block(arrays, times[samples], spikes[samples], potential[samples])
