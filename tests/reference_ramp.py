"""Circuits with ramps, slow and obvious: in rational numbers, and to the last bit of floats.

V_j(t) = sum of w * min((t - a) / rise, 1) over the spikes that have arrived, at times a; for a
rise without end, sum of w * (t - a). A neuron fires when V_j reaches its threshold, or when the
stimulus says so, before t_max.
"""

from collections import defaultdict, deque
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import reference_rest
from reference import departures, neurons_of, synapses_of

INF = np.inf


class Course(NamedTuple):
    """What a circuit does, by (population, neuron)."""

    spikes: dict[tuple[int, int], Fraction]
    arrivals: dict[tuple[int, int], list[tuple[Fraction, float]]]  # (when, weight), in no order


def course_of(circuit, given):
    """A Course in rational numbers; `given` has the stimulus, (population, neuron) -> time.

    A spike changes no potential before or at the moment of it, so the next one is always the
    earliest crossing of all, as things are.
    """
    thresholds, synapses = neurons_of(circuit), list(synapses_of(circuit))
    given = {n: Fraction(float(t)) for n, t in given.items() if t < circuit.t_max}
    course = Course({}, {n: [] for n in thresholds})
    while True:
        coming = [(t, *n) for n, t in given.items() if n not in course.spikes]
        for neuron, threshold in thresholds.items():
            if neuron not in course.spikes and threshold < INF:
                time = crossing(course.arrivals[neuron], threshold, circuit.psp.rise)
                coming += [(time, *neuron)] if time < circuit.t_max else []
        if not coming:
            return course
        time, *neuron = min(coming)
        course.spikes[tuple(neuron)] = time
        for s in synapses:
            arrival = time + Fraction(s.delay)
            if s.source == tuple(neuron) and arrival < circuit.t_max:
                course.arrivals[s.target].append((arrival, s.weight))


def potential(arrivals, time, rise):
    """V at a time, by definition."""
    risen = [(Fraction(w), max(Fraction(time) - a, Fraction(0))) for a, w in arrivals]
    if rise == INF:
        return sum((w * t for w, t in risen), Fraction(0))
    return sum((w * min(t / Fraction(rise), Fraction(1)) for w, t in risen), Fraction(0))


def corners(arrivals, rise):
    """Where a potential may bend, in order."""
    ends = [] if rise == INF else [a + Fraction(rise) for a, _ in arrivals]
    return sorted({a for a, _ in arrivals} | set(ends))


def crossing(arrivals, threshold, rise):
    """When a potential first reaches a threshold, or inf."""
    bends = corners(arrivals, rise)
    if not bends:
        return INF
    for now, then in zip(bends, [*bends[1:], bends[-1] + 1], strict=True):
        low, high = (potential(arrivals, t, rise) for t in (now, then))
        last = then > bends[-1]
        if high > low and (high >= threshold or last):
            return now + (Fraction(threshold) - low) * (then - now) / (high - low)
    return INF


# To the last bit. What is on its way is in line: for one delay, spikes in the order in which
# they were fired; where each synapse has its own, the delays of one spike. Of all that is at
# the head of a line, the first by (time, population, kind, neuron, projection, synapse) comes.

ARRIVES, ENDS, FIRES = 0, 1, 2
NAMES = {ARRIVES: "arrival", ENDS: "end", FIRES: "spike"}


class Ramps:
    """A circuit that goes from event to event; times and sums have the dtypes given."""

    def __init__(self, circuit, given, kind):
        self.circuit, self.kind, self.number = circuit, kind, circuit.dtype.type
        self.rise = circuit.psp.rise
        self.high = {n: self.number(h) for n, h in neurons_of(circuit).items()}
        inputs = dict.fromkeys(circuit.names, 0)
        for p in circuit.projections:
            inputs[p.target] += p.weights.shape[0]
        self.neurons = {
            (k, j): reference_rest.Neuron(
                h if h < INF else self.number(0),
                inputs[circuit.names[k]],
                self.rise,
                kind,
            )
            for (k, j), h in self.high.items()
        }
        self.lines = {n: reference_rest.beginning(known) for n, known in self.neurons.items()}
        self.candidate = dict.fromkeys(self.high, kind(INF))
        self.spikes, self.at, self.ways = {}, {}, defaultdict(deque)
        self.given = {n: kind(t) for n, t in given.items() if t < circuit.t_max}
        self.rows = defaultdict(list)
        for s in synapses_of(circuit):
            self.rows[s.projection, s.source[1]].append(s)
        self.now, self.before = kind(0), {}

    def events(self):
        """All events in order, as (time, kind, population, neuron, source or None)."""
        with np.errstate(all="ignore"):
            while (coming := self.coming()) is not None:
                self.now, layer, kind, neuron, *rest = coming
                source = None
                if kind == FIRES:
                    self.fire(layer, neuron, told=rest == [True])
                else:
                    source = self.circuit.names.index(self.circuit.projections[rest[0]].source)
                    self.take(layer, kind, neuron, *rest)
                yield float(self.now), NAMES[kind], layer, neuron, source

    def on_the_way(self):
        """What is at the head of a way."""
        return [way[0][:6] for way in self.ways.values() if way]

    def coming(self):
        """What comes next: the time, and what sorts it; None at the end."""
        own = [(t, k, FIRES, j, False) for (k, j), t in self.candidate.items()]
        own = [event for event in own if event[0] < self.circuit.t_max]
        told = [(t, k, FIRES, j, True) for (k, j), t in self.given.items()]
        told = [event for event in told if (event[1], event[3]) not in self.spikes]
        return min([*self.on_the_way(), *own, *told], default=None)

    def level(self, neuron, time):
        """The potential of a neuron that has not fired."""
        line = self.lines[neuron]
        if self.rise < INF:
            return reference_rest.level(line, time, self.rise)
        threshold = self.high[neuron] if self.high[neuron] < INF else self.number(0)
        return line.slope * self.number(time) - (line.total - threshold)

    def fire(self, layer, neuron, told):
        """A spike, and what it puts on its way."""
        unit = (layer, neuron)
        self.at[unit] = self.level(unit, self.now) if told else self.high[unit]
        self.spikes[unit], self.candidate[unit] = self.now, self.kind(INF)
        for r, delay in departures(self.circuit, self.rows, self.circuit.names[layer], neuron):
            projection = self.circuit.projections[r]
            target = self.circuit.names.index(projection.target)
            own = neuron if np.ndim(projection.delay) else None
            arrival = self.arrival(delay, loop=target <= layer)
            end = self.kind(np.float64(arrival) + self.rise)
            for kind, time in ((ARRIVES, arrival), (ENDS, end)):
                way = self.ways[r, own, kind]
                if time < self.circuit.t_max:
                    way.append((time, target, kind, neuron, r, len(way), delay))

    def arrival(self, delay, loop):
        """When a spike that is fired now arrives."""
        time = self.kind(np.float64(self.now) + delay)
        return np.nextafter(self.now, self.kind(INF)) if loop and time == self.now else time

    def take(self, layer, kind, neuron, r, _):
        """An arrival or an end; after the last of an instant, when each neuron would fire."""
        own = neuron if np.ndim(self.circuit.projections[r].delay) else None
        *_, delay = self.ways[r, own, kind].popleft()
        for s in self.rows[r, neuron]:
            if own is None or s.delay == delay:
                line = self.lines[s.target]
                self.before.setdefault(s.target, line)
                event, weights = (self.now, kind == ENDS, 0), [self.number(s.weight)]
                known = self.neurons[s.target]
                self.lines[s.target] = reference_rest.follow(line, [event], weights, known)
        if not any(head[:2] == (self.now, layer) for head in self.on_the_way()):
            for unit, before in self.before.items():
                if unit not in self.spikes and self.high[unit] < INF:
                    self.candidate[unit] = self.foresee(unit, before)
            self.before = {}

    def foresee(self, unit, before):
        """When a neuron fires after an instant, if nothing more comes."""
        line = self.lines[unit]
        for known, until in ((before, self.now), (line, self.kind(INF))):
            time = reference_rest.crossing(known, until, line, self.neurons[unit])
            if time <= until:
                return max(time, self.now)
        return self.kind(INF)

    def potential(self, unit, time):
        """At the spike, or at a time."""
        return self.at[unit] if unit in self.spikes else self.level(unit, time)
