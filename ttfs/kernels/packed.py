"""Layers of one bit per synapse: whole potentials, 64 neurons in a register, a byte each.

What is kept is the distance of a neuron to its threshold, a whole number, less one: its sign says
whether that has been reached. A set bit is the weight +1 and subtracts one; the others are -1 and
add one. So an event adds one to all and subtracts two where bits are set.

A byte holds -128 to 127. Within SPAN events a neuron gets at most SPAN closer or as much
farther away, so one that is farther away may be put just out of reach, and one far over the
threshold just over it. What those events have changed is added to the whole number,
and nothing is lost.
"""

import numpy as np

from ttfs.kernels.jit import kernel
from ttfs.kernels.vector import (
    BYTES,
    add,
    add_wide,
    below,
    broadcast,
    narrow,
    subtract,
    where,
)

SPAN = 63  # events between updates of the whole numbers
FAR = np.int32(SPAN)  # after SPAN events 0 or more, as all that was more
OVER = np.int32(-SPAN - 1)  # after SPAN events still below 0, as all that was less
ONE = np.uint64(1)


@kernel
def cross_two(events, starts, places, signs, lacking, marks):
    """Mark which of 2 * BYTES neurons have reached the threshold; an instant's last event counts.

    With AVX-512 an event is `kmovq` of a word of signs, `vpblendmb` of -1 and 1 by it,
    `vpaddb`, `vpmovb2m` of which are below 0, and `kmovq` of the mark. All indices must be
    unsigned, or each is checked for counting from the end.
    """
    for first in range(0, events, SPAN):
        before0, before1 = narrow(lacking[0], OVER, FAR), narrow(lacking[1], OVER, FAR)
        one, two, none = broadcast(before0, 1), broadcast(before0, 2), broadcast(before0, 0)
        v0, v1 = before0, before1
        for e in range(np.uint64(first), np.uint64(min(first + SPAN, events))):
            start, place = np.uint64(starts[e]), np.uint64(places[e])
            v0 = add(v0, one)
            v1 = add(v1, one)
            v0 = where(signs[start], subtract(v0, two), v0)
            v1 = where(signs[start + ONE], subtract(v1, two), v1)
            marks[place] = below(v0, none)
            marks[place + ONE] = below(v1, none)
        add_wide(subtract(v0, before0), lacking[0])
        add_wide(subtract(v1, before1), lacking[1])


@kernel
def cross_one(events, starts, places, signs, lacking, marks):
    """The same for BYTES neurons."""
    for first in range(0, events, SPAN):
        before = narrow(lacking, OVER, FAR)
        one, two, none = broadcast(before, 1), broadcast(before, 2), broadcast(before, 0)
        v = before
        for e in range(np.uint64(first), np.uint64(min(first + SPAN, events))):
            v = add(v, one)
            v = where(signs[np.uint64(starts[e])], subtract(v, two), v)
            marks[np.uint64(places[e])] = below(v, none)
        add_wide(subtract(v, before), lacking)


@kernel
def cross_packed(arrays, layer, words, events, work):
    """Mark at each instant which neurons of a layer have reached the threshold.

    words: the first and last of the words of neurons for which this is done.
    """
    lacking = work.lacking[arrays.words[layer] : arrays.words[layer + 1]]
    word, place = words[0], 0
    while word + 1 < words[1]:
        signs, marks = arrays.signs[word:], work.marks[place:]
        cross_two(events, work.starts, work.places, signs, lacking[word:], marks)
        word, place = word + 2, place + 2
    if word < words[1]:
        signs, marks = arrays.signs[word:], work.marks[place:]
        cross_one(events, work.starts, work.places, signs, lacking[word], marks)


@kernel
def pass_by(first, end, starts, signs, lacking):
    """Update the distances of BYTES neurons by some events, without marks."""
    for begin in range(first, end, SPAN):
        before = narrow(lacking, OVER, FAR)
        one, two = broadcast(before, 1), broadcast(before, 2)
        v = before
        for e in range(np.uint64(begin), np.uint64(min(begin + SPAN, end))):
            v = add(v, one)
            v = where(signs[np.uint64(starts[e])], subtract(v, two), v)
        add_wide(subtract(v, before), lacking)


@kernel
def settle_packed(arrays, events, work, spikes, potential):
    """Whole potentials of the last layer: at the spike, or of silent neurons after all events."""
    layers = arrays.widths.size
    fired, never = work.counts[layers], spikes.dtype.type(np.inf)
    lacking = work.lacking[arrays.words[layers - 1]]  # of neurons whose threshold is 0
    for word in range(arrays.words[layers] - arrays.words[layers - 1]):
        lacking[:] = 0
        first = 0
        for k in range(fired + 1):
            neuron = work.index[layers, k] if k < fired else BYTES * word
            if neuron // BYTES != word:
                continue
            time, end = work.times[layers, k] if k < fired else never, first
            while end < events and work.arrivals[end] <= time:
                end += 1
            pass_by(first, end, work.starts, arrays.signs[word:], lacking)
            first = end
            if k < fired:
                potential[neuron] = -lacking[neuron % BYTES]
        for j in range(BYTES * word, min(BYTES * (word + 1), potential.size)):
            if spikes[j] == never:
                potential[j] = -lacking[j % BYTES]
