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
from ttfs.kernels.propagation import BINS as SORT
from ttfs.kernels.propagation import sort_events
from ttfs.kernels.vector import LANES, add, load, lowest_bit, mark, store

WORD = 64
DENSE, SPARSE, SYNAPTIC = 0, 1, 2  # kinds of projection: rows; synapses; a delay for each
NOTHING, ARRIVAL, SPIKE, GIVEN = 0, 1, 2, 3  # kinds of event; given: a spike by the stimulus
UNTIL, END, FIRED = -1, -2, -3  # why a run stops
SIZE, START, LEAVING = range(3)  # columns of Plan.populations
SOURCE, TARGET, KIND, FIRST, WIDTH, ROWS, DELAYS, OUTGOING = range(8)  # of Plan.projections
STIMULATED = -2  # in place of a projection: a spike that was given
HEAP, NEXT, FIRING, LAYER, LISTED, ROWED, STIMULUS, STIMULI, EVENTS, SYNAPSES = range(10)
POPULATIONS, PROJECTIONS, CIRCUIT = 10, 11, 12  # how many; which circuit this is a state of
COUNTERS, BINS = 13, SORT + 1
ONE = np.uint64(1)


class Plan(NamedTuple):
    """What does not change while events happen. A unit is a neuron's place, with padding.

    Handing an array to a kernel takes a while, so small ones share a table.
    """

    populations: np.ndarray  # (populations + 1, 3) size, first unit, first in OUTGOING
    projections: np.ndarray  # (projections, 8); OUTGOING lists them by source
    owners: np.ndarray  # (units,) population of each
    weights: np.ndarray  # flat: rows of dense projections, synapses of sparse ones
    indices: np.ndarray  # (sparse synapses,) int32 target neurons
    pointers: np.ndarray  # where the synapses of each neuron of a sparse projection begin
    delays: np.ndarray  # the one delay of each projection, then those of single synapses
    t_max: np.float64

    @property
    def sizes(self):
        """(populations,) neurons of each."""
        return self.populations[:-1, SIZE]

    @property
    def starts(self):
        """(populations + 1,) first unit of each, a multiple of WORD."""
        return self.populations[:, START]


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
    bins: np.ndarray  # (BINS,) scratch of the sort
    counts: np.ndarray  # (populations,) how many have fired
    heads: np.ndarray  # (projections,) which of the source's spikes arrives next
    heap: np.ndarray  # (queue, 4) binary heap of arrivals: target, neuron, projection, synapse
    heap_time: np.ndarray  # (queue,) and when each comes
    clock: np.ndarray  # (1,) time of the last event


class Breaks(NamedTuple):
    """Where a run is to stop."""

    spikes: np.ndarray  # (units,) uint8, stop when one of these fires
    units: np.ndarray  # (watches,) stop when this unit's potential
    values: np.ndarray  # (watches,) passes this value
    above: np.ndarray  # (watches,) uint8, on which side it is now

    @classmethod
    def of(cls, units):
        """None yet."""
        none = np.empty(0, np.int64)
        return cls(np.zeros(units, np.uint8), none, np.empty(0), np.empty(0, np.uint8))

    def watching(self, unit, value):
        """These, and the potential of a unit."""
        return self._replace(
            units=np.append(self.units, unit),
            values=np.append(self.values, value),
            above=np.append(self.above, np.uint8(0)),
        )


def parts(memory):
    """The state that lies in a few arrays of one kind of number each."""
    volts, times, whole, few, queue = memory
    units, counts = volts.shape[1], COUNTERS + BINS
    heads = counts + few[POPULATIONS]
    heap = heads + few[PROJECTIONS]
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
        heads=few[heads:heap],
        heap=few[heap:].reshape(-1, 4),
        heap_time=queue[:-1],
        clock=queue[-1:],
    )


make_state = kernel(parts)


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
def due(plan, state, place, projection, spiked, delay):
    """Note when a spike arrives, and return whether the horizon comes first.

    Where a loop could close, an arrival is later than its spike, if only by the least step.
    """
    state.heap_time[place] = spiked + delay
    back = plan.projections[projection, TARGET] <= plan.projections[projection, SOURCE]
    if back and state.heap_time[place] == spiked:
        state.heap_time[place] = np.inf
        state.heap_time[place] = np.nextafter(spiked, state.heap_time[place])
    return state.heap_time[place] < plan.t_max


@kernel
def push(plan, state, projection, spiked, delay, neuron, synapse):
    """Queue an arrival, unless the horizon comes first."""
    place = state.counters[HEAP]
    if not due(plan, state, place, projection, spiked, delay):
        return
    put(state, place, plan.projections[projection, TARGET], neuron, projection, synapse)
    state.counters[HEAP] += 1
    while place > 0 and earlier(state, place, (place - 1) // 2):
        swap(state, place, (place - 1) // 2)
        place = (place - 1) // 2


@kernel
def send(plan, state, layer, neuron, time):
    """Let a neuron fire: note it, and queue its arrivals."""
    start = plan.populations[layer, START]
    unit = start + neuron
    state.spikes[unit] = time
    state.at_spike[unit] = state.potential[unit]
    state.limits[unit] = np.inf
    position = state.counts[layer]
    state.fired[start + position] = neuron
    state.counts[layer] += 1
    for k in range(plan.populations[layer, LEAVING], plan.populations[layer + 1, LEAVING]):
        r = plan.projections[k, OUTGOING]
        delays = plan.projections[r, DELAYS]
        if plan.projections[r, KIND] == SYNAPTIC:
            row = plan.projections[r, ROWS] + neuron
            synapse = plan.pointers[row]
            if synapse < plan.pointers[row + 1]:
                push(plan, state, r, time, plan.delays[delays + synapse], neuron, synapse)
        elif state.heads[r] == position:
            push(plan, state, r, time, plan.delays[delays], neuron, 0)


@kernel
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


@kernel
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


@kernel
def advance(plan, state, r):
    """Replace the top entry by the next spike on its way along projection r."""
    source = plan.projections[r, SOURCE]
    state.heads[r] += 1
    if state.heads[r] < state.counts[source]:
        start = plan.populations[source, START]
        neuron = state.fired[start + state.heads[r]]
        delay = plan.delays[plan.projections[r, DELAYS]]
        if due(plan, state, 0, r, state.spikes[start + neuron], delay):
            put(state, 0, plan.projections[r, TARGET], neuron, r, 0)
            sink(state)
            return
    pop(state)


@kernel
def advance_synapse(plan, state, r, neuron, first, end):
    """Take the synapses from first on that have one delay; the next ones are queued."""
    delays = plan.delays[plan.projections[r, DELAYS] + first :]
    count = 1
    while first + count < end and delays[count] == delays[0]:
        count += 1
    pop(state)
    if first + count < end:
        unit = plan.populations[plan.projections[r, SOURCE], START] + neuron
        push(plan, state, r, state.spikes[unit], delays[count], neuron, first + count)
    return first + count


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
        last = advance_synapse(plan, state, r, neuron, first, plan.pointers[row + 1])
        deliver_synapses(plan, state, r, first, last)
    more = state.counters[HEAP] > 0 and state.heap_time[0] == time and state.heap[0, 0] == target
    if not more:
        settle(plan, state, target)


@kernel
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


@kernel
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


@kernel
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


@kernel
def upcoming(plan, state):
    """The kind of the next event; drops what the stimulus asks of those that fired before."""
    counters = state.counters
    s = counters[STIMULUS]
    while s < counters[STIMULI] and state.spikes[state.stimulus[s]] < np.inf:
        s += 1
    counters[STIMULUS] = s
    given = s < counters[STIMULI]
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
        s = state.counters[STIMULUS]
        layer = plan.owners[state.stimulus[s]]
        neuron = state.stimulus[s] - plan.populations[layer, START]
        return SPIKE, float(state.stimulus_time[s]), layer, neuron, STIMULATED
    if kind == SPIKE:
        neuron = state.firing[state.counters[NEXT]]
        return kind, float(state.clock[0]), state.counters[LAYER], neuron, -1
    return kind, np.inf, -1, -1, -1


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
def run(plan, memory, until):
    """Step until a time or the end; return which."""
    plan, state = Plan(*plan), make_state(memory)
    while True:
        event = describe(plan, state)
        if event[0] == NOTHING:
            return END
        if event[1] > until:
            return UNTIL
        happen(plan, state, event)


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
def run_to_break(plan, memory, until, breaks):
    """The same, or until a break; return FIRED for a spike, or which watch."""
    plan, state = Plan(*plan), make_state(memory)
    passed(state, breaks)
    while True:
        event = describe(plan, state)
        kind, time, layer, neuron, _ = event
        if kind == NOTHING:
            return END
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
    given = stimulus.size
    while given > 0 and stimulus[given - 1] == np.inf:
        given -= 1
    # what is filled afterwards is scratch to the sort
    given = sort_events(
        stimulus[:given],
        plan.t_max,
        state.stimulus_time,
        state.stimulus,
        state.spikes,
        state.fired,
        state.bins,
    )
    for unit in range(state.spikes.size):
        state.potential[unit] = 0
        state.limits[unit] = thresholds[unit]
        state.spikes[unit] = np.inf
        state.flags[unit] = 0
    for k in range(state.counts.size):
        state.counts[k] = 0
    for k in range(state.heads.size):
        state.heads[k] = 0
    for k in range(POPULATIONS):
        state.counters[k] = 0
    state.clock[0] = 0
    state.counters[STIMULI] = given
