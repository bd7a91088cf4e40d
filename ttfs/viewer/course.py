"""The whole run of a stimulus, as data for its page."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ttfs.engines.events import all_events
from ttfs.engines.plan import pools_at, reached_by
from ttfs.engines.simulator import Simulator
from ttfs.errors import InputError
from ttfs.kernels.circuit import (
    ARRIVAL,
    DENSE,
    END,
    KIND,
    MAPPED,
    REACH,
    SOURCE,
    SPIKE,
    STIMULATED,
    TARGET,
    WINDOW,
    Plan,
)
from ttfs.network.psp import Windows
from ttfs.viewer.packing import packed, packed_weights, small
from ttfs.viewer.synapses import runnable

MOST = 25_000_000
"""Weights that one page may hold; beyond that, browsers become slow."""


@dataclass(frozen=True)
class Course:
    """Every event of a run as aligned arrays, and the state at the end.

    projection: the one along which an arrival, or the end of a ramp, came; below 0 for a spike.
    synapse: the first of those that it reached, where each has its own delay.
    """

    kind: np.ndarray
    time: np.ndarray
    layer: np.ndarray
    neuron: np.ndarray
    projection: np.ndarray
    synapse: np.ndarray
    end: Any

    def began(self) -> np.ndarray:
        """(events,) for the end of a ramp, the arrival with which it began; -1 for all others."""
        found, arrived = np.full(len(self.kind), -1, np.int32), {}
        columns = (self.kind, self.projection, self.neuron, self.synapse)
        for event, (kind, *spike) in enumerate(zip(*map(np.ndarray.tolist, columns), strict=True)):
            if kind == ARRIVAL:
                arrived[tuple(spike)] = event
            elif kind == END:
                found[event] = arrived[tuple(spike)]
        return found


def follow(simulator: Simulator) -> Course:
    """Run a second simulator of the same stimulus from the beginning to the end."""
    now = simulator.snapshot()
    silence = np.full(simulator.plan.sizes[0], np.inf, now.state.spikes.dtype)
    twin = Simulator(simulator.circuit, silence)
    twin.restore(now)
    twin.reset()
    events = [event for event in all_events(twin) if event[0] != WINDOW]  # `windows_of` has these
    columns = list(zip(*events, strict=True)) if events else [()] * 6
    return Course(
        kind=np.array(columns[0], np.uint8),
        time=np.array(columns[1], np.float64),
        layer=np.array(columns[2], np.int32),
        neuron=np.array(columns[3], np.int32),
        projection=np.array(columns[4], np.int32),
        synapse=np.array(columns[5], np.int64),
        end=twin.snapshot().state,
    )


def course_of(simulator: Simulator, what_if: bool | None) -> dict[str, Any]:
    """What a page shows: the synapses of a stimulus, which it runs itself, or a run as it was."""
    plan, found = simulator.plan, runnable(simulator, what_if, MOST)
    maps, shapes = maps_of(plan), shapes_of(simulator)
    layers = [
        {"name": simulator.circuit.names[layer], "size": int(plan.sizes[layer])}
        | {"shape": shapes[layer], "pools": bool(pools_at(plan, layer))}
        | (_shared(simulator, maps[layer]) if layer in maps else _own(simulator, layer))
        for layer in range(len(plan.sizes))
    ]
    return {
        "single": plan.weights.dtype == np.float32,
        "singleTimes": simulator.times(0).dtype == np.float32,
        "rise": plan.rise,
        "windows": windows_of(simulator),
        "layers": layers,
        "circuit": None if isinstance(found, str) else found,
        "whyNot": found if isinstance(found, str) else None,
        "record": _record(simulator, maps) if isinstance(found, str) else None,
    }


def _record(simulator: Simulator, maps: dict[int, int]) -> dict[str, Any]:
    """Every event of a run, and the weights that were added in it."""
    plan, course = simulator.plan, follow(simulator)
    sources = plan.projections[:, SOURCE] if len(plan.projections) else np.zeros(1, int)
    source = np.where(course.kind != SPIKE, sources[np.maximum(course.projection, 0)], -1)
    check_size(plan, course)
    return {
        "time": packed(small(course.time)),
        "spike": packed((course.kind == SPIKE).astype(np.uint8)),
        "given": packed((course.projection == STIMULATED).astype(np.uint8)),
        "layer": packed(small(course.layer)),
        "neuron": packed(small(course.neuron)),
        "source": packed(small(source)),
        "began": packed(course.began()) if (course.kind == END).any() else None,
        "layers": [
            _weights(simulator, maps[layer])
            if layer in maps
            else _added_to(simulator, course, layer)
            for layer in range(len(plan.sizes))
        ],
    }


def windows_of(simulator: Simulator) -> dict[str, Any] | None:
    """When layers fire and how long a window is, or None for a circuit without windows.

    heard: the time until which each layer receives spikes; None if it pools or receives none.
    """
    circuit, psp = simulator.circuit, simulator.circuit.psp
    if circuit.windows is None or not isinstance(psp, Windows):
        return None
    layers = range(len(circuit.names))
    fall = [circuit.falls(layer) for layer in layers]
    return {
        "length": psp.length,
        "fires": circuit.windows.T.tolist(),
        "heard": [None if one is None else one[0] for one in fall],
        "biases": [packed(circuit.biases[circuit.units[layer]]) for layer in layers],
    }


def maps_of(plan: Plan) -> dict[int, int]:
    """The projection of each layer that has only one, provided that its weights are shared."""
    targets = plan.projections[:, TARGET].tolist() if len(plan.projections) else []
    return {
        target: r
        for r, target in enumerate(targets)
        if plan.projections[r, KIND] == MAPPED and targets.count(target) == 1
    }


def shapes_of(simulator: Simulator) -> list[tuple[int, int, int] | None]:
    """(height, width, channels) of each layer that is a map, or None if it has only one place."""
    shapes = simulator.circuit.shapes
    return [None if shape is None or shape[:2] == (1, 1) else shape for shape in shapes]


def check_size(plan: Plan, course: Course) -> None:
    """Refuse a run whose page would be too large for browsers."""
    along = course.projection[course.kind == ARRIVAL]
    targets = plan.sizes[plan.projections[along, TARGET]]
    dense = plan.projections[along, KIND] == DENSE
    weights = int(targets[dense].sum())
    if weights > MOST:
        raise InputError(
            f"page can hold {MOST} weights, but {weights} were added for this stimulus"
        )


def _own(simulator: Simulator, layer: int) -> dict[str, Any]:
    """The thresholds of a layer."""
    return {"thresholds": packed(simulator.circuit.thresholds[simulator.circuit.units[layer]])}


def _added_to(simulator: Simulator, course: Course, layer: int) -> dict[str, Any]:
    """The weights that the neurons of a layer added until they fired.

    Weights are ordered by neuron, and for each neuron by arrival. `which` holds the index of the
    arrival of each weight among those at the layer. It is null for dense weights: there, each
    neuron receives all arrivals one after the other.
    """
    plan = simulator.plan
    units = simulator.circuit.units[layer]
    reached = np.flatnonzero((course.kind == ARRIVAL) & (course.layer == layer))
    which, target, weight = _added(plan, course, reached)
    keep = course.time[reached][which] <= course.end.spikes[units][target]
    which, target, weight = which[keep], target[keep], weight[keep]
    order = np.argsort(target, kind="stable")
    dense = (plan.projections[course.projection[reached], KIND] == DENSE).all()
    return {
        "counts": packed(np.bincount(target, minlength=plan.sizes[layer]).astype(np.int32)),
        "which": None if dense else packed(which[order].astype(np.int32)),
        "weights": packed_weights(weight[order]),
    }


def _added(
    plan: Plan, course: Course, reached: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(additions,) the arrival, the target neuron and the weight of each, ordered by arrival."""
    found = [
        reached_by(plan, course.projection[event], course.neuron[event], course.synapse[event])
        for event in reached
    ]
    counts = [len(target) for target, _ in found]
    none = np.empty(0, plan.weights.dtype)
    return (
        np.repeat(np.arange(len(found)), counts),
        np.concatenate([np.empty(0, np.int64), *(target for target, _ in found)]),
        np.concatenate([none, *(weight for _, weight in found)]),
    )


def _shared(simulator: Simulator, r: int) -> dict[str, Any]:
    """Thresholds of a map's channels, and the reach of its inputs."""
    plan, projection = simulator.plan, simulator.circuit.projections[r]
    row = plan.projections[r]
    units, columns = simulator.circuit.units[row[TARGET]], projection.layer.columns
    return {
        "thresholds": packed(simulator.circuit.thresholds[units][:columns]),
        "reach": row[REACH:].tolist(),
        "below": int(row[SOURCE]),
    }


def _weights(simulator: Simulator, r: int) -> dict[str, Any]:
    """The weights that all positions of a map share."""
    weights = np.asarray(simulator.circuit.projections[r].weights, simulator.plan.weights.dtype)
    return {"weights": packed_weights(weights.ravel())}
