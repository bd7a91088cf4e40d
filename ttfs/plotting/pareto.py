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
from ttfs.plotting.look import COLUMN, GREY, WORDS, axes_for, dress, inks, log_across, named


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
    drawn in percent. `names` are written beside the networks that are not beaten, which a line of
    steps connects: below it lies what can be had. With `log`, the axis of costs is logarithmic.
    Returns the other networks, and the line. ShapeError where the numbers of values differ.

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
    for k in order if names is not None else ():
        look = {"textcoords": "offset points", "xytext": (-3, 3), "ha": "right", "va": "bottom"}
        look |= {"fontsize": "x-small", "color": ink, "annotation_clip": True}
        ax.annotate(named(names[k], 20), (x[k], y[k]), **look, **WORDS)  # type: ignore[index]
    ax.margins(0.08)
    if log:
        log_across(ax)
    elif ax.get_xlim()[1] >= LARGE:
        ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    return others, line
