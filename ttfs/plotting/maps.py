"""First spikes of maps, channel by channel, as images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike

from ttfs.checks import of_kind
from ttfs.engines.simulator import Simulator
from ttfs.errors import InputError, ShapeError
from ttfs.plotting.given import (
    Array,
    Layers,
    Shape,
    horizon,
    map_shape,
    of_one_stimulus,
    shapes_of,
    spike_times,
)
from ttfs.plotting.legends import legend_of_silence
from ttfs.plotting.look import (
    EARLY_IS_DARK,
    PAGE,
    SILENT,
    WORDS,
    axes_for,
    colour_bar,
    inks,
    percent,
    plural,
)
from ttfs.plotting.tiles import (
    check_columns,
    chosen,
    columns_that_fit,
    of_all,
    show_tiles,
)

WIDTH = 1.6  # inches that a map needs for its title
SEEN_THROUGH = EARLY_IS_DARK.with_extremes(bad="none")


def latency_maps(
    times: ArrayLike,
    shape: Shape,
    *,
    ax: Axes | None = None,
    channels: Sequence[int] | None = None,
    columns: int | None = None,
    t_max: float | None = None,
    unit: str = "step",
    colorbar: bool = True,
) -> AxesImage:
    """The first spikes of a map, as one image per channel: early is dark, silent is grey.

    `times` of one stimulus, (neurons,) or (height, width, channels), in `unit`; `shape` = (height,
    width, channels), as in `network.shapes`. `channels` are those to show, by default the first
    64, in rows of `columns`, by default chosen so that the images are as large as the axes allow.
    All share one time scale. The returned image holds the exact times; silence and the gaps
    between channels are masked. ShapeError if sizes do not fit; InputError for NaN, negative
    times, spikes at or after `t_max`, or channels that do not exist.

    >>> from matplotlib.figure import Figure
    >>> times = [0, 5, 7.5, np.inf, 3, 2, 1, 8]
    >>> image = latency_maps(times, (2, 2, 2), ax=Figure().subplots(), channels=[1])
    >>> image.get_array().compressed()
    array([5., 2., 8.])
    """
    flat = spike_times(times, "latency_maps", t_max)
    height, width, depth = map_shape(shape, flat.size, "latency_maps")
    shown = chosen(channels, depth, "latency_maps", "channel", 64)
    tiles = flat.reshape(height, width, depth).transpose(2, 0, 1)[shown]
    check_columns(columns, "latency_maps")
    ax = axes_for(ax, "latency_maps", PAGE, 4.2)
    columns = columns_that_fit(ax, (height, width), len(shown)) if columns is None else columns
    image = _show(ax, tiles, shown, columns, horizon([flat], t_max))
    some = [of_all(len(shown), depth, "channel")] if len(shown) < depth else []
    legend_of_silence(ax, np.isinf(tiles), *some)
    if colorbar:
        colour_bar(image, f"spike time ({plural(unit)})")
    return image


def map_summary(
    times: Layers,
    shapes: Sequence[Shape] | None = None,
    *,
    figure: Figure | SubFigure | None = None,
    names: Sequence[str] | None = None,
    t_max: float | None = None,
    unit: str | None = None,
) -> list[AxesImage]:
    """The first spikes of all maps of a network on one time scale, as one image per map.

    `times` holds one array (neurons,) per layer, of one stimulus, input first, in `unit`; `shapes`
    are `network.shapes`. A `Simulator` stands for all of these, a `Record` for times. Layers that
    are not maps, whose height and width are 1, are left out. The title of each map gives its name,
    its silent share and its shape. `figure` must be empty. Each image is as in `latency_maps`, with
    up to 64 channels. ShapeError where sizes differ; InputError where there is no map, and for NaN,
    negative times, or spikes at or after `t_max`.

    >>> from matplotlib.figure import Figure
    >>> images = map_summary([[0, 1, 2, 3], [5]], [(2, 2, 1), (1, 1, 1)], figure=Figure())
    >>> [image.axes.get_title() for image in images]
    ['input, 0 % silent\\n2 × 2 × 1']
    """
    if isinstance(times, Simulator) and shapes is None:
        shapes = shapes_of(times)
    layers, names, unit = of_one_stimulus(times, "map_summary", t_max, names, unit)
    if shapes is None:
        raise InputError("map_summary: expects shapes, as network.shapes")
    if len(shapes) != len(layers):
        raise ShapeError(f"map_summary: expects {len(layers)} shapes, got {len(shapes)}")
    sized = [map_shape(s, t.size, "map_summary") for s, t in zip(shapes, layers, strict=True)]
    maps = [k for k, (height, width, _) in enumerate(sized) if height * width > 1]
    if not maps:
        raise InputError("map_summary: expects a layer that is a map, got none")
    end = horizon([layers[k] for k in maps], t_max)
    if figure is None:
        import matplotlib.pyplot as plt

        size = (PAGE, 0.4 + 2.3 * -(-len(maps) // 3))
        figure = plt.figure(figsize=size, layout="compressed")
    of_kind(figure, Figure | SubFigure, "map_summary: figure", "a Figure of Matplotlib")
    across = min(len(maps), 3, max(1, int(figure.bbox.width / figure.dpi / WIDTH)))
    axes = figure.subplots(-(-len(maps) // across), across, squeeze=False)
    for ax in axes.flat[len(maps) :]:
        ax.set_axis_off()
    images = []
    for k, ax in zip(maps, axes.flat, strict=False):
        tiles = layers[k].reshape(sized[k]).transpose(2, 0, 1)[:64]
        columns = columns_that_fit(ax, tiles.shape[1:], len(tiles))
        images.append(_show(ax, tiles, None, columns, end))
        silent = percent(int(np.isinf(layers[k]).sum()), layers[k].size)
        words = f"{names[k]}, {silent} silent\n{' × '.join(map(str, sized[k]))}"
        ax.set_title(words, fontsize="x-small", color=inks(ax, outside=True).ink, **WORDS)
    colour_bar(images[0], f"spike time ({plural(unit)})", axes, below="grey:\nsilent")
    return images


def _show(ax: Axes, tiles: Array, names: Any, columns: int, end: float) -> AxesImage:
    """Channels (channels, rows, columns) side by side, on the grey that means silence."""
    masked = np.ma.masked_invalid(tiles)
    look: dict[str, Any] = {"cmap": SEEN_THROUGH, "vmin": 0, "vmax": end, "ground": SILENT}
    return show_tiles(ax, masked, names, columns, **look)
