"""Windows in the simulator: arrivals, the beginnings of windows, and which neurons fire.

A layer receives until its own window begins. An arrival raises the slope of a potential, and so,
by its value, the final potential: that sum is kept, and the potential
before is less by what the slope has yet to add. When the window begins, all neurons of the layer
that will fire in it are queued in the order of their times. Layers that pool have no window
of their own: a neuron that is reached fires at that instant.
"""

from typing import NamedTuple

import numpy as np

from ttfs.kernels.circuit import FIRST, GROUP, REACH, SIZE, START, TARGET, WIDTH, WORD
from ttfs.kernels.jit import kernel
from ttfs.kernels.queue import (
    COUNTERS,
    HEAP,
    KINDS,
    LAYER,
    POPULATIONS,
    PROJECTIONS,
    ROWED,
    SCRATCH,
    SYNAPSES,
    fire,
)
from ttfs.kernels.reach import COLUMNS
from ttfs.kernels.sorting import sort_events
from ttfs.kernels.touched import run_of, touch, without, words_of
from ttfs.kernels.vector import LANES, add, broadcast, load, multiply, store
from ttfs.kernels.windows import moment_of, value_at

VOLTS, WAVES, ARRAYS = 4, 1, 8  # rows of potentials; of heads: only arrivals; of a memory
LENGTH, STEPS, CODE = 0, 1, 2  # numbers of `code`: of a window, and how many there are
BEGIN, END = 0, 1  # rows of `schedule`


class State(NamedTuple):
    """Everything that changes; a copy of it is a snapshot."""

    slope: np.ndarray  # (units,) of the potential, in windows
    potential: np.ndarray  # (units,) at the end of the window in which a neuron receives
    limits: np.ndarray  # (units,) thresholds; inf once fired, and in the padding
    at_spike: np.ndarray  # (units,) potential when each fired
    biases: np.ndarray  # (units,) where potentials begin
    spikes: np.ndarray  # (units,) when each fired, or inf
    # (3, units + 1) when each will fire, of those whose window has begun; scratch of the sort
    crossing: np.ndarray
    stimulus_time: np.ndarray  # (units + 1,) given spikes in order of events,
    stimulus: np.ndarray  # (units + 1,) and the units that fire them
    fired: np.ndarray  # (units + 1,) per population, neurons in the order they fired
    # (3, units + 1) per population, neurons in the order in which they will; scratch of the sort
    firing: np.ndarray
    counters: np.ndarray  # (COUNTERS,)
    bins: np.ndarray  # (SCRATCH,)
    touched: np.ndarray  # (units / WORD,) uint64, positions that pool, reached at this instant
    counts: np.ndarray  # (populations,) how many have fired
    heads: np.ndarray  # (1, projections) which of the source's spikes arrives next
    lines: np.ndarray  # (populations, 2) which queued neuron is next, and how many are queued
    code: np.ndarray  # (CODE,) what holds for all windows; steps are 0 for any time
    schedule: np.ndarray  # (2, populations) when the window of each begins, and ends
    # (queue, 4) of arrivals: 2 * population, neuron, projection, synapse; 2 * population + 1 for
    # the beginning of its window
    heap: np.ndarray
    heap_time: np.ndarray  # (queue,) and when each comes
    clock: np.ndarray  # (1,) time of the last event


def parts(memory):
    """The state, made of a few arrays, each of one type of number."""
    volts, times, whole, few, queue, crossing, told, biases = memory
    units, bits = volts.shape[1], COUNTERS + SCRATCH
    counts = bits + units // WORD
    heads = counts + few[POPULATIONS]
    lines = heads + WAVES * few[PROJECTIONS]
    heap = lines + 2 * few[POPULATIONS]
    return State(
        slope=volts[0],
        potential=volts[1],
        limits=volts[2],
        at_spike=volts[3],
        biases=biases,
        spikes=times[0, :units],
        crossing=crossing,
        stimulus_time=times[1],
        stimulus=whole[0],
        fired=whole[1],
        firing=whole[2:5],
        counters=few[:COUNTERS],
        bins=few[COUNTERS:bits],
        touched=few[bits:counts].view(np.uint64),
        counts=few[counts:heads],
        heads=few[heads:lines].reshape(WAVES, -1),
        lines=few[lines:heap].reshape(-1, 2),
        code=told[:CODE],
        schedule=told[CODE:].reshape(2, -1),
        heap=few[heap:].reshape(-1, 4),
        heap_time=queue[:-1],
        clock=queue[-1:],
    )


make_state = kernel(parts)


@kernel
def begin_of(state, layer):
    """When the window of a population begins; of one that pools never, as it is that below."""
    return state.schedule[BEGIN, layer]


@kernel
def end_of(state, layer):
    """When it ends."""
    return state.schedule[END, layer]


@kernel
def value_of(plan, state, r):
    """The value of a spike that arrives now along a projection."""
    now, layer = np.float64(state.clock[0]), plan.projections[r, TARGET]
    return value_at(now, begin_of(state, layer), state.code[LENGTH])


@kernel
def add_row(plan, state, start, first, width, value):
    """Add a row to the units from `start` on. Beyond its columns it is 0."""
    values = broadcast(plan.weights, value)
    for j in range(0, width, LANES):
        weight = load(plan.weights, first + j)
        store(add(load(state.slope, start + j), weight), state.slope, start + j)
        total = add(load(state.potential, start + j), multiply(weight, values))
        store(total, state.potential, start + j)


@kernel
def deliver_row(plan, state, r, neuron, value):
    """Add a dense row."""
    target, width = plan.projections[r, TARGET], plan.projections[r, WIDTH]
    first, start = plan.projections[r, FIRST] + neuron * width, plan.populations[target, START]
    add_row(plan, state, start, first, width, value)
    state.counters[SYNAPSES] += plan.populations[target, SIZE]


@kernel
def deliver_synapses(plan, state, r, first, last, value):
    """Add some synapses of a sparse row."""
    start = plan.populations[plan.projections[r, TARGET], START]
    shift, value = plan.projections[r, FIRST], plan.weights.dtype.type(value)
    for k in range(first, last):
        unit, weight = start + plan.indices[k], plan.weights[k + shift]
        state.slope[unit] += weight
        state.potential[unit] += weight * value
    state.counters[SYNAPSES] += last - first


@kernel
def reach_position(plan, state, r, position):
    """The first of the units at a position."""
    target = plan.projections[r, TARGET]
    return plan.populations[target, START] + position * plan.projections[r, REACH + COLUMNS]


@kernel
def take_first(plan, state, unit):
    """Fire a neuron now that does so with its first arrival."""
    layer = plan.owners[unit]
    if state.limits[unit] < np.inf and state.crossing[0, unit] == np.inf:
        state.crossing[0, unit] = state.clock[0]
        state.potential[unit] = state.limits[unit]
        state.counters[ROWED] = 1
        if plan.populations[layer, GROUP]:
            neuron = unit - plan.populations[layer, START]
            touch(plan, state, layer, neuron // plan.populations[layer, GROUP])


@kernel
def line_up(plan, state, layer, first, last, count):
    """Queue those of some neurons that fire now; return how many are queued."""
    start, now = plan.populations[layer, START], state.clock[0]
    for neuron in range(first, last):
        unit = start + neuron
        if state.crossing[0, unit] == now and state.limits[unit] < np.inf:
            state.firing[0, start + count] = neuron
            count += 1
    return count


@kernel
def settle(plan, state, layer):
    """After the last arrival of an instant at a layer: those that pool fire."""
    if not state.counters[ROWED]:
        return
    count, group = 0, plan.populations[layer, GROUP]
    if group:
        begin, words = words_of(plan, layer)
        for k in range(words):
            bits = state.touched[begin + k]
            state.touched[begin + k] = 0
            while bits:
                first, many = run_of(bits)
                bits = without(bits, first + many)
                first = (first + k * WORD) * group
                count = line_up(plan, state, layer, first, first + many * group, count)
    else:
        count = line_up(plan, state, layer, 0, plan.populations[layer, SIZE], count)
    state.counters[ROWED] = 0
    state.lines[layer, 0], state.lines[layer, 1] = 0, count
    choose(plan, state)


@kernel
def open_window(plan, state, layer):
    """The potentials of a layer are final: queue the neurons that will fire, earliest first."""
    start, size = plan.populations[layer, START], plan.populations[layer, SIZE]
    begin, end = begin_of(state, layer), end_of(state, layer)
    length, steps = state.code[LENGTH], np.int64(state.code[STEPS])
    number = state.clock.dtype.type
    for unit in range(start, start + size):
        state.crossing[0, unit] = np.inf
        if state.limits[unit] < np.inf:
            potential, threshold = state.potential[unit], state.limits[unit]
            time = moment_of(potential, threshold, steps, begin, end, length, number)
            state.crossing[0, unit] = time
    count = sort_events(
        state.crossing[0, start : start + size],
        plan.t_max,
        state.crossing[1],
        state.firing[1],
        state.crossing[2],
        state.firing[2],
        state.bins,
    )
    for k in range(count):
        state.firing[0, start + k] = state.firing[1, k]
    state.lines[layer, 0], state.lines[layer, 1] = 0, count
    choose(plan, state)


@kernel
def choose(plan, state):
    """Store the layer of which a neuron fires next, or -1."""
    chosen, best = -1, np.inf
    for layer in range(state.counts.size):
        start, place = plan.populations[layer, START], state.lines[layer, 0]
        while place < state.lines[layer, 1]:
            unit = start + state.firing[0, start + place]
            if state.spikes[unit] == np.inf:
                time = np.float64(state.crossing[0, unit])
                if time < best:
                    chosen, best = layer, time
                break
            place += 1  # the stimulus has made it fire before
        state.lines[layer, 0] = place
    state.counters[LAYER] = chosen


@kernel
def ready(plan, state):
    """The neuron that fires next if nothing happens before, as (time, population, neuron)."""
    layer = state.counters[LAYER]
    if layer < 0:
        return np.inf, -1, -1
    start = plan.populations[layer, START]
    neuron = state.firing[0, start + state.lines[layer, 0]]
    return float(state.crossing[0, start + neuron]), layer, neuron


@kernel
def send(plan, state, layer, neuron, given):
    """Fire a neuron."""
    unit = plan.populations[layer, START] + neuron
    state.at_spike[unit] = level(plan, state, unit)
    fire(plan, state, layer, neuron)
    choose(plan, state)


@kernel
def level(plan, state, unit):
    """The potential, now, of a unit that has not fired."""
    layer, now = plan.owners[unit], np.float64(state.clock[0])
    left = value_at(now, begin_of(state, layer), state.code[LENGTH])
    if left == 0 or state.slope[unit] == 0:
        return state.potential[unit]
    return state.potential[unit] - state.slope[unit] * state.slope.dtype.type(left)


@kernel
def clear(state, t_max):
    """Reset the sums; the windows of layers that have one are to begin."""
    for unit in range(state.biases.size):
        state.potential[unit], state.slope[unit] = state.biases[unit], 0
        state.crossing[0, unit] = np.inf
    state.touched[:] = 0
    state.lines[:] = 0
    state.counters[LAYER] = -1
    count = 0
    for layer in range(state.counts.size):
        time, place = begin_of(state, layer), count
        if 0 < time < t_max:  # windows that begin at 0 are given by the stimulus
            while place > 0 and state.heap_time[place - 1] > time:
                state.heap_time[place] = state.heap_time[place - 1]
                state.heap[place, 0] = state.heap[place - 1, 0]
                place -= 1
            state.heap_time[place] = time
            state.heap[place, 0] = layer * KINDS + 1
            for column in range(1, 4):
                state.heap[count, column] = -1
            count += 1
    state.counters[HEAP] = count
