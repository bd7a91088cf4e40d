"""Accuracy over its cost, for several networks."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.ticker import EngFormatter
from numpy.typing import ArrayLike

from ttfs.errors import InputError, ShapeError
from ttfs.plotting.given import Array, numbers
from ttfs.plotting.look import COLUMN, HIDDEN, axes_for, dress, log_across, named

MARKS = "os^Dv<>P"
LARGE = 1e5  # from here on, labels of costs would run into each other


def accuracy_over(
    cost: Mapping[str, ArrayLike],
    accuracy: Mapping[str, ArrayLike],
    *,
    ax: Axes | None = None,
    what: str = "spikes to the decision",
    log: bool = False,
) -> list[ErrorbarContainer]:
    """The accuracy of several networks over a cost, one point each with its range over seeds.

    `cost` and `accuracy` give, for each name, the values of all seeds. Accuracies are shares from
    0 to 1 and are drawn in percent. With `log`, the axis of costs is logarithmic; without it, large
    costs are written with k, M and so on. Returns what was drawn, in the order of the names in
    `accuracy`.
    ShapeError where a name has different numbers of costs and accuracies.

    >>> from matplotlib.figure import Figure
    >>> (drawn,) = accuracy_over({"a": [90, 110]}, {"a": [0.97, 0.98]}, ax=Figure().subplots())
    >>> drawn.lines[0].get_xydata().round(2).tolist()
    [[100.0, 97.5]]
    """
    points = {name: _points(cost, name, given) for name, given in accuracy.items()}
    ax = axes_for(ax, "accuracy_over", COLUMN, 3.0, scaled=True)
    dress(ax, what, "strict accuracy (%)")
    drawn = []
    for k, (name, (x, y)) in enumerate(points.items()):
        look: dict[str, Any] = {"color": HIDDEN[k % len(HIDDEN)], "marker": MARKS[k % len(MARKS)]}
        look |= {"xerr": _reach(x), "yerr": _reach(y), "markersize": 4, "linewidth": 1}
        look |= {"linestyle": "-", "label": named(name).replace("$", r"\$")}
        drawn.append(ax.errorbar(x.mean(), y.mean(), **look))
    if log:
        log_across(ax)
    elif ax.get_xlim()[1] >= LARGE:  # otherwise a power of ten would cover the label
        ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    low, high = ax.get_ylim()
    if high > 100:  # which no accuracy is
        ax.set_ylim(low, 100 + 0.02 * (100 - low))
    return drawn


def _points(cost: Mapping[str, ArrayLike], name: str, given: ArrayLike) -> tuple[Array, Array]:
    """The costs, and the accuracies in percent, of all seeds of a network."""
    if name not in cost:
        raise InputError(f"accuracy_over: {name} has accuracies, but no costs")
    x = numbers(cost[name], f"accuracy_over, cost of {name}")
    y = 100 * numbers(given, f"accuracy_over, accuracy of {name}")
    if x.shape != y.shape or x.ndim != 1 or not x.size:
        raise ShapeError(
            f"accuracy_over: {name} has costs of shape {x.shape}, accuracies of {y.shape}"
        )
    return x, y


def _reach(values: Array) -> Array:
    """How far the least and the largest value lie from the mean, (2, 1)."""
    mean = values.mean()  # of equal values, it may differ from them in the last bit
    return np.array([[mean - values.min()], [values.max() - mean]]).clip(0)
