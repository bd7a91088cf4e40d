"""Ramp responses in the simulator: what an arrival or an end adds, and which neurons then fire.

Between the events that reach it, the potential of a neuron is a straight line. In units in
which a ramp rises by its weight in a unit of time it is slope * t - (total - threshold), where
an arrival at time a adds its weight w to `slope` and w * a to `total`, and an end takes the
same away at its own time. `total` begins at the threshold, so the line crosses it at total /
slope. This time is known once all events of an instant have been added; a later event that
changes the line changes the crossing, unless it occurs at exactly that time.
"""

from typing import NamedTuple

import numpy as np

from ttfs.kernels.circuit import FIRST, GROUP, REACH, SIZE, START, TARGET, WIDTH, WORD
from ttfs.kernels.jit import kernel
from ttfs.kernels.queue import (
    COUNTERS,
    LAYER,
    LISTED,
    POPULATIONS,
    PROJECTIONS,
    RESTING,
    ROWED,
    SCRATCH,
    SYNAPSES,
    fire,
)
from ttfs.kernels.reach import COLUMNS
from ttfs.kernels.rest import level_of
from ttfs.kernels.rising import weigh
from ttfs.kernels.simulator_crossing import (
    DUE,
    ENDLESS,
    REACHED,
    SHORT,
    THERE,
    ask,
    ask_some,
    find_soonest,
    foresee_all,
    foresee_listed,
    foresee_positions,
    let_fire,
    note_earliest,
    wait,
)
from ttfs.kernels.vector import LANES, add, broadcast, load, magnitude, multiply, store

VOLTS, SUMS, WAVES = 4, 2, 2  # rows of potentials; of sums; of heads: arrivals, ends
ARRAYS = 6  # of a memory; where ramps end, one more


class State(NamedTuple):
    """Everything that changes where ramps never end; a copy of it is a snapshot."""

    slope: np.ndarray  # (units,) of the potential
    total: np.ndarray  # (units,) threshold minus that line at time 0; an endless one is not in it
    limits: np.ndarray  # (units,) thresholds; inf once fired, and in the padding
    at_spike: np.ndarray  # (units,) potential when each fired
    spikes: np.ndarray  # (units,) when that was, or inf
    # (units + 1,) when each will fire if nothing more arrives, or inf; after the neurons of a map,
    # the first of these times at each position
    crossing: np.ndarray
    stimulus_time: np.ndarray  # (units + 1,) given spikes in order of events,
    stimulus: np.ndarray  # (units + 1,) and the units that fire them
    fired: np.ndarray  # (units + 1,) per population, neurons in the order they fired
    listed: np.ndarray  # (units + 1,) neurons, or positions of a map, reached at this instant
    flags: np.ndarray  # (units,) uint8: REACHED, THERE, SHORT, DUE
    counters: np.ndarray  # (COUNTERS,)
    bins: np.ndarray  # (SCRATCH,)
    counts: np.ndarray  # (populations,) how many have fired
    heads: np.ndarray  # (2, projections) which of the source's spikes arrives, or ends, next
    soonest: np.ndarray  # (populations,) the neuron with the first crossing
    heap: np.ndarray  # (queue, 4) 2 * population + whether an end, neuron, projection, synapse
    heap_time: np.ndarray  # (queue,) and when each comes
    clock: np.ndarray  # (1,) time of the last event


Ending = NamedTuple(
    "Ending",
    [
        *State.__annotations__.items(),
        ("summed", np.ndarray),  # (units,) sums of the weights that have arrived,
        ("bulk", np.ndarray),  # (units,) and of their magnitudes, with the threshold
    ],
)
"""The same where ramps end. The compiler leaves out what is about an end if it sees a `State`."""


def parts(memory):
    """The state, made of a few arrays, each of one type of number."""
    volts, times, whole, few, queue, crossing = memory[:ARRAYS]
    units = volts.shape[1]
    counts = COUNTERS + SCRATCH + units // WORD
    heads = counts + few[POPULATIONS]
    heap = heads + WAVES * few[PROJECTIONS]
    # in the order of `State`; the compiler joins bare tuples, but no records
    common = (
        volts[0],  # slope
        volts[1],  # total
        volts[2],  # limits
        volts[3],  # at_spike
        times[0, :units],  # spikes
        crossing,  # crossing
        times[1],  # stimulus_time
        whole[0],  # stimulus
        whole[1],  # fired
        whole[3],  # listed
        whole[4].view(np.uint8)[:units],  # flags
        few[:COUNTERS],  # counters
        few[COUNTERS : COUNTERS + SCRATCH],  # bins
        few[counts:heads],  # counts
        few[heads:heap].reshape(WAVES, -1),  # heads
        whole[2, : few[POPULATIONS]],  # soonest
        few[heap:].reshape(-1, 4),  # heap
        queue[:-1],  # heap_time
        queue[-1:],  # clock
    )
    if len(memory) == ARRAYS:
        return State(*common)
    sums = memory[ARRAYS]
    return Ending(*(common + (sums[0], sums[1])))  # noqa: RUF005


make_state = kernel(parts)


@kernel
def add_row(plan, state, start, first, width, sign):
    """Add a row to the units from `start` on, or subtract it. Beyond its columns it is 0."""
    signs, time = broadcast(plan.weights, sign), broadcast(plan.weights, state.clock[0])
    if len(state) == ENDLESS:
        for j in range(0, width, LANES):
            weight = load(plan.weights, first + j)
            store(add(load(state.slope, start + j), weight), state.slope, start + j)
            total = add(load(state.total, start + j), multiply(weight, time))
            store(total, state.total, start + j)
        return
    for j in range(0, width, LANES):
        weight = multiply(signs, load(plan.weights, first + j))
        store(add(load(state.slope, start + j), weight), state.slope, start + j)
        total = add(load(state.total, start + j), multiply(weight, time))
        store(total, state.total, start + j)
        bulk = add(load(state.bulk, start + j), magnitude(weight))
        store(bulk, state.bulk, start + j)
        if sign > 0:
            store(add(load(state.summed, start + j), weight), state.summed, start + j)


@kernel
def reach_all(plan, state, target):
    """List all neurons of a layer for an update."""
    if len(state) != ENDLESS and not state.counters[ROWED]:
        ask_some(plan, state, target, 0, plan.populations[target, SIZE])
    state.counters[ROWED] = 1


@kernel
def reach_position(plan, state, r, position):
    """List a position for an update; return the first of its units."""
    target, group = plan.projections[r, TARGET], plan.projections[r, REACH + COLUMNS]
    begin, alone = position * group, plan.populations[target, GROUP] > 0
    unit, end = plan.populations[target, START] + begin, begin + group
    if not alone:
        begin, end = 0, plan.populations[target, SIZE]
    new = not (state.flags[unit] & REACHED if alone else state.counters[ROWED])
    if len(state) != ENDLESS and new:
        ask_some(plan, state, target, begin, end)
    if not alone:
        state.counters[ROWED] = 1
    elif new:
        state.flags[unit] |= REACHED
        state.listed[state.counters[LISTED]] = position
        state.counters[LISTED] += 1
    return unit


@kernel
def take_first(plan, state, unit):
    """Fire a neuron now that does so with its first arrival."""
    now = state.clock[0]
    if state.limits[unit] < np.inf and state.crossing[unit] > now:
        state.crossing[unit] = now
        # whatever was tested before for a line, which it does not have
        state.flags[unit] = state.flags[unit] & ~(THERE | SHORT) | DUE
        state.total[unit] = 0  # its potential is its threshold
        if len(state) != ENDLESS:
            state.summed[unit] = state.limits[unit]


@kernel
def deliver_row(plan, state, r, neuron, sign):
    """Add a dense row, or subtract it."""
    target, width = plan.projections[r, TARGET], plan.projections[r, WIDTH]
    reach_all(plan, state, target)
    first, start = plan.projections[r, FIRST] + neuron * width, plan.populations[target, START]
    add_row(plan, state, start, first, width, sign)
    state.counters[SYNAPSES] += plan.populations[target, SIZE]


@kernel
def deliver_synapses(plan, state, r, first, last, sign):
    """The same for some synapses of a sparse row; the neurons they reach are listed."""
    target = plan.projections[r, TARGET]
    start = plan.populations[target, START]
    shift, count = plan.projections[r, FIRST], state.counters[LISTED]
    number = plan.weights.dtype.type
    sign, time = number(sign), number(state.clock[0])
    for k in range(first, last):
        unit = start + plan.indices[k]
        weight = sign * plan.weights[k + shift]
        if len(state) != ENDLESS:
            if not (state.counters[ROWED] or state.flags[unit] & REACHED):
                ask(plan, state, target, unit - start)
            state.bulk[unit] += abs(weight)
            if sign > 0:
                state.summed[unit] += weight
        state.slope[unit] += weight
        state.total[unit] += weight * time
        state.listed[count] = unit - start
        count += (state.flags[unit] & REACHED) ^ REACHED
        state.flags[unit] |= REACHED
    state.counters[LISTED] = count
    state.counters[SYNAPSES] += last - first


@kernel
def settle(plan, state, layer):
    """After the last event of an instant at a layer: compute when its neurons will fire."""
    asked = state.counters[RESTING] > 0
    if len(state) != ENDLESS and asked:
        let_fire(plan, state, layer)
    if state.counters[ROWED]:
        foresee_all(plan, state, layer)
    elif plan.populations[layer, GROUP]:
        foresee_positions(plan, state, layer)
    else:
        foresee_listed(plan, state, layer)
        if asked:  # this may change which is first, whether it is listed or not
            find_soonest(plan, state, layer)
    for k in range(state.counters[LISTED]):
        state.flags[plan.populations[layer, START] + state.listed[k]] &= ~REACHED
    state.counters[LISTED], state.counters[ROWED] = 0, 0
    wait(plan, state, layer)


@kernel
def ready(plan, state):
    """The neuron that fires next if nothing happens before, as (time, population, neuron)."""
    layer = state.counters[LAYER]
    if layer < 0:
        return np.inf, -1, -1
    neuron = state.soonest[layer]
    return float(state.crossing[plan.populations[layer, START] + neuron]), layer, neuron


@kernel
def send(plan, state, layer, neuron, given):
    """Fire a neuron."""
    unit = plan.populations[layer, START] + neuron
    state.at_spike[unit] = level(plan, state, unit) if given else state.limits[unit]
    state.crossing[unit] = np.inf
    state.flags[unit] &= ~DUE
    fire(plan, state, layer, neuron)
    if plan.populations[layer, GROUP]:
        note_earliest(plan, state, layer, neuron // plan.populations[layer, GROUP])
    if state.soonest[layer] == neuron:
        find_soonest(plan, state, layer)
        wait(plan, state, layer)


@kernel
def level(plan, state, unit):
    """The potential, now, of a unit that has not fired."""
    number = state.slope.dtype.type
    if len(state) == ENDLESS:
        threshold = state.limits[unit] if state.limits[unit] < np.inf else number(0)
        return state.slope[unit] * number(state.clock[0]) - (state.total[unit] - threshold)
    layer, now = plan.owners[unit], np.float64(state.clock[0])
    neuron = unit - plan.populations[layer, START]
    rising = weigh(plan, state, layer, neuron, now, (np.inf, 0.0), False)
    return level_of(rising, state.summed[unit], number)


@kernel
def clear(state, rise):
    """Reset sums and limits to their initial values."""
    number = state.total.dtype.type
    rise = number(1) if rise == np.inf else number(rise)
    for unit in range(state.limits.size):
        threshold = state.limits[unit]
        state.total[unit] = threshold * rise if threshold < np.inf else 0
        state.slope[unit] = 0
        if len(state) != ENDLESS:
            state.bulk[unit] = threshold if threshold < np.inf else 0
            state.summed[unit] = 0
        state.flags[unit] = 0
    state.crossing[:] = np.inf
    state.soonest[:] = 0
    state.counters[LAYER] = -1
