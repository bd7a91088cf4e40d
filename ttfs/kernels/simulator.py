"""One event after another, in a total order, for any response.

Events are ordered by (time, population, kind, neuron): arrivals, the ends of ramps, firings.
What an event does to potentials, and which neuron fires next, is defined in `simulator_step`,
`simulator_ramp` and `simulator_window`. They have the same functions, but states of different
lengths, as have ramps that end, so the compiler sees which of them a branch is for and drops
the others. With windows, the beginning of one takes the place of the end of a ramp.
"""

import numpy as np

from ttfs.kernels import simulator_ramp as ramps
from ttfs.kernels import simulator_step as steps
from ttfs.kernels import simulator_window as windows
from ttfs.kernels.circuit import (
    APART,
    ARRIVAL,
    DENSE,
    END,
    FIRED,
    FIRST,
    GOING,
    KIND,
    MAPPED,
    NOTHING,
    OVER,
    REACH,
    ROWS,
    SPARSE,
    SPIKE,
    START,
    STIMULATED,
    SYNAPTIC,
    UNTIL,
    WIDTH,
    WINDOW,
    Plan,
)
from ttfs.kernels.jit import kernel
from ttfs.kernels.queue import (
    EVENTS,
    FIRING,
    HEAP,
    KINDS,
    NEXT,
    STIMULUS,
    SYNAPSES,
    advance,
    advance_synapse,
    asked,
    begin,
    fetch,
    pop,
    told,
)
from ttfs.kernels.reach import CHANNELS, COLUMNS, PLACES, POOLS, origin_of, shift_at, spans_of
from ttfs.kernels.simulator_chain import take_chain

ALL = 2**62  # more events than there ever are
STEPS, STEP_MEMORY = len(steps.State._fields), steps.ARRAYS
WINDOWS, WINDOW_MEMORY = len(windows.State._fields), windows.ARRAYS


@kernel
def make_state(memory):
    """The state, made of the arrays of a memory."""
    if len(memory) == STEP_MEMORY:
        return steps.make_state(memory)
    if len(memory) == WINDOW_MEMORY:
        return windows.make_state(memory)
    return ramps.make_state(memory)


@kernel
def upcoming(plan, state):
    """The next event as (kind, time, population, neuron, projection or STIMULATED)."""
    kind, time, layer, neuron, via = NOTHING, np.inf, -1, -1, -1
    if state.counters[HEAP] > 0:
        rank, via = state.heap[0, 0], state.heap[0, 2]
        kind = END if rank % KINDS else ARRIVAL
        if len(state) == WINDOWS and kind == END:
            kind = WINDOW
        time, layer = float(state.heap_time[0]), rank // KINDS
    if len(state) == STEPS:
        when, owner, first = steps.ready(plan, state)
    elif len(state) == WINDOWS:
        when, owner, first = windows.ready(plan, state)
    else:
        when, owner, first = ramps.ready(plan, state)
    if when < time or (when == time and owner < layer):
        kind, time, layer, neuron, via = SPIKE, when, owner, first, -1
    if asked(state):
        when, owner, first = told(plan, state)
        if when < time or (when == time and (owner < layer or (owner == layer and first < neuron))):
            return SPIKE, when, owner, first, STIMULATED
    if kind in (ARRIVAL, END, WINDOW):
        neuron = state.heap[0, 1]
    return kind, time, layer, neuron, via


@kernel
def deliver_map(plan, state, r, neuron, sign):
    """Add a row at each position that an input reaches, or subtract it; or fire the neuron there.

    sign: 1, or -1 to subtract it; with windows the value of the spike.
    """
    reach, width = plan.projections[r, REACH:], plan.projections[r, WIDTH]
    first, last, begin, end = spans_of(reach, neuron)
    origin, column = origin_of(reach, neuron), neuron % reach[CHANNELS]
    for y in range(first, last):
        for x in range(begin, end):
            position = y * reach[PLACES] + x
            row = plan.projections[r, FIRST] + (origin - shift_at(reach, y, x)) * width
            if len(state) == STEPS:
                unit = steps.reach_position(plan, state, r, position)
                if reach[POOLS]:
                    steps.take_first(plan, state, unit + column)
                else:
                    steps.add_row(plan, state, unit, row, width)
            elif len(state) == WINDOWS:
                unit = windows.reach_position(plan, state, r, position)
                if reach[POOLS]:
                    windows.take_first(plan, state, unit + column)
                else:
                    windows.add_row(plan, state, unit, row, width, sign)
            else:
                unit = ramps.reach_position(plan, state, r, position)
                if reach[POOLS]:
                    ramps.take_first(plan, state, unit + column)
                else:
                    ramps.add_row(plan, state, unit, row, width, sign)
    each = 1 if reach[POOLS] else reach[COLUMNS]
    state.counters[SYNAPSES] += max(0, last - first) * max(0, end - begin) * each


@kernel
def arrive(plan, state):
    """Process the arrival or end at the top of the queue."""
    time, rank, neuron = state.heap_time[0], state.heap[0, 0], state.heap[0, 1]
    r, first, ends = state.heap[0, 2], state.heap[0, 3], 0
    if len(state) != STEPS and len(state) != WINDOWS:
        ends = rank % KINDS
    kind, row = plan.projections[r, KIND], plan.projections[r, ROWS] + neuron
    sign = windows.value_of(plan, state, r) if len(state) == WINDOWS else 1 - 2 * ends
    if kind == SYNAPTIC:
        last = advance_synapse(plan, state, ends, r, neuron, first)
    elif kind == SPARSE:
        first, last = plan.pointers[row], plan.pointers[row + 1]
        fetch(plan, state, ends, r)
    if kind == MAPPED:
        deliver_map(plan, state, r, neuron, sign)
    elif len(state) == STEPS:
        if kind == DENSE:
            steps.deliver_row(plan, state, r, neuron)
        else:
            steps.deliver_synapses(plan, state, r, first, last)
    elif len(state) == WINDOWS:
        if kind == DENSE:
            windows.deliver_row(plan, state, r, neuron, sign)
        else:
            windows.deliver_synapses(plan, state, r, first, last, sign)
    elif kind == DENSE:
        ramps.deliver_row(plan, state, r, neuron, sign)
    else:
        ramps.deliver_synapses(plan, state, r, first, last, sign)
    if kind == MAPPED and plan.projections[r, APART]:
        pop(state)
    elif kind != SYNAPTIC:
        advance(plan, state, ends, r)
    more = state.counters[HEAP] > 0 and state.heap_time[0] == time
    if more and state.heap[0, 0] // KINDS == rank // KINDS:
        return
    if len(state) == STEPS:
        steps.settle(plan, state, rank // KINDS)
    elif len(state) == WINDOWS:
        windows.settle(plan, state, rank // KINDS)
    else:
        ramps.settle(plan, state, rank // KINDS)


@kernel
def happen(plan, state, event):
    """Process the event that is `upcoming`."""
    kind, time, layer, neuron, via = event
    if kind == NOTHING:
        return
    state.clock[0] = time
    state.counters[EVENTS] += 1
    if kind in (ARRIVAL, END):
        arrive(plan, state)
        return
    if len(state) == WINDOWS and kind == WINDOW:
        pop(state)
        windows.open_window(plan, state, layer)
        return
    given = via == STIMULATED
    state.counters[STIMULUS] += given
    if len(state) == STEPS:
        steps.send(plan, state, layer, neuron, given)
    elif len(state) == WINDOWS:
        windows.send(plan, state, layer, neuron, given)
    else:
        ramps.send(plan, state, layer, neuron, given)


@kernel
def level(plan, state, unit):
    """The potential of a unit now; if it has fired, at its spike."""
    if state.spikes[unit] < np.inf:
        return state.at_spike[unit]
    if len(state) == STEPS:
        return steps.level(plan, state, unit)
    if len(state) == WINDOWS:
        return windows.level(plan, state, unit)
    return ramps.level(plan, state, unit)


@kernel
def passed(plan, state, breaks):
    """The watch whose potential has changed sides, or GOING; all sides are updated."""
    found = GOING
    for k in range(breaks.units.size):
        above = level(plan, state, breaks.units[k]) >= breaks.values[k]
        if above != breaks.above[k] and found == GOING:
            found = k
        breaks.above[k] = above
    return found


@kernel
def run(plan, memory, until, breaks, most):
    """Step until a time, the end, a break or so many steps; return which, and the last event.

    That is UNTIL, OVER, FIRED for a spike, which watch, or GOING after `most` events. The event,
    as `upcoming` has it, is the last that happened; for UNTIL, OVER and without any the one that
    comes next. One kernel does all of this, since it takes seconds to compile.
    """
    plan, state = Plan(*plan), make_state(memory)
    watching = breaks.spikes.size > 0
    if watching:
        passed(plan, state, breaks)
    while True:
        event = upcoming(plan, state)
        kind, time, layer, neuron, _ = event
        if kind == NOTHING:
            return OVER, event
        if time > until:
            return UNTIL, event
        if most <= 0:
            return GOING, event
        happen(plan, state, event)
        most -= 1
        if watching:
            watch = passed(plan, state, breaks)
            if kind == SPIKE and breaks.spikes[plan.populations[layer, START] + neuron]:
                return FIRED, event
            if watch != GOING:
                return watch, event
        if most <= 0:
            return GOING, event


@kernel
def run_chain(plan, memory, until):
    """Process everything until a time, if these are steps in a chain of layers.

    Returns OVER if nothing is left, else GOING: then `run` does the rest.
    """
    state, whole = steps.make_state(memory), memory[2]
    over_limits = whole[4].view(np.uint64), whole[5]
    take_chain(Plan(*plan), state, over_limits, until)
    left = state.counters[HEAP] > 0 or state.counters[NEXT] != state.counters[FIRING]
    return GOING if left or asked(state) else OVER


@kernel
def reset(memory, thresholds, stimulus, t_max, rise):
    """Go back to the beginning, with a stimulus of one time for each unit."""
    state = make_state(memory)
    begin(state, stimulus, t_max)
    for unit in range(thresholds.size):
        state.limits[unit] = thresholds[unit]
    if len(memory) == STEP_MEMORY:
        steps.clear(state)
    elif len(memory) == WINDOW_MEMORY:
        windows.clear(state, t_max)
    else:
        ramps.clear(state, rise)
