"""Why a neuron fired when it did: the inputs that reached it, and what they did to it.

Nothing is recorded while a simulation runs. What has arrived at one neuron follows from the
spikes so far, and its potential from adding the same weights in the same order.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ttfs.kernels.simulator import (
    DELAYS,
    DENSE,
    FIRST,
    HEAP,
    KIND,
    ROWS,
    SOURCE,
    SYNAPTIC,
    TARGET,
    WIDTH,
    Plan,
    State,
)


class Arrival(NamedTuple):
    """One spike at one neuron. Sorts as the events do."""

    time: float
    neuron: int
    projection: int
    synapse: int
    layer: int
    spiked: float
    weight: float


@dataclass(frozen=True)
class Input:
    """A spike that reached a neuron.

    time: of its arrival; spiked: when it was fired by `neuron` of `layer`; weight: what it
    added; potential: the sum after it.
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
    closest: for a silent neuron, when its potential was largest, all inputs of an instant
        added; for one that fired, `time`. NaN where nothing has arrived.
    given: whether a stimulus made it fire.
    unit: of time. names: of all layers.

    Printed, it is a table of those inputs that have a weight.
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

    def __str__(self) -> str:
        head = f"{self.name} {self.neuron}"
        if self.given:
            return f"{head} fired at {self.time:g} {self.unit}: the stimulus says so"
        inputs = [i for i in self.inputs if i.weight]
        if np.isfinite(self.time):
            verdict = f"fired at {self.time:g} {self.unit}, {self.margin:g} above"
        elif inputs and self.margin >= 0:
            verdict = f"has yet to fire; at {self.closest:g} {self.unit} {self.margin:g} above"
        elif inputs:
            verdict = f"is silent; closest at {self.closest:g} {self.unit}, {-self.margin:g} below"
        else:
            return f"{head} is silent; nothing has reached it"
        lines = [f"{head} {verdict} its threshold {self.threshold:g}"]
        lines.append(f"{'arrives':>10s} {'from':>16s} {'fired at':>10s} {'weight':>10s} potential")
        lines += [
            f"{i.time:10g} {f'{self.names[i.layer]} {i.neuron}':>16s} {i.spiked:10g}"
            f" {i.weight:+10.4g} {i.potential:.6g}"
            for i in inputs
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Trace:
    """The potential of one neuron as the corners of a line.

    times, potential: (corners,) aligned; between two corners the potential is a straight
    line. An instant at which it jumps has two corners. It ends at the spike, or now.
    spike: when the neuron fired, or inf; threshold: what it needed.
    """

    layer: int
    neuron: int
    times: np.ndarray
    potential: np.ndarray
    spike: float
    threshold: float


def arrivals(plan: Plan, state: State, layer: int, neuron: int) -> list[Arrival]:
    """Every spike that has reached a neuron, in order."""
    streams = [
        _along(plan, state, r, neuron)
        for r in range(len(plan.projections))
        if plan.projections[r, TARGET] == layer
    ]
    return list(heapq.merge(*streams))


def _along(plan: Plan, state: State, r: int, neuron: int) -> Iterator[Arrival]:
    """The spikes that reached a neuron along one projection."""
    source, kind = plan.projections[r, SOURCE], plan.projections[r, KIND]
    start = plan.starts[source]
    if kind == SYNAPTIC:
        yield from sorted(_under_way(plan, state, r, neuron))
        return
    delay = plan.delays[plan.projections[r, DELAYS]]
    for sender in state.fired[start : start + state.heads[r]]:
        spiked = state.spikes[start + sender]
        time = arrival_time(plan, r, spiked, delay)
        for synapse in _synapses(plan, r, sender, neuron):
            weight = plan.weights[synapse + (plan.projections[r, FIRST] if kind else 0)]
            yield Arrival(time, sender, r, 0, source, spiked, weight)


def arrival_time(plan: Plan, r: int, spiked: Any, delay: float) -> Any:
    """When a spike arrives along a projection: what the kernel `due` does."""
    kind = spiked.dtype.type
    time = kind(np.float64(spiked) + delay)
    if time == spiked and plan.projections[r, TARGET] <= plan.projections[r, SOURCE]:
        return np.nextafter(spiked, kind(np.inf))
    return time


def _synapses(plan: Plan, r: int, sender: int, neuron: int) -> list[int]:
    """Where the weight from a sender is: in `weights`, or for sparse ones in `indices`."""
    row = plan.projections[r]
    if row[KIND] == DENSE:
        return [row[FIRST] + sender * row[WIDTH] + neuron]
    first, last = plan.pointers[row[ROWS] + sender], plan.pointers[row[ROWS] + sender + 1]
    return [k for k in range(first, last) if plan.indices[k] == neuron]


def _under_way(plan: Plan, state: State, r: int, neuron: int) -> Iterator[Arrival]:
    """The same where each synapse has its own delay: some of a spike may yet have to come."""
    row = plan.projections[r]
    start, size = plan.starts[row[SOURCE]], state.counters[HEAP]
    coming = {int(state.heap[k, 1]): state.heap[k, 3] for k in range(size) if state.heap[k, 2] == r}
    for sender in state.fired[start : start + state.counts[row[SOURCE]]]:
        spiked = state.spikes[start + sender]
        for synapse in _synapses(plan, r, sender, neuron):
            time = arrival_time(plan, r, spiked, plan.delays[synapse + row[DELAYS]])
            if float(time) < plan.t_max and synapse < coming.get(int(sender), np.inf):
                weight = plan.weights[synapse + row[FIRST]]
                yield Arrival(time, sender, r, synapse, row[SOURCE], spiked, weight)


def inputs_of(plan: Plan, state: State, layer: int, neuron: int) -> list[Input]:
    """What reached a neuron until it fired, with the potential after each."""
    spike = state.spikes[plan.starts[layer] + neuron]
    found = [a for a in arrivals(plan, state, layer, neuron) if a.time <= spike]
    potential = np.cumsum(np.array([a.weight for a in found], plan.weights.dtype))
    return [
        Input(
            float(a.time), int(a.layer), int(a.neuron), float(a.spiked), float(a.weight), float(v)
        )
        for a, v in zip(found, potential, strict=True)
    ]


def instants(inputs: list[Input]) -> tuple[np.ndarray, np.ndarray]:
    """The distinct times of arrival, and the potential when all of each were added."""
    times = np.array([i.time for i in inputs])
    potential = np.array([i.potential for i in inputs])
    last = np.append(times[1:] != times[:-1], True)[: len(times)]
    return times[last], potential[last]


def trace_of(
    plan: Plan, state: State, now: float, threshold: float, layer: int, neuron: int
) -> Trace:
    """The corners of a neuron's potential from 0 to its spike, or to now."""
    spike = float(state.spikes[plan.starts[layer] + neuron])
    end = spike if np.isfinite(spike) else now
    when, after = instants(inputs_of(plan, state, layer, neuron))
    before = np.concatenate([[0.0], after])[: len(after)]
    times = np.concatenate([[0.0], np.repeat(when, 2), [end]])
    last = after[-1:] if len(after) else np.zeros(1)
    potential = np.concatenate([[0.0], np.stack([before, after], 1).ravel(), last])
    return Trace(layer, neuron, times, potential, spike, threshold)


def weight_places(plan: Plan, sender: tuple[int, int], neuron: tuple[int, int]) -> list[int]:
    """Where in `plan.weights` the synapses between two (layer, neuron) are."""
    places = []
    for r, row in enumerate(plan.projections):
        if (row[SOURCE], row[TARGET]) == (sender[0], neuron[0]):
            shift = 0 if row[KIND] == DENSE else row[FIRST]
            places += [int(k + shift) for k in _synapses(plan, r, sender[1], neuron[1])]
    return places
