"""One event after the other, with step responses, in a total order.

Events are ordered by (time, population, kind, neuron); arrivals come before firings. Who
fires is decided once the last arrival of an instant has been added.
"""

from typing import NamedTuple

import numpy as np

from ttfs.kernels.circuit import (
    ARRIVAL,
    DENSE,
    FIRED,
    FIRST,
    GIVEN,
    KIND,
    NOTHING,
    OVER,
    ROWS,
    SIZE,
    SPARSE,
    SPIKE,
    START,
    STIMULATED,
    TARGET,
    UNTIL,
    WIDTH,
    Plan,
)
from ttfs.kernels.jit import inner_kernel, kernel
from ttfs.kernels.queue import (
    COUNTERS,
    EVENTS,
    FIRING,
    HEAP,
    LAYER,
    LISTED,
    NEXT,
    POPULATIONS,
    PROJECTIONS,
    ROWED,
    SCRATCH,
    STIMULUS,
    SYNAPSES,
    advance,
    advance_synapse,
    asked,
    begin,
    depart,
    fire,
    told,
)
from ttfs.kernels.vector import LANES, add, load, lowest_bit, mark, store

VOLTS, TIMES, KINDS = 3, 2, 1  # rows of a memory; kinds of what is on its way
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
    flags: np.ndarray  # (units,) uint8, whether listed
    marks: np.ndarray  # (units / LANES or more,) uint16
    counters: np.ndarray  # (COUNTERS,)
    bins: np.ndarray  # (SCRATCH,)
    counts: np.ndarray  # (populations,) how many have fired
    heads: np.ndarray  # (1, projections) which of the source's spikes arrives next
    heap: np.ndarray  # (queue, 4) of arrivals: population, neuron, projection, synapse
    heap_time: np.ndarray  # (queue,) and when each comes
    clock: np.ndarray  # (1,) time of the last event


def parts(memory):
    """The state that lies in a few arrays of one kind of number each."""
    volts, times, whole, few, queue = memory
    units, counts = volts.shape[1], COUNTERS + SCRATCH
    heads = counts + few[POPULATIONS]
    heap = heads + KINDS * few[PROJECTIONS]
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
        flags=whole[4].view(np.uint8)[:units],
        marks=whole[4].view(np.uint16)[units:],
        counters=few[:COUNTERS],
        bins=few[COUNTERS:counts],
        counts=few[counts:heads],
        heads=few[heads:heap].reshape(KINDS, -1),
        heap=few[heap:].reshape(-1, 4),
        heap_time=queue[:-1],
        clock=queue[-1:],
    )


make_state = kernel(parts)


@inner_kernel
def send(plan, state, layer, neuron):
    """Let a neuron fire: note it, and queue its arrivals."""
    unit = plan.populations[layer, START] + neuron
    state.at_spike[unit] = state.potential[unit]
    state.limits[unit] = np.inf
    fire(plan, state, layer, neuron)
    depart(plan, state, layer, neuron)


@inner_kernel
def deliver_row(plan, state, r, neuron):
    """Add a dense row."""
    start = plan.populations[plan.projections[r, TARGET], START]
    width = plan.projections[r, WIDTH]
    first = plan.projections[r, FIRST] + neuron * width
    for j in range(0, width, LANES):
        total = add(load(state.potential, start + j), load(plan.weights, first + j))
        store(total, state.potential, start + j)
    state.counters[ROWED] = 1
    state.counters[SYNAPSES] += plan.populations[plan.projections[r, TARGET], SIZE]


@inner_kernel
def deliver_synapses(plan, state, r, first, last):
    """Add some synapses of a sparse row, and list who is over the limit."""
    start = plan.populations[plan.projections[r, TARGET], START]
    shift = plan.projections[r, FIRST]
    potential, limits = state.potential, state.limits
    flags, listed, count = state.flags, state.listed, state.counters[LISTED]
    for k in range(first, last):
        unit = start + plan.indices[k]
        potential[unit] += plan.weights[k + shift]
        # without a branch: who crosses is not to be foretold
        over = np.uint8(potential[unit] >= limits[unit])
        listed[count] = unit - start
        count += over & (flags[unit] ^ 1)
        flags[unit] |= over
    state.counters[LISTED] = count
    state.counters[SYNAPSES] += last - first


@inner_kernel
def arrive(plan, state):
    """Take the arrival at the top of the queue."""
    time, target, neuron = state.heap_time[0], state.heap[0, 0], state.heap[0, 1]
    r, first = state.heap[0, 2], state.heap[0, 3]
    kind, row = plan.projections[r, KIND], plan.projections[r, ROWS] + neuron
    if kind == DENSE:
        deliver_row(plan, state, r, neuron)
        advance(plan, state, 0, r)
    elif kind == SPARSE:
        deliver_synapses(plan, state, r, plan.pointers[row], plan.pointers[row + 1])
        advance(plan, state, 0, r)
    else:
        last = advance_synapse(plan, state, 0, r, neuron, first)
        deliver_synapses(plan, state, r, first, last)
    more = state.counters[HEAP] > 0 and state.heap_time[0] == time and state.heap[0, 0] == target
    if not more:
        settle(plan, state, target)


@inner_kernel
def line_up_all(plan, state, layer):
    """Look at every neuron of a layer; return how many fire now, in `firing` by index."""
    start, size = plan.populations[layer, START], plan.populations[layer, SIZE]
    firing = 0
    for first in range(0, size, LANES):
        v, h = load(state.potential, start + first), load(state.limits, start + first)
        mark(v, h, state.marks, 0)
        crossed = np.uint64(state.marks[0])
        while crossed:
            j = first + lowest_bit(crossed)
            # an endless limit is not reached by an endless potential
            if state.limits[start + j] < np.inf:
                state.firing[firing] = j
                firing += 1
            crossed &= crossed - ONE
    return firing


@inner_kernel
def line_up_listed(plan, state, layer):
    """The same, looking only at neurons that were listed."""
    start, firing = plan.populations[layer, START], 0
    for k in range(state.counters[LISTED]):
        j = state.listed[k]
        limit = state.limits[start + j]
        if state.potential[start + j] >= limit and limit < np.inf:
            place = firing
            while place > 0 and state.firing[place - 1] > j:
                state.firing[place] = state.firing[place - 1]
                place -= 1
            state.firing[place] = j
            firing += 1
    return firing


@inner_kernel
def settle(plan, state, layer):
    """Line up the neurons that fire now, in order of index."""
    listed, start = state.counters[LISTED], plan.populations[layer, START]
    # sorting a few is quicker than looking at all, sorting many is not
    if state.counters[ROWED] or listed * listed > plan.populations[layer, SIZE]:
        firing = line_up_all(plan, state, layer)
    else:
        firing = line_up_listed(plan, state, layer)
    for k in range(listed):
        state.flags[start + state.listed[k]] = 0
    state.counters[LISTED], state.counters[ROWED] = 0, 0
    state.counters[NEXT], state.counters[FIRING], state.counters[LAYER] = 0, firing, layer


@inner_kernel
def upcoming(plan, state):
    """The kind of the next event."""
    given, counters = asked(state), state.counters
    s = counters[STIMULUS]
    if counters[NEXT] < counters[FIRING]:
        if given and state.stimulus_time[s] == state.clock[0]:
            unit = plan.populations[counters[LAYER], START] + state.firing[counters[NEXT]]
            if state.stimulus[s] < unit:
                return GIVEN
        return SPIKE
    if counters[HEAP] == 0:
        return GIVEN if given else NOTHING
    if given:
        time = state.stimulus_time[s]
        if time < state.heap_time[0]:
            return GIVEN
        if time == state.heap_time[0] and plan.owners[state.stimulus[s]] < state.heap[0, 0]:
            return GIVEN
    return ARRIVAL


@kernel
def describe(plan, state):
    """The next event as (kind, time, population, neuron, projection or STIMULATED)."""
    kind = upcoming(plan, state)
    if kind == ARRIVAL:
        time = float(state.heap_time[0])
        return kind, time, state.heap[0, 0], state.heap[0, 1], state.heap[0, 2]
    if kind == GIVEN:
        time, layer, neuron = told(plan, state)
        return SPIKE, time, layer, neuron, STIMULATED
    if kind == SPIKE:
        neuron = state.firing[state.counters[NEXT]]
        return kind, float(state.clock[0]), state.counters[LAYER], neuron, -1
    return kind, np.inf, -1, -1, -1


@inner_kernel
def happen(plan, state, event):
    """Let the event that `describe` has just returned happen."""
    kind, _, layer, neuron, given = event
    if kind == ARRIVAL:
        state.clock[0] = state.heap_time[0]
        arrive(plan, state)
    elif kind == SPIKE:
        if given == STIMULATED:
            state.clock[0] = state.stimulus_time[state.counters[STIMULUS]]
            state.counters[STIMULUS] += 1
        else:
            state.counters[NEXT] += 1
        send(plan, state, layer, neuron)
    state.counters[EVENTS] += kind != NOTHING


@kernel
def step(plan, state):
    """Let the next event happen, and return it as `describe` does."""
    event = describe(plan, state)
    happen(plan, state, event)
    return event


@kernel
def run(plan, memory, until):
    """Step until a time or the end; return which."""
    plan, state = Plan(*plan), make_state(memory)
    while True:
        event = describe(plan, state)
        if event[0] == NOTHING:
            return OVER
        if event[1] > until:
            return UNTIL
        happen(plan, state, event)


@inner_kernel
def passed(state, breaks):
    """The watch whose potential has changed sides, or -1; all sides are brought up to date."""
    found = -1
    for k in range(breaks.units.size):
        unit = breaks.units[k]
        above = state.potential[unit] >= breaks.values[k]
        if above != breaks.above[k] and found < 0 and state.spikes[unit] == np.inf:
            found = k
        breaks.above[k] = above
    return found


@kernel
def run_to_break(plan, memory, until, breaks):
    """The same, or until a break; return FIRED for a spike, or which watch."""
    plan, state = Plan(*plan), make_state(memory)
    passed(state, breaks)
    while True:
        event = describe(plan, state)
        kind, time, layer, neuron, _ = event
        if kind == NOTHING:
            return OVER
        if time > until:
            return UNTIL
        happen(plan, state, event)
        if kind == SPIKE and breaks.spikes[plan.populations[layer, START] + neuron]:
            return FIRED
        if kind == ARRIVAL:
            watch = passed(state, breaks)
            if watch >= 0:
                return watch


@kernel
def reset(plan, memory, thresholds, stimulus):
    """Go back to the beginning, with a stimulus of one time for each unit."""
    plan, state = Plan(*plan), make_state(memory)
    begin(plan, state, stimulus)
    state.potential[:] = 0
    for unit in range(thresholds.size):
        state.limits[unit] = thresholds[unit]
    state.flags[:] = 0
