"""What a change would have made different: the question and its answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ttfs.checks import check_times, number, positive, short
from ttfs.engines.changes import with_delays, with_thresholds, with_weights
from ttfs.engines.circuit import Circuit
from ttfs.engines.plan import convert
from ttfs.errors import InputError


@dataclass(frozen=True)
class Change:
    """A spike that would have come at another time; inf is silence."""

    layer: int
    neuron: int
    before: float
    after: float


@dataclass(frozen=True)
class Difference:
    """What a change would have done to the spikes, by layer and neuron.

    moved: spikes at another time. vanished: spikes that are gone. appeared: new spikes.
    simulator: the changed `Simulator`, at its end, for further questions.
    """

    moved: tuple[Change, ...]
    vanished: tuple[Change, ...]
    appeared: tuple[Change, ...]
    simulator: Any

    @classmethod
    def between(cls, before: Any, after: Any) -> "Difference":
        """Compare two simulators of one circuit."""
        changes = [
            Change(layer, int(j), float(old[j]), float(new[j]))
            for layer in range(len(before.plan.sizes))
            for old, new in [(before.times(layer), after.times(layer))]
            for j in np.flatnonzero(old != new)
        ]
        vanished = tuple(c for c in changes if np.isinf(c.after))
        appeared = tuple(c for c in changes if np.isinf(c.before))
        moved = tuple(c for c in changes if np.isfinite(c.before) and np.isfinite(c.after))
        return cls(moved, vanished, appeared, after)

    def __str__(self) -> str:
        names = self.simulator.circuit.names
        kinds = (
            (self.moved, "{0.before:g} -> {0.after:g}"),
            (self.vanished, "at {0.before:g} vanishes"),
            (self.appeared, "appears at {0.after:g}"),
        )
        lines = [
            f"{names[c.layer]} {c.neuron}: {what.format(c)}"
            for changes, what in kinds
            for c in changes
        ]
        return "\n".join(lines) or "nothing changes"


def changed(
    circuit: Circuit, stimulus: np.ndarray, times: Any, weights: Any, thresholds: Any, delays: Any
) -> tuple[Circuit, np.ndarray]:
    """A circuit and a stimulus (units,) with the changes requested of `what_if`."""
    other = {}
    wanted = "what_if(thresholds=...) takes {(layer, neuron): threshold}"
    for (neuron,), value in by_neuron(circuit, thresholds, 2, wanted).items():
        whose = f"threshold of {title(circuit, neuron)}"
        other[neuron] = positive(number(value, whose), whose)
    wanted = "what_if(weights=...) takes {(layer, neuron, layer, neuron): weight}"
    synapses = by_neuron(circuit, weights, 4, wanted)
    after = stimulus.copy()
    wanted = "what_if(times=...) takes {(layer, neuron): time}"
    for (neuron,), value in by_neuron(circuit, times, 2, wanted).items():
        whose = f"time of {title(circuit, neuron)}"
        time = np.array([number(value, whose, "a time")])
        check_times(time, whose)
        unit = circuit.units[neuron[0]].start + neuron[1]
        convert(time, after[unit : unit + 1], whose)
        if np.isinf(stimulus[unit]):
            other[neuron] = np.inf
    made = with_weights(with_delays(circuit, *delays_of(circuit, delays)), synapses)
    return with_thresholds(made, other), after


def delays_of(circuit: Circuit, delays: Any) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """The requested delays of projections, keyed by two layers, and of synapses, by two neurons."""
    wanted = "what_if(delays=...) wants {(layer, layer): delay} or those of synapses,"
    wanted += " {(layer, neuron, layer, neuron): delay}"
    layers: dict[Any, Any] = {}
    if not isinstance(delays, Mapping):
        return layers, by_neuron(circuit, delays, 4, wanted)
    pairs = [key for key in delays if isinstance(key, tuple) and len(key) == 2]
    for key in pairs:
        ends = circuit.layer(key[0]), circuit.layer(key[1])
        if ends in layers:
            title = " -> ".join(circuit.names[layer] for layer in ends)
            raise InputError(f"{wanted}, got {title} twice, by name and by index")
        layers[ends] = delays[key]
    others = {key: delay for key, delay in delays.items() if key not in pairs}
    return layers, by_neuron(circuit, others, 4, wanted)


def by_neuron(circuit: Circuit, changes: Any, parts: int, wanted: str) -> dict[Any, Any]:
    """The requested changes, keyed by one neuron or two, each as (layer, neuron) indices."""
    found: dict[Any, Any] = {}
    if changes is None:
        return found
    if not isinstance(changes, Mapping):
        raise InputError(f"{wanted}, got {short(changes)}")
    for key, value in changes.items():
        if not isinstance(key, tuple) or len(key) != parts:
            raise InputError(f"{wanted}, got the key {short(key)}")
        neurons = tuple(circuit.neuron(*key[k : k + 2]) for k in range(0, parts, 2))
        if neurons in found:
            who = " -> ".join(title(circuit, neuron) for neuron in neurons)
            raise InputError(f"{wanted}, got {who} twice, by name and by index")
        found[neurons] = value
    return found


def title(circuit: Circuit, neuron: tuple[int, int]) -> str:
    """The name of a neuron."""
    return f"{circuit.names[neuron[0]]} {neuron[1]}"
