"""Events of a simulator, and the spikes so far."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ttfs.checks import same_content
from ttfs.kernels.circuit import ARRIVAL, END, NOTHING, SOURCE, SPIKE, WINDOW, Plan

KINDS = {ARRIVAL: "arrival", END: "end", SPIKE: "spike", WINDOW: "window"}


@dataclass(frozen=True)
class Event:
    """Something that happens at an instant.

    kind "spike": `neuron` of `layer` fires. kind "arrival": the spike of `neuron` of layer
    `source` reaches `layer`; kind "end": its ramp there ends. kind "window": the window begins
    in which `layer` fires; `neuron` is -1. names: of all layers, with which an event prints.

    >>> print(Event(2.5, "arrival", 1, 3, source=0, names=("input", "output")))
    2.5: input 3 reaches output
    """

    time: float
    kind: str
    layer: int
    neuron: int
    source: int | None = None
    names: tuple[str, ...] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.time:g}: {self.words}"

    @property
    def words(self) -> str:
        """What happens, without the time."""
        layer = self._name(self.layer)
        if self.source is None:
            window = self.kind == "window"
            return f"{layer}: its window begins" if window else f"{layer} {self.neuron} fires"
        verb = "stops rising in" if self.kind == "end" else "reaches"
        return f"{self._name(self.source)} {self.neuron} {verb} {layer}"

    def _name(self, layer: int) -> str:
        return self.names[layer] if self.names else f"layer {layer}"


def event_of(
    plan: Plan, found: tuple[int, float, int, int, int], names: tuple[str, ...] = ()
) -> Event | None:
    """An event as found by a kernel; None at the end."""
    kind, time, layer, neuron, projection = found
    if kind == NOTHING:
        return None
    source = int(plan.projections[projection, SOURCE]) if projection >= 0 else None
    return Event(time, KINDS[kind], int(layer), int(neuron), source, names)


def all_events(simulator: Any) -> Iterator[tuple[int, float, int, int, int, int]]:
    """Let all events happen; yield each in the kernels' format, with its synapse in its row."""
    while True:
        synapse = int(simulator._state.heap[0, 3])
        event = simulator._stepped()
        if event[0] == NOTHING:
            return
        yield (*event, synapse)


@dataclass(frozen=True, eq=False)
class Spikes:
    """Spikes in the order in which they happened, as aligned arrays."""

    times: np.ndarray
    layer: np.ndarray
    neuron: np.ndarray

    __eq__ = same_content
    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self.times)

    @classmethod
    def of(cls, layers: Sequence[np.ndarray]) -> "Spikes":
        """The spikes in the given times of all layers, sorted by time, layer and neuron."""
        who = [np.flatnonzero(np.isfinite(times)) for times in layers]
        when = np.concatenate([times[fired] for times, fired in zip(layers, who, strict=True)])
        layer = np.repeat(np.arange(len(layers)), [len(fired) for fired in who])
        neuron = np.concatenate(who)
        order = np.lexsort((neuron, layer, when))
        return cls(when[order], layer[order], neuron[order])
