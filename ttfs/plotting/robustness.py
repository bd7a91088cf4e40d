"""Accuracy over the strength of a perturbation: certain, under attack, or at random."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from ttfs.errors import InputError, ShapeError
from ttfs.plotting.given import Array, numbers
from ttfs.plotting.legends import legend_above
from ttfs.plotting.look import COLUMN, GREY, axes_for, dress, inks


def certified_accuracy(
    radii: ArrayLike,
    certified: ArrayLike,
    attacked: ArrayLike,
    *,
    ax: Axes | None = None,
    what: str = "movement of each spike (steps)",
) -> list[Line2D]:
    """The accuracy that is certain, and that under attack, over the movement of input spikes.

    `radii`, `certified` and `attacked` are those of a `ttfs.robustness.Movement`; accuracies are
    shares from 0 to 1, drawn in percent. The accuracy against the worst movement lies between both
    lines, and this area is shaded. Returns the lines. ShapeError where numbers of values differ;
    InputError for shares outside 0 to 1.

    >>> from matplotlib.figure import Figure
    >>> drawn = certified_accuracy([0, 1], [0.9, 0.5], [0.9, 0.8], ax=Figure().subplots())
    >>> [line.get_ydata().tolist() for line in drawn]
    [[90.0, 50.0], [90.0, 80.0]]
    """
    x = _amounts(radii, "certified_accuracy")
    low, high = (
        _percent(shares, x, "certified_accuracy")[:, 0] for shares in (certified, attacked)
    )
    ax = axes_for(ax, "certified_accuracy", COLUMN, 2.5)
    dress(ax, what, "accuracy (%)")
    ink = inks(ax)
    ax.fill_between(x, low, high, color=ink.faint, alpha=0.4, linewidth=0)
    drawn = [
        _line(ax, x, low, ink.ink, "-", "o", "certified"),
        _line(ax, x, high, GREY, (0, (4, 2)), "s", "under attack"),
    ]
    _limits(ax, x)
    legend_above(ax, drawn)
    return drawn


def perturbed_accuracy(
    amounts: ArrayLike,
    accuracy: ArrayLike,
    *,
    ax: Axes | None = None,
    what: str = "strength",
) -> Line2D:
    """The accuracy over the strength of a random perturbation: the mean over seeds and its spread.

    `amounts` and `accuracy` (amounts,) or (amounts, seeds) are those of a `ttfs.robustness.Curve`;
    accuracies are shares from 0 to 1, drawn in percent. The shaded area is one standard deviation
    wide on either side. Returns the line of means. ShapeError where numbers of values differ;
    InputError for shares outside 0 to 1.

    >>> from matplotlib.figure import Figure
    >>> line = perturbed_accuracy([0, 1], [[0.9, 0.9], [0.4, 0.6]], ax=Figure().subplots())
    >>> line.get_ydata().round(1).tolist()
    [90.0, 50.0]
    """
    x = _amounts(amounts, "perturbed_accuracy")
    each = _percent(accuracy, x, "perturbed_accuracy")
    mean, spread = each.mean(axis=1), each.std(axis=1, ddof=int(each.shape[1] > 1))
    ax = axes_for(ax, "perturbed_accuracy", COLUMN, 2.3)
    dress(ax, what, "accuracy (%)")
    ink = inks(ax)
    low, high = np.maximum(mean - spread, 0), np.minimum(mean + spread, 100)
    ax.fill_between(x, low, high, color=ink.faint, alpha=0.5, linewidth=0)
    line = _line(ax, x, mean, ink.ink, "-", "o", "mean")
    _limits(ax, x)
    return line


def _amounts(values: ArrayLike, whose: str) -> Array:
    """Strengths, at least one, all finite and not below 0."""
    x = numbers(values, f"{whose}, strengths")
    if x.ndim != 1 or not x.size:
        raise ShapeError(f"{whose}: expects one strength or several, got shape {x.shape}")
    if not (np.isfinite(x) & (x >= 0)).all():
        raise InputError(f"{whose}: strengths must be 0 or more and finite")
    return x


def _percent(values: ArrayLike, x: Array, whose: str) -> Array:
    """(strengths, seeds) accuracies in percent."""
    shares = numbers(values, f"{whose}, accuracy")
    if shares.ndim not in (1, 2) or len(shares) != len(x) or not shares.size:
        raise ShapeError(f"{whose}: {len(x)} strengths, but accuracies of shape {shares.shape}")
    if not ((shares >= 0) & (shares <= 1)).all():
        raise InputError(f"{whose}: accuracies must be shares from 0 to 1")
    return 100 * shares.reshape(len(x), -1)


def _line(ax: Axes, x: Array, y: Array, colour: str, style: Any, mark: str, name: str) -> Line2D:
    """A line through marks."""
    look: dict[str, Any] = {"linestyle": style, "marker": mark, "markersize": 3, "clip_on": False}
    return ax.plot(x, y, color=colour, linewidth=1.2, label=name, zorder=3, **look)[0]


def _limits(ax: Axes, x: Array) -> None:
    """All of the scale of accuracies, and strengths from 0 on."""
    ax.set(xlim=(0, 1.02 * float(x.max()) or 1), ylim=(0, 100))
