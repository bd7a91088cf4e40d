"""Why a neuron fired when it did: the inputs that reached it, and their effects."""

from dataclasses import dataclass

import numpy as np

from ttfs.checks import plural, same_content
from ttfs.engines.precision import Precision, aligned, written


@dataclass(frozen=True)
class Input:
    """A spike that reached a neuron.

    time: of its arrival; spiked: when `neuron` of `layer` fired it; weight: what it added to the
    potential, or with ramps will have added at the end of its ramp; potential: of the receiving
    neuron, just after the arrival.
    """

    time: float
    layer: int
    neuron: int
    spiked: float
    weight: float
    potential: float


@dataclass(frozen=True)
class Explanation:
    """What brought a neuron to its threshold, or how close it came.

    layer, neuron, name: which neuron. threshold: the potential that it needed to fire.
    time: when it fired; inf if it has not.
    inputs: the spikes that reached it up to that time, or up to now, in order.
    margin: potential minus threshold at the spike; for a silent neuron, at `closest`. With
        `Windows`, the threshold is the one to which it has fallen by then.
    closest: for a silent neuron, when its potential was largest so far, after all inputs of an
        instant were added; for one that fired, `time`. NaN if nothing has arrived. With `Windows`,
        for a silent neuron, now, or the end of its window if that is past.
    given: whether a stimulus made it fire. pools: whether it fires with its first arrival.
    window: with `Windows`, beginning and end of the window in which it fires, else None. now: the
        time to which the simulator has run.
    unit: of time. names: of all layers. shapes: (height, width, channels) of layers that are
        maps, None for others. horizon: the time from which nothing happens. precision: of all
        these numbers.

    It prints as a table of the inputs whose weight is not 0. Times are given with enough digits
    to tell them from all others, potentials with the digits that rounding leaves.
    """

    layer: int
    neuron: int
    name: str
    threshold: float
    time: float
    inputs: tuple[Input, ...]
    margin: float
    closest: float
    given: bool
    unit: str
    names: tuple[str, ...]
    shapes: tuple[tuple[int, int, int] | None, ...]
    horizon: float
    precision: Precision
    pools: bool = False
    window: tuple[float, float] | None = None
    now: float = 0.0

    def errors(self) -> np.ndarray:
        """Bounds on the rounding error of the potential after each input, then at `closest`."""
        if self.pools:
            return np.zeros(len(self.inputs))
        rows = [(i.time, i.weight, i.potential) for i in self.inputs]
        if self.window is not None:
            rows = rows and [*rows, (min(self.closest, self.window[0]), 0.0, self._reached())]
        elif rows and self.closest >= rows[-1][0]:
            rows.append((self.closest, 0.0, self.threshold + self.margin))
        return self.precision.errors(*zip(*rows, strict=True)) if rows else np.zeros(0)

    def __str__(self) -> str:
        return self.table()

    def table(self, most: int | None = None) -> str:
        """The same as it prints.

        most: how many inputs are listed, the last one and those of largest weight; of equal
            weights, those that come later.
        """
        head = self._neuron(self.layer, self.neuron)
        if self.given:
            return f"{head} fired at {self._clock(self.time)}: the stimulus says so"
        inputs = [i for i in self.inputs if i.weight]
        known = self.precision
        bias = 0.0 if self.pools else known.bias or known.drift
        if not (inputs or np.isfinite(self.time) or self.window or bias):
            return f"{head} has not fired; nothing has reached it"
        senders = [self._neuron(i.layer, i.neuron) for i in inputs]
        wide = max([16, *map(len, senders)])
        lines = [f"{head} {self._verdict()}"]
        if not inputs:
            where = f", and its bias is {bias:.4g}" if bias else ""
            return f"{lines[0]}; nothing has reached it{where}"
        lines.append(
            f"{'arrives':>10s} {'from':>{wide}s} {'fired at':>10s} {'weight':>10s} potential"
        )
        errors = [e for i, e in zip(self.inputs, self.errors(), strict=False) if i.weight]
        potentials = [written(i.potential, e) for i, e in zip(inputs, errors, strict=True)]
        first, *potentials = aligned([f"{known.bias:.4g}" if bias else "", *potentials])
        if bias:
            weight = f"{known.drift:+.4g}" if known.drift else ""
            lines.append(f"{'':>10s} {'bias':>{wide}s} {'':>10s} {weight:>10s} {first}")
        rows = [
            f"{known.time(i.time):>10s} {sender:>{wide}s}"
            f" {known.time(i.spiked):>10s} {i.weight:+10.4g} {potential}"
            for i, sender, potential in zip(inputs, senders, potentials, strict=True)
        ]
        if most is None or len(rows) <= most:
            return "\n".join(lines + rows)
        sizes = np.array([abs(i.weight) for i in inputs[:-1]])
        later = -np.arange(len(sizes))
        chosen = np.sort(np.lexsort((later, -sizes))[: most - 1])
        left = f"{'':10s} and {len(rows) - most} whose weights are no larger"
        return "\n".join([*lines, *(rows[k] for k in chosen), rows[-1], left])

    def _neuron(self, layer: int, neuron: int) -> str:
        """A neuron's name: its layer's name, its number and, in a map, its place."""
        name, shape = f"{self.names[layer]} {neuron}", self.shapes[layer]
        if shape is None or shape[:2] == (1, 1):
            return name
        return f"{name} {tuple(map(int, np.unravel_index(neuron, shape)))}"

    def _clock(self, time: float) -> str:
        """A time with its unit."""
        shown = self.precision.time(time)
        return f"{shown} {self.unit if shown == '1' else plural(self.unit)}"

    def _verdict(self) -> str:
        """When it fired or came closest, and how far from its threshold the potential was."""
        error = self.errors().max(initial=0.0)
        if self.window is not None and not self.pools:
            return self._verdict_in(*self.window, error)
        gap, line = written(abs(self.margin), error), f"its threshold {self.threshold:g}"
        if self.pools and np.isfinite(self.time):
            return f"fired at {self._clock(self.time)}, with its first arrival"
        if np.isfinite(self.time):
            where = "reaching" if gap == "0" else f"{gap} above"
            return f"fired at {self._clock(self.time)}, {where} {line}"
        if self.margin >= 0 and self.closest >= self.horizon:
            return f"has not fired; it would reach {line} at the horizon"
        if self.margin >= 0:
            return f"has yet to fire; at {self._clock(self.closest)} {gap} above {line}"
        near = gap == "0"
        gap, why = (f"{-self.margin:.1g}", ", which is within rounding") if near else (gap, "")
        return f"has not fired; closest at {self._clock(self.closest)}, {gap} below {line}{why}"

    def _reached(self) -> float:
        """The potential at `closest`, with windows."""
        return self.margin + self.limit(self.closest)

    def limit(self, time: float) -> float:
        """The threshold at a time; with `Windows`, it falls during the neuron's window.

        >>> from dataclasses import replace
        >>> import ttfs
        >>> layer = ttfs.Dense.of([[0.5], [0.25]], threshold=2)
        >>> network = ttfs.Network(layer, psp=ttfs.Windows())
        >>> ttfs.Simulator(network, [0.5, 0.5]).explain("output", 0).limit(1.25)
        1.5
        """
        if self.window is None or self.pools:
            return self.threshold
        begin, end = self.window
        return self.threshold * (end - min(max(time, begin), end)) / (end - begin)

    def _verdict_in(self, begin: float, end: float, error: float) -> str:
        """The same with `Windows`, where the threshold falls."""
        reached = written(self._reached(), error)
        if np.isfinite(self.time):
            when = f"fired at {self._clock(self.time)}"
            if self.time == begin and self.margin > 0:
                over = written(self.margin, error)
                return f"{when}, as its window began, {over} above its threshold {self.threshold:g}"
            return (
                f"{when}, when its threshold had fallen from {self.threshold:g} to"
                f" {self.limit(self.time):.6g}; its potential stands at {reached}"
            )
        if self.now >= end:
            return f"has not fired; its potential stands at {reached}, its threshold fell to 0"
        if self.now < begin:
            return (
                f"has yet to fire: its potential is {reached}, and its window begins at"
                f" {self._clock(begin)}"
            )
        limit = f"{self.limit(self.now):.6g}"
        return f"has yet to fire: its potential stands at {reached}, its threshold is at {limit}"


@dataclass(frozen=True, eq=False)
class Trace:
    """The potential of one neuron as the corners of a polygonal line.

    times, potential: (corners,) aligned; between two corners the potential is a straight
    line. An instant at which it jumps has two corners; with ramps, an instant at which
    something arrives or a ramp ends has one. The line ends at the spike, or now.
    spike: when the neuron fired, or inf; threshold: the potential it needed. unit: of time.
    falls: with `Windows`, when the threshold begins to fall and when it reaches 0; else None.
    """

    layer: int
    neuron: int
    times: np.ndarray
    potential: np.ndarray
    spike: float
    threshold: float
    unit: str = "step"
    falls: tuple[float, float] | None = None

    __eq__ = same_content
    __hash__ = None  # type: ignore[assignment]
