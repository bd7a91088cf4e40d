"""Runs a network or circuit event by event, which defines what it does."""

from collections.abc import Iterator, Mapping
from threading import RLock
from typing import Any

import numpy as np

from ttfs.checks import of_kind, short
from ttfs.engines import courses
from ttfs.engines.biases import begin_with
from ttfs.engines.breaks import Stops, as_moment
from ttfs.engines.circuit import Circuit
from ttfs.engines.differences import Difference, changed
from ttfs.engines.events import Event, Spikes, event_of
from ttfs.engines.explanations import Explanation, Trace
from ttfs.engines.plan import pools_at
from ttfs.engines.precision import Precision
from ttfs.engines.snapshots import Snapshot, make_memory, set_windows
from ttfs.engines.stimuli import as_stimulus
from ttfs.engines.turns import alone
from ttfs.errors import InputError
from ttfs.kernels import queue as names
from ttfs.kernels import simulator as kernels
from ttfs.kernels import simulator_ramp, simulator_step, simulator_window
from ttfs.kernels.circuit import FIRED, GOING, OVER, UNTIL, UNWATCHED
from ttfs.network.network import Network
from ttfs.network.psp import Ramp, Step, Windows

RESPONSES = {Step: simulator_step, Ramp: simulator_ramp, Windows: simulator_window}
REASONS = {UNTIL: "until", OVER: "end", FIRED: "spike"}


class Simulator:
    """Steps through one stimulus, exactly, and can be stopped anywhere.

    Events happen in the order of (time, layer, kind, neuron): arrivals, ends of ramps, spikes.
    Which neurons fire at an instant is decided when everything that arrives or ends then
    has been added. Spike times are those of `ttfs.forward`, bit for bit (with `Windows` up to
    rounding). In projections that could close a loop, an arrival is always later than its spike:
    if the delay is too short for the precision of times, by the smallest possible step.

    Only one thread at a time can use a simulator: others get an `InputError` meanwhile. It can be
    copied and pickled; the copy continues independently, from the current state.

    Parameters
    ----------
    network: a `Network` or a `Circuit`.
    times: spike times of the stimulus, inf for silence: (neurons,) for the first layer, or
        a dictionary from layer (name or index) to such arrays. float32 stays float32,
        everything else becomes float64.

    Raises
    ------
    ShapeError, InputError: a wrong shape, an unknown layer; NaN, negative times.

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
        circuit = Circuit.of(network) if isinstance(network, Network) else network
        if not isinstance(circuit, Circuit):
            raise InputError(f"Simulator takes a Network or a Circuit, got {short(network)}")
        self._stand_on(circuit)
        self._stops = Stops()
        self._stimulus = as_stimulus(times, self.circuit)
        self._handed, self._state = self._make_room(self._stimulus.dtype)
        self.reset()

    def _stand_on(self, circuit: Circuit) -> None:
        """Set what never changes."""
        self.circuit, self.plan = circuit, circuit.plan
        self._response = RESPONSES[type(circuit.psp)]
        self._biased, self._lock = bool(circuit.biases.any()), RLock()

    @alone
    def __getstate__(self) -> dict[str, Any]:
        """All that a copy needs; what never changes is shared with this simulator."""
        return {
            "circuit": self.circuit,
            "stimulus": self._stimulus,
            "stops": self._stops.copy(),
            "snapshot": self.snapshot(),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._stand_on(state["circuit"])
        self._stops = state["stops"]
        self._take(state["snapshot"], state["stimulus"])

    def __repr__(self) -> str:
        return f"Simulator({self.circuit}, at {self.time:g} {self.circuit.unit})"

    # -- the stimulus and the state

    def _make_room(self, dtype: Any) -> tuple[tuple[Any, Any], Any]:
        """The arguments of kernels, with times of a dtype, and the state that they contain."""
        memory = make_memory(self.plan, dtype, self._response)
        if self.circuit.windows is not None:
            set_windows(memory, self.circuit)
        return (tuple(self.plan), memory), self._response.parts(memory)  # kernels take plain tuples

    @alone
    def reset(self, times: Any = None) -> None:
        """Go back to the beginning, with another stimulus if one is given; breaks are kept."""
        self._begin(self._stimulus if times is None else as_stimulus(times, self.circuit))

    @alone
    def _begin(self, stimulus: np.ndarray) -> None:
        """Go back to the beginning with a stimulus (units,) that has been checked."""
        handed, state = self._handed, self._state
        if state.spikes.dtype != stimulus.dtype:
            handed, state = self._make_room(stimulus.dtype)
        # in one go: Ctrl-C finds it before or after
        self._handed, self._state, self._stimulus, self._reached = handed, state, stimulus, 0.0
        kernels.reset(handed[1], self.circuit.thresholds, stimulus, self.plan.t_max, self.plan.rise)
        if self._biased:
            begin_with(self.plan, state, self.circuit.biases)

    @alone
    def snapshot(self) -> Snapshot:
        """The whole state, which can be restored any number of times.

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
        return Snapshot.of(self._state, self._reached, self.circuit.digest)

    @alone
    def restore(self, snapshot: Snapshot) -> None:
        """Go back or forward to a snapshot of this simulator or of one with an equal circuit.

        It may come from another process. Circuits are equal if all of their numbers and names
        are; changes of weights in place after a circuit's first snapshot are not noticed.
        """
        of_kind(snapshot, Snapshot, "restore(...)", "what `snapshot` returns")
        snapshot.check(self._state, self.circuit.digest)
        given, units = snapshot.state.counters[names.STIMULI], snapshot.state.stimulus
        stimulus = np.full_like(self._stimulus, np.inf)
        stimulus[units[:given]] = snapshot.state.stimulus_time[:given]
        self._take(snapshot, stimulus)

    def _take(self, snapshot: Snapshot, stimulus: np.ndarray) -> None:
        """Go to a snapshot that fits."""
        handed, state = self._make_room(stimulus.dtype)
        for mine, other in zip(state, snapshot.state, strict=True):
            mine[:] = other
        # in one go: Ctrl-C finds it before or after
        self._handed, self._state = handed, state
        self._stimulus, self._reached = stimulus, snapshot.reached

    # -- stepping

    @alone
    def peek(self) -> Event | None:
        """The next event, without letting it happen; None at the end."""
        return event_of(self.plan, self._stepped(0), self.circuit.names)

    @alone
    def step(self) -> Event | None:
        """Let the next event happen; None at the end."""
        return event_of(self.plan, self._stepped(), self.circuit.names)

    def _stepped(self, events: int = 1) -> tuple[int, float, int, int, int]:
        """Let some events happen; return the last, or with 0 the next, in the kernels' format."""
        return kernels.run(*self._handed, np.inf, UNWATCHED, events)[1]

    @alone
    def run(self, until: float = np.inf) -> str:
        """Step until a break or the end, through every event at or before `until`.

        Returns why it stopped: "end", "until", or due to `break_on` "spike", "potential" or "time".
        `time` is then that of the last event, or the one run to. With ramps, potentials change even
        after the last event, so at the end, `time` is the horizon if there is one, or `until`. If
        `until` has passed, nothing happens. Ctrl-C takes effect when the run is over.
        """
        stop = min(as_moment(until, "run(until=...)"), self._stops.next)
        watched = self._stops.watched or UNWATCHED
        free = watched is UNWATCHED and self._response is simulator_step
        why = kernels.run_chain(*self._handed, stop) if free else GOING
        why = kernels.run(*self._handed, stop, watched, kernels.ALL)[0] if why == GOING else why
        if why == OVER and self.plan.rise and np.isfinite(end := min(stop, self.plan.t_max)):
            self._reached = max(self._reached, end)
        if why == UNTIL:
            self._reached = max(self._reached, stop)
            if self._stops.pass_by(stop):
                return "time"
        return REASONS.get(why, "potential")

    def __iter__(self) -> Iterator[Event]:
        while (event := self.step()) is not None:
            yield event

    # -- breaks

    @alone
    def break_on(
        self,
        *,
        layer: int | str | None = None,
        neuron: int | None = None,
        time: float | None = None,
        potential: float | None = None,
        decision: bool = False,
    ) -> None:
        """Make `run` stop at a spike, potential or time, in addition to earlier requests.

        layer: when one of its neurons fires; with `neuron`, when that neuron does; with
        `potential`, too, when that neuron's potential crosses that value in either direction,
        checked after each arrival (with ramps, after each event of any neuron). time: once,
        after the last event at or before it; a time that has already passed stops the next run
        at once. decision: when the last layer fires.

        >>> import ttfs
        >>> network = ttfs.Network(ttfs.Dense.of([[0.6], [0.6]], threshold=1, delay=1), t_max=10)
        >>> simulator = ttfs.Simulator(network, [1.0, 3.0])
        >>> simulator.break_on(layer="output", neuron=0)
        >>> simulator.run(), simulator.time
        ('spike', 4.0)
        """
        if decision:
            layer = len(self.circuit.populations) - 1
        self._stops.add(self.circuit, layer, neuron, time, potential)

    @alone
    def clear_breaks(self) -> None:
        """Forget every `break_on`."""
        self._stops = Stops()

    # -- what has happened

    @property
    @alone
    def time(self) -> float:
        """Time of the last event, or the time to which `run` has gone since; initially 0."""
        return max(float(self._state.clock[0]), self._reached)

    @property
    @alone
    def events(self) -> int:
        """How many events have happened."""
        return int(self._state.counters[names.EVENTS])

    @property
    @alone
    def synaptic_events(self) -> int:
        """How many weights have been added."""
        return int(self._state.counters[names.SYNAPSES])

    @property
    @alone
    def spikes(self) -> Spikes:
        """All spikes so far, sorted by time, layer and neuron."""
        return Spikes.of([self.times(layer) for layer in range(len(self.plan.sizes))])

    @alone
    def times(self, layer: int | str) -> np.ndarray:
        """(neurons,) when each neuron of a layer fired; inf for those that have not."""
        return self._part(self._state.spikes, self.circuit.layer(layer)).copy()

    @alone
    def potential(self, layer: int | str) -> np.ndarray:
        """(neurons,) membrane potentials now; for neurons that have fired, at their spike.

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
        return courses.potentials(self.plan, self._state, thresholds, units, self.time)

    def _part(self, units: np.ndarray, layer: int) -> np.ndarray:
        return units[self.circuit.units[layer]]

    # -- questions

    @property
    def precision(self) -> Precision:
        """The numerical precision of times and potentials."""
        return self.circuit.precision(self._stimulus.dtype)

    @alone
    def explain(self, layer: int | str, neuron: int) -> Explanation:
        """Why a neuron fired when it did, or how close it has come; prints as a table.

        >>> import ttfs
        >>> network = ttfs.Network(ttfs.Dense.of([[0.6], [0.6]], threshold=1, delay=1), t_max=10)
        >>> simulator = ttfs.Simulator(network, [1.0, 3.0])
        >>> simulator.run(until=2)
        'until'
        >>> print(simulator.explain("output", 0))
        output 0 has not fired; closest at 2 steps, 0.4 below its threshold 1
           arrives             from   fired at     weight potential
                 2          input 0          1       +0.6 0.6
        """
        number, index = self.circuit.neuron(layer, neuron)
        unit = self.circuit.units[number].start + index
        return courses.explained(
            self._course(number, index),
            float(self.potential(number)[index]),
            rising=bool(self.plan.rise),
            stimulated=float(self._stimulus[unit]),
            layer=number,
            neuron=index,
            name=self.circuit.names[number],
            threshold=self._threshold(unit),
            time=float(self._state.spikes[unit]),
            **{name: getattr(self.circuit, name) for name in ("unit", "names", "shapes")},
            horizon=self.circuit.t_max,
            precision=self.circuit.precision(self._stimulus.dtype, self.circuit.biases[unit]),
            pools=pools_at(self.plan, number),
            window=self.circuit.falls(number),
            now=self.time,
            ended=self.peek() is None,
        )

    @alone
    def trace(self, layer: int | str, neurons: Any = None) -> list[Trace]:
        """The exact membrane potentials of some neurons of a layer (all by default)."""
        number = self.circuit.layer(layer)
        found = self.circuit.some(number, neurons)
        times, potential = self.times(number).astype(float), self.potential(number)
        first, pools, traces = self.circuit.units[number].start, pools_at(self.plan, number), []
        for j in found:
            spike, jumps = float(times[j]), self._response is simulator_step or pools
            end = spike if np.isfinite(spike) else self.time
            corners = self._course(number, j).corners(jumps, end, float(potential[j]))
            limit, falls = self._threshold(first + j), self.circuit.falls(number)
            traces.append(Trace(number, j, *corners, spike, limit, self.circuit.unit, falls))
        return traces

    def _course(self, layer: int, neuron: int) -> courses.Course:
        unit = self.circuit.units[layer].start + neuron
        own = self.circuit.thresholds[unit], self.circuit.biases[unit]
        return courses.course_of(self.plan, self._state, *own, layer, neuron)

    def _threshold(self, unit: int) -> float:
        return float(self.circuit.thresholds[unit])

    @alone
    def what_if(
        self,
        *,
        times: Mapping[tuple[int | str, int], float] | None = None,
        weights: Mapping[tuple[int | str, int, int | str, int], float] | None = None,
        thresholds: Mapping[tuple[int | str, int], float] | None = None,
        delays: Mapping[tuple[Any, ...], float] | None = None,
    ) -> Difference:
        """What a change would have made different, from runs with and without it to the end.

        This simulator is not changed.

        times: (layer, neuron) -> another time for that neuron's spike in the stimulus; inf
            removes it. A neuron without a spike in the stimulus fires at the given time and at
            no other, whatever reaches it; inf silences it.
        weights: (source layer, source neuron, layer, neuron) -> weight of that synapse. A weight
            that all positions of a map share changes at all of them.
        thresholds: (layer, neuron) -> threshold.
        delays: (source layer, layer) -> delay between them; or, keyed as weights, of a synapse.

        >>> import ttfs
        >>> network = ttfs.Network(ttfs.Dense.of([[1.0], [1.0]], threshold=2), t_max=10)
        >>> simulator = ttfs.Simulator(network, [1.0, 3.0])
        >>> simulator.what_if(times={(0, 1): 5.0}).moved
        (Change(layer=0, neuron=1, before=3.0, after=5.0),
         Change(layer=1, neuron=0, before=3.0, after=5.0))
        >>> print(simulator.what_if(delays={("input", 0, "output", 0): 2.5}))
        output 0: 3 -> 3.5
        """
        circuit, after = changed(self.circuit, self._stimulus, times, weights, thresholds, delays)
        return Difference.between(
            self._finished(self.circuit, self._stimulus), self._finished(circuit, after)
        )

    def _finished(self, circuit: Circuit, stimulus: np.ndarray) -> "Simulator":
        """Another simulator, at its end, for a stimulus of all units."""
        layers = range(len(circuit.populations))
        other = Simulator(circuit, {layer: self._part(stimulus, layer) for layer in layers})
        other.run()
        return other
