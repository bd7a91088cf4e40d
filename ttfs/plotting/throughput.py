"""How fast kernels are, compared with the roofs of a machine."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from ttfs.checks import as_array
from ttfs.errors import ShapeError
from ttfs.plotting.given import numbers
from ttfs.plotting.legends import legend_above
from ttfs.plotting.look import (
    HIDDEN,
    PAGE,
    WORDS,
    axes_for,
    dress,
    inks,
    log_across,
    named,
)

LETTERS = 48  # of a name: enough for the cases of `ttfs bench`
LOOKS: tuple[dict[str, Any], ...] = (
    {"marker": "o", "color": HIDDEN[0], "markersize": 5, "markerfacecolor": HIDDEN[0]},
    {"marker": "o", "color": HIDDEN[0], "markersize": 5},
    {"marker": "x", "color": HIDDEN[1], "markersize": 4},
)


def throughput(
    names: Sequence[str],
    attained: Mapping[str, ArrayLike],
    roofs: Mapping[str, ArrayLike],
    *,
    ax: Axes | None = None,
    what: str = "billion additions of a weight in a second",
) -> list[Line2D]:
    """A row for each name, with marks at the speeds attained and at the roofs that limit them.

    `attained` (at most three kinds) and `roofs` (at most two) give one number per name, NaN where
    there is none. Beside each row stands the share of the first roof that the first kind attains.
    Returns one line of marks per kind, in order. ShapeError where numbers are missing.

    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> marks, ticks = throughput(["a", "b"], {"forward": [20, 3]}, {"adding": [40, 4]}, ax=ax)
    >>> marks.get_xdata().tolist(), [text.get_text() for text in ax.texts]
    ([20.0, 3.0], ['50 %', '75 %'])
    """
    height = 0.9 + 0.21 * len(names)
    rows = np.arange(len(names), dtype=float)
    marks = {kind: _row(values, kind, len(names)) for kind, values in attained.items()}
    ticks = {kind: _row(values, kind, len(names)) for kind, values in roofs.items()}
    ax = axes_for(ax, "throughput", PAGE, height, scaled=True)
    ink, faint, ground = inks(ax)
    dress(ax, what, "")
    ax.hlines(rows, 0, 1, transform=ax.get_yaxis_transform(), color=faint, linewidth=0.4, zorder=0)
    drawn = []
    for (kind, x), look in zip(marks.items(), LOOKS, strict=False):
        drawn += ax.plot(
            x, rows, ls="", label=named(kind, LETTERS), **{"markerfacecolor": ground} | look
        )
    tick: dict[str, Any] = {"marker": "|", "markersize": 11, "markeredgewidth": 1.6, "zorder": 1}
    whole = next(iter(ticks), "")
    for (kind, x), colour in zip(ticks.items(), (ink, HIDDEN[2]), strict=False):
        label = named(kind, LETTERS) + (" = 100 %" if kind == whole else "")
        drawn += ax.plot(x, rows, ls="", label=label, color=colour, **tick)
    ax.set_yticks(rows, [named(name, LETTERS) for name in names], fontsize="x-small", **WORDS)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    log_across(ax)
    beside: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "va": "center"} | WORDS
    shares = next(iter(marks.values())) / next(iter(ticks.values()))
    for row, share in enumerate(shares):
        if np.isfinite(share):
            ax.text(1.01, row, f"{100 * share:.0f} %", fontsize="x-small", **beside)
    legend_above(ax, side="right")
    return drawn


def _row(values: ArrayLike, kind: str, size: int) -> np.ndarray:
    """One number per row, or NaN."""
    array = as_array(values, f"throughput, {kind}").astype(np.float64)
    if array.shape != (size,):
        raise ShapeError(f"throughput: {kind} must be {size} numbers, got {array.shape}")
    numbers(array[~np.isnan(array)], f"throughput, {kind}")
    return array
