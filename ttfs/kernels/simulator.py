"""One event after the other: arrivals of spikes and firings, in a total order.

Events are ordered by (time, population, kind, neuron); arrivals come before firings. The
spikes of a population travel along a projection in the order in which they were fired, so a
projection with one delay has at most one entry in the queue: its next arrival. A projection
with a delay for each synapse has one entry for each spike under way. What is fired is decided
once the last arrival of an instant has been added.
"""

from typing import NamedTuple

import numpy as np

from ttfs.kernels.jit import kernel
from ttfs.kernels.propagation import sort_events
from ttfs.kernels.vector import LANES, load, lowest_bit, mark

WORD = 64
DENSE, SPARSE, SYNAPTIC = 0, 1, 2  # kinds of projection: rows; synapses; a delay for each
NOTHING, ARRIVAL, SPIKE = 0, 1, 2  # kinds of event
SOURCE, TARGET, KIND, FIRST, WIDTH, ROWS, DELAYS = range(7)  # columns of Plan.projections
STIMULATED = -2  # in place of a projection: a spike that was given
HEAP, NEXT, FIRING, LAYER, LISTED, ROWED, STIMULUS, STIMULI, EVENTS, SYNAPSES = range(10)
ONE = np.uint64(1)


class Plan(NamedTuple):
    """What does not change while events happen. A unit is a neuron's place, with padding."""

    sizes: np.ndarray  # (populations,)
    starts: np.ndarray  # (populations + 1,) first unit of each, a multiple of WORD
    owners: np.ndarray  # (units,) population of each
    weights: np.ndarray  # flat: rows of dense projections, synapses of sparse ones
    indices: np.ndarray  # (sparse synapses,) int32 target neurons
    pointers: np.ndarray  # where the synapses of each neuron of a sparse projection begin
    delays: np.ndarray  # (synapses with a delay of their own,)
    projections: np.ndarray  # (projections, 7)
    delay: np.ndarray  # (projections,) the one delay
    outgoing: np.ndarray  # projections by source
    leaving: np.ndarray  # (populations + 1,) where those of each population begin
    t_max: float


class State(NamedTuple):
    """Everything that does change; a copy of it is a snapshot."""

    potential: np.ndarray  # (units,)
    limits: np.ndarray  # (units,) thresholds; inf once fired, and in the padding
    spikes: np.ndarray  # (units,) when each fired, or inf
    at_spike: np.ndarray  # (units,) potential then
    fired: np.ndarray  # (units,) per population, neurons in the order they fired
    counts: np.ndarray  # (populations,) how many did
    heads: np.ndarray  # (projections,) which of the source's spikes arrives next
    heap_time: np.ndarray  # (queue,) binary heap of arrivals
    heap: np.ndarray  # (queue, 4) target, neuron, projection, synapse
    firing: np.ndarray  # (widest,) neurons that fire at this instant
    listed: np.ndarray  # (widest,) neurons that a synapse took over their limit
    flags: np.ndarray  # (units,) uint8, whether listed
    marks: np.ndarray  # (widest / LANES,) uint16
    stimulus_time: np.ndarray  # (units + 1,) given spikes in order of events,
    stimulus: np.ndarray  # (units + 1,) and the units that fire them
    counters: np.ndarray  # (10,)
    clock: np.ndarray  # (1,) time of the last event


class Spare(NamedTuple):
    """Scratch of the sort."""

    times: np.ndarray  # (units + 1,)
    index: np.ndarray  # (units + 1,)
    bins: np.ndarray  # (257,)


class Breaks(NamedTuple):
    """Where a run is to stop."""

    until: float
    spikes: np.ndarray  # (units,) uint8, stop when one of these fires
    units: np.ndarray  # (watches,) stop when this unit's potential
    values: np.ndarray  # (watches,) passes this value
    above: np.ndarray  # (watches,) uint8, on which side it is now


@kernel
def earlier(state, a, b):
    """Whether heap entry a comes before b."""
    if state.heap_time[a] != state.heap_time[b]:
        return state.heap_time[a] < state.heap_time[b]
    for column in range(4):
        if state.heap[a, column] != state.heap[b, column]:
            return state.heap[a, column] < state.heap[b, column]
    return False


@kernel
def swap(state, a, b):
    """Exchange two heap entries."""
    state.heap_time[a], state.heap_time[b] = state.heap_time[b], state.heap_time[a]
    for column in range(4):
        x = state.heap[a, column]
        state.heap[a, column] = state.heap[b, column]
        state.heap[b, column] = x


@kernel
def sink(state):
    """Let the top entry find its place."""
    size, place = state.counters[HEAP], 0
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and earlier(state, child + 1, child):
            child += 1
        if not earlier(state, child, place):
            break
        swap(state, child, place)
        place = child


@kernel
def pop(state):
    """Take the top entry away."""
    state.counters[HEAP] -= 1
    last = state.counters[HEAP]
    if last > 0:
        swap(state, 0, last)
        sink(state)


@kernel
def put(state, place, target, neuron, projection, synapse):
    """Write an entry's key except its time."""
    state.heap[place, 0] = target
    state.heap[place, 1] = neuron
    state.heap[place, 2] = projection
    state.heap[place, 3] = synapse


@kernel
def push(plan, state, time, neuron, projection, synapse):
    """Queue an arrival, unless the horizon comes first."""
    place = state.counters[HEAP]
    state.heap_time[place] = time
    if state.heap_time[place] >= plan.t_max:
        return
    put(state, place, plan.projections[projection, TARGET], neuron, projection, synapse)
    state.counters[HEAP] += 1
    while place > 0 and earlier(state, place, (place - 1) // 2):
        swap(state, place, (place - 1) // 2)
        place = (place - 1) // 2


@kernel
def send(plan, state, layer, neuron, time):
    """Let a neuron fire: note it, and queue its arrivals."""
    start = plan.starts[layer]
    unit = start + neuron
    state.spikes[unit] = time
    state.at_spike[unit] = state.potential[unit]
    state.limits[unit] = np.inf
    position = state.counts[layer]
    state.fired[start + position] = neuron
    state.counts[layer] += 1
    for k in range(plan.leaving[layer], plan.leaving[layer + 1]):
        r = plan.outgoing[k]
        if plan.projections[r, KIND] == SYNAPTIC:
            row = plan.projections[r, ROWS] + neuron
            synapse = plan.pointers[row]
            if synapse < plan.pointers[row + 1]:
                delay = plan.delays[synapse + plan.projections[r, DELAYS]]
                push(plan, state, time + delay, neuron, r, synapse)
        elif state.heads[r] == position:
            push(plan, state, time + plan.delay[r], neuron, r, 0)


@kernel
def deliver_row(plan, state, r, neuron):
    """Add a dense row."""
    start = plan.starts[plan.projections[r, TARGET]]
    width = plan.projections[r, WIDTH]
    first = plan.projections[r, FIRST] + neuron * width
    potential, row = state.potential[start : start + width], plan.weights[first : first + width]
    for j in range(width):
        potential[j] += row[j]
    state.counters[ROWED] = 1
    state.counters[SYNAPSES] += plan.sizes[plan.projections[r, TARGET]]


@kernel
def deliver_synapses(plan, state, r, first, last):
    """Add some synapses of a sparse row, and list who is over the limit."""
    start, shift = plan.starts[plan.projections[r, TARGET]], plan.projections[r, FIRST]
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


@kernel
def advance(plan, state, r):
    """Replace the top entry by the next spike on its way along projection r."""
    source = plan.projections[r, SOURCE]
    state.heads[r] += 1
    if state.heads[r] < state.counts[source]:
        neuron = state.fired[plan.starts[source] + state.heads[r]]
        state.heap_time[0] = state.spikes[plan.starts[source] + neuron] + plan.delay[r]
        if state.heap_time[0] < plan.t_max:
            put(state, 0, plan.projections[r, TARGET], neuron, r, 0)
            sink(state)
            return
    pop(state)


@kernel
def arrive(plan, state):
    """Take the arrival at the top of the queue."""
    time, neuron, r = state.heap_time[0], state.heap[0, 1], state.heap[0, 2]
    target, first = state.heap[0, 0], state.heap[0, 3]
    kind, row = plan.projections[r, KIND], plan.projections[r, ROWS] + neuron
    if kind == DENSE:
        deliver_row(plan, state, r, neuron)
        advance(plan, state, r)
    elif kind == SPARSE:
        deliver_synapses(plan, state, r, plan.pointers[row], plan.pointers[row + 1])
        advance(plan, state, r)
    else:
        shift, end = plan.projections[r, DELAYS], plan.pointers[row + 1]
        last = first + 1
        while last < end and plan.delays[last + shift] == plan.delays[first + shift]:
            last += 1
        deliver_synapses(plan, state, r, first, last)
        pop(state)
        if last < end:
            spiked = state.spikes[plan.starts[plan.projections[r, SOURCE]] + neuron]
            push(plan, state, spiked + plan.delays[last + shift], neuron, r, last)
    more = state.counters[HEAP] > 0 and state.heap_time[0] == time and state.heap[0, 0] == target
    if not more:
        settle(plan, state, target)


@kernel
def line_up_all(plan, state, layer):
    """Look at every neuron of a layer; return how many fire now, in `firing` by index."""
    start, size, firing = plan.starts[layer], plan.sizes[layer], 0
    for j in range(0, size, LANES):
        v, h = load(state.potential, start + j), load(state.limits, start + j)
        mark(v, h, state.marks, j // LANES)
    words = state.marks.view(np.uint64)
    for k in range((size + WORD - 1) // WORD):
        crossed = words[k]
        while crossed:
            j = WORD * k + lowest_bit(crossed)
            if j < size and state.spikes[start + j] == np.inf:
                state.firing[firing] = j
                firing += 1
            crossed &= crossed - ONE
    return firing


@kernel
def line_up_listed(plan, state, layer):
    """The same, looking only at neurons that were listed."""
    firing = 0
    for k in range(state.counters[LISTED]):
        j = state.listed[k]
        unit = plan.starts[layer] + j
        if state.potential[unit] >= state.limits[unit] and state.spikes[unit] == np.inf:
            place = firing
            while place > 0 and state.firing[place - 1] > j:
                state.firing[place] = state.firing[place - 1]
                place -= 1
            state.firing[place] = j
            firing += 1
    return firing


@kernel
def settle(plan, state, layer):
    """Line up the neurons that fire now, in order of index."""
    listed = state.counters[LISTED]
    # sorting a few is quicker than looking at all, sorting many is not
    if state.counters[ROWED] or listed * listed > plan.sizes[layer]:
        firing = line_up_all(plan, state, layer)
    else:
        firing = line_up_listed(plan, state, layer)
    for k in range(listed):
        state.flags[plan.starts[layer] + state.listed[k]] = 0
    state.counters[LISTED], state.counters[ROWED] = 0, 0
    state.counters[NEXT], state.counters[FIRING], state.counters[LAYER] = 0, firing, layer


@kernel
def upcoming(plan, state):
    """What is next: (kind, 0 from the queue or 1 from the stimulus); drops what cannot be."""
    counters = state.counters
    s = counters[STIMULUS]
    while s < counters[STIMULI] and state.spikes[state.stimulus[s]] < np.inf:
        s += 1
    counters[STIMULUS] = s
    given = s < counters[STIMULI]
    if counters[NEXT] < counters[FIRING]:
        if given and state.stimulus_time[s] == state.clock[0]:
            unit = plan.starts[counters[LAYER]] + state.firing[counters[NEXT]]
            if state.stimulus[s] < unit:
                return SPIKE, 1
        return SPIKE, 0
    if counters[HEAP] == 0:
        return (SPIKE, 1) if given else (NOTHING, 0)
    if given:
        time = state.stimulus_time[s]
        if time < state.heap_time[0]:
            return SPIKE, 1
        if time == state.heap_time[0] and plan.owners[state.stimulus[s]] < state.heap[0, 0]:
            return SPIKE, 1
    return ARRIVAL, 0


@kernel
def describe(plan, state):
    """The next event as (kind, time, population, neuron, projection or STIMULATED)."""
    kind, given = upcoming(plan, state)
    if kind == ARRIVAL:
        time = float(state.heap_time[0])
        return kind, time, state.heap[0, 0], state.heap[0, 1], state.heap[0, 2]
    if kind == NOTHING:
        return kind, np.inf, -1, -1, -1
    if given:
        s = state.counters[STIMULUS]
        layer = plan.owners[state.stimulus[s]]
        neuron = state.stimulus[s] - plan.starts[layer]
        return kind, float(state.stimulus_time[s]), layer, neuron, STIMULATED
    neuron = state.firing[state.counters[NEXT]]
    return kind, float(state.clock[0]), state.counters[LAYER], neuron, -1


@kernel
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
        send(plan, state, layer, neuron, state.clock[0])
    state.counters[EVENTS] += kind != NOTHING


@kernel
def step(plan, state):
    """Let the next event happen, and return it as `describe` does."""
    event = describe(plan, state)
    happen(plan, state, event)
    return event


@kernel
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
def run(plan, state, breaks):
    """Step until a break, or the end; return why: -1 until, -2 end, a spike -3, or a watch."""
    while True:
        event = describe(plan, state)
        kind, time, layer, neuron, _ = event
        if kind == NOTHING:
            return -2
        if time > breaks.until:
            return -1
        happen(plan, state, event)
        if kind == SPIKE and breaks.spikes[plan.starts[layer] + neuron]:
            return -3
        if kind == ARRIVAL and breaks.units.size:
            watch = passed(state, breaks)
            if watch >= 0:
                return watch


@kernel
def reset(plan, state, thresholds, stimulus, spare):
    """Go back to the beginning, with a stimulus of one time for each unit."""
    for unit in range(state.spikes.size):
        state.potential[unit] = 0
        state.limits[unit] = thresholds[unit]
        state.spikes[unit] = np.inf
        state.flags[unit] = 0
    for k in range(state.counts.size):
        state.counts[k] = 0
    for k in range(state.heads.size):
        state.heads[k] = 0
    for k in range(state.counters.size):
        state.counters[k] = 0
    state.clock[0] = 0
    given = stimulus.size
    while given > 0 and stimulus[given - 1] == np.inf:
        given -= 1
    state.counters[STIMULI] = sort_events(
        stimulus[:given],
        plan.t_max,
        state.stimulus_time,
        state.stimulus,
        spare.times,
        spare.index,
        spare.bins,
    )
