"""When the outputs fire, class by class."""

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from ttfs.engines.batch import Record
from ttfs.errors import InputError
from ttfs.plotting.given import Array, horizon, one_per_sample, rows_of_times
from ttfs.plotting.legends import legend_above
from ttfs.plotting.look import (
    GREY,
    WORDS,
    axes_for,
    dress,
    extent,
    inks,
    percent,
    plural,
)


def latency_by_class(
    times: ArrayLike | Record,
    labels: ArrayLike,
    *,
    ax: Axes | None = None,
    t_max: float | None = None,
    unit: str = "step",
) -> list[Artist]:
    """For each class, when its own output fires and when the first output fires (the decision).

    `times` (samples, classes) of the output layer in `unit`, or a `Record`; `labels` (samples,),
    whole numbers.
    Thick bars span the middle half of the samples, thin bars the middle 90 %, and dots mark the
    means. Silent outputs are left out of these; their percentage stands under each class and in
    the legend. Returns thin bars, thick bars and dots for the class's output, then the same for
    the first output. ShapeError where sizes differ; InputError for NaN, negative times, spikes at
    or after `t_max`, and labels that are not classes.

    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> drawn = latency_by_class([[1, 2], [np.inf, 4], [np.inf, 6]], [0, 1, 0], ax=ax)
    >>> [tick.get_text() for tick in ax.get_xticklabels()]
    ['0\\n50', '1\\n0']
    """
    outputs = rows_of_times(times, "latency_by_class", t_max, "classes")
    classes = _as_labels(labels, outputs)
    own = outputs[np.arange(len(outputs)), classes]
    first = outputs.min(axis=1)
    ax = axes_for(ax, "latency_by_class")
    dress(ax, "class, and its silent share (%)", f"spike time ({plural(unit)})")
    drawn: list[Artist] = []
    looks = ("output of the class", own, inks(ax).ink), ("first output", first, GREY)
    for i, (name, spikes, colour) in enumerate(looks):
        silent = percent(int(np.isinf(spikes).sum()), spikes.size)
        groups = [spikes[(classes == c) & np.isfinite(spikes)] for c in range(outputs.shape[1])]
        label = f"{name} ({silent} silent)"
        drawn += _spreads(ax, groups, 0.36 * i - 0.18, colour, label)
    if not np.isfinite(first).any():
        ax.set_ylim(0, horizon([first], t_max))
    _label_classes(ax, own, classes, outputs.shape[1])
    legend_above(ax)
    return drawn


def _as_labels(labels: ArrayLike, outputs: Array) -> NDArray[np.integer]:
    """Whole numbers, one per sample, each the index of an output."""
    classes = one_per_sample(labels, len(outputs), "latency_by_class")
    if classes.size == 0:
        return classes.astype(int)
    if classes.dtype.kind not in "iu" or classes.min() < 0 or classes.max() >= outputs.shape[1]:
        wanted = f"whole labels from 0 to {outputs.shape[1] - 1}"
        got = f"{classes.dtype} from {classes.min()} to {classes.max()}"
        raise InputError(f"latency_by_class: expects {wanted}, got {got}")
    return classes


def _spreads(ax: Axes, groups: list[Array], shift: float, colour: str, label: str) -> list[Artist]:
    """Middle 90 %, middle half and mean of each group that is not empty."""
    x = np.array([c + shift for c, group in enumerate(groups) if group.size])
    filled = [group for group in groups if group.size]
    corners = [np.quantile(group, [0.05, 0.25, 0.75, 0.95]) for group in filled]
    low, first, third, high = np.reshape(corners, (-1, 4)).T
    means = [group.mean() for group in filled]
    points = extent(ax)[0] / max(len(groups), 1)
    dot: dict[str, Any] = {"s": min(9.0, 0.05 * points**2), "marker": "o", "linewidth": 0.8}
    dot |= {"color": inks(ax).ground, "edgecolor": colour, "zorder": 3}
    return [
        ax.vlines(x, low, high, color=colour, linewidth=0.8),
        ax.vlines(x, first, third, color=colour, linewidth=min(4, 0.3 * points), label=label),
        ax.scatter(x, means, **dot),
    ]


def _label_classes(ax: Axes, own: Array, classes: NDArray[np.integer], count: int) -> None:
    """Write the class and its silent share under the axis, for at most a dozen classes."""
    shown = range(0, count, -(-count // 12))
    texts = []
    for c in shown:
        mine = np.isinf(own[classes == c])
        share = percent(int(mine.sum()), mine.size).removesuffix(" %") if mine.size else "–"
        texts.append(f"{c}\n{share}")
    ax.set_xticks(list(shown), texts, **WORDS)
    ax.set_xlim(-0.6, count - 0.4)
