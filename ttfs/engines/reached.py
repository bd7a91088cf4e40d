"""What has reached a neuron: the spikes that have arrived, and the ramps that have ended."""

import heapq
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ttfs.engines.arrivals import arrivals_of
from ttfs.engines.plan import heard_from, reached_by
from ttfs.kernels.circuit import (
    APART,
    DELAYS,
    DENSE,
    FIRST,
    KIND,
    MAPPED,
    REACH,
    ROWS,
    SOURCE,
    SYNAPTIC,
    TARGET,
    Plan,
)
from ttfs.kernels.queue import HEAP, KINDS
from ttfs.kernels.reach import POOLS


class Arrival(NamedTuple):
    """The arrival of one spike at one neuron, or the end of its ramp; sorts like the events."""

    time: float
    ends: int
    neuron: int
    projection: int
    synapse: int
    layer: int
    spiked: float
    weight: float


def arrivals(plan: Plan, state: Any, layer: int, neuron: int) -> list[Arrival]:
    """Every spike that has reached a neuron, and every ramp that has ended, in order."""
    streams = [
        _along(plan, state, r, neuron, ends)
        for r in range(len(plan.projections))
        if plan.projections[r, TARGET] == layer
        for ends in range(1 if plan.projections[r, REACH + POOLS] else len(state.heads))
    ]
    return list(heapq.merge(*streams))


def _along(plan: Plan, state: Any, r: int, neuron: int, ends: int) -> Iterator[Arrival]:
    """The spikes that reached a neuron along one projection, or whose ramps have ended there."""
    source, apart = plan.projections[r, SOURCE], plan.projections[r, APART]
    start = plan.starts[source]
    if apart:
        yield from sorted(_under_way(plan, state, r, neuron, ends))
        return
    delay = plan.delays[plan.projections[r, DELAYS]]
    senders = state.fired[start : start + state.heads[ends, r]]
    which, places = heard_from(plan, r, senders, neuron)
    for sender, place in zip(senders[which], places, strict=True):
        spiked = state.spikes[start + sender]
        time = arrival_time(plan, r, spiked, delay, ends)
        yield Arrival(time, ends, sender, r, 0, source, spiked, weight_at(plan, r, place))


def weight_at(plan: Plan, r: int, synapse: int) -> Any:
    """The weight of a synapse as found by `heard_from`; 1 for pooling neurons."""
    row = plan.projections[r]
    if row[REACH + POOLS]:
        return plan.weights.dtype.type(1)
    return plan.weights[synapse + (0 if row[KIND] in (DENSE, MAPPED) else row[FIRST])]


def arrival_time(plan: Plan, r: int, spiked: Any, delay: float, ends: int) -> Any:
    """When a spike arrives along a projection, or its ramp ends, as in the kernel `due`."""
    kind = spiked.dtype.type
    time = arrivals_of(kind(spiked), delay)
    if time == spiked and plan.projections[r, TARGET] <= plan.projections[r, SOURCE]:
        time = np.nextafter(spiked, kind(np.inf))
    return end_of(plan, time) if ends else time


def _under_way(plan: Plan, state: Any, r: int, neuron: int, ends: int) -> Iterator[Arrival]:
    """The same where spikes travel separately, so that some may not have arrived yet."""
    row = plan.projections[r]
    start, coming = plan.starts[row[SOURCE]], _coming(state, r, ends)
    senders = state.fired[start : start + state.counts[row[SOURCE]]]
    which, places = heard_from(plan, r, senders, neuron)
    for sender, place in zip(senders[which], places, strict=True):
        spiked = state.spikes[start + sender]
        synapse, own = (place, place) if row[KIND] == SYNAPTIC else (0, sender)
        time = arrival_time(plan, r, spiked, plan.delays[own + row[DELAYS]], ends)
        if float(time) < plan.t_max and synapse < coming.get(int(sender), np.inf):
            weight = weight_at(plan, r, place)
            yield Arrival(time, ends, sender, r, synapse, row[SOURCE], spiked, weight)


def _coming(state: Any, r: int, ends: int) -> dict[int, int]:
    """The synapse at which each spike along a projection arrives next, or its ramp ends."""
    queue = state.heap[: state.counters[HEAP]]
    queue = queue[(queue[:, 2] == r) & (queue[:, 0] % KINDS == ends)]
    return dict(zip(queue[:, 1].tolist(), queue[:, 3].tolist(), strict=True))


def end_of(plan: Plan, arrival: Any) -> Any:
    """When the ramp of an arriving spike ends."""
    return arrivals_of(arrival, plan.rise)


def rows_under_way(
    plan: Plan, state: Any, r: int
) -> Iterator[tuple[list[Any], np.ndarray, np.ndarray]]:
    """The spikes along a projection that have arrived: when, at which neurons, with what weights.

    Each spike has one time for all neurons that it reaches, or one for each of them. Where there
    is only one delay, spikes whose ramps have ended are left out.
    """
    row, start = plan.projections[r], plan.starts[plan.projections[r, SOURCE]]
    if row[KIND] == SYNAPTIC:
        yield from _synapses_under_way(plan, state, r)
        return
    first, last = (0, state.counts[row[SOURCE]]) if row[APART] else state.heads[::-1, r]
    coming = _coming(state, r, 0) if row[APART] else {}
    for sender in state.fired[start + first : start + last]:
        delay = plan.delays[row[DELAYS] + (sender if row[APART] else 0)]
        arrival = arrival_time(plan, r, state.spikes[start + sender], delay, 0)
        if int(sender) not in coming and float(arrival) < plan.t_max:
            yield [arrival], *reached_by(plan, r, sender)


def _synapses_under_way(
    plan: Plan, state: Any, r: int
) -> Iterator[tuple[list[Any], np.ndarray, np.ndarray]]:
    """The same where each synapse has its own delay."""
    row, start, coming = (
        plan.projections[r],
        plan.starts[plan.projections[r, SOURCE]],
        _coming(state, r, 0),
    )
    for sender in state.fired[start : start + state.counts[row[SOURCE]]]:
        places = np.arange(*plan.pointers[row[ROWS] + sender : row[ROWS] + sender + 2])
        places = places[places < coming.get(int(sender), np.inf)]
        spiked, delays = state.spikes[start + sender], plan.delays[places + row[DELAYS]]
        arrivals = [arrival_time(plan, r, spiked, delay, 0) for delay in delays]
        arrived = np.array([float(a) < plan.t_max for a in arrivals], bool)
        places = places[arrived]
        kept = [a for a, there in zip(arrivals, arrived, strict=True) if there]
        yield kept, plan.indices[places], plan.weights[places + row[FIRST]]


def weight_places(
    plan: Plan, sender: tuple[int, int], neuron: tuple[int, int]
) -> list[tuple[int, int]]:
    """The synapses between two (layer, neuron): their projections and places in `plan.weights`."""
    places = []
    for r, row in enumerate(plan.projections):
        if (row[SOURCE], row[TARGET]) == (sender[0], neuron[0]):
            shift = 0 if row[KIND] in (DENSE, MAPPED) else row[FIRST]
            _, found = heard_from(plan, r, np.array([sender[1]]), neuron[1])
            places += [(r, int(place + shift)) for place in found]
    return places
