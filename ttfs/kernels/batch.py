"""Spike times of a network with step responses, one sample at a time.

A sample is a list of events, sorted by time and then by neuron. A layer turns the events
of the layer below into its own in three passes: `schedule` groups the arrivals that share
an instant; `cross`, or `cross_packed` where a weight is one bit, adds the rows for a few
neurons at a time and marks at each instant which have reached the threshold; and `emit` reads the
first mark of every neuron as its spike. Events come out sorted, because instants are read
in order.

Layers process all events of a sample at once, or slices of them in turn: what has not
arrived yet cannot change the past. So a sample can end at its first output spike.

Rows are padded to whole vectors; a padded neuron is never read.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ttfs.kernels.arrivals import arrival_of
from ttfs.kernels.gathering import expect, up_to
from ttfs.kernels.jit import kernel
from ttfs.kernels.packed import cross_packed, settle_packed
from ttfs.kernels.sorting import BINS, sort_events
from ttfs.kernels.vector import (
    BYTES,
    LANES,
    WORDS,
    add,
    below,
    both,
    broadcast,
    load,
    lowest_bit,
    mark,
    store,
    subtract,
    where,
    zeros,
)

SLICE = 24  # input events between checks of the outputs; any value gives the same decisions
WIDE = 4 * LANES  # neurons whose potentials are in registers together
WORD = BYTES  # marks are words of 64 neurons
PARTS = WORD // LANES
ONE = np.uint64(1)
NONE, ALL = np.uint64(0), ~np.uint64(0)


class Arrays(NamedTuple):
    """A network as plain arrays; `layer` counts from 0, the first one above the input.

    A layer that is packed is read from `signs` and `wholes`, the others from `weights` and
    `thresholds`.
    """

    sizes: np.ndarray  # (layers + 1,) neurons, those of the input first
    widths: np.ndarray  # (layers,) neurons, padded to a multiple of LANES
    units: np.ndarray  # (layers + 1,) where a layer begins in a row of all padded neurons
    rows: np.ndarray  # (layers,) where a layer's weights begin
    weights: np.ndarray  # (inputs, width) of every layer, one after the other
    thresholds: np.ndarray  # one for each padded column, in the order of `columns`
    delays: np.ndarray  # (layers,)
    t_max: float
    words: np.ndarray  # (layers + 1,) where a layer begins in a row of words of 64 neurons
    packed: np.ndarray  # (layers,) bool
    bits: np.ndarray  # (layers,) where a layer's signs begin
    signs: np.ndarray  # uint64 (inputs, words) of every layer with signs; a set bit is +1
    wholes: np.ndarray  # int32 (words, 64) the least whole potential over the threshold
    columns: np.ndarray  # (layers + 1,) where a layer's thresholds begin; `units` if it is dense
    reaches: np.ndarray  # (layers, LENGTH) which neurons inputs reach, see kernels/reach.py


class Work(NamedTuple):
    """Scratch for one sample."""

    times: np.ndarray  # (layers + 1, longest) events of each layer, the input first
    index: np.ndarray  # (layers + 1, longest)
    counts: np.ndarray  # (layers + 1,)
    heard: np.ndarray  # (layers,) how many of the events below were added
    potential: np.ndarray  # (units,) of layers that are not packed
    lacking: np.ndarray  # int32 (words, 64) to the threshold, less one, of those that are
    waiting: np.ndarray  # (layers, words and more) uint64, which have not fired
    arrivals: np.ndarray  # (longest,) of a slice of the events below: when,
    starts: np.ndarray  # (longest,) where the row of weights or signs begins,
    places: np.ndarray  # (longest,) and where the marks of that instant begin
    instants: np.ndarray  # (longest,) the distinct arrivals
    marks: np.ndarray  # (longest * most,) uint64, which have reached the threshold
    some: np.ndarray  # (longest * most,) uint8, for a row of them, which words are not 0,
    when: np.ndarray  # (longest * most / WORDS,) at which instant,
    whose: np.ndarray  # (longest * most / WORDS,) and which is the first neuron
    bins: np.ndarray  # (BINS,) of the sort
    strides: np.ndarray  # (layers,) the words of marks for one instant, up to a whole row


class Found(NamedTuple):
    """What a run fills for each sample."""

    spikes: np.ndarray  # (samples, units) inf: silent
    potential: np.ndarray  # (samples, outputs) of the last layer, if it is not packed
    whole: np.ndarray  # int32 (samples, outputs) of the last layer, if it is
    heard: np.ndarray  # (samples, layers) how many events each layer added


def make_work(arrays, times, parts=None):
    """Scratch for samples whose times have the dtype of `times`; not compiled.

    parts: how many words of each layer are marked at a time, unless all are.
    """
    layers, (inputs, *others) = arrays.widths.size, arrays.sizes.tolist()
    longest = max(inputs + 1, *others)
    words = [last - first for first, last in pairwise(arrays.words.tolist())]
    strides = [-(-part // WORDS) * WORDS for part in parts or words]
    most = max(strides)
    return Work(
        np.empty((layers + 1, longest), times.dtype),
        np.empty((layers + 1, longest), np.int64),
        np.zeros(layers + 1, np.int64),
        np.zeros(layers, np.int64),
        np.empty(arrays.units[-1], arrays.weights.dtype),
        np.empty((arrays.words[-1], WORD), np.int32),
        np.empty((layers, max(words) + most), np.uint64),
        np.empty(longest, times.dtype),
        np.empty(longest, np.int64),
        np.empty(longest, np.int64),
        np.empty(longest, times.dtype),
        np.empty(longest * most, np.uint64),
        np.empty(longest * most, np.uint8),
        np.empty(longest * most // WORDS, times.dtype),
        np.empty(longest * most // WORDS, np.int64),
        np.empty(BINS, np.int64),
        np.array(strides, np.int64),
    )


@kernel
def begin(arrays, row, work, spikes):
    """No neuron has fired, and the spikes of the input are sorted; return how many."""
    work.counts[0] = sort_events(
        row, arrays.t_max, work.times[0], work.index[0], work.arrivals, work.starts, work.bins
    )
    for j in range(spikes.size):
        spikes[j] = np.inf
    for layer in range(arrays.widths.size):
        work.counts[layer + 1], work.heard[layer] = 0, 0
        clear(arrays, layer, work)
    return work.counts[0]


@kernel
def clear(arrays, layer, work):
    """No neuron of a layer has received anything or fired."""
    waiting, size = work.waiting[layer], arrays.sizes[layer + 1]
    for k in range(waiting.size):
        waiting[k] = ALL if WORD * (k + 1) <= size else NONE
    if size % WORD:
        waiting[size // WORD] = (ONE << np.uint64(size % WORD)) - ONE
    if arrays.packed[layer]:
        for word in range(arrays.words[layer], arrays.words[layer + 1]):
            lacking, wholes = work.lacking[word], arrays.wholes[word]
            for j in range(WORD):
                lacking[j] = wholes[j] - np.int32(1)
    else:
        potential = work.potential[arrays.units[layer] : arrays.units[layer + 1]]
        for j in range(potential.size):  # of a slice, whose indices need no check for their sign
            potential[j] = 0


@kernel
def schedule(arrays, layer, limit, work):
    """List the next events that reach `layer` before `limit`; return events and instants.

    `limit` is at most the horizon. There is no branch for a new instant, since no processor
    could predict it.
    """
    times = work.times[layer, work.heard[layer] : work.counts[layer]]
    index = work.index[layer, work.heard[layer] : work.counts[layer]]
    origin, width = arrays.rows[layer], arrays.widths[layer]
    if arrays.packed[layer]:
        origin, width = arrays.bits[layer], arrays.words[layer + 1] - arrays.words[layer]
    kind, bound = times.dtype.type, up_to(limit, times)
    stride, events, instants, before = work.strides[layer], 0, 0, kind(-1)
    while events < times.size:
        arrival = arrival_of(times[events], arrays.delays[layer], kind)
        if arrival >= bound:
            break
        instants += arrival != before
        before = arrival
        work.arrivals[events], work.instants[np.uint64(instants - 1)] = arrival, arrival
        work.starts[events] = origin + index[events] * width
        work.places[events] = (instants - 1) * stride
        events += 1
    return events, instants


@kernel
def cross_wide(first, events, starts, places, weights, thresholds, potential, marks):
    """Mark which of WIDE neurons have reached the threshold; an instant's last event counts."""
    v0, v1 = load(potential, first), load(potential, first + LANES)
    v2, v3 = load(potential, first + 2 * LANES), load(potential, first + 3 * LANES)
    h0, h1 = load(thresholds, first), load(thresholds, first + LANES)
    h2, h3 = load(thresholds, first + 2 * LANES), load(thresholds, first + 3 * LANES)
    for e in range(events):
        start = starts[e] + first
        place = places[e] * PARTS
        v0 = add(v0, load(weights, start))
        v1 = add(v1, load(weights, start + LANES))
        v2 = add(v2, load(weights, start + 2 * LANES))
        v3 = add(v3, load(weights, start + 3 * LANES))
        mark(v0, h0, marks, place)
        mark(v1, h1, marks, place + 1)
        mark(v2, h2, marks, place + 2)
        mark(v3, h3, marks, place + 3)
    store(v0, potential, first)
    store(v1, potential, first + LANES)
    store(v2, potential, first + 2 * LANES)
    store(v3, potential, first + 3 * LANES)


@kernel
def cross_narrow(first, events, starts, places, weights, thresholds, potential, marks):
    """The same for LANES neurons."""
    v = load(potential, first)
    h = load(thresholds, first)
    for e in range(events):
        v = add(v, load(weights, starts[e] + first))
        mark(v, h, marks, places[e] * PARTS)
    store(v, potential, first)


@kernel
def cross(arrays, layer, words, events, work):
    """Mark at each instant which neurons of a layer have reached the threshold.

    words: the first and last of the words of neurons for which this is done.
    """
    first, end = WORD * words[0], min(WORD * words[1], arrays.widths[layer])
    thresholds = arrays.thresholds[arrays.units[layer] : arrays.units[layer + 1]]
    potential = work.potential[arrays.units[layer] : arrays.units[layer + 1]]
    rows, marks = (work.starts, work.places, arrays.weights), work.marks.view(np.uint16)
    place = 0
    while first + WIDE <= end:
        cross_wide(first, events, *rows, thresholds, potential, marks[place:])
        first, place = first + WIDE, place + PARTS
    while first < end:
        cross_narrow(first, events, *rows, thresholds, potential, marks[place:])
        first, place = first + LANES, place + 1


@kernel
def find_new(layer, words, instants, work):
    """Leave only the first mark of each neuron, and note which words still have marks."""
    rows, none, (first, last) = work.strides[layer] // WORDS, zeros(work.marks), words
    for r in range(rows):
        waiting = work.waiting[layer, first + WORDS * r :]
        others = load(waiting, 0)
        count = max(0, min(WORDS, last - first - WORDS * r))
        mine = (ONE << np.uint64(count)) - ONE
        left = where(mine, others, none)
        for i in range(instants):
            row = i * rows + r
            new = both(load(work.marks, WORDS * row), left)
            left = subtract(left, new)
            store(new, work.marks, WORDS * row)
            at = np.uint64(row)
            work.when[at], work.whose[at] = work.instants[i], WORD * (first + WORDS * r)
            work.some[at] = below(none, new)
        store(where(mine, left, others), waiting, 0)
    for row in range(instants * rows, instants * rows + WORDS):
        work.some[row] = 0


@kernel
def emit(layer, words, instants, work, spikes):
    """Read the first mark of each neuron as its spike."""
    find_new(layer, words, instants, work)
    times, index, fired = work.times[layer + 1], work.index[layer + 1], work.counts[layer + 1]
    some = work.some.view(np.uint64)
    for k in range((instants * work.strides[layer] + WORD - 1) // WORD):
        filled = some[k]
        while filled:
            word = WORD * k + lowest_bit(filled)
            filled &= filled - ONE
            row = word // WORDS
            time, first = work.when[row], work.whose[row] + word % WORDS * WORD
            crossed = work.marks[word]
            while crossed:
                j = first + lowest_bit(crossed)
                crossed &= crossed - ONE
                spikes[j] = time
                times[fired] = time
                index[fired] = j
                fired += 1
    work.counts[layer + 1] = fired


@kernel
def sweep_words(arrays, layer, words, reached, work, spikes):
    """Fire some words of a layer, the first and last of which are given.

    reached: events and instants, as `schedule` lists them.
    """
    if arrays.packed[layer]:
        cross_packed(arrays, layer, words, reached[0], work)
    else:
        cross(arrays, layer, words, reached[0], work)
    emit(layer, words, reached[1], work, spikes)


@kernel
def sweep(arrays, layer, limit, work, spikes):
    """Fire `layer` on what arrives before `limit`; spikes: its own."""
    reached = schedule(arrays, layer, limit, work)
    words = 0, arrays.words[layer + 1] - arrays.words[layer]
    sweep_words(arrays, layer, words, reached, work, spikes)
    work.heard[layer] += reached[0]


@kernel
def run_sample(arrays, row, early, work, spikes):
    """Fill the spike times of all layers; if `early`, only those until the first output spike.

    Returns the end of the sample, exclusive: just after that spike, or the horizon.
    """
    kind, layers = row.dtype.type, arrays.widths.size
    count = begin(arrays, row, work, spikes)
    size = SLICE if early else count
    place, bound, stop = 0, kind(0), kind(np.inf)
    while place < count and bound < stop:
        place = min(place + size, count)
        bound = min(work.times[0, place], stop) if place < count else stop
        limit = bound
        for layer in range(layers):  # silent ones below fire at `limit` or later
            limit = arrival_of(limit, arrays.delays[layer], kind)
            units = spikes[arrays.units[layer] : arrays.units[layer + 1]]
            sweep(arrays, layer, min(np.float64(limit), arrays.t_max), work, units)
        if early and work.counts[layers]:
            stop = np.nextafter(work.times[layers, 0], kind(np.inf))
    return min(np.float64(stop), arrays.t_max)


@kernel
def forget(arrays, end, work, spikes):
    """Undo the spikes from `end` on."""
    for layer in range(arrays.widths.size):
        units = spikes[arrays.units[layer] : arrays.units[layer + 1]]
        count = work.counts[layer + 1]
        while count > 0 and work.times[layer + 1, count - 1] >= end:
            count -= 1
            units[work.index[layer + 1, count]] = np.inf
        work.counts[layer + 1] = count


@kernel
def settle(events, work, weights, spikes, v, potential):
    """Potentials of the last layer: at the spike, or of silent neurons after all events."""
    none = zeros(weights)
    for first in range(0, v.size, LANES):
        total, spike = none, load(spikes, first)
        for e in range(events):
            late = below(spike, broadcast(spike, work.arrivals[e]))
            total = add(total, where(late, none, load(weights, work.starts[e] + first)))
        store(total, v, first)
    for j in range(potential.size):
        potential[j] = v[j]


@kernel
def finish(arrays, early, end, work, spikes, found, s):
    """Record how many events were added, and potentials of the last layer just before the end."""
    last = arrays.widths.size - 1
    for layer in range(last + 1):
        found.heard[s, layer] = work.heard[layer]
    events = work.heard[last]
    if early:  # otherwise all its events were one slice, and are still recorded
        work.heard[last] = 0
        events, _ = schedule(arrays, last, end, work)
    if arrays.packed[last]:
        settle_packed(arrays, events, work, spikes[arrays.units[last] :], found.whole[s])
    else:
        units = slice(arrays.units[last], arrays.units[last + 1])
        settle(
            events, work, arrays.weights, spikes[units], work.potential[units], found.potential[s]
        )


@kernel
def run(arrays, early, times, found, work, first, last):
    """Run some samples; if `early`, each until its first output spike."""
    for s in range(first, last):
        expect(times[min(s + 1, last - 1)])
        end = run_sample(arrays, times[s], early, work, found.spikes[s])
        if early:
            forget(arrays, end, work, found.spikes[s])
        finish(arrays, early, end, work, found.spikes[s], found, s)
