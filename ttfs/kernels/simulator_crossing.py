"""When neurons of a circuit with ramps will fire, if nothing more arrives.

A crossing is where a line meets the threshold. It is computed again after each instant at a layer.
With ramps that end, a line at the threshold to within rounding is in doubt, and `rest`
decides: a crossing close to the end of a ramp may be postponed, and before an instant changes a
line, the neuron is tested for being at its threshold.
"""

import numpy as np

from ttfs.kernels.circuit import GROUP, SIZE, START
from ttfs.kernels.jit import kernel, rare_kernel
from ttfs.kernels.queue import LAYER, LISTED, RESTING
from ttfs.kernels.rest import doubt, goes_on, is_jump, is_solid, is_sound, latest
from ttfs.kernels.rising import is_there, last_in_doubt, later, may_end, share
from ttfs.kernels.vector import (
    LANES,
    below,
    broadcast,
    least,
    load,
    lowest_bit,
    multiply,
    reached,
    subtract,
    where,
)

ONE = np.uint64(1)
ENDLESS = 19  # arrays of the state where ramps never end
# flags of a unit: listed; when an instant began, at its threshold, or there to within rounding;
# fires at this instant
REACHED, THERE, SHORT, DUE = np.uint8(1), np.uint8(2), np.uint8(4), np.uint8(8)


@kernel
def foresee(plan, state, unit):
    """When a unit will fire if nothing more arrives."""
    now = state.clock[0]
    if state.crossing[unit] <= now:
        return  # the line that has brought it there no longer counts
    state.crossing[unit] = np.inf
    if len(state) != ENDLESS:
        sound = is_sound(state.total[unit], state.bulk[unit])
        if sound and is_jump(now, plan.rise, state.clock.dtype.type):
            if state.summed[unit] >= state.limits[unit] and state.limits[unit] < np.inf:
                state.crossing[unit] = now
            return
    if state.slope[unit] > 0 and state.limits[unit] < np.inf:
        state.crossing[unit] = state.total[unit] / state.slope[unit]
        if state.crossing[unit] < now:
            state.crossing[unit] = now
        if not state.crossing[unit] <= latest(now, plan.rise):
            state.crossing[unit] = np.inf  # nor is NaN a time


@kernel
def least_of(times, start, size):
    """The least of some times."""
    best = broadcast(times, np.inf)
    for first in range(0, size - LANES + 1, LANES):
        found = load(times, start + first)
        best = where(below(found, best), found, best)
    rest = np.uint64(size % LANES)
    if rest:
        found = load(times, start + size - size % LANES)
        sooner = below(found, best) & ((ONE << rest) - ONE)
        best = where(sooner, found, best)
    return least(best)


@kernel
def first_least(times, start, size):
    """The index of the least of some times, of equal ones the first."""
    best = broadcast(times, least_of(times, start, size))
    for first in range(0, size, LANES):
        found = reached(best, load(times, start + first))
        if found:
            return first + lowest_bit(found)
    return 0


@kernel
def find_soonest(plan, state, layer):
    """Find the first crossing of a layer, of equal ones that of the first neuron."""
    start, size = plan.populations[layer, START], plan.populations[layer, SIZE]
    group = plan.populations[layer, GROUP]
    if group:
        first = group * first_least(state.crossing, start + size, size // group)
        state.soonest[layer] = first + first_least(state.crossing, start + first, group)
    else:
        state.soonest[layer] = first_least(state.crossing, start, size)


@kernel
def note_earliest(plan, state, layer, position):
    """Store the first crossing at a position of a map."""
    start, group = plan.populations[layer, START], plan.populations[layer, GROUP]
    found = least_of(state.crossing, start + position * group, group)
    state.crossing[start + plan.populations[layer, SIZE] + position] = found


@kernel
def foresee_positions(plan, state, layer):
    """Update the crossings at the positions that were listed."""
    start, group = plan.populations[layer, START], plan.populations[layer, GROUP]
    k, listed = 0, state.counters[LISTED]
    while k < listed:
        first, end = state.listed[k], state.listed[k] + 1
        while k + end - first < listed and state.listed[k + end - first] == end:
            end += 1
        foresee_some(plan, state, start + first * group, (end - first) * group)
        for position in range(first, end):
            note_earliest(plan, state, layer, position)
            state.flags[start + position * group] &= ~REACHED
        k += end - first
    state.counters[LISTED] = 0
    find_soonest(plan, state, layer)


@kernel
def foresee_all(plan, state, layer):
    """Update all crossings of a layer."""
    foresee_some(plan, state, plan.populations[layer, START], plan.populations[layer, SIZE])
    find_soonest(plan, state, layer)


@kernel
def foresee_some(plan, state, start, size):
    """Update the crossings of units."""
    slope, total = state.slope[start : start + size], state.total[start : start + size]
    crossing, limits = state.crossing[start : start + size], state.limits[start : start + size]
    now, never = state.clock[0], crossing.dtype.type(np.inf)
    if len(state) == ENDLESS:
        for j in range(size):
            time = crossing.dtype.type(total[j] / slope[j]) if slope[j] > 0 else never
            time = time if (time < np.inf) & (limits[j] < np.inf) else never
            time = now if time < now else time
            crossing[j] = crossing[j] if crossing[j] <= now else time
        return
    last, jump = latest(now, plan.rise), is_jump(now, plan.rise, state.clock.dtype.type)
    summed, bulk = state.summed[start : start + size], state.bulk[start : start + size]
    for j in range(size):
        # the same as `foresee`, written so that the processor can do several at a time
        time = crossing.dtype.type(total[j] / slope[j]) if slope[j] > 0 else never
        jumps = jump & is_sound(total[j], bulk[j])
        time = time if (time <= last) & (limits[j] < np.inf) & (not jumps) else never
        time = now if jumps & (summed[j] >= limits[j]) & (limits[j] < np.inf) else time
        time = now if time < now else time
        crossing[j] = crossing[j] if crossing[j] <= now else time


@kernel
def foresee_listed(plan, state, layer):
    """The same for those neurons that were listed."""
    start, soonest = plan.populations[layer, START], state.soonest[layer]
    before = state.crossing[start + soonest]
    for k in range(state.counters[LISTED]):
        foresee(plan, state, start + state.listed[k])
    best = state.crossing[start + soonest]
    if not best <= before:
        find_soonest(plan, state, layer)
        return
    for k in range(state.counters[LISTED]):
        j = state.listed[k]
        time = state.crossing[start + j]
        if time < best or (time == best and j < soonest):
            soonest, best = j, time
    state.soonest[layer] = soonest


@kernel
def postpone(plan, state, layer, neuron, ahead):
    """Postpone the crossing of a neuron if its line crosses too early; return whether it does."""
    unit = plan.populations[layer, START] + neuron
    before, bulk, number = state.crossing[unit], state.bulk[unit], state.slope.dtype.type
    last = last_in_doubt(plan, state, layer, unit)
    asked = ahead or may_end(plan, state, layer, last)
    asked = asked or not is_solid(state.slope[unit], bulk, number)
    if not (asked and is_sound(state.total[unit], bulk)):
        return False
    state.crossing[unit] = later(plan, state, layer, neuron, last, ahead)
    return state.crossing[unit] > before


@kernel
def wait(plan, state, layer):
    """Postpone crossings until the first of a layer stands; then choose the next layer."""
    start, never = plan.populations[layer, START], state.crossing.dtype.type(np.inf)
    while len(state) != ENDLESS:
        soonest = state.soonest[layer]
        if state.crossing[start + soonest] == never or state.flags[start + soonest] & DUE:
            break
        if not postpone(plan, state, layer, soonest, False):
            break
        if plan.populations[layer, GROUP]:
            note_earliest(plan, state, layer, soonest // plan.populations[layer, GROUP])
        find_soonest(plan, state, layer)
    choose(plan, state)


@kernel
def choose(plan, state):
    """Store the layer with the first crossing, or -1."""
    chosen, best = -1, plan.t_max
    for layer in range(state.soonest.size):
        time = float(state.crossing[plan.populations[layer, START] + state.soonest[layer]])
        if time < best:
            chosen, best = layer, time
    state.counters[LAYER] = chosen


@rare_kernel
def ask(plan, state, layer, neuron):
    """Before an instant changes its line, store whether a neuron is at its threshold."""
    unit, number = plan.populations[layer, START] + neuron, state.bulk.dtype.type
    now = state.clock[0]
    if not (state.limits[unit] < np.inf and is_sound(state.total[unit], state.bulk[unit])):
        return
    fires = state.crossing[unit] == now
    if fires:
        postpone(plan, state, layer, neuron, True)
    gap = state.total[unit] - state.slope[unit] * number(now)
    close = gap <= doubt(now, plan.rise, share(plan, state, layer), number) * state.bulk[unit]
    if state.crossing[unit] == now or (state.crossing[unit] > now and close):
        state.flags[unit] |= THERE if is_there(plan, state, layer, neuron) else SHORT
        state.counters[RESTING] += 1
    elif fires:
        state.counters[RESTING] += 1


@kernel
def ask_some(plan, state, layer, begin, end):
    """The same for the neurons of a layer that no event of the instant has reached."""
    start, number = plan.populations[layer, START], state.bulk.dtype.type
    error = 2 * doubt(state.clock[0], plan.rise, share(plan, state, layer), number)
    errors = broadcast(state.bulk, error)
    time, never = broadcast(state.slope, state.clock[0]), broadcast(state.limits, np.inf)
    for first in range(start + begin, start + end, LANES):
        line = multiply(load(state.slope, first), time)
        gap = subtract(load(state.total, first), line)
        close = below(gap, multiply(load(state.bulk, first), errors))
        close &= below(load(state.limits, first), never)  # not of those that have fired
        while close:
            unit = first + lowest_bit(close)
            if unit < start + end and not state.flags[unit] & REACHED:
                ask(plan, state, layer, unit - start)
            close &= close - ONE


@rare_kernel
def let_fire(plan, state, layer):
    """Of the neurons tested, those at their threshold fire now, and others do not.

    Unless their potential continues to rise: then the line decides.
    """
    start, number = plan.populations[layer, START], state.slope.dtype.type
    error = doubt(state.clock[0], plan.rise, share(plan, state, layer), number)
    for unit in range(start, start + plan.populations[layer, SIZE]):
        if state.flags[unit] & (THERE | SHORT):
            if not goes_on(state.slope[unit], state.bulk[unit], plan.rise, error, number):
                state.crossing[unit] = np.inf
                if state.flags[unit] & THERE:
                    state.crossing[unit] = state.clock[0]
            due = DUE if state.crossing[unit] == state.clock[0] else np.uint8(0)
            state.flags[unit] = state.flags[unit] & ~(THERE | SHORT) | due
    state.counters[RESTING] = 0
