"""Legends above the axes, where they cannot cover data."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ttfs.plotting.look import SILENT, WORDS, broken, extent, inks, label_height, percent

LINE = 1.7  # height of a line of a legend, in heights of a label
MOST = 0.5  # height of a legend, as a share of the axes
COLUMNS = 12


def sample(colour: str, width: float, label: str, style: Any = "-") -> Line2D:
    """A line for the legend only."""
    look: dict[str, Any] = {"linestyle": style, "marker": ""}
    return Line2D([], [], color=colour, linewidth=width, label=label, **look)


def words_only(words: str) -> Line2D:
    """Words for the legend, with nothing beside them."""
    return sample("none", 0, words)


def legend_above(ax: Axes, handles: Sequence[Artist] | None = None, *, side: str = "left") -> None:
    """A legend above the axes, in as many columns as fit.

    Long words are broken into lines. Of handles that would fill more than half the height of the
    axes, the first ones and the last are shown, with dots between them.

    side: where it begins; from the right, it may extend over names at the left of the axes.
    """
    handles = list(ax.get_legend_handles_labels()[0] if handles is None else handles)
    left = ax.bbox.x0 if side == "left" else ax.figure.bbox.x0
    room = ax.bbox.x1 - left
    legend, columns = _in_columns(ax, handles, side, room)
    lines = max(3, int(MOST * extent(ax)[1] / (LINE * label_height())))
    if len(handles) > lines * columns:
        handles = [*handles[: lines * columns - 2], words_only("…"), handles[-1]]
        legend, _ = _in_columns(ax, handles, side, room)
    excess = legend.get_window_extent().width - room
    if excess > 0:
        widest = max(text.get_window_extent().width for text in legend.get_texts())
        points = (widest - excess) * 72 / ax.figure.dpi
        for text in legend.get_texts():
            text.set_text(broken(text.get_text(), points))


def _in_columns(ax: Axes, handles: list[Artist], side: str, room: float) -> tuple[Legend, int]:
    """A legend in as many columns as fit into the room, in pixels, and their number."""
    place: dict[str, Any] = {"loc": f"lower {side}", "bbox_to_anchor": (int(side == "right"), 1)}
    for columns in range(max(1, min(len(handles), COLUMNS)), 0, -1):
        legend = ax.legend(
            handles=handles,
            **place,
            ncols=columns,
            fontsize="x-small",
            frameon=False,
            borderaxespad=0.2,
            columnspacing=1.2,
            handlelength=1.4,
        )
        for text in legend.get_texts():
            text.set(**WORDS)
        if legend.get_window_extent().width <= room:
            break
    return legend, columns


def legend_of_silence(ax: Axes, silent: NDArray[np.bool_], *words: str) -> None:
    """A legend above an image that says what grey means, how much of it is grey, and `words`."""
    label = f"silent ({percent(int(silent.sum()), silent.size)})"
    edge = inks(ax, outside=True).ink
    patch = Patch(facecolor=SILENT, edgecolor=edge, linewidth=0.6, label=label)
    legend_above(ax, [patch, *map(words_only, words)])
