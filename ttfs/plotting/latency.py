"""When neurons fire: distributions over layers, and images of spike times."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.patches import StepPatch
from numpy.typing import ArrayLike

from ttfs.engines.batch import Record
from ttfs.errors import InputError
from ttfs.plotting.given import (
    Array,
    horizon,
    image_shape,
    layer_names,
    layers_of_times,
    spike_times,
)
from ttfs.plotting.legends import legend_above, legend_of_silence
from ttfs.plotting.look import (
    COLUMN,
    EARLY_IS_DARK,
    WORDS,
    across,
    axes_for,
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

LONG = 8  # how much longer one side of an image may be than the other if pixels are square
HILL = 0.88  # the share of a layer's row that its distribution may fill


def latency_histogram(
    times: Sequence[ArrayLike] | Record,
    *,
    ax: Axes | None = None,
    names: Sequence[str] | None = None,
    t_max: float | None = None,
    bins: int = 64,
    unit: str = "step",
) -> list[StepPatch]:
    """How the spike times of each layer are distributed; one outline per layer, in order.

    `times` holds one array of any shape per layer, usually (samples, neurons), in `unit`, or is a
    `Record`. Heights are percentages of all neurons x samples, so that an outline sums to the share
    that fired; the silent share is in the legend. Where all times are whole numbers, so is the
    width of the bins, of which there may then be fewer than `bins`. InputError for NaN, negative
    times, or spikes at or after `t_max`.

    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> drawn = latency_histogram([[0, 1, 1, 3], [2, np.inf]], ax=ax, t_max=4)
    >>> drawn[0].get_data().values.tolist()
    [25.0, 50.0, 0.0, 25.0]
    >>> drawn[1].get_label()
    'output (50 % silent)'
    """
    layers = layers_of_times(times, "latency_histogram", t_max)
    names = layer_names(len(layers), names)
    edges = _edges(layers, horizon(layers, t_max), bins, "latency_histogram")
    ax = axes_for(ax, "latency_histogram")
    dress(ax, f"spike time ({plural(unit)})", "neurons × samples (%)")
    drawn = [_outline(ax, layer, edges, i, names[i]) for i, layer in enumerate(layers)]
    ax.set_xlim(0, edges[-1])
    ax.set_ylim(0, None if any(np.isfinite(layer).any() for layer in layers) else 1)
    legend_above(ax)
    return drawn


def _edges(layers: list[Array], end: float, bins: int, whose: str) -> Array:
    """Equal bins from 0 to `end`; of whole width where all times are whole, to avoid combs.

    Nor are they narrower than the usual distance between such times, as of pixels with few levels.
    """
    if bins < 1:
        raise InputError(f"{whose}: bins must be at least 1, got {bins}")
    whole = all(np.all(layer[np.isfinite(layer)] % 1 == 0) for layer in layers)
    if not whole:
        return np.linspace(0, end, bins + 1)
    known = [np.unique(layer[np.isfinite(layer)]) for layer in layers]
    usual = min((np.median(np.diff(times)) for times in known if times.size > 2), default=1.0)
    width = max(np.ceil((end + 1) / bins), np.floor(usual))  # 1 more: the last time has its bin
    return width * np.arange(np.ceil((end + 1) / width) + 1)


def _outline(ax: Axes, times: Array, edges: Array, layer: int, name: str) -> StepPatch:
    """The share of all times in each bin, in percent."""
    counts, _ = np.histogram(times[np.isfinite(times)], edges)
    silent = percent(int(np.isinf(times).sum()), times.size)
    heights = 100 * counts / max(times.size, 1)
    label = f"{name} ({silent} silent)"
    return ax.stairs(heights, edges, color=layer_colour(layer, ax), label=label, linewidth=1.1)


def latency_by_layer(
    times: Sequence[ArrayLike] | Record,
    *,
    ax: Axes | None = None,
    names: Sequence[str] | None = None,
    t_max: float | None = None,
    bins: int = 64,
    unit: str = "step",
) -> list[StepPatch]:
    """When each layer fires: one hill per layer, input lowest, with its median and silent share.

    `times` holds one array of any shape per layer, usually (samples, neurons), in `unit`, or is a
    `Record`. Each hill is as high as its row allows, whatever the size of its layer; to compare
    heights, use `latency_histogram`. Vertical marks are median spike times; the silent share of all
    neurons x samples stands at the right. Where all times are whole numbers, so is the width of the
    bins. InputError for NaN, negative times, or spikes at or after `t_max`.

    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> drawn = latency_by_layer([[0, 1, 1, 3], [2, np.inf]], ax=ax, t_max=4)
    >>> [text.get_text() for text in ax.texts]
    ['0 % silent', '50 % silent']
    """
    layers = layers_of_times(times, "latency_by_layer", t_max)
    names = layer_names(len(layers), names)
    edges = _edges(layers, horizon(layers, t_max), bins, "latency_by_layer")
    ax = axes_for(ax, "latency_by_layer", COLUMN, 0.6 + 0.32 * len(layers))
    dress(ax, f"spike time ({plural(unit)})", "")
    ax.set(xlim=(0, edges[-1]), ylim=(-0.1, len(layers)))
    stride = label_stride(extent(ax)[1] / len(layers), len(layers))
    shown = slice(None, None, stride)
    ax.set_yticks(np.arange(len(layers))[shown] + 0.3, names[shown], **WORDS)
    ax.tick_params("y", length=0)
    for i in range(0, len(layers), stride):
        _say_silence(ax, layers[i], i)
    return [_hill(ax, layer, edges, i) for i, layer in enumerate(layers)]


def _hill(ax: Axes, times: Array, edges: Array, layer: int) -> StepPatch:
    """The distribution of a layer's spike times in its row, and the median."""
    fired, colour = times[np.isfinite(times)], layer_colour(layer, ax)
    counts, _ = np.histogram(fired, edges)
    heights = layer + HILL * counts / max(counts.max(initial=0), 1)
    across(ax, layer, inks(ax).faint, 0.6)
    look: dict[str, Any] = {"color": colour, "linewidth": 0.8, "alpha": 0.75}
    hill = ax.stairs(heights, edges, baseline=layer, fill=True, **look)
    if fired.size:
        median = np.full(1, np.median(fired))
        ground = inks(ax).ground
        for ink, width in ((ground, 3.2), (inks(ax).ink, 1.4)):
            uprights(ax, median, (layer + 0.02, layer + 0.3), ink, width=width)
    return hill


def _say_silence(ax: Axes, times: Array, layer: int) -> None:
    """The silent share of a layer to the right of its row."""
    silent = percent(int(np.isinf(times).sum()), times.size)
    look: dict[str, Any] = {"fontsize": "x-small", "color": inks(ax, outside=True).ink}
    look |= {"transform": ax.get_yaxis_transform(), "va": "center"}
    ax.text(1.02, layer + 0.3, f"{silent} silent", **look, **WORDS)


def latency_map(
    times: ArrayLike,
    shape: tuple[int, int],
    *,
    ax: Axes | None = None,
    t_max: float | None = None,
    unit: str = "step",
    colorbar: bool = True,
) -> AxesImage:
    """One stimulus as an image of spike times: early is dark, late is light, silent is grey.

    `times` (neurons,) or (rows, columns) in `unit`, `shape` = (rows, columns). The returned
    image holds the exact times, with silent pixels masked. ShapeError if `shape` does not fit;
    InputError for NaN, negative times, or spikes at or after `t_max`.

    >>> from matplotlib.figure import Figure
    >>> image = latency_map([0, 7.5, np.inf, 3], (2, 2), ax=Figure().subplots())
    >>> image.get_array().tolist()
    [[0.0, 7.5], [None, 3.0]]
    """
    flat = spike_times(times, "latency_map", t_max)
    pixels = flat.reshape(image_shape(shape, flat.size, "latency_map"))
    ax = axes_for(ax, "latency_map", COLUMN, 2.7)
    silent = np.isinf(pixels)
    image = ax.imshow(
        np.ma.array(pixels, mask=silent),
        cmap=EARLY_IS_DARK,
        vmin=0,
        vmax=horizon([pixels], t_max),
        interpolation="nearest",
        origin="upper",
        aspect="equal" if 1 / LONG <= pixels.shape[0] / pixels.shape[1] <= LONG else "auto",
    )
    ax.grid(False)
    dress(ax, "column (pixel)", "row (pixel)")
    whole_numbers(ax.xaxis)
    whole_numbers(ax.yaxis)
    legend_of_silence(ax, silent)
    if colorbar:
        colour_bar(image, f"spike time ({plural(unit)})")
    return image
