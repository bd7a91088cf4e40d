"""A chain of dense layers with step responses, one layer after another.

No event of a layer changes what has happened in those before it. So all events of a layer can
happen before those of the next: each potential is the same sum, and the end is the same as that
of all events of all layers in their total order. Potentials of a few neurons stay in registers
while all rows are added.
"""

import numpy as np

from ttfs.kernels.circuit import (
    DELAYS,
    DENSE,
    FIRST,
    KIND,
    SIZE,
    SOURCE,
    START,
    TARGET,
    WIDTH,
    WORD,
)
from ttfs.kernels.jit import kernel
from ttfs.kernels.queue import (
    EVENTS,
    FIRING,
    HEAP,
    NEXT,
    ROWED,
    STIMULI,
    STIMULUS,
    SYNAPSES,
    landing,
    push,
)
from ttfs.kernels.vector import (
    LANES,
    add,
    below,
    broadcast,
    count_bits,
    load,
    lowest_bit,
    reached,
    store,
    where,
)

ONE = np.uint64(1)
LOW, MIDDLE, HIGH = np.uint64(LANES), np.uint64(2 * LANES), np.uint64(3 * LANES)


@kernel
def is_chain(plan, state):
    """Whether each projection is dense and leads to the next layer, and there is nothing else."""
    for r in range(plan.projections.shape[0]):
        ends = plan.projections[r, SOURCE], plan.projections[r, TARGET]
        if plan.projections[r, KIND] != DENSE or ends != (r, r + 1):
            return False
    for s in range(state.counters[STIMULUS], state.counters[STIMULI]):
        if plan.owners[state.stimulus[s]] > 0:
            return False
    return state.counters[NEXT] == state.counters[FIRING]  # no neuron is waiting to fire


@kernel
def take_stimulus(plan, state, until):
    """Fire the first layer as given by the stimulus."""
    first, given, count = state.counters[STIMULUS], state.counters[STIMULI], state.counts[0]
    for s in range(first, given):
        unit, time = state.stimulus[s], state.stimulus_time[s]
        if time > until:
            given = s
            break
        state.at_spike[unit], state.limits[unit] = state.potential[unit], np.inf
        state.spikes[unit], state.fired[count + s - first] = time, unit
    if given > first:
        state.clock[0] = max(state.clock[0], state.stimulus_time[given - 1])
    state.counts[0], state.counters[STIMULUS] = count + given - first, given
    state.counters[EVENTS] += given - first


@kernel
def schedule(plan, state, r, until):
    """List the rows that arrive until a time, each twice, and 1 for the last of an instant."""
    begin, first = plan.populations[r, START], plan.projections[r, FIRST]
    width, delay = plan.projections[r, WIDTH], plan.projections[r, DELAYS]
    rows, count, before = state.listed, 0, state.clock[0]
    for place in range(state.heads[0, r], state.counts[r]):
        neuron = state.fired[begin + place]
        time = landing(plan, state, r, state.spikes[begin + neuron], plan.delays[delay])
        if time > until or not time < plan.t_max:
            break
        rows[max(count - 1, 0)] -= (count > 0) & (time == before)
        rows[count] = 2 * (first + neuron * width) + 1
        state.firing[count] = 0
        before = time
        count += 1
    state.clock[0] = max(state.clock[0], before)
    return count


@kernel
def cross(plan, state, over_limits, r, first, events, found):
    """Add the rows to WORD neurons; list which reach their limit, as words, and at which row.

    `firing` counts them for each row.
    """
    words, places = over_limits
    weights, rows, last = plan.weights, state.listed, plan.projections[r, WIDTH] - LANES
    start = plan.populations[r + 1, START] + first
    # values beyond a row are added to padding only
    j1, j2 = min(first + LANES, last), min(first + 2 * LANES, last)
    j3 = min(first + 3 * LANES, last)
    u1, u2, u3 = start + LANES, start + 2 * LANES, start + 3 * LANES
    v0, v1 = load(state.potential, start), load(state.potential, u1)
    v2, v3 = load(state.potential, u2), load(state.potential, u3)
    h0, h1 = load(state.limits, start), load(state.limits, u1)
    h2, h3 = load(state.limits, u2), load(state.limits, u3)
    never = broadcast(state.limits, np.inf)
    # an infinite limit is not reached by an infinite potential
    waiting = below(h0, never) | below(h1, never) << LOW
    waiting |= below(h2, never) << MIDDLE | below(h3, never) << HIGH
    for e in range(events):
        row = rows[e] >> 1
        v0, v1 = add(v0, load(weights, row + first)), add(v1, load(weights, row + j1))
        v2, v3 = add(v2, load(weights, row + j2)), add(v3, load(weights, row + j3))
        over = reached(v0, h0) | reached(v1, h1) << LOW
        over |= reached(v2, h2) << MIDDLE | reached(v3, h3) << HIGH
        over &= waiting & np.uint64(-(rows[e] & 1))
        if over:
            waiting ^= over
            store(where(over, v0, load(state.at_spike, start)), state.at_spike, start)
            store(where(over >> LOW, v1, load(state.at_spike, u1)), state.at_spike, u1)
            store(where(over >> MIDDLE, v2, load(state.at_spike, u2)), state.at_spike, u2)
            store(where(over >> HIGH, v3, load(state.at_spike, u3)), state.at_spike, u3)
            words[found], places[found] = over, e << 32 | first
            state.firing[e] += count_bits(over)
            found += 1
    store(v0, state.potential, start)
    if j1 > first:
        store(v1, state.potential, u1)
    if j2 > j1:
        store(v2, state.potential, u2)
    if j3 > j2:
        store(v3, state.potential, u3)
    return found


@kernel
def emit(plan, state, over_limits, r, events, found):
    """Fire all that are listed, in order of time and index."""
    begin, start = plan.populations[r, START] + state.heads[0, r], plan.populations[r + 1, START]
    source, delay = plan.populations[r, START], plan.delays[plan.projections[r, DELAYS]]
    (words, rows), ranks, count = over_limits, state.firing, state.counts[r + 1]
    for e in range(events):
        ranks[e], count = count, count + ranks[e]
    for k in range(found):
        crossed, e = words[k], rows[k] >> 32
        spiked, first = state.spikes[source + state.fired[begin + e]], rows[k] & (2**32 - 1)
        time = landing(plan, state, r, spiked, delay)
        while crossed:
            neuron = first + lowest_bit(crossed)
            state.fired[start + ranks[e]] = neuron
            state.spikes[start + neuron], state.limits[start + neuron] = time, np.inf
            ranks[e] += 1
            crossed &= crossed - ONE
    state.counters[EVENTS] += events + count - state.counts[r + 1]
    state.counters[SYNAPSES] += events * plan.populations[r + 1, SIZE]
    state.heads[0, r] += events
    state.counts[r + 1] = count


@kernel
def take_chain(plan, state, over_limits, until):
    """Process everything until a time, if this is a chain; else nothing.

    over_limits: scratch for crossings: words of neurons, and 2**32 * event + the first of them.
    """
    if not is_chain(plan, state):
        return
    take_stimulus(plan, state, until)
    for r in range(plan.projections.shape[0]):
        events, found = schedule(plan, state, r, until), 0
        for first in range(0, plan.populations[r + 1, SIZE], WORD):
            found = cross(plan, state, over_limits, r, first, events, found)
        emit(plan, state, over_limits, r, events, found)
        if events:
            state.counters[ROWED] = 0  # an instant that had begun is over
    state.counters[HEAP] = 0
    for r in range(plan.projections.shape[0]):
        if state.heads[0, r] < state.counts[r]:
            begin = plan.populations[r, START]
            neuron = state.fired[begin + state.heads[0, r]]
            spiked, delay = state.spikes[begin + neuron], plan.delays[plan.projections[r, DELAYS]]
            push(plan, state, 0, r, neuron, 0, spiked, delay)
