"""Spike times of a layer of maps, one sample at a time.

The spikes below are sorted once. Each position is then given those that reach it, in
order, as a list of event numbers, and does with them what a dense layer does with all:
here `arrays` is the layer as a dense one of one position, which all positions share.

Rows of times hold those of several layers: those below begin at `below`, the layer's own at
`base`.
"""

from typing import NamedTuple

import numpy as np

from ttfs.kernels.arrivals import arrival_of
from ttfs.kernels.batch import clear, settle, sweep
from ttfs.kernels.batch import make_work as make_step_work
from ttfs.kernels.delayed import order_ends
from ttfs.kernels.jit import kernel
from ttfs.kernels.packed import settle_packed
from ttfs.kernels.ramp import Traces
from ttfs.kernels.ramp import make_work as make_ramp_work
from ttfs.kernels.ramp import schedule as schedule_ramps
from ttfs.kernels.ramp import settle as settle_ramps
from ttfs.kernels.ramp import sweep as sweep_ramps
from ttfs.kernels.reach import (
    BREADTH,
    CHANNELS,
    COLUMNS,
    LINES,
    PLACES,
    inputs_of,
    origin_of,
    shift_of,
    spans_of,
    window_of,
)
from ttfs.kernels.sorting import BINS, sort_events


class Handed(NamedTuple):
    """The events of a sample, and which of them reach each position."""

    times: np.ndarray  # (inputs,) of spikes below, in order
    index: np.ndarray  # (inputs,) their inputs; then the row of weights, without the shift
    spare_times: np.ndarray  # (inputs,) scratch of the sort
    spare_index: np.ndarray  # (inputs,)
    bins: np.ndarray  # (BINS,)
    order: np.ndarray  # int32 (positions, most + 1) event numbers, in order
    counts: np.ndarray  # int32 (positions,) how many


def make_handed(arrays, times):
    """Scratch for samples whose times have the dtype of `times`; not compiled."""
    reach = arrays.reaches[0]
    inputs, positions = inputs_of(reach), reach[LINES] * reach[PLACES]
    return Handed(
        np.empty(inputs, times.dtype),
        np.empty(inputs, np.int64),
        np.empty(inputs, times.dtype),
        np.empty(inputs, np.int64),
        np.empty(BINS, np.int64),
        np.empty((positions, min(inputs, arrays.sizes[0]) + 1), np.int32),
        np.empty(positions, np.int32),
    )


def make_steps_work(arrays, times):
    """Scratch of `run_steps`; not compiled."""
    return make_handed(arrays, times), make_step_work(arrays, times)


def make_ending_work(arrays, times):
    """Scratch of `run_ending`; not compiled."""
    return make_handed(arrays, times), make_ramp_work(arrays, times)


@kernel
def hand_out(reach, row, t_max, handed):
    """List the events of a sample for each position; return how many there are."""
    order, counts, places = handed.order, handed.counts, reach[PLACES]
    count = sort_events(
        row,
        t_max,
        handed.times,
        handed.index,
        handed.spare_times,
        handed.spare_index,
        handed.bins,
    )
    for p in range(counts.size):
        counts[p] = 0
    for e in range(count):
        unit = handed.index[e]
        first, last, begin, end = spans_of(reach, unit)
        handed.index[e] = origin_of(reach, unit)
        for y in range(first, last):
            for p in range(np.uint64(y * places + begin), np.uint64(y * places + end)):
                place = np.uint64(counts[p])
                order[p, place] = e
                counts[p] = place + np.uint64(1)
    for p in range(counts.size):
        order[p, np.uint64(counts[p])] = count
    return count


@kernel
def copy_events(reach, p, handed, times, index):
    """Fill times and rows of weights of the events of a position; return how many."""
    count, shift = handed.counts[p], shift_of(reach, p)
    for k in range(count):
        e = handed.order[p, k]
        times[k] = handed.times[e]
        index[k] = handed.index[e] - shift
    return count


@kernel
def run_steps(arrays, below, base, times, found, work, first, last):
    """Spike times, and potentials where there is room for them, of some samples: jumps.

    found: a `batch.Found`.
    """
    (handed, steps), reach = work, arrays.reaches[0]
    columns, width, inputs = reach[COLUMNS], arrays.widths[0], inputs_of(reach)
    for s in range(first, last):
        hand_out(reach, times[s, below : below + inputs], arrays.t_max, handed)
        for p in range(handed.counts.size):
            spikes = found.spikes[s, base + p * columns : base + p * columns + width]
            spikes[:] = np.inf
            clear(arrays, 0, steps)
            steps.counts[0] = copy_events(reach, p, handed, steps.times[0], steps.index[0])
            steps.counts[1], steps.heard[0] = 0, 0
            sweep(arrays, 0, arrays.t_max, steps, spikes)
            if arrays.packed[0] and found.whole.shape[1]:
                whole = found.whole[s, p * columns : (p + 1) * columns]
                settle_packed(arrays, steps.heard[0], steps, spikes, whole)
            elif found.potential.shape[1]:
                potential = found.potential[s, p * columns : (p + 1) * columns]
                settle(steps.heard[0], steps, arrays.weights, spikes, steps.potential, potential)


@kernel
def run_ending(arrays, below, base, rise, own, times, found, work, first, last):
    """The same with ramps that end, and with slopes.

    own: whether inputs have delays of their own; found: a `ramp.Found`.
    """
    (handed, ramps), reach = work, arrays.reaches[0]
    columns, width, inputs = reach[COLUMNS], arrays.widths[0], inputs_of(reach)
    for s in range(first, last):
        hand_out(reach, times[s, below : below + inputs], arrays.t_max, handed)
        for p in range(handed.counts.size):
            some = slice(base + p * columns, base + p * columns + width)
            traces = Traces(found.spikes[s, some], found.slopes[s, some], ramps.totals)
            count = copy_events(reach, p, handed, ramps.times, ramps.index)
            events = schedule_ramps(arrays, 0, rise, count, ramps)
            if own:
                order_ends(events, ramps)
            sweep_ramps(arrays, 0, rise, events, ramps, traces)
            if found.potential.shape[1]:
                potential = found.potential[s, p * columns : (p + 1) * columns]
                settle_ramps(arrays, rise, events, ramps, traces, potential)


@kernel
def run_pools(reach, below, base, delay, t_max, times, spikes, first, last):
    """The first arrival of each window, channel by channel, for some samples."""
    channels, positions = reach[CHANNELS], reach[LINES] * reach[PLACES]
    never = times.dtype.type(np.inf)
    for s in range(first, last):
        row = times[s, below : below + inputs_of(reach)]
        for p in range(positions):
            found = spikes[s, base + p * channels : base + (p + 1) * channels]
            found[:] = never
            top, bottom, left, right = window_of(reach, p)
            for y in range(top, bottom):
                for x in range(left, right):
                    pixel = row[(y * reach[BREADTH] + x) * channels :]
                    for c in range(found.size):
                        found[c] = min(found[c], pixel[c])
            for c in range(found.size):
                arrival = arrival_of(abs(found[c]), delay, spikes.dtype.type)
                found[c] = arrival if arrival < t_max else never
