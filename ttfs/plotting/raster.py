"""The raster: every spike of one stimulus, one row per neuron, layers from input to output."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import ArrayLike

from ttfs.errors import InputError, ShapeError
from ttfs.plotting.given import Array, horizon, layer_names, layers_of_times
from ttfs.plotting.look import (
    PAGE,
    WORDS,
    across,
    axes_for,
    dress,
    inks,
    label_height,
    label_stride,
    layer_colour,
    named,
    uprights,
)

ROOMY = 10  # neurons in a band of full height; a smaller layer gets a lower band
GAP = 0.12  # between bands, as a share of a full one
HEAD = 0.2  # over the last band, room for the decision


class Band(NamedTuple):
    """The strip of the picture that holds one layer."""

    layer: int
    name: str
    bottom: float
    neurons: int

    @property
    def height(self) -> float:
        """Height of the whole strip; a full one is 1."""
        return min(1.0, max(self.neurons, 3) / ROOMY)

    @property
    def top(self) -> float:
        """Where the strip ends."""
        return self.bottom + self.height

    @property
    def step(self) -> float:
        """Height of one row."""
        return self.height / self.neurons

    def row(self, neuron: ArrayLike) -> Array:
        """Height of the middle of a neuron's row."""
        return self.bottom + (np.asarray(neuron) + 0.5) * self.step


def raster(
    times: Sequence[ArrayLike],
    *,
    ax: Axes | None = None,
    t_max: float | None = None,
    names: Sequence[str] | None = None,
    decision: tuple[float, int] | None = None,
    unit: str = "step",
) -> list[LineCollection]:
    """Every spike of one stimulus as a short upright line; one collection per layer, in order.

    `times` holds one array (neurons,) per layer, input first, in `unit`; inf is silent and keeps
    its row. Layers are stacked from the bottom, neuron 0 lowest. Each line is at least a point
    long and wide, so that none is lost however many rows there are. `decision` = (time, neuron)
    marks the output that answered; a time of inf says that no output fired. ShapeError if a
    layer is not (neurons,); InputError for NaN, negative times, or spikes from `t_max` on.

    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> drawn = raster([[0.0, 3.0, np.inf], [4.5, np.inf]], ax=ax, t_max=10, decision=(4.5, 0))
    >>> [len(layer.get_segments()) for layer in drawn]
    [2, 1]
    >>> ax.get_xlabel()
    'time (step)'
    """
    layers = layers_of_times(times, "raster", t_max)
    bands = _stack(layers, layer_names(len(layers), names))
    end = horizon(layers, t_max)
    if decision is not None:
        _check_decision(decision, bands[-1], end)
    ax = axes_for(ax, "raster", PAGE, 0.7 + 1.15 * sum(band.height for band in bands))
    ax.set(xlim=(-0.015 * end, 1.015 * end), ylim=(-GAP / 2, bands[-1].top + HEAD))
    dress(ax, f"time ({named(unit)})", "neuron")
    _label_bands(ax, bands)
    drawn = [_draw_layer(ax, layers[band.layer], band) for band in bands]
    if decision is not None:
        _mark(ax, decision, bands[-1], named(unit))
    return drawn


def _stack(layers: list[Array], names: list[str]) -> list[Band]:
    """A band for each layer, from the bottom up."""
    bands: list[Band] = []
    bottom = 0.0
    for i, layer in enumerate(layers):
        if layer.ndim != 1 or layer.size == 0:
            wanted = "one stimulus: times of shape (neurons,)"
            one = "; of a record, [layer[0] for layer in record.times]" if layer.ndim == 2 else ""
            raise ShapeError(f"raster, layer {i}: expects {wanted}, got shape {layer.shape}{one}")
        bands.append(Band(i, names[i], bottom, layer.size))
        bottom = bands[-1].top + GAP
    return bands


def _check_decision(decision: tuple[float, int], band: Band, end: float) -> None:
    """A time on the axis, or inf, and a neuron of the last band."""
    time, neuron = decision
    if not (0 <= time <= end or time == np.inf) or not 0 <= neuron < band.neurons:
        wanted = f"a time up to {end:g}, or inf, and a neuron below {band.neurons}"
        raise InputError(f"raster: decision expects {wanted}, got {decision}")


def _draw_layer(ax: Axes, times: Array, band: Band) -> LineCollection:
    """One line per spike."""
    fired = np.flatnonzero(np.isfinite(times))
    y, half = band.row(fired), 0.35 * band.step
    return uprights(ax, times[fired], (y - half, y + half), layer_colour(band.layer, ax), width=1.2)


def _label_bands(ax: Axes, bands: list[Band]) -> None:
    """Name and size at the right of each band, a line between bands, indices at the left."""
    for band in bands:
        ax.text(
            1.01,
            band.bottom + band.height / 2,
            f"{band.name}\n{band.neurons}",
            color=layer_colour(band.layer) if band.layer else inks(ax, outside=True).ink,
            fontsize="x-small",
            va="center",
            transform=ax.get_yaxis_transform(),
            **WORDS,
        )
        if band.layer > 0:
            across(ax, band.bottom - GAP / 2, inks(ax).faint, 0.6)
    _label_rows(ax, bands)


def _label_rows(ax: Axes, bands: list[Band]) -> None:
    """Neuron indices at the left, as many as fit."""
    low, high = ax.get_ylim()
    needed = label_height() * (high - low) * ax.figure.dpi / 72 / ax.bbox.height
    strides = [label_stride(band.step, band.neurons, needed) for band in bands]
    rows = [
        (band, row)
        for band, stride in zip(bands, strides, strict=True)
        for row in range(0, band.neurons, stride)
    ]
    ax.set_yticks([float(b.row(row)) for b, row in rows], [str(row) for _, row in rows])


def _mark(ax: Axes, decision: tuple[float, int], band: Band, unit: str) -> None:
    """A ring, a line and words over the last band, where there are no rows."""
    (time, neuron), ink = decision, inks(ax).ink
    if np.isfinite(time):
        words = f"decision: {neuron} at {time:g} {unit}"
        style: Any = (0, (4, 3))
        ax.axvline(time, color=ink, linewidth=0.6, linestyle=style, marker="", zorder=1)
        ax.plot(time, band.row(neuron), "o", color=ink, markerfacecolor="none", markersize=7)
    else:
        words = f"decision: {neuron}, no output spike"
    low, high = ax.get_xlim()
    late = time > (low + high) / 2
    ax.annotate(
        words,
        (min(time, high), 1),
        xycoords=ax.get_xaxis_transform(),
        xytext=(-4 if late else 4, -1),
        textcoords="offset points",
        ha="right" if late else "left",
        va="top",
        fontsize="x-small",
        color=ink,
        **WORDS,
    )
