"""What has been decided, and at what cost, by a given time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from ttfs.checks import as_labels
from ttfs.codes.decoding import decide
from ttfs.engines.batch import Record
from ttfs.errors import InputError, ShapeError
from ttfs.plotting.given import Array, horizon, layer_names, layers_of_times, numbers, spike_times
from ttfs.plotting.legends import legend_above
from ttfs.plotting.look import (
    COLUMN,
    GREY,
    axes_for,
    dress,
    inks,
    layer_colour,
    plural,
)


def decision_curve(
    times: ArrayLike | Record,
    potential: ArrayLike | None = None,
    labels: ArrayLike = (),
    *,
    ax: Axes | None = None,
    t_max: float | None = None,
    unit: str = "step",
) -> list[Line2D]:
    """Accuracy if the answer is due by a deadline, and the share of samples undecided by then.

    `times` (samples, outputs) and `potential` of the last layer, as `ttfs.forward` returns them, or
    its `Record` for both; `labels` (samples,). At each time the answer is the output that fired
    first; if none has fired, the sample counts as wrong. A ring at the end shows the strict
    accuracy, in which samples that remain undecided are decided by potential. Returns both lines,
    in percent, and the ring (absent if there are no samples). ShapeError where sizes differ;
    InputError for NaN, negative times, spikes at or after `t_max`, or labels that are not outputs.

    >>> from matplotlib.figure import Figure
    >>> times, potential = [[3, 5], [np.inf, 4], [np.inf, np.inf]], [[1, 1], [0, 1], [0.5, 0]]
    >>> right, open_, ring = decision_curve(times, potential, [0, 0, 0], ax=Figure().subplots())
    >>> right.get_xydata().round(1).tolist()
    [[0.0, 0.0], [3.0, 33.3], [4.0, 33.3], [4.0, 33.3]]
    >>> open_.get_ydata().round(1).tolist(), ring.get_ydata().round(1).tolist()
    ([100.0, 66.7, 33.3, 33.3], [66.7])
    """
    if isinstance(times, Record):
        potential = times.potential if potential is None else potential
        times = times.times[-1]
    if potential is None:
        raise InputError("decision_curve: expects the potential beside the times, or a Record")
    outputs = spike_times(times, "decision_curve", t_max)
    volts = numbers(potential, "decision_curve, potential")
    if outputs.ndim != 2 or outputs.shape != volts.shape or not outputs.shape[1]:
        got = f"{outputs.shape} and {volts.shape}"
        wanted = "times and potential (samples, outputs)"
        raise ShapeError(f"decision_curve: expects {wanted}, got shapes {got}")
    decisions = decide(outputs, volts)
    correct = decisions.right(as_labels(labels, *outputs.shape))
    end = horizon([decisions.time], t_max)
    ax = axes_for(ax, "decision_curve")
    dress(ax, f"deadline ({plural(unit)})", "samples (%)")
    when, known = _shares(decisions.time, end)
    _, good = _shares(np.where(correct, decisions.time, np.inf), end, when)
    drawn = [
        _steps(ax, when, good, inks(ax).ink, "-", "right"),
        _steps(ax, when, 100 - known, GREY, (0, (4, 2)), "undecided"),
    ]
    if correct.size:
        share = 100 * correct.mean()
        look: dict[str, Any] = {"color": inks(ax).ink, "markerfacecolor": inks(ax).ground}
        words = f"all, undecided by potential: {share:.1f} %"
        drawn += ax.plot(end, share, "o", label=words, clip_on=False, zorder=4, **look)
    ax.set(xlim=(0, end), ylim=(-2, 103))
    legend_above(ax)
    return drawn


def activity(
    times: Sequence[ArrayLike] | Record,
    fan_out: Sequence[ArrayLike],
    *,
    ax: Axes | None = None,
    names: Sequence[str] | None = None,
    delay: float | Sequence[float] = 0.0,
    t_max: float | None = None,
    unit: str = "step",
) -> list[Line2D]:
    """How many spikes and synaptic operations have occurred by a given time, per sample.

    `times` holds one array (neurons,) or (samples, neurons) per layer, input first, in `unit`, or
    is a `Record`.
    `fan_out` holds, for each layer, the number of synapses that one of its spikes reaches: one
    number, or one per neuron; 0 for the last layer of a chain. A spike reaches them after `delay`
    (one number, or one per layer), if that is before `t_max`. Spikes are drawn layer by layer on
    the left scale, operations of all layers together as a dashed line on the right scale. Returns
    one line per layer, then the line of operations. ShapeError where sizes differ; InputError for
    NaN, negative times, spikes at or after `t_max`, and negative numbers of synapses.

    >>> from matplotlib.figure import Figure
    >>> *layers, work = activity([[0, 2, np.inf], [3]], [1, 0], ax=Figure().subplots(), t_max=9)
    >>> layers[0].get_xydata().tolist()
    [[0.0, 0.0], [0.0, 1.0], [2.0, 2.0], [3.0, 2.0]]
    >>> float(work.get_ydata().max())
    2.0
    """
    layers = layers_of_times(times, "activity", t_max)
    names = layer_names(len(layers), names)
    costs = _costs(layers, fan_out)
    delays = _delays(delay, len(layers))
    arrivals = [layer + late for layer, late in zip(layers, delays, strict=True)]
    if t_max is not None:
        arrivals = [np.where(late < t_max, late, np.inf) for late in arrivals]
    busy = [late for late, cost in zip(arrivals, costs, strict=True) if np.any(cost)]
    end = horizon(layers + busy, t_max)
    ax = axes_for(ax, "activity", COLUMN, 2.5)
    samples = max((len(layer) for layer in layers if layer.ndim == 2), default=1) or 1
    each = " per sample" if any(layer.ndim == 2 for layer in layers) else ""
    dress(ax, f"time ({plural(unit)})", f"spikes{each}")
    drawn = []
    for i, layer in enumerate(layers):
        when, total = _sums(layer, np.ones(layer.shape), end)
        drawn.append(_steps(ax, when, total / samples, layer_colour(i, ax), "-", names[i]))
    right = ax.twinx()
    dress(right, "", f"operations{each}")
    right.spines["right"].set_visible(True)
    when, total = _sums(
        np.concatenate([a.ravel() for a in arrivals]),
        np.concatenate([c.ravel() for c in costs]),
        end,
    )
    work = _steps(right, when, total / samples, inks(ax).ink, (0, (2, 1.5)), "operations (right)")
    ax.set(xlim=(0, end), ylim=(0, _top(drawn)))
    right.set_ylim(0, _top([work]))
    legend_above(ax, [*drawn, work])
    return [*drawn, work]


def _delays(delay: float | Sequence[float], layers: int) -> Array:
    """One delay per layer."""
    delays = numbers(delay, "activity, delay")
    delays = np.full(layers, delays) if delays.ndim == 0 else delays
    if delays.shape != (layers,):
        raise ShapeError(f"activity: expects one delay, or {layers}, got shape {delays.shape}")
    if not (np.isfinite(delays) & (delays >= 0)).all():
        raise InputError(f"activity: delays must be 0 or more and finite, got {delay}")
    return delays


def _costs(layers: list[Array], fan_out: Sequence[ArrayLike]) -> list[Array]:
    """The number of synapses that each neuron reaches, in each sample."""
    if len(fan_out) != len(layers):
        raise ShapeError(
            f"activity: expects {len(layers)} fan-outs, one per layer, got {len(fan_out)}"
        )
    costs = []
    for i, (layer, given) in enumerate(zip(layers, fan_out, strict=True)):
        cost = numbers(given, f"activity, fan_out {i}")
        if layer.ndim not in (1, 2) or cost.shape not in ((), layer.shape[-1:]):
            wanted = "times (neurons,) or (samples, neurons), and a fan-out for all or for each"
            got = f"{layer.shape} and {cost.shape}"
            raise ShapeError(f"activity, layer {i}: expects {wanted}, got shapes {got}")
        if not (np.isfinite(cost) & (cost >= 0)).all():
            raise InputError(f"activity, fan_out {i}: synapses must be 0 or more")
        costs.append(np.broadcast_to(cost, layer.shape))
    return costs


def _shares(times: Array, end: float, when: Array | None = None) -> tuple[Array, Array]:
    """Distinct times from 0 to `end`, and the percentage of all times at or before each."""
    finite = np.sort(times[np.isfinite(times)])
    if when is None:
        when = np.concatenate([[0.0], np.unique(finite[finite > 0]), [end]])
    return when, 100 * np.searchsorted(finite, when, side="right") / max(times.size, 1)


def _sums(times: Array, values: Array, end: float) -> tuple[Array, Array]:
    """Distinct times, preceded by 0 and followed by `end`, and the sum of values up to each."""
    fired = np.isfinite(times)
    when, place = np.unique(times[fired], return_inverse=True)
    sums = np.bincount(place.ravel(), values[fired], minlength=len(when)).cumsum()
    last = sums[-1:] if len(sums) else np.zeros(1)
    return np.concatenate([[0.0], when, [end]]), np.concatenate([[0.0], sums, last])


def _steps(ax: Axes, x: Array, y: Array, colour: str, style: object, name: str) -> Line2D:
    """A line that keeps each value until the next."""
    look: dict[str, Any] = {"linestyle": style, "drawstyle": "steps-post", "marker": ""}
    return ax.plot(x, y, label=name, color=colour, linewidth=1.2, **look)[0]


def _top(lines: list[Line2D]) -> float:
    """The upper end of an axis with these lines."""
    return 1.05 * max(float(np.max(line.get_ydata())) for line in lines) or 1.0
