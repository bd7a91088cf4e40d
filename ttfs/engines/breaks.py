"""Where a run is to stop: the requests made with `Simulator.break_on`."""

from typing import Any

import numpy as np

from ttfs.checks import number
from ttfs.engines.circuit import Circuit
from ttfs.errors import InputError
from ttfs.kernels.circuit import Breaks


class Stops:
    """Spikes, potentials and times at which a run stops.

    watched: spikes and potentials in the form that kernels take, or None. times: sorted, unique.
    """

    def __init__(self, watched: Breaks | None = None, times: tuple[float, ...] = ()):
        self.watched, self.times = watched, times

    def copy(self) -> "Stops":
        """An independent copy."""
        watched = self.watched and Breaks(*(array.copy() for array in self.watched))
        return Stops(watched, self.times)

    @property
    def next(self) -> float:
        """The earliest of the times, or inf."""
        return self.times[0] if self.times else np.inf

    def pass_by(self, time: float) -> bool:
        """Remove all times up to the given one; return whether there were any."""
        before, self.times = self.times, tuple(t for t in self.times if t > time)
        return len(self.times) < len(before)

    def add(
        self,
        circuit: Circuit,
        layer: int | str | None,
        neuron: int | None,
        time: float | None,
        potential: float | None,
    ) -> None:
        """Add a stop as described in `break_on`; nothing is added if any argument is wrong."""
        if layer is None and (neuron is not None or potential is not None or time is None):
            raise InputError("break_on takes a layer, a time or decision=True")
        times = self.times if time is None else (*self.times, as_future(time))
        if layer is not None:
            self._watch(circuit, layer, neuron, potential)
        self.times = tuple(sorted(set(times) - {np.inf}))

    def _watch(
        self, circuit: Circuit, layer: int | str, neuron: int | None, potential: float | None
    ) -> None:
        units = circuit.units[circuit.layer(layer)]
        if neuron is not None:
            unit = units.start + circuit.neuron(layer, neuron)[1]
            units = slice(unit, unit + 1)
        if potential is not None:
            potential = number(potential, "break_on(potential=...)")
            if neuron is None or not np.isfinite(potential):
                raise InputError("break_on(potential=...) takes a number and one neuron")
        watched = self.watched or Breaks.of(len(circuit.plan.owners))
        if potential is None:
            watched.spikes[units] = 1
        else:
            watched = watched.watching(units.start, potential)
        self.watched = watched


def as_moment(time: Any, whose: str) -> float:
    """A time as a float, which may be negative."""
    moment = number(time, whose, "a time")
    if moment != moment:
        raise InputError(f"{whose} must not be NaN")
    return moment


def as_future(time: Any) -> float:
    """A time at which something can happen."""
    moment = as_moment(time, "break_on(time=...)")
    if moment < 0:
        raise InputError(f"break_on(time=...) must be 0 or later, got {moment:g}")
    return moment
