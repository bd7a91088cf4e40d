"""The course of a neuron's potential up to its threshold."""

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from ttfs.engines.simulator import Simulator
from ttfs.errors import InputError, ShapeError
from ttfs.plotting.given import Array, spike_times
from ttfs.plotting.legends import legend_above, sample
from ttfs.plotting.look import (
    across,
    axes_for,
    class_colour,
    dress,
    inks,
    layer_colour,
    named,
    plural,
    uprights,
)

if TYPE_CHECKING:
    from ttfs.engines.explanations import Explanation, Input, Trace

STYLES = "-", (0, (4, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1))  # of lines of one colour
DASHES = (0, (5, 3))
NAMED = 12  # traces; where there are more, the legend only gives their number
ROW = 0.06  # height of a row of arrivals, as a share of the potentials' range


class Look(NamedTuple):
    """How the line of a neuron is drawn."""

    colour: str
    style: object
    width: float


def membrane(
    traces: "Sequence[Trace] | Simulator",
    *,
    ax: Axes | None = None,
    inputs: Sequence["Explanation | Sequence[Input]"] | None = None,
    names: Sequence[str] | None = None,
    t_max: float | None = None,
    unit: str | None = None,
) -> list[Artist]:
    """Potentials up to the spike, or to now: lines, a ring at each spike, dashed thresholds.

    `traces` come from `Simulator.trace`; a `Simulator` stands for those of its last layer, where
    what stays silent is drawn to the horizon once nothing is left to happen. Lines of a few neurons
    have the colours of `class_colour`, by their numbers. `inputs`, one per trace from
    `Simulator.explain`, add a row of ticks for each trace below the lines: the tick of an arrival
    points up if it raises the potential, down if it lowers it. `names` are for the legend, which
    also marks silent neurons; `unit` is that of time, by default the unit of the traces.
    With `Windows`, thresholds fall, reaching 0 at the end of the window.
    Returns the lines, one per trace; then the rings; then a collection of ticks per row.
    ShapeError where numbers of traces, inputs and names differ; InputError for a time that is
    negative or NaN, and for spikes at or after `t_max`.

    >>> import ttfs
    >>> from matplotlib.figure import Figure
    >>> network = ttfs.Network(ttfs.Dense.of([[0.5], [0.75]], threshold=1, delay=1), t_max=9)
    >>> simulator = ttfs.Simulator(network, [1.0, 3.0])
    >>> simulator.run()
    'end'
    >>> line, ring = membrane(simulator.trace("output"), ax=Figure().subplots())
    >>> line.get_xydata().tolist()
    [[0.0, 0.0], [2.0, 0.0], [2.0, 0.5], [4.0, 0.5], [4.0, 1.25], [4.0, 1.25]]
    >>> ring.get_xydata().tolist()
    [[4.0, 1.25]]
    """
    traces = _of_last_layer(traces) if isinstance(traces, Simulator) else list(traces)
    _check(traces, t_max)
    names, unit = _names(traces, names), _unit(traces, unit)
    rows = _arrivals(traces, inputs)
    ax = axes_for(ax, "membrane")
    dress(ax, f"time ({plural(unit)})", "potential")
    low, high = _range(traces)
    looks = _looks(ax, traces)
    lines = [
        _line(ax, trace, name, look) for trace, name, look in zip(traces, names, looks, strict=True)
    ]
    rings = [
        _ring(ax, trace, look)
        for trace, look in zip(traces, looks, strict=True)
        if np.isfinite(trace.spike)
    ]
    limit = _thresholds(ax, traces, looks)
    step = ROW * (high - low)
    bottom = low - 0.5 * step
    ticks = []
    for k, row in enumerate(rows):
        bottom -= 2 * step if k else 1.5 * step
        ticks.append(_ticks(ax, row, bottom, step, looks[k].colour))
    ends = [t.times.max(initial=0.0) for t in traces]
    end = max(ends + [t.falls[1] for t in traces if t.falls], default=0.0) or float(t_max or 1.0)
    ax.set(xlim=(-0.015 * end, 1.015 * end), ylim=(bottom - step, high + 1.2 * step))
    if rows:
        across(ax, low - 0.7 * step, inks(ax).faint, 0.6)
        ax.set_yticks([y for y in ax.get_yticks() if low <= y <= high + step])
    legend_above(ax, _legend(lines, traces) + limit)
    return [*lines, *rings, *ticks]


def _of_last_layer(simulator: Simulator) -> list["Trace"]:
    """The traces of the last layer; if nothing is left to happen, up to the horizon."""
    last, horizon = len(simulator.circuit.names) - 1, simulator.circuit.t_max
    if simulator.peek() is not None or horizon == np.inf:
        return simulator.trace(last)
    finished = copy(simulator)
    finished.clear_breaks()
    finished.run()  # along ramps that still rise
    return [_prolonged(trace, horizon) for trace in finished.trace(last)]


def _prolonged(trace: "Trace", end: float) -> "Trace":
    """The trace of a silent neuron, whose potential stays as it is, up to the end."""
    if np.isfinite(trace.spike):
        return trace
    times, potential = np.append(trace.times, end), np.append(trace.potential, trace.potential[-1])
    return replace(trace, times=times, potential=potential)


def _check(traces: list["Trace"], t_max: float | None) -> None:
    """Refuse traces that cannot be drawn."""
    for trace in traces:
        whose = f"membrane, neuron {trace.neuron}"
        spike_times(trace.times, whose)
        spike_times([trace.spike], whose, t_max)
        if trace.times.shape != trace.potential.shape:
            got = f"{trace.times.shape} and {trace.potential.shape}"
            raise ShapeError(f"{whose}: expects times and potential of one length, got {got}")
        if not np.isfinite(trace.potential).all():
            raise InputError(f"{whose}: potentials must be finite")


def _names(traces: list["Trace"], names: Sequence[str] | None) -> list[str]:
    """The caller's names, or neuron numbers; silent neurons are marked as such."""
    if names is None:
        several = len({trace.layer for trace in traces}) > 1
        names = [f"{t.layer}:{t.neuron}" if several else f"neuron {t.neuron}" for t in traces]
    if len(names) != len(traces):
        raise ShapeError(f"membrane: expects {len(traces)} names, got {len(names)}")
    return [
        named(name) if np.isfinite(trace.spike) else f"{named(name)} (silent)"
        for name, trace in zip(names, traces, strict=True)
    ]


def _unit(traces: list["Trace"], unit: str | None) -> str:
    """The caller's unit of time, or that of the traces."""
    units = {trace.unit for trace in traces} if unit is None else {unit}
    if len(units) > 1:
        raise InputError(f"membrane: traces of one unit of time, got {', '.join(sorted(units))}")
    return units.pop() if units else "step"


def _arrivals(
    traces: list["Trace"], inputs: Sequence["Explanation | Sequence[Input]"] | None
) -> list[Array]:
    """For each trace, the times and weights of its arrivals (arrivals, 2), if given."""
    if inputs is None:
        return []
    if len(inputs) != len(traces):
        raise ShapeError(f"membrane: expects inputs for {len(traces)} traces, got {len(inputs)}")
    found = [given if isinstance(given, Sequence) else given.inputs for given in inputs]
    rows = [[(i.time, i.weight) for i in row] for row in found]
    return [np.array(row, np.float64).reshape(-1, 2) for row in rows]


def _range(traces: list["Trace"]) -> tuple[float, float]:
    """The lowest and highest potential or threshold."""
    values = [trace.potential for trace in traces]
    values += [np.array([t.threshold]) for t in traces if np.isfinite(t.threshold)]
    low = min((v.min(initial=0.0) for v in values), default=0.0)
    high = max((v.max(initial=0.0) for v in values), default=0.0)
    return (float(low), float(high)) if high > low else (float(low), float(low) + 1.0)


def _looks(ax: Axes, traces: list["Trace"]) -> list[Look]:
    """A look of its own for each of a few lines; many lines are thin and in their layer's colour.

    Colours are those of classes, by the neuron's number; neurons that share one differ in style.
    """
    if len(traces) > NAMED:
        return [Look(layer_colour(trace.layer, ax), "-", 0.6) for trace in traces]
    colours = [class_colour(trace.neuron) for trace in traces]
    turns = [colours[:k].count(colour) for k, colour in enumerate(colours)]
    return [Look(c, STYLES[k % len(STYLES)], 1.2) for c, k in zip(colours, turns, strict=True)]


def _line(ax: Axes, trace: "Trace", name: str, look: Look) -> Line2D:
    """One potential as a line through its corners."""
    style: Any = look.style
    return ax.plot(
        trace.times,
        trace.potential,
        color=look.colour,
        linestyle=style,
        linewidth=look.width,
        marker="",
        label=name,
    )[0]


def _ring(ax: Axes, trace: "Trace", look: Look) -> Line2D:
    """A ring at the only spike of a neuron."""
    return ax.plot(
        trace.spike,
        trace.potential[-1],
        "o",
        color=look.colour,
        markerfacecolor=inks(ax).ground,
        markersize=4.5 if look.width > 1 else 3,
        zorder=4,
        clip_on=False,
    )[0]


def _thresholds(ax: Axes, traces: list["Trace"], looks: list[Look]) -> list[Artist]:
    """Draw thresholds dashed, in the neurons' colours if they differ; one line for the legend."""
    found = {(t.threshold, t.falls) for t in traces if np.isfinite(t.threshold)}
    own, ink = len(found) > 1, inks(ax).ink
    drawn: set[Any] = set()
    for trace, look in zip(traces, looks, strict=True):
        told = trace.threshold, trace.falls
        if told in found and (own or told not in drawn):
            drawn.add(told)
            colour = look.colour if own else ink
            if trace.falls is None:
                across(ax, trace.threshold, colour, 0.8, DASHES)
            else:
                dashes: Any = {"linestyle": DASHES, "marker": ""}
                corners = (0, trace.falls[0], trace.falls[1]), (trace.threshold,) * 2 + (0,)
                ax.plot(*corners, color=colour, linewidth=0.8, zorder=1, **dashes)
    return [sample(ink, 0.8, "threshold", DASHES)] if drawn else []


def _ticks(ax: Axes, row: Array, middle: float, height: float, colour: str) -> LineCollection:
    """One tick per arrival; a weight of zero gets a dot."""
    x, y = row[:, 0], 0.8 * height * np.sign(row[:, 1])
    across(ax, middle, inks(ax).faint, 0.4)
    return uprights(ax, x, (middle, middle + y), colour)


def _legend(lines: list[Line2D], traces: list["Trace"]) -> list[Artist]:
    """Every line or, if there are too many, only their number."""
    if len(lines) <= NAMED:
        return list(lines)
    silent = sum(bool(np.isinf(trace.spike)) for trace in traces)
    words = f"{len(lines)} neurons ({silent} silent)"
    return [sample(str(lines[0].get_color()), 1.2, words)]
