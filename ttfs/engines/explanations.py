"""Why a neuron fired when it did: the inputs that reached it, and what they did to it.

Nothing is recorded while a simulation runs. What has arrived at one neuron follows from the
spikes so far, and its potential from adding the same weights in the same order.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ttfs.checks import same_content
from ttfs.engines.plan import pools_at
from ttfs.engines.precision import Precision, written
from ttfs.engines.reached import Arrival, arrivals, end_of, rows_under_way
from ttfs.kernels.circuit import REACH, TARGET, Plan
from ttfs.kernels.reach import POOLS

quiet = np.errstate(over="ignore", invalid="ignore")  # sums overflow as they do in kernels


@dataclass(frozen=True)
class Input:
    """A spike that reached a neuron.

    time: of its arrival; spiked: when it was fired by `neuron` of `layer`; weight: what it
    added, or with ramps will have added at the end of its ramp; potential: that of the neuron
    at its arrival, after it.
    """

    time: float
    layer: int
    neuron: int
    spiked: float
    weight: float
    potential: float


@dataclass(frozen=True)
class Explanation:
    """What brought a neuron to its threshold, or how close it came.

    layer, neuron, name: which neuron. threshold: what it needed.
    time: when it fired; inf if it has not.
    inputs: the spikes that reached it until then, or until now, in order.
    margin: potential minus threshold at the spike; for a silent neuron, at its closest.
    closest: for a silent neuron, when its potential was largest so far, all inputs of an
        instant added; for one that fired, `time`. NaN where nothing has arrived.
    given: whether a stimulus made it fire. pools: whether it fires with its first arrival.
    unit: of time. names: of all layers. shapes: (height, width, channels) of those that are
        maps, None for others. horizon: at which nothing happens any more. precision: of all
        these numbers.

    Printed, it is a table of those inputs that have a weight. Times have the digits that tell
    them from all others, potentials those that rounding leaves.
    """

    layer: int
    neuron: int
    name: str
    threshold: float
    time: float
    inputs: tuple[Input, ...]
    margin: float
    closest: float
    given: bool
    unit: str
    names: tuple[str, ...]
    shapes: tuple[tuple[int, int, int] | None, ...]
    horizon: float
    precision: Precision
    pools: bool = False

    def errors(self) -> np.ndarray:
        """How far rounding may have brought the potential: after each input, then at `closest`."""
        if self.pools:
            return np.zeros(len(self.inputs))
        rows = [(i.time, i.weight, i.potential) for i in self.inputs]
        if rows and self.closest >= rows[-1][0]:
            rows.append((self.closest, 0.0, self.threshold + self.margin))
        return self.precision.errors(*zip(*rows, strict=True)) if rows else np.zeros(0)

    def __str__(self) -> str:
        head = self._neuron(self.layer, self.neuron)
        if self.given:
            return f"{head} fired at {self._clock(self.time)}: the stimulus says so"
        inputs = [i for i in self.inputs if i.weight]
        if not (inputs or np.isfinite(self.time)):
            return f"{head} has not fired; nothing has reached it"
        senders = [self._neuron(i.layer, i.neuron) for i in inputs]
        wide = max([16, *map(len, senders)])
        lines = [f"{head} {self._verdict()}"]
        lines.append(
            f"{'arrives':>10s} {'from':>{wide}s} {'fired at':>10s} {'weight':>10s} potential"
        )
        errors = [e for i, e in zip(self.inputs, self.errors(), strict=False) if i.weight]
        lines += [
            f"{self.precision.time(i.time):>10s} {sender:>{wide}s}"
            f" {self.precision.time(i.spiked):>10s} {i.weight:+10.4g} {written(i.potential, error)}"
            for i, sender, error in zip(inputs, senders, errors, strict=True)
        ]
        return "\n".join(lines)

    def _neuron(self, layer: int, neuron: int) -> str:
        """A neuron's name: that of its layer, its number and, in a map, its place."""
        name, shape = f"{self.names[layer]} {neuron}", self.shapes[layer]
        if shape is None or shape[:2] == (1, 1):
            return name
        return f"{name} {tuple(map(int, np.unravel_index(neuron, shape)))}"

    def _clock(self, time: float) -> str:
        """A time with its unit."""
        return f"{self.precision.time(time)} {self.unit}"

    def _verdict(self) -> str:
        """When it fired or came closest, and how far from its threshold the potential was."""
        error = self.errors().max(initial=0.0)
        gap, line = written(abs(self.margin), error), f"its threshold {self.threshold:g}"
        if self.pools and np.isfinite(self.time):
            return f"fired at {self._clock(self.time)}, with its first arrival"
        if np.isfinite(self.time):
            return f"fired at {self._clock(self.time)}, {gap} above {line}"
        if self.margin >= 0 and self.closest >= self.horizon:
            return f"has not fired; it would reach {line} at the horizon"
        if self.margin >= 0:
            return f"has yet to fire; at {self._clock(self.closest)} {gap} above {line}"
        near = gap == "0"
        gap, why = (f"{-self.margin:.1g}", ", which is within rounding") if near else (gap, "")
        return f"has not fired; closest at {self._clock(self.closest)}, {gap} below {line}{why}"


@dataclass(frozen=True, eq=False)
class Trace:
    """The potential of one neuron as the corners of a line.

    times, potential: (corners,) aligned; between two corners the potential is a straight
    line. An instant at which it jumps has two corners; with ramps, one at which something
    arrives or ends has one. It ends at the spike, or now.
    spike: when the neuron fired, or inf; threshold: what it needed. unit: of time.
    """

    layer: int
    neuron: int
    times: np.ndarray
    potential: np.ndarray
    spike: float
    threshold: float
    unit: str = "step"

    __eq__ = same_content
    __hash__ = None  # type: ignore[assignment]


class Course(NamedTuple):
    """What reached a neuron until it fired, in order, and its potential after each."""

    arrivals: list[Arrival]
    potential: np.ndarray

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
        """The distinct times of arrivals and ends, and the potential when all of each happened."""
        times = np.array([float(a.time) for a in self.arrivals])
        last = np.append(times[1:] != times[:-1], True)[: len(times)]
        return times[last], self.potential[last].astype(float)

    def corners(self, jumps: bool, end: float, last: float) -> tuple[np.ndarray, np.ndarray]:
        """Times and potentials between which the potential is a straight line, to its end."""
        when, after = self.instants()
        if jumps:
            before = np.concatenate([[0.0], after])[: len(after)]
            when, after = np.repeat(when, 2), np.stack([before, after], 1).ravel()
        return np.concatenate([[0.0], when, [end]]), np.concatenate([[0.0], after, [last]])


@quiet
def course_of(plan: Plan, state: Any, threshold: Any, layer: int, neuron: int) -> Course:
    """The Course of a neuron; its threshold is that of sums of weights."""
    spike = state.spikes[plan.starts[layer] + neuron]
    found = [a for a in arrivals(plan, state, layer, neuron) if a.time <= spike]
    if pools_at(plan, layer):
        return Course(found, np.full(len(found), finite(threshold)))
    weights = np.array([-a.weight if a.ends else a.weight for a in found], plan.weights.dtype)
    slope = np.cumsum(weights)
    if not plan.rise:
        return Course(found, slope)
    times = np.array([a.time for a in found], weights.dtype)
    if np.isinf(plan.rise):
        total = np.cumsum(np.append(finite(threshold), weights * times))[1:]
        return Course(found, line(threshold, slope, total, times))
    arrived = np.array([not a.ends for a in found], bool)
    summed = np.cumsum(np.where(arrived, weights, weights.dtype.type(0)))
    return Course(found, summed_less_left(plan, found, arrived, summed))


@quiet
def summed_less_left(
    plan: Plan, found: list[Arrival], arrived: np.ndarray, summed: np.ndarray
) -> np.ndarray:
    """The potential after each event: what has arrived, less what has yet to rise."""
    times = np.array([float(a.time) for a in found])
    ends = np.array([float(end_of(plan, a.time)) for a in found])
    weights = np.where(arrived, [float(a.weight) for a in found], 0.0)
    left = []
    for k, now in enumerate(times):
        rising = np.flatnonzero(ends[: k + 1] > now)
        left.append(added_up(weights[rising] * (1 - (now - times[rising]) / plan.rise)))
    return (summed.astype(float) - np.array(left)).astype(summed.dtype)


def added_up(terms: Sequence[float] | np.ndarray) -> float:
    """Their sum, rounded once; if it overflows, as it does step by step."""
    try:
        return math.fsum(terms)
    except (OverflowError, ValueError):
        return sum(terms)


@quiet
def potentials(plan: Plan, state: Any, thresholds: np.ndarray, units: slice, now: float) -> Any:
    """Of some units of a layer now; of those that fired, at their spike."""
    if not plan.rise:
        levels = state.potential[units]
    elif np.isinf(plan.rise):
        time = plan.weights.dtype.type(now)
        levels = line(thresholds[units], state.slope[units], state.total[units], time)
    else:
        left = left_to_rise(plan, state, int(plan.owners[units.start]), now)
        levels = (state.summed[units].astype(float) - left).astype(state.summed.dtype)
    return np.where(np.isfinite(state.spikes[units]), state.at_spike[units], levels)


@quiet
def left_to_rise(plan: Plan, state: Any, layer: int, now: float) -> np.ndarray:
    """(neurons,) what ramps that still rise have yet to add to each neuron of a layer."""
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
    """Points of straight lines, as `kernels.simulator_ramp.level` has them."""
    return slope * time - (total - finite(threshold))


def finite(threshold: Any) -> Any:
    """A threshold as it is in `total`: an endless one is not."""
    return np.where(np.isfinite(threshold), threshold, threshold.dtype.type(0))
