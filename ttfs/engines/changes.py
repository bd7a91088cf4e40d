"""Circuits with other thresholds, weights or delays."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ttfs.checks import convert, number
from ttfs.engines.circuit import Circuit, settings_of
from ttfs.engines.plan import on_plan, pools_at
from ttfs.engines.populations import with_delay, with_one_delay
from ttfs.engines.reached import weight_places
from ttfs.errors import InputError
from ttfs.kernels.circuit import MAPPED

Neuron = tuple[int, int]  # (layer, index)
Ends = tuple[Neuron, Neuron]  # of a synapse


def with_thresholds(circuit: Circuit, thresholds: Mapping[Neuron, float]) -> Circuit:
    """A circuit with other thresholds of some neurons, and with the same weights."""
    populations = list(circuit.populations)
    for (layer, index), value in thresholds.items():
        population = populations[layer]
        given = np.array(np.broadcast_to(population.threshold, population.size), float)
        given[index] = value
        populations[layer] = replace(population, threshold=given)
    return Circuit._on(circuit.plan, populations, circuit.projections, circuit)


def with_weights(circuit: Circuit, weights: Mapping[Ends, Any]) -> Circuit:
    """A circuit with other weights of some synapses.

    A weight that all positions of a map share changes for all of them.
    """
    if not weights:
        return circuit
    plan = circuit.plan._replace(weights=circuit.plan.weights.copy())
    changed: dict[int, str] = {}
    for ends, value in weights.items():
        title = title_of(circuit, ends)
        _, place = synapse_at(circuit, ends, title)
        weight = number(value, f"{title}: weight")
        if not np.isfinite(weight):
            raise InputError(f"{title}: a weight must be finite, got {weight}")
        if changed.setdefault(place, title) != title:
            raise InputError(f"{title}: its weight is also that of {changed[place]}")
        convert(np.array([weight]), plan.weights[place : place + 1], f"{title}: weight")
    return Circuit._on(plan, circuit.populations, on_plan(circuit.projections, plan), circuit)


def with_delays(
    circuit: Circuit, layers: Mapping[tuple[int, int], Any], synapses: Mapping[Ends, Any]
) -> Circuit:
    """A circuit with other delays of some projections, by their layers, and of some synapses."""
    if not layers and not synapses:
        return circuit
    projections = list(circuit.projections)
    for (source, target), value in layers.items():
        names = circuit.names[source], circuit.names[target]
        title = " -> ".join(names)
        found = [r for r, p in enumerate(projections) if (p.source, p.target) == names]
        if len(found) != 1:
            raise InputError(f"{title}: there are {len(found)} projections, not one")
        delay = number(value, f"{title}: delay")
        projections[found[0]] = with_one_delay(projections[found[0]], delay)
    for ends, value in synapses.items():
        title = title_of(circuit, ends)
        r, _ = synapse_at(circuit, ends, title)
        one = projections[r]
        if one.kind == MAPPED:
            raise InputError(
                f"{title}: synapses of a map have no delays of their own; that of all is"
                f" changed by {{({one.source!r}, {one.target!r}): delay}}"
            )
        delay = number(value, f"{title}: delay")
        projections[r] = with_delay(one, ends[0][1], ends[1][1], delay)
    made = Circuit(circuit.populations, projections, **settings_of(circuit))
    made.decides = circuit.decides
    return made


def synapse_at(circuit: Circuit, ends: Ends, title: str) -> tuple[int, int]:
    """The projection of the only synapse between two neurons, and the place of its weight."""
    if pools_at(circuit.plan, ends[1][0]):
        raise InputError(f"{title}: what fires with the first spike has no weights")
    places = weight_places(circuit.plan, *ends)
    if len(places) != 1:
        raise InputError(f"{title}: there are {len(places)} synapses, not one")
    return places[0]


def title_of(circuit: Circuit, ends: Ends) -> str:
    """The name of a synapse: from where it leads to where."""
    return " -> ".join(f"{circuit.names[layer]} {index}" for layer, index in ends)
