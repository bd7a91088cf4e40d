"""How training went: curves over the epochs."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from ttfs.checks import of_kind
from ttfs.errors import InputError, ShapeError
from ttfs.plotting.given import Array, layer_names
from ttfs.plotting.legends import legend_above
from ttfs.plotting.look import (
    GREY,
    PAGE,
    axes_for,
    dress,
    inks,
    layer_colour,
    layer_style,
    named,
    plural,
    whole_numbers,
)

Record = Mapping[str, Any]

NARROW = 5.0  # inches; in a narrower figure, curves stand one below the other
FEW = 30  # epochs; up to so many, each gets a dot, since a single epoch has no line to show it

ACCURACIES = {
    "accuracy": ("training", "-"),
    "validation_accuracy": ("validation", "-"),
    "validation_accuracy_lenient": ("validation, lenient", ":"),
}


def training_curves(
    records: Sequence[Record], *, best: int | None = None, ax: Axes | None = None
) -> list[Line2D]:
    """Accuracy in percent over the epochs, with a ring at the best epoch on the validation data.

    `records` holds one mapping per epoch, with `epoch` and any of `accuracy`,
    `validation_accuracy`, `validation_accuracy_lenient` as shares from 0 to 1. Values that are
    missing, None or NaN are skipped. `best` is the epoch that gets the ring, such as
    `history.best_epoch`; by default, the first of the best ones. Returns one line for each kind of
    accuracy found, then the ring. InputError for a record without `epoch` and for shares out of
    range.

    >>> ax = Figure().subplots()
    >>> records = [{"epoch": 1, "accuracy": 0.5}, {"epoch": 2, "accuracy": 0.75}]
    >>> [line] = training_curves(records, ax=ax)
    >>> line.get_ydata().tolist()
    [50.0, 75.0]
    """
    epochs = _epochs(records)
    shares = {key: _shares(records, key) for key in ACCURACIES}
    ax = axes_for(ax, "training_curves", scaled=True)
    return _draw_accuracies(ax, epochs, shares, best)


def training_summary(
    records: Sequence[Record],
    *,
    unit: str = "step",
    best: int | None = None,
    names: Sequence[str] | None = None,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """A figure with accuracy, loss, and each layer's silent share and mean spike time.

    `records` and `best` are as in `training_curves`, with any of `loss`, `silent_1`, `latency_1`,
    `silent_2`, ...: shares of silent neurons from 0 to 1, and mean spike times in `unit`. Where no
    record has silent shares or spike times of a layer, as with firing rates,
    `spikes_per_hidden_neuron` is drawn instead. `names` are those of the input and of each layer,
    as in `network.names`. Everything is drawn into `figure`, or a new figure.

    >>> records = [{"epoch": 1, "loss": 0.7, "silent_1": 0.2}]
    >>> figure = training_summary(records, figure=Figure())
    >>> [ax.get_ylabel() for ax in figure.axes]
    ['accuracy (%)', 'loss', 'silent neurons (%)', 'mean spike time (steps)']
    """
    epochs = _epochs(records)
    accuracies = {key: _shares(records, key) for key in ACCURACIES}
    found = [re.fullmatch(r"(?:silent|latency)_(\d+)", key) for r in records for key in r]
    layers = sorted({int(match[1]) for match in found if match})
    silent = {layer: _shares(records, f"silent_{layer}") for layer in layers}
    latency = {layer: _column(records, f"latency_{layer}") for layer in layers}
    losses = _column(records, "loss")
    called = _called(layers, names)
    if figure is None:
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=(PAGE, 4.4), layout="constrained")
    of_kind(figure, Figure | SubFigure, "training_summary: figure", "a Figure of Matplotlib")
    spikes = _column(records, "spikes_per_hidden_neuron")
    by_rates = not layers and np.isfinite(spikes).any()
    narrow = figure.bbox.width / figure.dpi < NARROW
    letters = "ALS" if by_rates else "ALST"
    wide = "AL;SS" if by_rates else "AL;ST"
    axes = figure.subplot_mosaic(";".join(letters) if narrow else wide)
    _draw_accuracies(axes["A"], epochs, accuracies, best)
    _dress_epochs(axes["L"], "loss")
    _draw(axes["L"], epochs, losses, "training", GREY)
    legend_above(axes["L"])
    if by_rates:
        _dress_epochs(axes["S"], "spikes for each hidden neuron")
        _draw(axes["S"], epochs, spikes, "validation", inks(axes["S"]).ink)
        legend_above(axes["S"])
    else:
        _draw_layers(axes["S"], epochs, silent, called, "silent neurons (%)")
        _draw_layers(axes["T"], epochs, latency, called, f"mean spike time ({plural(unit)})")
    return figure


def _called(layers: list[int], names: Sequence[str] | None) -> dict[int, str]:
    """The name of each layer that records tell about."""
    if not layers:
        return {}
    if names is None:
        names = layer_names(layers[-1] + 1, None)
    if layers[-1] >= len(names):
        wanted = f"{layers[-1] + 1} names, of the input and of each layer"
        raise ShapeError(f"training_summary: expects {wanted}, got {len(names)}")
    return {layer: named(names[layer]) for layer in layers}


def _epochs(records: Sequence[Record]) -> Array:
    """The epoch number of each record."""
    wanted = "a list with a mapping for each epoch, as history.records is"
    of_kind(records, Sequence, "training curves: records", wanted)
    for i, record in enumerate(records):
        of_kind(record, Mapping, f"training curves: record {i}", "a mapping")
        if "epoch" not in record:
            raise InputError(f"training curves: record {i} has no 'epoch', only {sorted(record)}")
    return _column(records, "epoch")


def _column(records: Sequence[Record], key: str) -> Array:
    """One value per record, NaN where there is none."""
    values = [record.get(key) for record in records]
    try:
        return np.array([np.nan if v is None else float(v) for v in values], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"training curves: {key} must be one number per epoch") from error


def _shares(records: Sequence[Record], key: str) -> Array:
    """A column of shares in percent."""
    shares = _column(records, key)
    if (shares < 0).any() or (shares > 1).any():
        got = f"{np.nanmin(shares):g} to {np.nanmax(shares):g}"
        raise InputError(f"training curves: {key} must be a fraction from 0 to 1, got {got}")
    return 100 * shares


def _draw_accuracies(
    ax: Axes, epochs: Array, shares: Mapping[str, Array], best: int | None
) -> list[Line2D]:
    """A line per kind of accuracy, and a ring at the best accuracy on the validation data."""
    _dress_epochs(ax, "accuracy (%)")
    drawn = []
    for key, (name, style) in ACCURACIES.items():
        colour = GREY if key == "accuracy" else inks(ax).ink
        drawn += _draw(ax, epochs, shares[key], name, colour, style)
    validation = shares["validation_accuracy"]
    if np.isfinite(validation).any():
        given = np.flatnonzero((epochs == best) & np.isfinite(validation))
        at = given[0] if given.size else np.nanargmax(validation)
        label = f"best {validation[at]:.2f} % (epoch {epochs[at]:g})"
        point = epochs[at], validation[at]
        look: dict[str, Any] = {"color": inks(ax).ink, "mfc": inks(ax).ground, "zorder": 5}
        drawn += ax.plot(*point, "o", label=label, **look)
    legend_above(ax)
    return drawn


def _draw_layers(
    ax: Axes, epochs: Array, values: Mapping[int, Array], names: Mapping[int, str], y: str
) -> None:
    """A line per layer."""
    _dress_epochs(ax, y)
    for layer, column in values.items():
        _draw(ax, epochs, column, names[layer], layer_colour(layer, ax), layer_style(layer))
    legend_above(ax)


def _draw(
    ax: Axes, epochs: Array, values: Array, name: str, colour: str, style: str = "-"
) -> list[Line2D]:
    """A line through the known values; no line if there are none."""
    known = np.isfinite(values)
    if not known.any():
        return []
    return ax.plot(
        epochs[known],
        values[known],
        style,
        marker="." if known.sum() <= FEW else "",
        linewidth=1,
        color=colour,
        label=name,
    )


def _dress_epochs(ax: Axes, y: str) -> None:
    """Labels, and ticks at whole epochs."""
    dress(ax, "epoch", y)
    whole_numbers(ax.xaxis)
