"""When neurons fire, and in which order, over many stimuli."""

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike, NDArray

from ttfs.engines.batch import Record
from ttfs.errors import InputError
from ttfs.plotting.given import Array, horizon, one_per_sample, rows_of_times
from ttfs.plotting.legends import legend_above, legend_of_silence, sample, words_only
from ttfs.plotting.look import (
    CLASSES,
    COLUMN,
    EARLY_IS_DARK,
    WORDS,
    across,
    axes_for,
    class_colour,
    colour_bar,
    dress,
    extent,
    inks,
    label_stride,
    layer_colour,
    percent,
    plural,
    uprights,
    whole_numbers,
)

FEW = 200  # rows or columns of an image; up to so many, each gets pixels of its own
BAND = 0.86  # the share of a neuron's place that its samples fill


def latency_diagram(
    times: ArrayLike | Record,
    labels: ArrayLike | None = None,
    *,
    ax: Axes | None = None,
    t_max: float | None = None,
    unit: str = "step",
) -> list[Artist]:
    """A band per neuron with a short line for each spike, the mean time and the silent share.

    `times` (samples, neurons) in `unit`, or a `Record`, of which the last layer is drawn. Samples
    are stacked in their order, the first lowest; a sample without a spike leaves its row empty.
    With `labels` (samples,), whole numbers, each band is divided into classes, the smallest lowest,
    in the colours of `class_colour`, each with its own mean. Returns the spikes, one collection per
    colour, then the means. ShapeError where sizes differ; InputError for NaN, negative times,
    spikes at or after `t_max`, or other labels.

    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> spikes, means = latency_diagram([[1, 2], [3, np.inf]], ax=ax)
    >>> len(spikes.get_segments()), [float(line[0, 0]) for line in means.get_segments()]
    (3, [2.0, 2.0])
    >>> [text.get_text() for text in ax.texts]
    ['silent', '0 %', '50 %']
    """
    array = rows_of_times(times, "latency_diagram", t_max)
    classes = _classes(labels, array, "latency_diagram")
    found = np.unique(classes)
    rows = array.shape[1] * max(1.0, 0.3 * len(found))
    ax = axes_for(ax, "latency_diagram", COLUMN, min(max(2.0, 0.7 + 0.2 * rows), 6.0))
    end = horizon([array], t_max)
    ax.set(xlim=(-0.015 * end, 1.015 * end), ylim=(-0.5, array.shape[1] - 0.5))
    dress(ax, f"spike time ({plural(unit)})", "neuron")
    heights = _heights(classes, found)
    of_class = (lambda label: layer_colour(1)) if labels is None else class_colour
    colours = {int(label): of_class(int(label)) for label in found}
    drawn: list[Artist] = []
    for colour in dict.fromkeys(colours.values()):
        mine = np.isin(classes, [label for label in colours if colours[label] == colour])
        drawn.append(_strip(ax, array[mine], heights[mine], colour))
    drawn.append(_means(ax, array, classes, found))
    _name_neurons(ax, array.shape[1])
    _write_silence(ax, array)
    _legend(ax, {} if labels is None else colours)
    return drawn


def spike_order(
    times: ArrayLike | Record,
    labels: ArrayLike | None = None,
    *,
    ax: Axes | None = None,
    colorbar: bool = True,
) -> AxesImage:
    """The order in which neurons fire: one row per sample, dark for the first, grey for silent.

    `times` (samples, neurons), or a `Record`. The rank of a spike is 1 plus the number of earlier
    spikes in its sample, so neurons that fire together share a rank. Samples are drawn from top to
    bottom in their order, or sorted by `labels` (samples,), whole numbers, with a line between
    classes. The returned image holds the ranks, with silent neurons masked; with more than 200
    samples or neurons, those that fall into one pixel are blended. ShapeError where sizes differ;
    InputError for NaN, negative times, or other labels.

    >>> from matplotlib.figure import Figure
    >>> image = spike_order([[7, 2, np.inf], [5, 5, 9]], ax=Figure().subplots())
    >>> image.get_array().tolist()
    [[2, 1, None], [1, 1, 3]]
    """
    array = rows_of_times(times, "spike_order")
    classes = _classes(labels, array, "spike_order")
    order = np.argsort(classes, kind="stable")
    ranks = ranks_of(array[order])
    ax = axes_for(ax, "spike_order", COLUMN, 2.7)
    crowded = max(array.shape) > FEW
    image = ax.imshow(
        _enlarged(ranks) if crowded else ranks,
        cmap=EARLY_IS_DARK,
        vmin=1,
        vmax=max(2, ranks.max()) if ranks.count() else 2,
        aspect="auto",
        extent=(-0.5, array.shape[1] - 0.5, max(len(array), 1) - 0.5, -0.5),
        interpolation="antialiased" if crowded else "nearest",
        interpolation_stage="rgba",
        origin="upper",
    )
    ax.grid(False)
    dress(ax, "neuron", "sample" if labels is None else "samples by class")
    whole_numbers(ax.xaxis)
    whole_numbers(ax.yaxis)
    if labels is not None:
        _name_classes(ax, classes[order])
    legend_of_silence(ax, np.isinf(array))
    if colorbar:
        whole_numbers(colour_bar(image, "rank of spike").ax.yaxis)
    return image


def _enlarged(ranks: np.ma.MaskedArray) -> np.ma.MaskedArray:
    """Repeat rows or columns if they are few, so that smoothing the many leaves these sharp."""
    for axis in (0, 1):
        if ranks.shape[axis] <= FEW:
            ranks = ranks.repeat(-(-5 * FEW // max(ranks.shape[axis], 1)), axis)
    return ranks


def ranks_of(times: Array) -> np.ma.MaskedArray:
    """For each time, 1 plus the number of earlier times in its row; inf is masked.

    >>> ranks_of(np.array([[3.0, 1.0, 3.0, np.inf]])).tolist()
    [[2, 1, 2, None]]
    """
    ordered = np.sort(times, axis=1)
    earlier = [np.searchsorted(row, mine) for row, mine in zip(ordered, times, strict=True)]
    ranks = np.array(earlier, int).reshape(times.shape) + 1
    return np.ma.array(ranks, mask=np.isinf(times))


def _classes(labels: ArrayLike | None, times: Array, whose: str) -> NDArray[np.int64]:
    """Labels as whole numbers, one per sample; all 0 if no labels are given."""
    if labels is None:
        return np.zeros(len(times), np.int64)
    classes = one_per_sample(labels, len(times), whose)
    if classes.size and classes.dtype.kind not in "iu":
        raise InputError(f"{whose}: expects whole labels, got {classes.dtype}")
    return classes.astype(np.int64)


def _heights(classes: NDArray[np.int64], found: NDArray[np.int64]) -> Array:
    """The position of each sample in a band, from -0.5 to 0.5: by class, then in order."""
    heights = np.empty(len(classes))
    for k, c in enumerate(found):
        mine = np.flatnonzero(classes == c)
        inner = (np.arange(len(mine)) + 0.5) / len(mine)
        heights[mine] = BAND * ((k + inner) / len(found) - 0.5)
    return heights


def _strip(ax: Axes, times: Array, heights: Array, colour: str) -> LineCollection:
    """One line per spike, at least a point long and wide."""
    sample, neuron = np.nonzero(np.isfinite(times))
    x, y = times[sample, neuron], neuron + heights[sample]
    half = 0.35 * BAND / max(len(times), 1)
    return uprights(ax, x, (y - half, y + half), colour, zorder=2)


def _means(
    ax: Axes, times: Array, classes: NDArray[np.int64], found: NDArray[np.int64]
) -> LineCollection:
    """A vertical line through each class of each band in which there is a spike."""
    lines = []
    for neuron in range(times.shape[1]):
        for k, c in enumerate(found):
            spikes = times[classes == c, neuron]
            spikes = spikes[np.isfinite(spikes)]
            if spikes.size:
                ends = neuron + BAND * (np.array([k, k + 1]) / len(found) - 0.5)
                lines.append(np.column_stack([np.full(2, spikes.mean()), ends]))
    look = inks(ax)
    for colour, width in ((look.ground, 3.2), (look.ink, 1.6)):
        drawn = LineCollection(
            lines, colors=colour, linewidths=width, capstyle="butt", snap=False, zorder=3
        )
        ax.add_collection(drawn, autolim=False)
    return drawn


def _legend(ax: Axes, colours: dict[Any, str]) -> None:
    """What the lines are; of many classes, only where the first and the last are drawn."""
    mean = sample(inks(ax).ink, 2, "mean")
    found = list(colours)
    if len(found) <= len(CLASSES):
        names = [f"class {label}" if label == found[0] else str(label) for label in found]
        legend_above(ax, [*map(sample, colours.values(), [3] * len(found), names), mean])
        return
    words = f"in each band: class {found[0]} lowest, class {found[-1]} highest"
    legend_above(ax, [words_only(words), mean])


def _name_neurons(ax: Axes, neurons: int) -> None:
    """Label the neurons, with a line between them."""
    points = extent(ax)[1] / neurons
    shown = range(0, neurons, label_stride(points, neurons))
    ax.set_yticks(list(shown), [str(neuron) for neuron in shown])
    for neuron in range(1, neurons):
        across(ax, neuron - 0.5, inks(ax).faint, 0.4)


def _write_silence(ax: Axes, times: Array) -> None:
    """The silent share of each neuron to the right of its band, where there is room."""
    points = extent(ax)[1] / times.shape[1]
    look: dict[str, Any] = {"fontsize": "x-small", "color": inks(ax, outside=True).ink} | WORDS
    ax.text(1.01, 1.01, "silent", transform=ax.transAxes, va="bottom", **look)
    for neuron in range(0, times.shape[1], label_stride(points, times.shape[1])):
        share = percent(int(np.isinf(times[:, neuron]).sum()), len(times))
        ax.text(1.01, neuron, share, va="center", transform=ax.get_yaxis_transform(), **look)


def _name_classes(ax: Axes, classes: NDArray[np.int64]) -> None:
    """A line between classes, and the number of each class at its middle."""
    found, first, counts = np.unique(classes, return_index=True, return_counts=True)
    points = extent(ax)[1] / max(len(found), 1)
    for start in first[1:]:
        width = min(0.8, 0.1 * points)
        ax.axhline(start - 0.5, color="white", linewidth=width, linestyle="-", marker="")
    shown = slice(None, None, label_stride(points, len(found)))
    ax.set_yticks((first + (counts - 1) / 2)[shown], [str(c) for c in found[shown]])
    ax.tick_params(axis="y", length=0)
