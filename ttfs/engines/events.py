"""Events of a simulator, and the spikes so far."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ttfs.checks import same_content
from ttfs.kernels.circuit import ARRIVAL, END, NOTHING, SOURCE, SPIKE, WINDOW, Plan

KINDS = {ARRIVAL: "arrival", END: "end", SPIKE: "spike", WINDOW: "window"}


@dataclass(frozen=True)
class Event:
    """Something that happens at an instant.

    kind "spike": `neuron` of `layer` fires. kind "arrival": the spike of `neuron` of layer
    `source` reaches `layer`; kind "end": its ramp there ends. kind "window": the window begins
    in which `layer` fires; `neuron` is -1.
    """

    time: float
    kind: str
    layer: int
    neuron: int
    source: int | None = None


def event_of(plan: Plan, found: tuple[int, float, int, int, int]) -> Event | None:
    """An event as found by a kernel; None at the end."""
    kind, time, layer, neuron, projection = found
    if kind == NOTHING:
        return None
    source = int(plan.projections[projection, SOURCE]) if projection >= 0 else None
    return Event(time, KINDS[kind], int(layer), int(neuron), source)


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
