"""What share of each layer fires."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

from ttfs.errors import InputError, ShapeError
from ttfs.measures.metrics import Evaluation
from ttfs.plotting.given import layer_names, numbers
from ttfs.plotting.legends import legend_above
from ttfs.plotting.look import (
    COLUMN,
    WORDS,
    axes_for,
    dress,
    extent,
    inks,
    label_stride,
    layer_colour,
)

HIGH = 0.7  # height of a bar, as a share of its layer's row


def firing_by_layer(
    silent: ArrayLike | Evaluation,
    never: ArrayLike = (),
    *,
    ax: Axes | None = None,
    names: Sequence[str] | None = None,
) -> list[BarContainer]:
    """The share of each layer that fires, as one bar per layer, and what never fires, in grey.

    `silent` and `never` are those of an `Evaluation`, which can stand for both and knows the names:
    per layer, the share of neurons that do not fire in a sample, and the share of channels (of
    neurons, in a layer that is not a map) that never fire in any sample. The input is the lowest
    row. Bars of neurons that fire begin at the left, grey ones at the right; both kinds are
    returned. ShapeError where the numbers of layers differ; InputError for values outside 0 to 1.

    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> fire, never = firing_by_layer([0.75, 0.5, 0.0], [0.0, 0.25, 0.0], ax=ax)
    >>> [text.get_text() for text in ax.texts], float(never[1].get_width())
    (['25 %', '50 %', '100 %'], -25.0)
    """
    if isinstance(silent, Evaluation):
        names = (silent.names or None) if names is None else names
        never, silent = silent.never, silent.silent
    fires = 100 * (1 - _shares(silent, "silent"))
    mute = 100 * _shares(never, "never")
    if fires.shape != mute.shape:
        raise ShapeError(
            f"firing_by_layer: silent has {fires.size} layers, but never has {mute.size}"
        )
    names = layer_names(fires.size, names)
    ax = axes_for(ax, "firing_by_layer", COLUMN, 0.7 + 0.25 * fires.size)
    dress(ax, "neurons that fire in a sample (%)", "")
    rows = np.arange(fires.size)
    colours = [layer_colour(layer, ax) for layer in range(fires.size)]
    bars = ax.barh(rows, fires, HIGH, color=colours)
    faint = inks(ax).faint
    grey = ax.barh(rows, -mute, HIGH, 100, color=faint, zorder=0.5)
    ax.set(xlim=(0, 100), ylim=(-0.5, fires.size - 0.5))
    shown = rows[:: label_stride(extent(ax)[1] / fires.size, fires.size)]
    ax.set_yticks(shown, [names[row] for row in shown], **WORDS)
    ax.tick_params("y", length=0)
    place, ink = ax.get_yaxis_transform(), inks(ax, outside=True).ink
    look: dict[str, Any] = {"fontsize": "x-small", "va": "center", "color": ink}
    for row in shown:
        share = fires[row]
        text = f"{share:.2g} %" if share < 99.5 else f"{share:.0f} %"
        ax.text(1.02, row, text, transform=place, **look, **WORDS)
    if mute.any():
        label = "channels or neurons that never fire"
        legend_above(ax, [Patch(facecolor=faint, label=label)])
    return [bars, grey]


def _shares(values: ArrayLike, name: str) -> np.ndarray:
    """One share per layer."""
    array = numbers(values, f"firing_by_layer: {name}")
    if array.ndim != 1 or array.size == 0:
        raise ShapeError(f"firing_by_layer: {name} must be (layers,), got {array.shape}")
    if not ((array >= 0) & (array <= 1)).all():
        raise InputError(f"firing_by_layer: {name} must be fractions from 0 to 1")
    return array
