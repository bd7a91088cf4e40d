"""The best accuracies that can be had at each cost."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter
from numpy.typing import ArrayLike

from ttfs.errors import ShapeError
from ttfs.measures.front import front
from ttfs.plotting.comparison import LARGE
from ttfs.plotting.given import numbers
from ttfs.plotting.look import (
    COLUMN,
    GREY,
    LETTER,
    WORDS,
    axes_for,
    dress,
    inks,
    label_height,
    log_across,
    named,
)


def pareto(
    cost: ArrayLike,
    accuracy: ArrayLike,
    *,
    ax: Axes | None = None,
    names: Sequence[object] | None = None,
    what: str = "synaptic operations to the decision",
    log: bool = False,
) -> tuple[PathCollection, Line2D]:
    """The accuracy of many networks over a cost, and in ink those that no other one beats in both.

    `cost` and `accuracy` have one value for each network; accuracies are shares from 0 to 1 and are
    drawn in percent. A line of steps connects the networks that are not beaten: below it lies what
    can be had. `names` are written beside them where there is room. With `log`, the axis of costs
    is logarithmic. Returns the other networks, and the line. ShapeError where the numbers of values
    differ.

    >>> from matplotlib.figure import Figure
    >>> others, line = pareto([10, 20, 30], [0.8, 0.9, 0.85], ax=Figure().subplots())
    >>> line.get_xydata().tolist(), len(others.get_offsets())
    ([[10.0, 80.0], [20.0, 90.0]], 1)
    """
    x, y = numbers(cost, "pareto: cost"), 100 * numbers(accuracy, "pareto: accuracy")
    if x.shape != y.shape or x.ndim != 1 or not x.size:
        raise ShapeError(f"pareto: costs have shape {x.shape}, accuracies {y.shape}")
    if names is not None and len(names) != x.size:
        raise ShapeError(f"pareto: {len(names)} names for {x.size} networks")
    ax = axes_for(ax, "pareto", COLUMN, 3.0, scaled=True)
    dress(ax, what, "accuracy (%)")
    best = front(np.column_stack([x, -y]))
    order = np.flatnonzero(best)[np.lexsort((y[best], x[best]))]
    ink = inks(ax).ink
    look: dict[str, Any] = {"color": GREY, "marker": "o", "s": 14, "linewidths": 0}
    others = ax.scatter(x[~best], y[~best], **look)
    look = {"color": ink, "marker": "o", "markersize": 4, "linewidth": 1, "linestyle": "-"}
    (line,) = ax.plot(x[order], y[order], drawstyle="steps-post", zorder=3, **look)
    ax.margins(0.08, 0.12)
    if log:
        log_across(ax)
    elif ax.get_xlim()[1] >= LARGE:
        ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    if names is not None:
        _label(ax, line.get_xydata(), [named(names[k], 20) for k in order], ink)
    return others, line


def _label(ax: Axes, points: Any, names: list[str], ink: str) -> None:
    """Write names at the left above points, except where one would cover that of a better one.

    Those for which there is no room at the left are written below, at the right.
    """
    look: dict[str, Any] = {"textcoords": "offset points", "color": ink, "fontsize": "x-small"}
    left: dict[str, Any] = {"xytext": (-3, 3), "ha": "right", "va": "bottom"}
    right: dict[str, Any] = {"xytext": (3, -3), "ha": "left", "va": "top"}
    high, last = 2 * label_height(), np.full(2, np.inf)  # in points
    begin = ax.bbox.x0 * 72 / ax.figure.dpi
    for point, name in reversed(list(zip(points, names, strict=True))):
        place = ax.transData.transform(point) * 72 / ax.figure.dpi
        apart = abs(last - place) > (high * (1 + len(name) / 3), high)
        if apart.any():
            side = left if place[0] - begin > LETTER * label_height() * len(name) else right
            ax.annotate(name, point, **look, **side, **WORDS)
            last = place
