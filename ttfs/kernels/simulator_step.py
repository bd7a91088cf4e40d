"""Step responses in the simulator: what an arrival adds, and which neurons then fire.

A potential jumps as a weight arrives, so which neurons fire is decided once the last arrival of an
instant has been added. They then wait, ordered by index, until each of them has fired.
"""

from typing import NamedTuple

import numpy as np

from ttfs.kernels.circuit import FIRST, GROUP, REACH, SIZE, START, TARGET, WIDTH, WORD
from ttfs.kernels.jit import kernel
from ttfs.kernels.queue import (
    ADDED,
    COUNTERS,
    FIRING,
    LAYER,
    LISTED,
    NEXT,
    POPULATIONS,
    PROJECTIONS,
    ROWED,
    SCRATCH,
    SYNAPSES,
    fire,
)
from ttfs.kernels.reach import COLUMNS
from ttfs.kernels.touched import run_of, touch, without, words_of
from ttfs.kernels.vector import LANES, add, load, lowest_bit, reached, store

VOLTS, WAVES, ARRAYS = 3, 1, 5  # rows of potentials; of heads: only arrivals; of a memory
MANY = 8  # an instant that adds a synapse for every so many neurons tests all of them
ONE = np.uint64(1)


class State(NamedTuple):
    """Everything that changes; a copy of it is a snapshot."""

    potential: np.ndarray  # (units,)
    limits: np.ndarray  # (units,) thresholds; inf once fired, and in the padding
    at_spike: np.ndarray  # (units,) potential when each fired
    spikes: np.ndarray  # (units,) when that was, or inf
    stimulus_time: np.ndarray  # (units + 1,) given spikes in order of events,
    stimulus: np.ndarray  # (units + 1,) and the units that fire them
    fired: np.ndarray  # (units + 1,) per population, neurons in the order they fired
    firing: np.ndarray  # (units + 1,) neurons that fire at this instant
    listed: np.ndarray  # (units + 1,) neurons that a synapse took over their limit
    counters: np.ndarray  # (COUNTERS,)
    bins: np.ndarray  # (SCRATCH,)
    touched: np.ndarray  # (units / WORD,) uint64, positions of maps reached at this instant
    counts: np.ndarray  # (populations,) how many have fired
    heads: np.ndarray  # (1, projections) which of the source's spikes arrives next
    heap: np.ndarray  # (queue, 4) of arrivals: population, neuron, projection, synapse
    heap_time: np.ndarray  # (queue,) and when each comes
    clock: np.ndarray  # (1,) time of the last event


def parts(memory):
    """The state, made of a few arrays, each of one type of number."""
    volts, times, whole, few, queue = memory
    units, bits = volts.shape[1], COUNTERS + SCRATCH
    counts = bits + units // WORD
    heads = counts + few[POPULATIONS]
    heap = heads + WAVES * few[PROJECTIONS]
    return State(
        potential=volts[0],
        limits=volts[1],
        at_spike=volts[2],
        spikes=times[0, :units],
        stimulus_time=times[1],
        stimulus=whole[0],
        fired=whole[1],
        firing=whole[2],
        listed=whole[3],
        counters=few[:COUNTERS],
        bins=few[COUNTERS:bits],
        touched=few[bits:counts].view(np.uint64),
        counts=few[counts:heads],
        heads=few[heads:heap].reshape(WAVES, -1),
        heap=few[heap:].reshape(-1, 4),
        heap_time=queue[:-1],
        clock=queue[-1:],
    )


make_state = kernel(parts)


@kernel
def add_row(plan, state, start, first, width):
    """Add a row to the units from `start` on. Beyond its columns it is 0."""
    for j in range(0, width, LANES):
        total = add(load(state.potential, start + j), load(plan.weights, first + j))
        store(total, state.potential, start + j)


@kernel
def deliver_row(plan, state, r, neuron):
    """Add a dense row."""
    start = plan.populations[plan.projections[r, TARGET], START]
    width = plan.projections[r, WIDTH]
    add_row(plan, state, start, plan.projections[r, FIRST] + neuron * width, width)
    state.counters[ROWED] = 1
    state.counters[SYNAPSES] += plan.populations[plan.projections[r, TARGET], SIZE]


@kernel
def reach_position(plan, state, r, position):
    """List a position for a test; return the first of its units."""
    target = plan.projections[r, TARGET]
    if plan.populations[target, GROUP]:
        touch(plan, state, target, position)
    else:
        state.counters[ROWED] = 1
    return plan.populations[target, START] + position * plan.projections[r, REACH + COLUMNS]


@kernel
def take_first(plan, state, unit):
    """Raise a neuron that fires with its first arrival to its threshold."""
    if state.limits[unit] < np.inf:
        state.potential[unit] = state.limits[unit]


@kernel
def deliver_synapses(plan, state, r, first, last):
    """Add some synapses of a sparse row, and list the neurons that reach their limit.

    Where many are reached at an instant, all are tested at its end.
    """
    target, potential, limits = plan.projections[r, TARGET], state.potential, state.limits
    state.counters[SYNAPSES] += last - first
    state.counters[ADDED] += last - first
    # indices that may be negative would take several instructions each
    start, shift = np.uint64(plan.populations[target, START]), np.uint64(plan.projections[r, FIRST])
    synapses = range(np.uint64(first), np.uint64(last))
    if state.counters[ROWED] or MANY * state.counters[ADDED] > plan.populations[target, SIZE]:
        state.counters[ROWED] = 1
        for k in synapses:
            potential[start + np.uint64(plan.indices[k])] += plan.weights[k + shift]
        return
    count = np.uint64(state.counters[LISTED])
    for k in synapses:
        unit = start + np.uint64(plan.indices[k])
        before = potential[unit]
        potential[unit] = before + plan.weights[k + shift]
        # without a branch, since which neurons cross cannot be predicted
        state.listed[count] = unit - start
        count += np.uint64((before < limits[unit]) & (potential[unit] >= limits[unit]))
    state.counters[LISTED] = count


@kernel
def line_up(plan, state, layer, begin, end, firing):
    """Test some neurons of a layer; return how many fire now, in `firing` by index."""
    start = plan.populations[layer, START]
    for first in range(begin, end, LANES):
        crossed = reached(load(state.potential, start + first), load(state.limits, start + first))
        while crossed:
            j = first + lowest_bit(crossed)
            # an infinite limit is not reached by an infinite potential
            if j < end and state.limits[start + j] < np.inf:
                state.firing[firing] = j
                firing += 1
            crossed &= crossed - ONE
    return firing


@kernel
def line_up_touched(plan, state, layer):
    """The same, only for positions that were reached."""
    begin, words = words_of(plan, layer)
    group, firing = plan.populations[layer, GROUP], 0
    for k in range(words):
        bits = state.touched[begin + k]
        state.touched[begin + k] = 0
        while bits:
            first, count = run_of(bits)
            bits = without(bits, first + count)
            first = (first + k * WORD) * group
            firing = line_up(plan, state, layer, first, first + count * group, firing)
    return firing


@kernel
def line_up_listed(plan, state, layer):
    """The same, only for neurons that were listed, some more than once."""
    start, listed, firing = plan.populations[layer, START], state.listed, 0
    for k in range(state.counters[LISTED]):
        j, place = listed[k], k
        while place > 0 and listed[place - 1] > j:
            listed[place] = listed[place - 1]
            place -= 1
        listed[place] = j
    for k in range(state.counters[LISTED]):
        j = listed[k]
        limit, new = state.limits[start + j], k == 0 or j != listed[k - 1]
        if new and state.potential[start + j] >= limit and limit < np.inf:
            state.firing[firing] = j
            firing += 1
    return firing


@kernel
def settle(plan, state, layer):
    """Line up the neurons that fire now, in order of index."""
    listed, size = state.counters[LISTED], plan.populations[layer, SIZE]
    # sorting a few is faster than testing all, sorting many is not
    if state.counters[ROWED] or listed * listed > size:
        firing = line_up(plan, state, layer, 0, size, 0)
    elif plan.populations[layer, GROUP]:
        firing = line_up_touched(plan, state, layer)
    else:
        firing = line_up_listed(plan, state, layer)
    state.counters[LISTED], state.counters[ROWED], state.counters[ADDED] = 0, 0, 0
    state.counters[NEXT], state.counters[FIRING], state.counters[LAYER] = 0, firing, layer


@kernel
def ready(plan, state):
    """The neuron that fires next if nothing happens before, as (time, population, neuron)."""
    place, layer = state.counters[NEXT], state.counters[LAYER]
    if place < state.counters[FIRING]:
        return float(state.clock[0]), layer, state.firing[place]
    return np.inf, -1, -1


@kernel
def send(plan, state, layer, neuron, given):
    """Fire a neuron."""
    unit = plan.populations[layer, START] + neuron
    state.at_spike[unit] = state.potential[unit]
    fire(plan, state, layer, neuron)
    state.counters[NEXT] += not given


@kernel
def level(plan, state, unit):
    """The potential of a unit that has not fired."""
    return state.potential[unit]


@kernel
def clear(state):
    """Reset sums and limits to their initial values."""
    state.potential[:] = 0
    state.touched[:] = 0
