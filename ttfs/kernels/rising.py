"""Ramps that are rising at one neuron of a circuit, found among the spikes so far.

A spike has arrived, or its ramp has ended, once that event has happened. Along a projection
with one delay the heads of its source's spikes tell; where each synapse has its own, the
clock does, and whether the events of the present instant are still to happen.
"""

import numpy as np

from ttfs.kernels.arrivals import arrival_of
from ttfs.kernels.circuit import (
    APART,
    DELAYS,
    DENSE,
    FIRST,
    KIND,
    MAPPED,
    REACH,
    ROWS,
    SIZE,
    SOURCE,
    START,
    SYNAPTIC,
    TARGET,
    WIDTH,
)
from ttfs.kernels.jit import kernel, rare_kernel
from ttfs.kernels.queue import HEAP, KINDS, landing
from ttfs.kernels.reach import (
    BROAD,
    CHANNELS,
    COLUMNS,
    POOLS,
    TALL,
    hears,
    origin_of,
    shift_of,
)
from ttfs.kernels.rest import doubt, excess, include, meeting, nothing, share_of, two_sum

ARRIVALS, ENDS = range(2)  # rows of heads


@rare_kernel
def weigh(plan, state, layer, neuron, moment, origin, ahead):
    """What rises at a neuron; ahead: of the events of this instant."""
    rising = nothing()
    for r in range(len(plan.projections)):
        if plan.projections[r, TARGET] == layer:
            if plan.projections[r, KIND] == SYNAPTIC:
                rising = weigh_synapses(plan, state, r, neuron, moment, origin, ahead, rising)
            elif plan.projections[r, KIND] == MAPPED:
                rising = weigh_map(plan, state, r, neuron, moment, origin, ahead, rising)
            else:
                rising = weigh_rows(plan, state, r, neuron, moment, origin, rising)
    return rising


@kernel
def weigh_rows(plan, state, r, neuron, moment, origin, rising):
    """Add what rises along a projection that has one delay."""
    start = plan.populations[plan.projections[r, SOURCE], START]
    delay = plan.delays[plan.projections[r, DELAYS]]
    for k in range(state.heads[ENDS, r], state.heads[ARRIVALS, r]):
        sender = state.fired[start + k]
        arrival, end = span(plan, state, r, state.spikes[start + sender], delay)
        if plan.projections[r, KIND] == DENSE:
            place = plan.projections[r, FIRST] + sender * plan.projections[r, WIDTH] + neuron
            weight = np.float64(plan.weights[place])
            rising = include(rising, weight, arrival, end, moment, origin, plan.rise)
            continue
        row = plan.projections[r, ROWS] + sender
        for s in range(plan.pointers[row], plan.pointers[row + 1]):
            if plan.indices[s] == neuron:
                weight = np.float64(plan.weights[plan.projections[r, FIRST] + s])
                rising = include(rising, weight, arrival, end, moment, origin, plan.rise)
    return rising


@kernel
def weigh_synapses(plan, state, r, neuron, moment, origin, ahead, rising):
    """Add what rises along a projection that has a delay for each synapse."""
    source, now = plan.projections[r, SOURCE], np.float64(state.clock[0])
    start = plan.populations[source, START]
    for k in range(state.counts[source]):
        sender = state.fired[start + k]
        row = plan.projections[r, ROWS] + sender
        for s in range(plan.pointers[row], plan.pointers[row + 1]):
            if plan.indices[s] == neuron:
                delay = plan.delays[plan.projections[r, DELAYS] + s]
                arrival, end = span(plan, state, r, state.spikes[start + sender], delay)
                rises = end > now or (end == now and ahead)
                if rises and has_arrived(plan, state, r, sender, s, arrival, ahead):
                    weight = np.float64(plan.weights[plan.projections[r, FIRST] + s])
                    rising = include(rising, weight, arrival, end, moment, origin, plan.rise)
    return rising


@rare_kernel
def weigh_map(plan, state, r, neuron, moment, origin, ahead, rising):
    """Add what rises along a projection to a map."""
    start = plan.populations[plan.projections[r, SOURCE], START]
    first, last = on_the_way(plan, state, r)
    for k in range(first, last):
        sender = state.fired[start + k]
        arrival, end = span_to_map(plan, state, r, sender)
        if rises(plan, state, r, sender, arrival, end, ahead):
            weight = weight_in_map(plan, r, sender, neuron)
            rising = include(rising, weight, arrival, end, moment, origin, plan.rise)
    return rising


@kernel
def on_the_way(plan, state, r):
    """Of the spikes of its source, those that may rise along a projection: first, after the last.

    Where each is under way by itself, any may.
    """
    if plan.projections[r, APART]:
        return 0, state.counts[plan.projections[r, SOURCE]]
    return state.heads[ENDS, r], state.heads[ARRIVALS, r]


@kernel
def span_to_map(plan, state, r, sender):
    """When a spike arrives at a map, and when its ramp ends."""
    place = plan.projections[r, DELAYS]
    if plan.projections[r, APART]:
        place += sender
    spiked = state.spikes[plan.populations[plan.projections[r, SOURCE], START] + sender]
    return span(plan, state, r, spiked, plan.delays[place])


@kernel
def rises(plan, state, r, sender, arrival, end, ahead):
    """Whether a ramp at a map that may rise does."""
    now = np.float64(state.clock[0])
    if not plan.projections[r, APART]:
        return True
    if not (end > now or (end == now and ahead)):
        return False
    return has_arrived(plan, state, r, sender, 0, arrival, ahead)


@kernel
def weight_in_map(plan, r, sender, neuron):
    """What a spike finally adds to a neuron of a map; 0 outside its window."""
    reach = plan.projections[r, REACH:]
    position, column = neuron // reach[COLUMNS], neuron % reach[COLUMNS]
    if reach[POOLS] or not hears(reach, position, sender):
        return 0.0
    row = origin_of(reach, sender) - shift_of(reach, position)
    place = plan.projections[r, FIRST] + row * plan.projections[r, WIDTH] + column
    return np.float64(plan.weights[place])


@kernel
def has_arrived(plan, state, r, sender, synapse, arrival, ahead):
    """Whether a spike has arrived at a synapse."""
    now = np.float64(state.clock[0])
    if arrival == now:
        return not (ahead or is_coming(plan, state, r, sender, synapse))
    return arrival < now


@kernel
def is_coming(plan, state, r, sender, synapse):
    """Whether a spike, due now, has yet to happen at a synapse."""
    rank = plan.projections[r, TARGET] * KINDS + ARRIVALS
    for place in range(state.counters[HEAP]):
        entry = state.heap[place]
        same = entry[0] == rank and entry[1] == sender and entry[2] == r
        if same and entry[3] <= synapse:
            return True
    return False


@kernel
def span(plan, state, r, spiked, delay):
    """When a spike arrives along a projection, and when its ramp ends."""
    arrival = landing(plan, state, r, spiked, delay)
    return np.float64(arrival), np.float64(arrival_of(arrival, plan.rise, state.clock.dtype.type))


@rare_kernel
def end_in_doubt(plan, state, layer, neuron, time, last, after, ahead):
    """The arrival, later than `after`, of a neuron's first ramp to end from `time` to `last`.

    Or inf.
    """
    found = np.inf
    for r in range(len(plan.projections)):
        if plan.projections[r, TARGET] == layer:
            if plan.projections[r, KIND] == SYNAPTIC:
                start = synaptic_end(plan, state, r, neuron, time, last, after, ahead)
            elif plan.projections[r, KIND] == MAPPED:
                start = map_end(plan, state, r, neuron, time, last, after, ahead)
            else:
                start = row_end(plan, state, r, neuron, time, last, after)
            found = min(found, start)
    return found


@kernel
def row_end(plan, state, r, neuron, time, last, after):
    """The same along a projection that has one delay."""
    start = plan.populations[plan.projections[r, SOURCE], START]
    delay = plan.delays[plan.projections[r, DELAYS]]
    for k in range(state.heads[ENDS, r], state.heads[ARRIVALS, r]):
        sender = state.fired[start + k]
        arrival, end = span(plan, state, r, state.spikes[start + sender], delay)
        if end > last:
            break
        if end >= time and arrival > after and has_weight(plan, r, sender, neuron):
            return arrival
    return np.inf


@kernel
def has_weight(plan, r, sender, neuron):
    """Whether a spike changes a neuron."""
    if plan.projections[r, KIND] == DENSE:
        place = plan.projections[r, FIRST] + sender * plan.projections[r, WIDTH] + neuron
        return plan.weights[place] != 0
    row = plan.projections[r, ROWS] + sender
    for s in range(plan.pointers[row], plan.pointers[row + 1]):
        if plan.indices[s] == neuron and plan.weights[plan.projections[r, FIRST] + s] != 0:
            return True
    return False


@kernel
def synaptic_end(plan, state, r, neuron, time, last, after, ahead):
    """The same along a projection that has a delay for each synapse; those of a row ascend."""
    source = plan.projections[r, SOURCE]
    start, found, now = plan.populations[source, START], np.inf, np.float64(state.clock[0])
    for k in range(state.counts[source]):
        sender = state.fired[start + k]
        row, spiked = plan.projections[r, ROWS] + sender, state.spikes[start + sender]
        low, high = plan.pointers[row], plan.pointers[row + 1]
        while low < high:  # up to the first that ends at that time or later
            middle = (low + high) // 2
            delay = plan.delays[plan.projections[r, DELAYS] + middle]
            if span(plan, state, r, spiked, delay)[1] < time:
                low = middle + 1
            else:
                high = middle
        for s in range(low, plan.pointers[row + 1]):
            delay = plan.delays[plan.projections[r, DELAYS] + s]
            arrival, end = span(plan, state, r, spiked, delay)
            if end > last or arrival >= found:
                break
            own = plan.indices[s] == neuron and plan.weights[plan.projections[r, FIRST] + s] != 0
            rises = arrival > after and (end > now or (end == now and ahead))
            if own and rises and has_arrived(plan, state, r, sender, s, arrival, ahead):
                found = arrival
    return found


@rare_kernel
def map_end(plan, state, r, neuron, time, last, after, ahead):
    """The same along a projection to a map."""
    start, found = plan.populations[plan.projections[r, SOURCE], START], np.inf
    first, behind = on_the_way(plan, state, r)
    for k in range(first, behind):
        sender = state.fired[start + k]
        arrival, end = span_to_map(plan, state, r, sender)
        if time <= end <= last and after < arrival < found:
            own = weight_in_map(plan, r, sender, neuron) != 0
            if own and rises(plan, state, r, sender, arrival, end, ahead):
                found = arrival
    return found


@kernel
def share(plan, state, layer):
    """The largest rounding error of a line, as a fraction of all that it added and subtracted."""
    inputs = 0
    for r in range(len(plan.projections)):
        if plan.projections[r, TARGET] == layer:
            if plan.projections[r, KIND] == MAPPED:
                reach = plan.projections[r, REACH:]
                inputs += reach[TALL] * reach[BROAD] * reach[CHANNELS]
            else:
                inputs += plan.populations[plan.projections[r, SOURCE], SIZE]
    return share_of(inputs, state.slope.dtype.type, state.clock.dtype.type)


@kernel
def last_in_doubt(plan, state, layer, unit):
    """The latest true crossing of a neuron whose crossing is known only to within rounding."""
    if not state.slope[unit] > 0:
        return np.inf
    number, crossing = state.slope.dtype.type, state.crossing[unit]
    error = doubt(crossing, plan.rise, share(plan, state, layer), number) * state.bulk[unit]
    return np.float64(crossing) + np.float64(error) / np.float64(state.slope[unit])


@kernel
def may_end(plan, state, layer, last):
    """Whether a ramp may end at a layer by then."""
    for r in range(len(plan.projections)):
        if plan.projections[r, TARGET] == layer:
            if plan.projections[r, APART]:
                return True
            if state.heads[ENDS, r] < state.heads[ARRIVALS, r]:
                start = plan.populations[plan.projections[r, SOURCE], START]
                oldest = state.spikes[start + state.fired[start + state.heads[ENDS, r]]]
                if (
                    span(plan, state, r, oldest, plan.delays[plan.projections[r, DELAYS]])[1]
                    <= last
                ):
                    return True
    return False


@rare_kernel
def later(plan, state, layer, neuron, last, ahead):
    """When a neuron fires: at the crossing of its line, or later.

    last: until when it may be in doubt.
    """
    unit, kind = plan.populations[layer, START] + neuron, state.crossing.dtype.type
    crossing, time = state.crossing[unit], np.float64(state.crossing[unit])
    start = end_in_doubt(plan, state, layer, neuron, time, last, -np.inf, ahead)
    rising = weigh(plan, state, layer, neuron, np.inf, (start, 0.0), ahead)
    if start < np.inf or rising.end == np.inf:
        over = excess(rising, state.summed[unit], state.limits[unit], plan.rise)
        crossing = max(crossing, kind(meeting(rising, over, np.float64(state.clock[0]))))
    return crossing


@rare_kernel
def is_there(plan, state, layer, neuron):
    """Whether a neuron is at its threshold now, or when one of its ramps ends.

    The events of this instant are still to happen.
    """
    unit, now = plan.populations[layer, START] + neuron, np.float64(state.clock[0])
    start = end_in_doubt(plan, state, layer, neuron, now, now, -np.inf, True)
    origin = two_sum(now, -plan.rise) if start == np.inf else (start, 0.0)
    while True:
        rising = weigh(plan, state, layer, neuron, np.inf, origin, True)
        if excess(rising, state.summed[unit], state.limits[unit], plan.rise) >= 0:
            return True
        if start < np.inf:
            start = end_in_doubt(plan, state, layer, neuron, now, now, start, True)
        if start == np.inf:
            return False
        origin = start, 0.0
