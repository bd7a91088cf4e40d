"""What is under way: spikes along projections, in the total order of events.

An arrival, or the end of a ramp, is an entry of a binary heap: a time, and (rank, neuron,
projection, synapse), of which the rank is the population that it goes to, and then its kind.
The spikes of a population travel along a projection in the order in which they were fired, so
a projection with one delay has at most one entry of each kind: what comes next. A projection
with a delay for each synapse, or for each input of a map, has one for each spike under way.

`kind` is 0 for arrivals and 1 for the ends of ramps. A state has the arrays
`heap`, `heap_time`: the queue, and `counters`, of which the names are below;
`heads`: (kinds, projections) which of the source's spikes comes next; one row for steps;
`counts`: (populations,) how many have fired, `fired`: in which order, `spikes`: when;
`stimulus`, `stimulus_time`: the units that the stimulus makes fire, and when.
"""

import numpy as np

from ttfs.kernels.arrivals import arrival_of
from ttfs.kernels.circuit import (
    APART,
    DELAYS,
    FIRST,
    KIND,
    LEAVING,
    OUTGOING,
    REACH,
    ROWS,
    SOURCE,
    START,
    SYNAPTIC,
    TARGET,
)
from ttfs.kernels.jit import kernel
from ttfs.kernels.reach import POOLS, spans_of
from ttfs.kernels.sorting import BINS, sort_events
from ttfs.kernels.vector import LANES, below, broadcast, load, prefetch

HEAP, NEXT, FIRING, LAYER, LISTED, ROWED, STIMULUS, STIMULI, EVENTS, SYNAPSES = range(10)
POPULATIONS, PROJECTIONS = 10, 11  # how many
RESTING = 12  # how many neurons were due to fire, or at their threshold, when this instant began
ADDED = 13  # how many synapses have been added at this instant
COUNTERS, SCRATCH = 14, BINS  # lengths; the scratch is of the sort
KINDS = 2  # kinds of what is under way: arrivals and the ends of ramps
AHEAD, FETCHED = 8, 256  # how many spikes ahead synapses are read, and how many of each


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
def move(state, a, b):
    """Copy heap entry a to place b."""
    state.heap_time[b] = state.heap_time[a]
    for column in range(4):
        state.heap[b, column] = state.heap[a, column]


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
    move(state, 0, size)  # the heap has room for one more
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and earlier(state, child + 1, child):
            child += 1
        if not earlier(state, child, size):
            break
        move(state, child, place)
        place = child
    move(state, size, place)


@kernel
def pop(state):
    """Remove the top entry."""
    state.counters[HEAP] -= 1
    if state.counters[HEAP] > 0:
        move(state, state.counters[HEAP], 0)
        sink(state)


@kernel
def landing(plan, state, r, spiked, delay):
    """When a spike arrives.

    Where a loop could close, it is later than the spike, if only by the smallest step.
    """
    number = state.clock.dtype.type
    arrival = arrival_of(spiked, delay, number)
    if arrival == spiked and plan.projections[r, TARGET] <= plan.projections[r, SOURCE]:
        arrival = np.nextafter(arrival, number(np.inf))
    return arrival


@kernel
def due(plan, state, place, kind, r, spiked, delay):
    """Store at a place of the heap when a spike arrives; return whether that is in time."""
    state.heap_time[place] = landing(plan, state, r, spiked, delay)
    if kind:
        state.heap_time[place] = arrival_of(
            state.heap_time[place], plan.rise, state.clock.dtype.type
        )
    return state.heap_time[place] < plan.t_max


@kernel
def put(plan, state, place, kind, r, neuron, synapse):
    """Write an entry's key except its time."""
    state.heap[place, 0] = plan.projections[r, TARGET] * KINDS + kind
    state.heap[place, 1] = neuron
    state.heap[place, 2] = r
    state.heap[place, 3] = synapse


@kernel
def push(plan, state, kind, r, neuron, synapse, spiked, delay):
    """Queue the arrival of a spike, unless the horizon comes first."""
    place = state.counters[HEAP]
    if not due(plan, state, place, kind, r, spiked, delay):
        return
    put(plan, state, place, kind, r, neuron, synapse)
    state.counters[HEAP] += 1
    while place > 0 and earlier(state, place, (place - 1) // 2):
        swap(state, place, (place - 1) // 2)
        place = (place - 1) // 2


@kernel
def fetch(plan, state, kind, r):
    """Prefetch the synapses that will be added soon: of a spike some way behind the top one."""
    source = plan.projections[r, SOURCE]
    ahead = min(state.heads[kind, r] + AHEAD, state.counts[source] - 1)
    row = plan.projections[r, ROWS] + state.fired[plan.populations[source, START] + ahead]
    first, shift = plan.pointers[row], plan.projections[r, FIRST]
    for k in range(first, min(plan.pointers[row + 1], first + FETCHED), LANES):
        prefetch(plan.indices, k)
        prefetch(plan.weights, k + shift)


@kernel
def advance(plan, state, kind, r):
    """Replace the top entry by the next one of its kind along projection r."""
    source = plan.projections[r, SOURCE]
    state.heads[kind, r] += 1
    if state.heads[kind, r] < state.counts[source]:
        start = plan.populations[source, START]
        neuron = state.fired[start + state.heads[kind, r]]
        delay = plan.delays[plan.projections[r, DELAYS]]
        if due(plan, state, 0, kind, r, state.spikes[start + neuron], delay):
            put(plan, state, 0, kind, r, neuron, 0)
            sink(state)
            return
    pop(state)


@kernel
def advance_synapse(plan, state, kind, r, neuron, first):
    """Replace the top entry by the next delay of its spike; return the synapse at which it is."""
    delays = plan.delays[plan.projections[r, DELAYS] + first :]
    count, most = 1, plan.pointers[plan.projections[r, ROWS] + neuron + 1] - first
    while count < most and delays[count] == delays[0]:
        count += 1
    if count < most:
        spiked = state.spikes[plan.populations[plan.projections[r, SOURCE], START] + neuron]
        if due(plan, state, 0, kind, r, spiked, delays[count]):
            put(plan, state, 0, kind, r, neuron, first + count)
            sink(state)
            return first + count
    pop(state)
    return first + count


@kernel
def fire(plan, state, layer, neuron):
    """Record that a neuron fires now, and queue its arrivals along all projections."""
    unit, spiked = plan.populations[layer, START] + neuron, state.clock[0]
    state.spikes[unit], state.limits[unit] = spiked, np.inf
    state.fired[plan.populations[layer, START] + state.counts[layer]] = neuron
    state.counts[layer] += 1
    for k in range(plan.populations[layer, LEAVING], plan.populations[layer + 1, LEAVING]):
        r = plan.projections[k, OUTGOING]
        place, synapse, apart = plan.projections[r, DELAYS], 0, plan.projections[r, APART]
        if plan.projections[r, KIND] == SYNAPTIC:
            row = plan.projections[r, ROWS] + neuron
            synapse = plan.pointers[row]
            if synapse == plan.pointers[row + 1]:
                continue
            place += synapse
        elif apart:
            first, last, begin, end = spans_of(plan.projections[r, REACH:], neuron)
            if first >= last or begin >= end:
                continue
            place += neuron
        # what makes others fire at once has no ramp that could end
        kinds = 1 if plan.projections[r, REACH + POOLS] else state.heads.shape[0]
        for kind in range(kinds):
            if apart or state.heads[kind, r] == state.counts[layer] - 1:
                push(plan, state, kind, r, neuron, synapse, spiked, plan.delays[place])


@kernel
def asked(state):
    """Whether the stimulus has another spike; neurons that have fired are skipped."""
    s = state.counters[STIMULUS]
    while s < state.counters[STIMULI] and state.spikes[state.stimulus[s]] < np.inf:
        s += 1
    state.counters[STIMULUS] = s
    return s < state.counters[STIMULI]


@kernel
def told(plan, state):
    """The next spike of the stimulus, as (time, population, neuron)."""
    unit = state.stimulus[state.counters[STIMULUS]]
    layer = plan.owners[unit]
    time = float(state.stimulus_time[state.counters[STIMULUS]])
    return time, layer, unit - plan.populations[layer, START]


@kernel
def begin(state, stimulus, t_max):
    """Nothing has happened yet; a stimulus, (units,) times, is to come."""
    given = stimulus.size
    never = broadcast(stimulus, np.inf)
    while given >= LANES and not below(load(stimulus, given - LANES), never):
        given -= LANES
    for k in range(COUNTERS):
        if k not in (POPULATIONS, PROJECTIONS):
            state.counters[k] = 0
    # the sort uses what is filled afterwards as scratch
    state.counters[STIMULI] = sort_events(
        stimulus[:given],
        t_max,
        state.stimulus_time,
        state.stimulus,
        state.spikes,
        state.fired,
        state.bins,
    )
    state.spikes[:] = np.inf
    state.counts[:] = 0
    state.heads[:] = 0
    state.clock[0] = 0
