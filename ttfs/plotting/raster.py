"""The raster: every spike of one stimulus, one row per neuron, layers from input to output."""

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from ttfs.engines.simulator import Simulator
from ttfs.errors import InputError, ShapeError
from ttfs.plotting.given import Array, Layers, Shape, horizon, map_shape, of_one_stimulus, shapes_of
from ttfs.plotting.look import (
    PAGE,
    WORDS,
    across,
    amount,
    axes_for,
    dress,
    inks,
    label_height,
    label_stride,
    layer_colour,
    letter_colour,
    plural,
    uprights,
)

ROOMY = 10  # neurons in a band of full height; a smaller layer gets a lower band
CROWD = 1000  # neurons of a map for which a full band is high enough
GAP = 0.12  # between bands, as a share of a full one
WIDE, THIN = 1.2, 0.75  # points
FILLED = 0.35  # the share that lines may fill of the area in which a map fires
SHADE = 0.12  # opacity of windows
HEAD = 2.2  # room over the last band, for the decision, in heights of a label
LEAST = 1.3  # the distance between names of layers, in the same unit
TWO = 3.2  # the height of a band beside which there is room for two lines, in the same unit


class Band(NamedTuple):
    """The strip of the picture that holds one layer.

    shape: (height, width, channels). Rows are ordered channel by channel.
    """

    layer: int
    name: str
    bottom: float
    shape: Shape

    @property
    def neurons(self) -> int:
        """Number of rows in the strip."""
        return prod(self.shape)

    @property
    def size(self) -> str:
        """The size of the layer, as text."""
        return " × ".join(map(str, self.shape)) if self.places > 1 else str(self.neurons)

    @property
    def places(self) -> int:
        """Neurons in one channel; 1 if the layer is not a map."""
        return self.shape[0] * self.shape[1]

    @property
    def height(self) -> float:
        """Height of the whole strip: 1 for a full one, more for a large map."""
        crowd = self.neurons / CROWD if self.places > 1 else 0.0
        return max(min(1.0, max(self.neurons, 3) / ROOMY), min(2.0, crowd**0.25))

    @property
    def top(self) -> float:
        """The upper end of the strip."""
        return self.bottom + self.height

    @property
    def step(self) -> float:
        """Height of one row."""
        return self.height / self.neurons

    def row(self, neuron: ArrayLike) -> Array:
        """Height of the middle of a neuron's row."""
        place, channel = np.divmod(neuron, self.shape[2])
        return self.bottom + (channel * self.places + place + 0.5) * self.step


def raster(
    times: Layers,
    *,
    ax: Axes | None = None,
    t_max: float | None = None,
    names: Sequence[str] | None = None,
    decision: tuple[float, int] | None = None,
    unit: str | None = None,
    shapes: Sequence[Shape] | None = None,
    windows: Sequence[tuple[float, float]] | None = None,
) -> list[LineCollection]:
    """Every spike of one stimulus as a short vertical line; one collection per layer, in order.

    `times` holds one array (neurons,) per layer, input first, in `unit`; inf is silence, and a
    silent neuron keeps its row. It may also be a `Record` of one stimulus, or a `Simulator`, which
    knows names, shapes and unit. The time axis ends at the last spike. Layers are stacked from the
    bottom, neuron 0 lowest. Each line is at least a point long and wide, so that none is lost
    however many rows there are. `decision` = (time, neuron) marks the output that decided; a time
    of inf means that no output fired. With `shapes`, as in `network.shapes`, the neurons of a map
    are ordered channel by channel, channel 0 lowest, and channels are numbered instead of neurons;
    crowded maps have thinner lines. `windows`, (begin, end) for each layer, are shaded: with
    `Windows`, those in which the layers fire. ShapeError if a layer is not (neurons,), or not of
    its shape; InputError for NaN, negative times, or spikes at or after `t_max`.

    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> drawn = raster([[0.0, 3.0, np.inf], [4.5, np.inf]], ax=ax, t_max=10, decision=(4.5, 0))
    >>> [len(layer.get_segments()) for layer in drawn]
    [2, 1]
    >>> ax.get_xlabel()
    'time (steps)'
    """
    if shapes is None and isinstance(times, Simulator):
        shapes = shapes_of(times)
    layers, names, unit = of_one_stimulus(times, "raster", t_max, names, unit)
    bands = _stack(layers, names, shapes)
    end = horizon(layers, t_max)
    if decision is not None:
        _check_decision(decision, bands[-1], end if t_max is None else float(t_max))
        end = max(end, decision[0]) if np.isfinite(decision[0]) else end
    ax = axes_for(ax, "raster", PAGE, 0.7 + 1.15 * sum(band.height for band in bands))
    last = end if windows is None else max(end, *(window[1] for window in windows))
    ax.set(xlim=(-0.015 * last, 1.015 * last), ylim=(-GAP / 2, _top(ax, bands)))
    mapped = any(band.places > 1 for band in bands)
    dress(ax, f"time ({plural(unit)})", "neuron or channel" if mapped else "neuron")
    _label_bands(ax, bands)
    _shade(ax, bands, windows)
    drawn = [_draw_layer(ax, layers[band.layer], band) for band in bands]
    if decision is not None:
        _mark(ax, decision, bands[-1], unit)
    return drawn


def _stack(layers: list[Array], names: list[str], shapes: Any) -> list[Band]:
    """A band for each layer, from the bottom up."""
    if shapes is not None and len(shapes) != len(layers):
        raise ShapeError(f"raster: expects {len(layers)} shapes, one per layer, got {len(shapes)}")
    bands: list[Band] = []
    bottom = 0.0
    for i, layer in enumerate(layers):
        flat = (1, 1, layer.size)
        shape = flat if shapes is None else map_shape(shapes[i], layer.size, f"raster, layer {i}")
        bands.append(Band(i, names[i], bottom, shape))
        bottom = bands[-1].top + GAP
    return bands


def _top(ax: Axes, bands: list[Band]) -> float:
    """The upper end of the vertical axis: a line of text above the last band."""
    share = HEAD * label_height() * ax.figure.dpi / 72 / ax.bbox.height
    return bands[-1].top + min(share, 0.5) / (1 - min(share, 0.5)) * (bands[-1].top + GAP / 2)


def _shade(ax: Axes, bands: list[Band], windows: Any) -> None:
    """Shade the window in which each layer fires."""
    if windows is None:
        return
    if len(windows) != len(bands):
        raise ShapeError(f"raster: expects {len(bands)} windows, one per layer, got {len(windows)}")
    for band, (begin, end) in zip(bands, windows, strict=True):
        colour, corner = layer_colour(band.layer, ax), (begin, band.bottom)
        look: Any = {"facecolor": colour, "alpha": SHADE, "linewidth": 0, "zorder": 0}
        ax.add_patch(Rectangle(corner, end - begin, band.height, **look))


def _check_decision(decision: tuple[float, int], band: Band, end: float) -> None:
    """Refuse a time beyond the axis other than inf, and a neuron that is not in the last band."""
    time, neuron = decision
    if not (0 <= time <= end or time == np.inf) or not 0 <= neuron < band.neurons:
        wanted = f"a time up to {end:g}, or inf, and a neuron below {band.neurons}"
        raise InputError(f"raster: decision expects {wanted}, got {decision}")


def _draw_layer(ax: Axes, times: Array, band: Band) -> LineCollection:
    """One line per spike."""
    fired = np.flatnonzero(np.isfinite(times))
    y, half = band.row(fired), 0.35 * band.step
    colour, width = layer_colour(band.layer, ax), _width(ax, times[fired], band)
    return uprights(ax, times[fired], (y - half, y + half), colour, width=width)


def _width(ax: Axes, spikes: Array, band: Band) -> float:
    """The width of lines in points: thin for maps that are crowded where they fire."""
    if band.places == 1:
        return WIDE
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    wide, tall = np.array(ax.bbox.size) * 72 / ax.figure.dpi
    busy = np.unique(np.floor(100 * spikes / (right - left))).size / 100
    room = busy * wide * tall * band.height / (high - low)
    return float(np.clip(np.sqrt(FILLED * room / max(spikes.size, 1)), THIN, WIDE))


def _label_bands(ax: Axes, bands: list[Band]) -> None:
    """Name and size to the right of each band, a line between bands, indices at the left."""
    needed = _label_height(ax)
    for band, place in zip(bands, _apart(ax, bands, LEAST * needed), strict=True):
        if np.isnan(place):
            continue
        lines = "\n" if band.height > TWO * needed else ": "
        ax.text(
            1.01,
            place,
            f"{band.name}{lines}{band.size}",
            color=letter_colour(band.layer, ax),
            fontsize="x-small",
            va="center",
            transform=ax.get_yaxis_transform(),
            **WORDS,
        )
    for band in bands[1:]:
        across(ax, band.bottom - GAP / 2, inks(ax).faint, 0.6)
    _label_rows(ax, bands, needed)


def _apart(ax: Axes, bands: list[Band], least: float) -> Array:
    """Where the name of each band stands: at its middle, or away from its neighbours.

    NaN for names for which there is no room; the last band always has one.
    """
    (low, high), count = ax.get_ylim(), len(bands)
    step = int(np.ceil(count * least / (high - low)))
    shown = np.arange(count)[::-1][::step][::-1]
    middles = np.array([bands[k].bottom + bands[k].height / 2 for k in shown])
    steps = least * np.arange(len(shown))
    lifted = np.maximum.accumulate(middles - steps) + steps
    ceiling = high - least / 2 - steps[::-1]
    places = np.full(count, np.nan)
    places[shown] = np.minimum.accumulate((np.minimum(lifted, ceiling) - steps)[::-1])[::-1] + steps
    return places


def _label_height(ax: Axes) -> float:
    """The height of a line of text, in the units of the vertical axis."""
    low, high = ax.get_ylim()
    return label_height() * (high - low) * ax.figure.dpi / 72 / ax.bbox.height


def _label_rows(ax: Axes, bands: list[Band], needed: float) -> None:
    """Neuron indices at the left, as many as fit."""
    ticks: list[tuple[float, str]] = []
    for band in reversed(bands):  # the first row of a band matters more than the last one below
        ceiling = ticks[0][0] - needed if ticks else np.inf
        ticks[:0] = [tick for tick in _rows(band, needed) if tick[0] <= ceiling]
    ax.set_yticks([y for y, _ in ticks], [name for _, name in ticks])


def _rows(band: Band, needed: float) -> list[tuple[float, str]]:
    """Position and name of neurons, or of the channels of a map, as many as fit."""
    rows = band.shape[2] if band.shape[2] > 1 else band.neurons
    step = band.height / rows
    shown = range(0, rows, label_stride(step, rows, needed))
    return [(band.bottom + (row + 0.5) * step, str(row)) for row in shown]


def _mark(ax: Axes, decision: tuple[float, int], band: Band, unit: str) -> None:
    """A ring, a line, and text above the rows of the last band."""
    (time, neuron), ink = decision, inks(ax).ink
    if np.isfinite(time):
        words = f"decision: {neuron} at {amount(time, unit)}"
        style: Any = (0, (4, 3))
        low, high = ax.get_ylim()
        end = (band.top - low) / (high - low)  # below the words
        ax.axvline(time, 0, end, color=ink, linewidth=0.6, linestyle=style, marker="", zorder=1)
        ring: dict[str, Any] = {"markerfacecolor": "none", "markersize": 7, "clip_on": False}
        ax.plot(time, band.row(neuron), "o", color=ink, **ring)
    else:
        words = f"decision: {neuron}, no output spike"
    low, high = ax.get_xlim()
    place = min(time, high)
    third = min(int(3 * (place - low) / (high - low)), 2)
    ax.annotate(
        words,
        (place, 1),
        xycoords=ax.get_xaxis_transform(),
        xytext=(0, -1),
        textcoords="offset points",
        ha=("left", "center", "right")[third],
        va="top",
        fontsize="x-small",
        color=ink,
        **WORDS,
    )
