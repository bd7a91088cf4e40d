"""What reached a neuron until it fired, and the course of its potential, which follows from it.

Nothing is recorded while a simulation runs. What has arrived at a neuron follows from the
spikes so far, and its potential from adding the same weights in the same order.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ttfs.engines.explanations import Explanation, Input
from ttfs.engines.plan import pools_at
from ttfs.engines.reached import Arrival, arrivals, end_of, rows_under_way
from ttfs.kernels import simulator_window
from ttfs.kernels.circuit import REACH, TARGET, Plan
from ttfs.kernels.reach import POOLS

quiet = np.errstate(over="ignore", invalid="ignore")  # sums overflow silently, as in kernels


class Course(NamedTuple):
    """What reached a neuron until it fired, in order, and its potential after each arrival.

    bias: the initial potential, which is 0 with ramps. stands: when the potential stops changing,
    and its value from then on; None if it does not.
    """

    arrivals: list[Arrival]
    potential: np.ndarray
    bias: float = 0.0
    stands: tuple[float, float] | None = None

    def inputs(self) -> list[Input]:
        """The arrivals of spikes."""
        return [
            Input(
                time=float(a.time),
                layer=int(a.layer),
                neuron=int(a.neuron),
                spiked=float(a.spiked),
                weight=float(a.weight),
                potential=float(after),
            )
            for a, after in zip(self.arrivals, self.potential, strict=True)
            if not a.ends
        ]

    def instants(self) -> tuple[np.ndarray, np.ndarray]:
        """The distinct times of arrivals and ends, and the potential after everything at each."""
        times = np.array([float(a.time) for a in self.arrivals])
        last = np.append(times[1:] != times[:-1], True)[: len(times)]
        return times[last], self.potential[last].astype(float)

    def corners(self, jumps: bool, end: float, last: float) -> tuple[np.ndarray, np.ndarray]:
        """Times and potentials of the corners of the potential's straight lines, up to its end."""
        when, after = self.instants()
        if jumps:
            before = np.concatenate([[self.bias], after])[: len(after)]
            when, after = np.repeat(when, 2), np.stack([before, after], 1).ravel()
        if self.stands is not None and self.stands[0] < end:
            when, after = np.append(when, self.stands[0]), np.append(after, self.stands[1])
        return np.concatenate([[0.0], when, [end]]), np.concatenate([[self.bias], after, [last]])


@quiet
def course_of(plan: Plan, state: Any, threshold: Any, bias: Any, layer: int, neuron: int) -> Course:
    """The Course of a neuron; its threshold and bias are in the unit of sums of weights."""
    spike = state.spikes[plan.starts[layer] + neuron]
    found = [a for a in arrivals(plan, state, layer, neuron) if a.time <= spike]
    if pools_at(plan, layer):
        return Course(found, np.full(len(found), finite(threshold)))
    weights = np.array([-a.weight if a.ends else a.weight for a in found], plan.weights.dtype)
    if isinstance(state, simulator_window.State):
        return window_course(plan, state, found, weights, layer, bias)
    slope = np.cumsum(np.append(bias, weights))[1:]
    if not plan.rise:
        return Course(found, slope, float(bias))
    times = np.array([a.time for a in found], weights.dtype)
    if np.isinf(plan.rise):
        total = np.cumsum(np.append(finite(threshold), weights * times))[1:]
        return Course(found, line(threshold, slope, total, times))
    arrived = np.array([not a.ends for a in found], bool)
    summed = np.cumsum(np.where(arrived, weights, weights.dtype.type(0)))
    return Course(found, summed_less_left(plan, found, arrived, summed))


def window_course(
    plan: Plan, state: Any, found: list[Arrival], weights: np.ndarray, layer: int, bias: Any
) -> Course:
    """The same with `Windows`, where the potential is constant once the neuron's window begins."""
    number, end, length = weights.dtype.type, state.schedule[0, layer], state.code[0]
    left = np.array([max(0.0, (end - float(a.time)) / length) for a in found])
    values = left.astype(weights.dtype)
    total = np.cumsum(np.append(bias, weights * values))
    potential = total[1:] - np.cumsum(weights) * values
    return Course(found, potential, float(bias), (float(end), float(number(total[-1]))))


@quiet
def summed_less_left(
    plan: Plan, found: list[Arrival], arrived: np.ndarray, summed: np.ndarray
) -> np.ndarray:
    """The potential after each event: weights that have arrived less what has yet to rise."""
    times = np.array([float(a.time) for a in found])
    ends = np.array([float(end_of(plan, a.time)) for a in found])
    weights = np.where(arrived, [float(a.weight) for a in found], 0.0)
    left = []
    for k, now in enumerate(times):
        rising = np.flatnonzero(ends[: k + 1] > now)
        left.append(added_up(weights[rising] * (1 - (now - times[rising]) / plan.rise)))
    return (summed.astype(float) - np.array(left)).astype(summed.dtype)


def added_up(terms: Sequence[float] | np.ndarray) -> float:
    """Their sum, rounded once; if it overflows, the sum with rounding at each step."""
    try:
        return math.fsum(terms)
    except (OverflowError, ValueError):
        return sum(terms)


@quiet
def potentials(plan: Plan, state: Any, thresholds: np.ndarray, units: slice, now: float) -> Any:
    """The potentials of some units of a layer now; for those that fired, at their spike."""
    if isinstance(state, simulator_window.State):
        levels = window_levels(plan, state, units, now)
    elif not plan.rise:
        levels = state.potential[units]
    elif np.isinf(plan.rise):
        time = plan.weights.dtype.type(now)
        levels = line(thresholds[units], state.slope[units], state.total[units], time)
    else:
        left = left_to_rise(plan, state, int(plan.owners[units.start]), now)
        levels = (state.summed[units].astype(float) - left).astype(state.summed.dtype)
    return np.where(np.isfinite(state.spikes[units]), state.at_spike[units], levels)


def window_levels(plan: Plan, state: Any, units: slice, now: float) -> np.ndarray:
    """The potentials of a layer, before or after the beginning of its window."""
    left = max(0.0, state.schedule[0, plan.owners[units.start]] - now) / state.code[0]
    if left == 0 or not np.isfinite(left):
        return state.potential[units].copy()
    slope = state.slope[units]
    return state.potential[units] - slope * slope.dtype.type(left)


@quiet
def left_to_rise(plan: Plan, state: Any, layer: int, now: float) -> np.ndarray:
    """(neurons,) what ramps that are still rising have yet to add to each neuron of a layer."""
    terms: list[list[float]] = [[] for _ in range(plan.sizes[layer])]
    heard = (plan.projections[:, TARGET] == layer) & (plan.projections[:, REACH + POOLS] == 0)
    for r in np.flatnonzero(heard):
        for when, targets, weights in rows_under_way(plan, state, int(r)):
            ends = np.array([float(end_of(plan, arrival)) for arrival in when])
            still = 1 - (now - np.array(when, float)) / plan.rise
            found = np.where(ends > now, weights.astype(float) * still, 0.0)
            for neuron, term in zip(targets.tolist(), found.tolist(), strict=True):
                terms[neuron].append(term)
    return np.array([added_up(found) for found in terms])


@quiet
def line(threshold: Any, slope: Any, total: Any, time: Any) -> Any:
    """Points of straight lines, computed as in `kernels.simulator_ramp.level`."""
    return slope * time - (total - finite(threshold))


def finite(threshold: Any) -> Any:
    """A threshold as included in `total`: an infinite one counts as 0."""
    return np.where(np.isfinite(threshold), threshold, threshold.dtype.type(0))


def explained(
    course: Course,
    potential: float,
    *,
    rising: bool,
    stimulated: float,
    ended: bool,
    **told: Any,
) -> Explanation:
    """The Explanation of a neuron from what reached it and its potential now or at its spike.

    rising: whether potentials change between events. stimulated: when the stimulus makes it fire.
    ended: whether nothing more happens. told: the fields that do not depend on its inputs.
    """
    inputs, (when, after) = course.inputs(), course.instants()
    threshold, time, now, window = (told[name] for name in ("threshold", "time", "now", "window"))
    fired = bool(np.isfinite(time))
    if window is not None:
        now = told["now"] = max(now, window[1]) if ended else now
        found = Explanation(**told, inputs=tuple(inputs), margin=0.0, closest=0.0, given=False)
        closest = time if fired else min(now, window[1])
        margin = potential - found.limit(closest)
        given = fired and time == stimulated
        return replace(found, margin=margin, closest=closest, given=given)
    if course.bias:
        when, after = np.append(0.0, when), np.append(course.bias, after)
    if rising and (inputs or told["precision"].drift):
        when, after = np.append(when, now), np.append(after, potential)
    best = int(np.argmax(after)) if len(after) else -1
    at = potential if fired else float(after[best]) if len(after) else 0.0
    return Explanation(
        **told,
        inputs=tuple(inputs),
        margin=at - threshold,
        closest=time if fired else float(when[best]) if len(after) else float("nan"),
        given=fired and time == stimulated and at < threshold,
    )
