"""One event after the other, with ramp responses, in a total order.

Events are ordered by (time, population, kind, neuron): arrivals, the ends of ramps, firings.
Between the events that reach it, the potential of a neuron is a straight line. In units in
which a ramp rises by its weight in a unit of time it is slope * t - (total - threshold), where
an arrival at time a adds its weight w to `slope` and w * a to `total`, and an end takes the
same away at its own time. `total` begins at the threshold, so the line crosses it at total /
slope. When that is, is known once all events of an instant have been added; a later event that
changes the line changes the crossing, unless it comes at the very moment of it.
"""

from typing import NamedTuple

import numpy as np

from ttfs.kernels.circuit import (
    ARRIVAL,
    DENSE,
    END,
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
    HEAP,
    LAYER,
    LISTED,
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
from ttfs.kernels.rest import level_of
from ttfs.kernels.rising import weigh
from ttfs.kernels.simulator_crossing import (
    DUE,
    REACHED,
    ask,
    ask_all,
    find_soonest,
    settle,
    wait,
)
from ttfs.kernels.vector import (
    LANES,
    add,
    broadcast,
    load,
    magnitude,
    multiply,
    store,
)

VOLTS, TIMES, KINDS = 6, 3, 2  # rows of a memory; kinds of what is on its way
ONE = np.uint64(1)


class State(NamedTuple):
    """Everything that changes; a copy of it is a snapshot."""

    slope: np.ndarray  # (units,) of the potential
    total: np.ndarray  # (units,) threshold minus that line at time 0; an endless one is not in it
    limits: np.ndarray  # (units,) thresholds; inf once fired, and in the padding
    at_spike: np.ndarray  # (units,) potential when each fired
    summed: np.ndarray  # (units,) of the weights that have arrived,
    bulk: np.ndarray  # (units,) and of their magnitudes, with the threshold
    spikes: np.ndarray  # (units,) when that was, or inf
    crossing: np.ndarray  # (units + 1,) when each will fire if nothing more comes, or inf
    stimulus_time: np.ndarray  # (units + 1,) given spikes in order of events,
    stimulus: np.ndarray  # (units + 1,) and the units that fire them
    fired: np.ndarray  # (units + 1,) per population, neurons in the order they fired
    listed: np.ndarray  # (units + 1,) neurons that a synapse has reached at this instant
    flags: np.ndarray  # (units,) uint8: REACHED, THERE, SHORT, DUE
    counters: np.ndarray  # (COUNTERS,)
    bins: np.ndarray  # (SCRATCH,)
    counts: np.ndarray  # (populations,) how many have fired
    heads: np.ndarray  # (2, projections) which of the source's spikes arrives, or ends, next
    soonest: np.ndarray  # (populations,) the neuron with the first crossing
    heap: np.ndarray  # (queue, 4) 2 * population + whether an end, neuron, projection, synapse
    heap_time: np.ndarray  # (queue,) and when each comes
    clock: np.ndarray  # (1,) time of the last event


def parts(memory):
    """The state that lies in a few arrays of one kind of number each."""
    volts, times, whole, few, queue = memory
    units, counts = volts.shape[1], COUNTERS + SCRATCH
    heads = counts + few[POPULATIONS]
    heap = heads + KINDS * few[PROJECTIONS]
    return State(
        slope=volts[0],
        total=volts[1],
        limits=volts[2],
        at_spike=volts[3],
        summed=volts[4],
        bulk=volts[5],
        spikes=times[0, :units],
        crossing=times[2],
        stimulus_time=times[1],
        stimulus=whole[0],
        fired=whole[1],
        listed=whole[3],
        flags=whole[4].view(np.uint8)[:units],
        counters=few[:COUNTERS],
        bins=few[COUNTERS:counts],
        counts=few[counts:heads],
        heads=few[heads:heap].reshape(KINDS, -1),
        soonest=whole[2, : few[POPULATIONS]],
        heap=few[heap:].reshape(-1, 4),
        heap_time=queue[:-1],
        clock=queue[-1:],
    )


make_state = kernel(parts)


@inner_kernel
def level(plan, state, unit):
    """The potential of a unit now; if it has fired, at its spike."""
    if state.spikes[unit] < np.inf:
        return state.at_spike[unit]
    number = state.slope.dtype.type
    if plan.rise == np.inf:
        threshold = state.limits[unit] if state.limits[unit] < np.inf else number(0)
        return state.slope[unit] * number(state.clock[0]) - (state.total[unit] - threshold)
    layer, now = plan.owners[unit], np.float64(state.clock[0])
    neuron = unit - plan.populations[layer, START]
    rising = weigh(plan, state, layer, neuron, now, (np.inf, 0.0), False)
    return level_of(rising, state.summed[unit], number)


@inner_kernel
def deliver_row(plan, state, r, neuron, sign):
    """Add a dense row, or take it away."""
    target = plan.projections[r, TARGET]
    start, width = plan.populations[target, START], plan.projections[r, WIDTH]
    first = plan.projections[r, FIRST] + neuron * width
    signs, time = broadcast(plan.weights, sign), broadcast(plan.weights, state.clock[0])
    if plan.rise < np.inf and not state.counters[ROWED]:
        ask_all(plan, state, target)
    for j in range(0, width, LANES):
        weight = multiply(signs, load(plan.weights, first + j))
        store(add(load(state.slope, start + j), weight), state.slope, start + j)
        total = add(load(state.total, start + j), multiply(weight, time))
        store(total, state.total, start + j)
        bulk = add(load(state.bulk, start + j), magnitude(weight))
        store(bulk, state.bulk, start + j)
        if sign > 0:
            store(add(load(state.summed, start + j), weight), state.summed, start + j)
    state.counters[ROWED] = 1
    state.counters[SYNAPSES] += plan.populations[target, SIZE]


@inner_kernel
def deliver_synapses(plan, state, r, first, last, sign):
    """The same for some synapses of a sparse row; whom they reach is listed."""
    target = plan.projections[r, TARGET]
    start, ramps_end = plan.populations[target, START], plan.rise < np.inf
    shift, count = plan.projections[r, FIRST], state.counters[LISTED]
    number = plan.weights.dtype.type
    sign, time = number(sign), number(state.clock[0])
    for k in range(first, last):
        unit = start + plan.indices[k]
        if ramps_end and not (state.counters[ROWED] or state.flags[unit] & REACHED):
            ask(plan, state, target, plan.indices[k])
        weight = sign * plan.weights[k + shift]
        state.slope[unit] += weight
        state.total[unit] += weight * time
        state.bulk[unit] += abs(weight)
        if sign > 0:
            state.summed[unit] += weight
        state.listed[count] = unit - start
        count += (state.flags[unit] & REACHED) ^ REACHED
        state.flags[unit] |= REACHED
    state.counters[LISTED] = count
    state.counters[SYNAPSES] += last - first


@inner_kernel
def arrive(plan, state):
    """Take the arrival or end at the top of the queue."""
    time, rank, neuron = state.heap_time[0], state.heap[0, 0], state.heap[0, 1]
    r, first, ends = state.heap[0, 2], state.heap[0, 3], rank % KINDS
    kind, row, sign = plan.projections[r, KIND], plan.projections[r, ROWS] + neuron, 1 - 2 * ends
    if kind == DENSE:
        deliver_row(plan, state, r, neuron, sign)
        advance(plan, state, ends, r)
    elif kind == SPARSE:
        deliver_synapses(plan, state, r, plan.pointers[row], plan.pointers[row + 1], sign)
        advance(plan, state, ends, r)
    else:
        last = advance_synapse(plan, state, ends, r, neuron, first)
        deliver_synapses(plan, state, r, first, last, sign)
    more = state.counters[HEAP] > 0 and state.heap_time[0] == time
    if not (more and state.heap[0, 0] // KINDS == rank // KINDS):
        settle(plan, state, rank // KINDS)


@inner_kernel
def send(plan, state, layer, neuron, given):
    """Let a neuron fire: note it, and queue its arrivals and ends."""
    unit = plan.populations[layer, START] + neuron
    state.at_spike[unit] = level(plan, state, unit) if given else state.limits[unit]
    state.limits[unit] = np.inf
    state.crossing[unit] = np.inf
    state.flags[unit] &= ~DUE
    fire(plan, state, layer, neuron)
    depart(plan, state, layer, neuron)
    if state.soonest[layer] == neuron:
        find_soonest(plan, state, layer)
        wait(plan, state, layer)


@inner_kernel
def upcoming(plan, state):
    """The kind of the next event."""
    given, counters = asked(state), state.counters
    kind, time, layer, neuron = NOTHING, np.inf, -1, -1
    if counters[HEAP] > 0:
        kind = END if state.heap[0, 0] % KINDS else ARRIVAL
        time, layer = float(state.heap_time[0]), state.heap[0, 0] // KINDS
    if counters[LAYER] >= 0:
        crosses, own = counters[LAYER], state.soonest[counters[LAYER]]
        when = float(state.crossing[plan.populations[crosses, START] + own])
        if when < time or (when == time and crosses < layer):
            kind, time, layer, neuron = SPIKE, when, crosses, own
    if given:
        when, owner, first = told(plan, state)
        if when < time or (when == time and (owner < layer or (owner == layer and first < neuron))):
            kind = GIVEN
    return kind


@kernel
def describe(plan, state):
    """The next event as (kind, time, population, neuron, projection or STIMULATED)."""
    kind = upcoming(plan, state)
    if kind in (ARRIVAL, END):
        layer, time = state.heap[0, 0] // KINDS, float(state.heap_time[0])
        return kind, time, layer, state.heap[0, 1], state.heap[0, 2]
    if kind == GIVEN:
        time, layer, neuron = told(plan, state)
        return SPIKE, time, layer, neuron, STIMULATED
    if kind == SPIKE:
        layer = state.counters[LAYER]
        neuron = state.soonest[layer]
        time = state.crossing[plan.populations[layer, START] + neuron]
        return kind, float(time), layer, neuron, -1
    return kind, np.inf, -1, -1, -1


@inner_kernel
def happen(plan, state, event):
    """Let the event that `describe` has just returned happen."""
    kind, _, layer, neuron, given = event
    if kind in (ARRIVAL, END):
        state.clock[0] = state.heap_time[0]
        arrive(plan, state)
    elif kind == SPIKE:
        if given == STIMULATED:
            state.clock[0] = state.stimulus_time[state.counters[STIMULUS]]
            state.counters[STIMULUS] += 1
        else:
            state.clock[0] = state.crossing[plan.populations[layer, START] + neuron]
        send(plan, state, layer, neuron, given == STIMULATED)
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
def passed(plan, state, breaks):
    """The watch whose potential has changed sides, or -1; all sides are brought up to date."""
    found = -1
    for k in range(breaks.units.size):
        above = level(plan, state, breaks.units[k]) >= breaks.values[k]
        if above != breaks.above[k] and found < 0:
            found = k
        breaks.above[k] = above
    return found


@kernel
def run_to_break(plan, memory, until, breaks):
    """The same, or until a break; return FIRED for a spike, or which watch."""
    plan, state = Plan(*plan), make_state(memory)
    passed(plan, state, breaks)
    while True:
        event = describe(plan, state)
        kind, time, layer, neuron, _ = event
        if kind == NOTHING:
            return OVER
        if time > until:
            return UNTIL
        happen(plan, state, event)
        watch = passed(plan, state, breaks)
        if kind == SPIKE and breaks.spikes[plan.populations[layer, START] + neuron]:
            return FIRED
        if watch >= 0:
            return watch


@kernel
def reset(plan, memory, thresholds, stimulus):
    """Go back to the beginning, with a stimulus of one time for each unit."""
    plan, state = Plan(*plan), make_state(memory)
    begin(plan, state, stimulus)
    number = state.total.dtype.type
    rise = number(1) if plan.rise == np.inf else number(plan.rise)
    for unit in range(thresholds.size):
        state.limits[unit] = thresholds[unit]
        state.total[unit] = thresholds[unit] * rise if thresholds[unit] < np.inf else 0
        state.bulk[unit] = thresholds[unit] if thresholds[unit] < np.inf else 0
    state.slope[:] = 0
    state.summed[:] = 0
    state.crossing[:] = np.inf
    state.soonest[:] = 0
    state.flags[:] = 0
    state.counters[LAYER] = -1
