"""The one look of every picture: colours, sizes, labels, and how a picture is saved."""

import io
import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from ttfs.errors import InputError
from ttfs.files import write_atomically

COLUMN, PAGE = 3.35, 6.9
"""Width in inches of one column, and of a page of two columns, in most journals."""

INK, FAINT, SILENT = "#333333", "#BBBBBB", "#E4E4E4"
"""Colours of lines that carry no data: strong, weak; and of neurons that never fire."""

HIDDEN = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's colours (2008), which colour-blind readers can tell apart."""

LABEL_POINTS = 6.3
"""Height that the label of a row needs."""

EARLY_IS_DARK = ListedColormap(
    colormaps["viridis"](np.linspace(0, 0.85, 256)), name="ttfs_latency"
).with_extremes(bad=SILENT)
"""Viridis without its yellow, which in grey print would look like silence."""

FORMATS = ("png", "pdf", "svg")


def layer_colour(layer: int) -> str:
    """Colour of a layer, the same in every picture: ink for the input, then Okabe and Ito's.

    >>> layer_colour(0), layer_colour(1), layer_colour(7) == layer_colour(1)
    ('#333333', '#0072B2', True)
    """
    return INK if layer == 0 else HIDDEN[(layer - 1) % len(HIDDEN)]


def new_axes(width: float = COLUMN, height: float = 2.3) -> Axes:
    """Axes alone in a new figure of `width` by `height` inches, laid out so that no label is cut.

    >>> ax = new_axes(width=PAGE)
    >>> ax.figure.get_size_inches().tolist()
    [6.9, 2.3]
    >>> plt.close(ax.figure)
    """
    return plt.subplots(figsize=(width, height), layout="compressed")[1]


def dress(ax: Axes, x: str, y: str) -> None:
    """Labels, small ticks, and no frame on top and on the right."""
    ax.set_xlabel(x, fontsize="small")
    ax.set_ylabel(y, fontsize="small")
    ax.tick_params(labelsize="x-small")
    ax.spines[["top", "right"]].set_visible(False)


def legend_above(ax: Axes, handles: Sequence[Artist] | None = None) -> None:
    """A legend over the axes, where it cannot cover data, in as many columns as fit."""
    handles = ax.get_legend_handles_labels()[0] if handles is None else handles
    for columns in range(len(handles), 0, -1):
        legend = ax.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=columns,
            fontsize="x-small",
            frameon=False,
            borderaxespad=0.2,
            columnspacing=1.2,
            handlelength=1.4,
        )
        if legend.get_window_extent().width <= ax.bbox.width:
            break


def legend_of_silence(ax: Axes, silent: NDArray[np.bool_]) -> None:
    """A legend over an image that says what its grey means, and how much of it there is."""
    label = f"silent ({percent(int(silent.sum()), silent.size)})"
    legend_above(ax, [Patch(facecolor=SILENT, edgecolor=INK, linewidth=0.6, label=label)])


def uprights(
    ax: Axes,
    x: NDArray[np.float64],
    y: tuple[NDArray[np.float64] | float, NDArray[np.float64] | float],
    colour: str,
    *,
    width: float = 1.0,
    zorder: float = 3,
) -> LineCollection:
    """A short upright line at each `x`, from the first `y` to the second.

    Caps project and nothing snaps to pixels: even a line without height covers its pixel.
    """
    ends = [np.column_stack([x, np.broadcast_to(end, x.shape)]) for end in y]
    lines = LineCollection(
        list(np.stack(ends, axis=1)),
        colors=colour,
        linewidths=width,
        capstyle="projecting",
        snap=False,
        zorder=zorder,
    )
    ax.add_collection(lines, autolim=False)
    return lines


def colour_bar(image: AxesImage, label: str) -> None:
    """A labelled colour scale at the right of an image."""
    bar = image.axes.figure.colorbar(image, ax=image.axes, shrink=0.8, aspect=16)
    bar.set_label(label, fontsize="small")
    bar.ax.tick_params(labelsize="x-small")


def log_across(ax: Axes) -> None:
    """A logarithmic x axis with plain numbers: 10, 20, 50, 100, or the powers if it is long.

    To be called when everything is drawn.
    """
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    ax.xaxis.set_major_locator(LogLocator(subs=(1,) if high > 100 * low else (1, 2, 5)))
    ax.xaxis.set_minor_locator(LogLocator(subs=range(2, 10)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def label_stride(height: float, rows: int, needed: float = LABEL_POINTS) -> int:
    """Every how many of so many rows of that height a label fits: 1, 2, 5, 10, 20, ...

    >>> label_stride(7.0, 100), label_stride(1.0, 100), label_stride(1.0, 4)
    (1, 10, 5)
    """
    steps = (digit * 10**power for power in count() for digit in (1, 2, 5))
    return next(step for step in steps if step * height >= needed or step >= rows)


def percent(part: int, whole: int) -> str:
    """A share in whole percent, which says 0 or 100 only of nothing or all.

    >>> percent(31, 50), percent(1, 1000), percent(999, 1000), percent(0, 0)
    ('62 %', '<1 %', '>99 %', '0 %')
    """
    share = round(100 * part / max(whole, 1))
    if share == 0 and part > 0:
        return "<1 %"
    if share == 100 and part < whole:
        return ">99 %"
    return f"{share} %"


def save(figure: Figure, path: str | os.PathLike[str], *, dpi: float = 300) -> Path:
    """The path of the picture, complete or not there at all: never half written.

    The name ends in png, pdf or svg. The same figure gives the same bytes. InputError for another
    ending; OSError where the folder cannot be written.

    >>> import tempfile
    >>> ax = Figure().subplots()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(ax.figure, f"{folder}/empty.svg").name
    'empty.svg'
    """
    path = Path(path)
    kind = path.suffix[1:].lower()
    if kind not in FORMATS:
        raise InputError(f"save writes {', '.join(FORMATS)}, got the name {path.name!r}")
    date = {"png": {}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}[kind]
    picture = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "ttfs", "pdf.fonttype": 42}):
        figure.savefig(picture, format=kind, dpi=dpi, metadata=date)
    return write_atomically(path, picture.getvalue())
