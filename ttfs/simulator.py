"""A network or circuit, event by event: the definition of what it does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ttfs import explanations
from ttfs.checks import as_array, check_times, of_kind
from ttfs.circuit import Circuit, check_keys
from ttfs.errors import InputError, ShapeError
from ttfs.explanations import Explanation, Trace
from ttfs.kernels import queue as names
from ttfs.kernels import simulator, simulator_ramp
from ttfs.kernels.circuit import (
    ARRIVAL,
    END,
    FIRED,
    KIND,
    NOTHING,
    OVER,
    SOURCE,
    SPIKE,
    SYNAPTIC,
    UNTIL,
    Breaks,
    Plan,
)
from ttfs.network import Network, aligned_zeros
from ttfs.precision import Precision

KINDS = {ARRIVAL: "arrival", END: "end", SPIKE: "spike"}
SINGLE = np.dtype(np.float32)
REASONS = {UNTIL: "until", OVER: "end", FIRED: "spike"}


@dataclass(frozen=True)
class Event:
    """Something that happens at an instant.

    kind "spike": `neuron` of `layer` fires. kind "arrival": the spike of `neuron` of layer
    `source` reaches `layer`; kind "end": its ramp there ends.
    """

    time: float
    kind: str
    layer: int
    neuron: int
    source: int | None = None


@dataclass(frozen=True)
class Spikes:
    """Spikes in the order in which they happened: aligned arrays."""

    times: np.ndarray
    layer: np.ndarray
    neuron: np.ndarray

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True)
class Snapshot:
    """A simulator at a moment: copies of its arrays, and the time to which it had run."""

    state: Any
    reached: float


class Simulator:
    """Steps through one stimulus, exactly, and can be stopped anywhere.

    Events happen in the order of (time, layer, kind, neuron): arrivals, ends of ramps, spikes.
    Who fires at an instant is decided when everything that arrives or ends at that instant
    has been added. Spike times are those of `ttfs.forward`, bit for bit. Where a loop could
    close, an arrival is later than its spike: if a delay is too short for the precision of
    times, by the least step.

    Parameters
    ----------
    network: a `Network` or a `Circuit`.
    times: spike times of the stimulus, inf for silence: (neurons,) for the first layer, or
        a dictionary from layer (name or index) to such arrays. float32 stays, all else
        becomes float64.

    Raises
    ------
    ShapeError, InputError: another shape, an unknown layer; NaN, negative times.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense.of([[0.6], [0.6]], threshold=1, delay=1), t_max=10)
    >>> simulator = ttfs.Simulator(network, [1.0, 3.0])
    >>> simulator.step()
    Event(time=1.0, kind='spike', layer=0, neuron=0, source=None)
    >>> simulator.run()
    'end'
    >>> simulator.spikes.times
    array([1., 3., 4.])
    """

    def __init__(self, network: Network | Circuit, times: Any):
        self.circuit = Circuit.of(network) if isinstance(network, Network) else network
        if not isinstance(self.circuit, Circuit):
            raise InputError(f"Simulator wants a Network or a Circuit, got {network!r}")
        self.plan: Plan = self.circuit.plan
        self._kernels = simulator_ramp if self.plan.rise else simulator
        self._breaks: Breaks | None
        self._alarm: float
        self.clear_breaks()
        self._stimulus = self._read(times)
        self._make_room()
        self.reset()

    def __repr__(self) -> str:
        return f"Simulator({self.circuit}, at {self.time:g} {self.circuit.unit})"

    # -- the stimulus and the state

    def _make_room(self) -> None:
        """A state with times of the stimulus' precision."""
        memory = make_memory(self.plan, self._stimulus.dtype, self._kernels)
        self._handed = tuple(self.plan), memory  # bare tuples: records take kernels longer
        self._state = self._kernels.parts(memory)
        self._state.counters[names.CIRCUIT] = self.circuit.number

    def reset(self, times: Any = None) -> None:
        """Go back to the beginning, with another stimulus if one is given; breaks stay."""
        if times is not None:
            before, self._stimulus = self._stimulus, self._read(times)
            if before.dtype != self._stimulus.dtype:
                self._make_room()
        self._reached = 0.0
        self._kernels.reset(*self._handed, self.circuit.thresholds, self._stimulus)

    def _read(self, times: Any) -> np.ndarray:
        """(units,) times of the spikes that the stimulus asks for."""
        arrays: dict[int, np.ndarray] = {}
        for name, values in times.items() if isinstance(times, Mapping) else [(0, times)]:
            layer = self.circuit.layer(name)
            if layer in arrays:
                raise InputError("times of a layer are given twice, by its name and by its index")
            arrays[layer] = self._read_layer(layer, values)
        kinds = {array.dtype for array in arrays.values()}
        stimulus = np.empty(len(self.plan.owners), SINGLE if kinds == {SINGLE} else np.float64)
        stimulus[:] = np.inf
        for layer, array in arrays.items():
            self._part(stimulus, layer)[:] = array
        return stimulus

    def _read_layer(self, layer: int, values: Any) -> np.ndarray:
        whose = f"times of layer {self.circuit.names[layer]!r}"
        array, size = as_array(values, whose), self.circuit.populations[layer].size
        if array.shape != (size,):
            one = "; for one stimulus of a batch, pass times[i]" if array.ndim == 2 else ""
            raise ShapeError(f"{whose} must be ({size},), got {array.shape}{one}")
        check_times(array, whose)
        return array

    def snapshot(self) -> Snapshot:
        """The whole state, to `restore` any number of times.

        >>> import ttfs
        >>> network = ttfs.Network(ttfs.Dense.of([[0.6], [0.6]], threshold=1, delay=1), t_max=10)
        >>> simulator = ttfs.Simulator(network, [1.0, 3.0])
        >>> beginning = simulator.snapshot()
        >>> simulator.run()
        'end'
        >>> simulator.restore(beginning)
        >>> simulator.events
        0
        """
        state = type(self._state)(*(array.copy() for array in self._state))
        return Snapshot(state, self._reached)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back, or on, to a snapshot of this simulator, or of one of the same `Circuit`."""
        state = snapshot.state
        if state.counters[names.CIRCUIT] != self.circuit.number:
            raise InputError(
                "this snapshot is of another circuit; for simulators that share snapshots,"
                " make one Circuit and give it to each of them"
            )
        if state.spikes.dtype != self._stimulus.dtype:
            raise InputError(
                f"this snapshot is of a stimulus in {state.spikes.dtype},"
                f" this simulator has one in {self._stimulus.dtype}"
            )
        for mine, other in zip(self._state, state, strict=True):
            mine[:] = other
        self._reached = snapshot.reached
        given = self._state.counters[names.STIMULI]
        self._stimulus = np.full_like(self._stimulus, np.inf)
        self._stimulus[self._state.stimulus[:given]] = self._state.stimulus_time[:given]

    # -- stepping

    def peek(self) -> Event | None:
        """The next event; None at the end. Nothing happens."""
        return self._event(self._kernels.describe(self.plan, self._state))

    def step(self) -> Event | None:
        """Let the next event happen; None at the end."""
        return self._event(self._kernels.step(self.plan, self._state))

    def run(self, until: float = np.inf) -> str:
        """Step until a break or the end, through every event at or before `until`.

        Returns why it stopped: "end", "until", or by `break_on` "spike", "potential" or
        "time". The time is then that of the last event, or the one run to. With ramps,
        potentials go on after the last event: at the end, the time is the horizon if there
        is one, or that given.
        """
        until = as_moment(until, "run(until=...)")
        stop = min(until, self._alarm)
        if self._breaks is None:
            why = self._kernels.run(*self._handed, stop)
        else:
            why = self._kernels.run_to_break(*self._handed, stop, self._breaks)
        if why == OVER and self.plan.rise and np.isfinite(min(stop, self.plan.t_max)):
            self._reached = min(stop, self.plan.t_max)
        if why == UNTIL:
            self._reached = stop
            if self._alarm <= until:
                self._alarm = np.inf
                return "time"
        return REASONS.get(why, "potential")

    def __iter__(self) -> Iterator[Event]:
        while (event := self.step()) is not None:
            yield event

    def _event(self, found: tuple[int, float, int, int, int]) -> Event | None:
        kind, time, layer, neuron, projection = found
        if kind == NOTHING:
            return None
        source = None
        if projection >= 0:
            source = int(self.plan.projections[projection, SOURCE])
        return Event(time, KINDS[kind], int(layer), int(neuron), source)

    # -- breaks

    def break_on(
        self,
        *,
        layer: int | str | None = None,
        neuron: int | None = None,
        time: float | None = None,
        potential: float | None = None,
        decision: bool = False,
    ) -> None:
        """Make `run` stop, in addition to what was asked before.

        layer: when a neuron of it fires; with `neuron`, when that one does; with `potential`
        too, when that neuron's potential passes that value in either direction, seen after
        each arrival (with ramps, after each event: the first one, of any neuron, after which
        the potential has passed). time: once, after the last event at or before it.
        decision: when the last layer fires.

        >>> import ttfs
        >>> network = ttfs.Network(ttfs.Dense.of([[0.6], [0.6]], threshold=1, delay=1), t_max=10)
        >>> simulator = ttfs.Simulator(network, [1.0, 3.0])
        >>> simulator.break_on(layer="output", neuron=0)
        >>> simulator.run(), simulator.time
        ('spike', 4.0)
        """
        if decision:
            layer = len(self.circuit.populations) - 1
        if time is not None:
            time = as_moment(time, "break_on(time=...)")
        if layer is None and (neuron is not None or potential is not None or time is None):
            raise InputError("break_on wants a layer, a time or decision=True")
        if layer is not None:
            self._break_in(layer, neuron, potential)
        if time is not None:
            self._alarm = time

    def _break_in(self, layer: int | str, neuron: int | None, potential: float | None) -> None:
        number = self.circuit.layer(layer)
        units = self.circuit.units[number]
        if neuron is not None:
            unit = units.start + self.circuit.neuron(number, neuron)[1]
            units = slice(unit, unit + 1)
        if potential is not None and (neuron is None or not np.isfinite(potential)):
            raise InputError("break_on(potential=...) wants a number and one neuron")
        if self._breaks is None:
            self._breaks = Breaks.of(len(self.plan.owners))
        if potential is None:
            self._breaks.spikes[units] = 1
        else:
            self._breaks = self._breaks.watching(units.start, float(potential))

    def clear_breaks(self) -> None:
        """Forget every `break_on`."""
        self._breaks = None
        self._alarm = np.inf

    # -- what has happened

    @property
    def time(self) -> float:
        """Time of the last event, or that to which `run` has gone since; 0 at first."""
        return max(float(self._state.clock[0]), self._reached)

    @property
    def events(self) -> int:
        """How many events have happened."""
        return int(self._state.counters[names.EVENTS])

    @property
    def synaptic_events(self) -> int:
        """How many weights have been added."""
        return int(self._state.counters[names.SYNAPSES])

    @property
    def spikes(self) -> Spikes:
        """All spikes so far, sorted by time, layer and neuron."""
        times, layers, neurons = [], [], []
        for layer in range(len(self.plan.sizes)):
            found = self.times(layer)
            who = np.flatnonzero(np.isfinite(found))
            times.append(found[who])
            layers.append(np.full(len(who), layer))
            neurons.append(who)
        when, where, who = (np.concatenate(part) for part in (times, layers, neurons))
        order = np.lexsort((who, where, when))
        return Spikes(when[order], where[order], who[order])

    def times(self, layer: int | str) -> np.ndarray:
        """(neurons,) when each neuron of a layer fired; inf for those that have not."""
        return self._part(self._state.spikes, self.circuit.layer(layer)).copy()

    def potential(self, layer: int | str) -> np.ndarray:
        """(neurons,) membrane potentials now; of neurons that fired, at their spike.

        >>> import ttfs
        >>> network = ttfs.Network(ttfs.Dense.of([[0.6], [0.6]], threshold=1, delay=1), t_max=10)
        >>> simulator = ttfs.Simulator(network, [1.0, 3.0])
        >>> simulator.run(until=2)
        'until'
        >>> simulator.potential("output")
        array([0.6], dtype=float32)
        """
        number = self.circuit.layer(layer)
        units, thresholds = self.circuit.units[number], self.circuit.thresholds
        return explanations.potentials(self.plan, self._state, thresholds, units, self.time)

    def _part(self, units: np.ndarray, layer: int) -> np.ndarray:
        return units[self.circuit.units[layer]]

    # -- questions

    @property
    def precision(self) -> Precision:
        """How exactly times and potentials are counted."""
        return Precision(self._stimulus.dtype, self.plan.weights.dtype, self.plan.rise)

    def explain(self, layer: int | str, neuron: int) -> Explanation:
        """Why a neuron fired when it did, or how close it has come; prints as a table.

        >>> import ttfs
        >>> network = ttfs.Network(ttfs.Dense.of([[0.6], [0.6]], threshold=1, delay=1), t_max=10)
        >>> simulator = ttfs.Simulator(network, [1.0, 3.0])
        >>> simulator.run(until=2)
        'until'
        >>> print(simulator.explain("output", 0))
        output 0 has not fired; closest at 2 step, 0.4 below its threshold 1
           arrives             from   fired at     weight potential
                 2          input 0          1       +0.6 0.6
        """
        number, index = self.circuit.neuron(layer, neuron)
        unit = self.circuit.units[number].start + index
        course, threshold = self._course(number, index), self._threshold(unit)
        inputs, (when, after) = course.inputs(), course.instants()
        time, now = float(self._state.spikes[unit]), float(self.potential(number)[index])
        if self.plan.rise and inputs:
            when, after = np.append(when, self.time), np.append(after, now)
        best = int(np.argmax(after)) if inputs else -1
        fired = np.isfinite(time)
        at = now if fired else float(after[best]) if inputs else 0.0
        return Explanation(
            layer=number,
            neuron=index,
            name=self.circuit.names[number],
            threshold=threshold,
            time=time,
            inputs=tuple(inputs),
            margin=at - threshold,
            closest=time if fired else float(when[best]) if inputs else float("nan"),
            given=bool(fired and time == self._stimulus[unit] and at < threshold),
            unit=self.circuit.unit,
            names=self.circuit.names,
            precision=self.precision,
        )

    def trace(self, layer: int | str, neurons: Any = None) -> list[Trace]:
        """The membrane potentials of some neurons of a layer (all if not given), exactly."""
        number = self.circuit.layer(layer)
        chosen = range(int(self.plan.sizes[number])) if neurons is None else np.atleast_1d(neurons)
        found = [self.circuit.neuron(number, int(neuron))[1] for neuron in chosen]
        times, potential = self.times(number).astype(float), self.potential(number)
        first, traces = self.circuit.units[number].start, []
        for j in found:
            spike, jumps = float(times[j]), not self.plan.rise
            end = spike if np.isfinite(spike) else self.time
            corners = self._course(number, j).corners(jumps, end, float(potential[j]))
            limit, unit = self._threshold(first + j), self.circuit.unit
            traces.append(Trace(number, j, *corners, spike, limit, unit))
        return traces

    def _course(self, layer: int, neuron: int) -> explanations.Course:
        threshold = self.circuit.thresholds[self.circuit.units[layer].start + neuron]
        return explanations.course_of(self.plan, self._state, threshold, layer, neuron)

    def _threshold(self, unit: int) -> float:
        return float(self.circuit.thresholds[unit] / explanations.scale_of(self.plan))

    def what_if(
        self,
        *,
        times: Mapping[tuple[int | str, int], float] | None = None,
        weights: Mapping[tuple[int | str, int, int | str, int], float] | None = None,
        thresholds: Mapping[tuple[int | str, int], float] | None = None,
    ) -> "Difference":
        """What would have been different: both ways are run from the beginning to the end.

        This simulator stays as it is.

        times: (layer, neuron) -> another time of the spike that the stimulus asks for; inf
            takes it away. A neuron of which the stimulus asks nothing fires then and at no
            other time, whatever reaches it; inf silences it.
        weights: (source layer, source neuron, layer, neuron) -> weight of that synapse.
        thresholds: (layer, neuron) -> threshold.

        >>> import ttfs
        >>> network = ttfs.Network(ttfs.Dense.of([[1.0], [1.0]], threshold=2), t_max=10)
        >>> simulator = ttfs.Simulator(network, [1.0, 3.0])
        >>> simulator.what_if(times={(0, 1): 5.0}).moved
        (Change(layer=0, neuron=1, before=3.0, after=5.0),
         Change(layer=1, neuron=0, before=3.0, after=5.0))
        """
        circuit, stimulus = self.circuit.changed(thresholds or {}, weights or {}), self._stimulus
        after = stimulus.copy()
        check_keys(times or {}, 2, "what_if(times=...) wants {(layer, neuron): time}")
        for (layer, neuron), time in (times or {}).items():
            number, index = self.circuit.neuron(layer, neuron)
            check_times(np.array([time], float), f"time of {self.circuit.names[number]} {index}")
            unit = self.circuit.units[number].start + index
            if np.isinf(stimulus[unit]):
                circuit.thresholds[unit] = np.inf
            after[unit] = time
        return Difference.between(
            self._finished(self.circuit, stimulus), self._finished(circuit, after)
        )

    def _finished(self, circuit: Circuit, stimulus: np.ndarray) -> "Simulator":
        """Another simulator, at its end; the stimulus is for all units."""
        layers = range(len(circuit.populations))
        other = Simulator(circuit, {layer: self._part(stimulus, layer) for layer in layers})
        other.run()
        return other


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

    moved: spikes at another time. vanished: gone. appeared: new.
    simulator: the changed one, at its end, to be asked more.
    """

    moved: tuple[Change, ...]
    vanished: tuple[Change, ...]
    appeared: tuple[Change, ...]
    simulator: Simulator

    @classmethod
    def between(cls, before: Simulator, after: Simulator) -> "Difference":
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
        lines = [
            f"{names[c.layer]} {c.neuron}: {c.before:g} -> {c.after:g}"
            for c in (*self.moved, *self.vanished, *self.appeared)
        ]
        return "\n".join(lines) or "nothing changes"


def as_moment(time: Any, whose: str) -> float:
    """A time as a float; what is before the beginning is none that has been."""
    of_kind(time, int | float | np.integer | np.floating, whose, "a time")
    if np.isnan(time):
        raise InputError(f"{whose} must not be NaN")
    return float(time)


def make_memory(plan: Plan, dtype: np.dtype, kernels: Any) -> tuple[np.ndarray, ...]:
    """Room for everything that changes, with times of one dtype; `parts` says what is where."""
    units, table = len(plan.owners), plan.projections
    waves = table[table[:, KIND] == SYNAPTIC, SOURCE]
    queue = kernels.KINDS * (len(table) + int(plan.sizes[waves].sum())) + 1
    volts = aligned_zeros(kernels.VOLTS * units, plan.weights.dtype).reshape(-1, units)
    times = np.zeros((kernels.TIMES, units + 1), dtype)
    whole = np.zeros((5, units + 1), np.int64)
    lists = len(plan.sizes) + kernels.KINDS * len(table) + 4 * queue
    few = np.zeros(names.COUNTERS + names.SCRATCH + lists, np.int64)
    few[names.POPULATIONS], few[names.PROJECTIONS] = len(plan.sizes), len(table)
    return volts, times, whole, few, np.zeros(queue + 1, dtype)
