"""The look that all pictures share: colours, sizes, labels, and how a picture is saved."""

import io
import os
from itertools import count
from pathlib import Path
from textwrap import wrap
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import LineCollection
from matplotlib.colorbar import Colorbar
from matplotlib.colors import ListedColormap, to_hex, to_rgb, to_rgba
from matplotlib.figure import Figure, SubFigure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from ttfs.checks import of_kind, positive, quantity
from ttfs.checks import plural as plural_of
from ttfs.errors import InputError
from ttfs.files.writing import write_atomically

COLUMN, PAGE = 3.35, 6.9
"""Width in inches of one column, and of a two-column page, in most journals."""

INK, FAINT = "#333333", "#BBBBBB"
"""Colours of lines that carry no data, strong and weak, on a light background."""

GREY = "#8A8A8A"
"""Colour of what stands beside something in ink, on any background."""

SILENT = "#E4E4E4"
"""Colour of silent neurons in images."""

HIDDEN = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""The colours of Okabe and Ito (2008), which colour-blind readers can tell apart."""

CLASSES = (
    *("#3F90DA", "#CF8800", "#BD1F01", "#7E8F8C", "#832DB6"),
    *("#A96B59", "#4D9221", "#D6589F", "#4B57B0", "#1FA3AD"),
)
"""The colours of classes, by number: in the manner of Petroff (2021), on light and dark grounds."""

STYLES = "-", "--", ":", "-."
"""Line styles of layers, of as many as there are colours each."""

WORDS: dict[str, Any] = {"parse_math": False, "usetex": False}
"""How text is set: verbatim, so that names may contain $ and _, and shares their %."""

EARLY_IS_DARK = ListedColormap(
    colormaps["viridis"](np.linspace(0, 0.85, 256)), name="ttfs_latency"
).with_extremes(bad=SILENT)
"""Viridis without its yellow, which would look like silence when printed in grey."""

LETTER = 0.63  # width of a letter or digit in small print, in heights of a label
SMALL = 1.2  # how much larger the names of axes are
FEWEST = 10  # letters in a line
FORMATS = ("png", "pdf", "svg")
MOST_PIXELS = 2**16  # in either direction; images of that size or more are not drawn


class Inks(NamedTuple):
    """Colours to be read on a background, `ink` well, `faint` less so; and the background."""

    ink: str
    faint: str
    ground: str


def inks(ax: Axes, *, outside: bool = False) -> Inks:
    """The inks for these axes, or for text beside them, chosen by the background colour.

    >>> ax = Figure().subplots()
    >>> ax.set_facecolor("black")
    >>> inks(ax)
    Inks(ink='#DDDDDD', faint='#666666', ground='#000000')
    """
    figure = ax.figure
    faces = [figure.get_facecolor(), figure.figure.get_facecolor()]
    for face in faces if outside else [ax.get_facecolor(), *faces]:
        red, green, blue, alpha = to_rgba(face)
        if alpha >= 0.5:
            break
    else:  # nothing is painted there: take a background on which the user's text can be read
        red, green, blue = (1 - part for part in to_rgba(matplotlib.rcParams["text.color"])[:3])
    light = 0.3 * red + 0.59 * green + 0.11 * blue >= 0.5
    ground = to_hex((red, green, blue))
    return Inks(INK, FAINT, ground) if light else Inks("#DDDDDD", "#666666", ground)


def layer_colour(layer: int, ax: Axes | None = None) -> str:
    """Colour of a layer, the same in every picture: ink for the input, then Okabe and Ito's.

    With `ax`, the ink is one that can be read on the background of the axes.

    >>> layer_colour(0), layer_colour(1), layer_colour(7) == layer_colour(1)
    ('#333333', '#0072B2', True)
    """
    if layer:
        return HIDDEN[(layer - 1) % len(HIDDEN)]
    return INK if ax is None else inks(ax).ink


def letter_colour(layer: int, ax: Axes) -> str:
    """Colour of a layer for words beside the axes: with some ink, as thin letters need contrast.

    >>> letter_colour(5, Figure().subplots())
    '#A77912'
    """
    ink, share = inks(ax, outside=True).ink, 0.35
    pairs = zip(to_rgb(layer_colour(layer, ax)), to_rgb(ink), strict=True)
    red, green, blue = (part + share * (other - part) for part, other in pairs)
    return to_hex((red, green, blue)).upper() if layer else ink


def class_colour(label: int) -> str:
    """Colour of a class, or of the output that stands for it, the same in every picture.

    >>> class_colour(0), class_colour(10) == class_colour(0)
    ('#3F90DA', True)
    """
    return CLASSES[label % len(CLASSES)]


def layer_style(layer: int) -> str:
    """Line style of a layer, which tells apart layers of the same colour.

    >>> layer_style(1), layer_style(7)
    ('-', '--')
    """
    return STYLES[max(layer - 1, 0) // len(HIDDEN) % len(STYLES)]


def new_axes(width: float = COLUMN, height: float = 2.3) -> Axes:
    """Axes in a new figure of `width` by `height` inches, laid out so that no label is cut off.

    >>> ax = new_axes(width=PAGE)
    >>> ax.figure.get_size_inches().tolist()
    [6.9, 2.3]
    """
    import matplotlib.pyplot as plt  # may want a screen, so it is not imported before it is needed

    return plt.subplots(figsize=(width, height), layout="compressed")[1]


def axes_for(ax: Axes | None, whose: str, *size: float, scaled: bool = False) -> Axes:
    """The axes given, or new ones of that size; scales are made linear, unless `scaled`.

    A logarithmic axis has no place for time 0, and what happens at that time would be lost.
    """
    if ax is None:
        return new_axes(*size)
    of_kind(ax, Axes, f"{whose}: ax", "the Axes of Matplotlib to draw into")
    if ax.name != "rectilinear":
        raise InputError(f"{whose}: ax must be plain axes, got {ax.name} ones")
    if ax.figure is None:
        raise InputError(f"{whose}: ax has been removed from its figure")
    if not scaled:
        for axis, set_scale in ((ax.xaxis, ax.set_xscale), (ax.yaxis, ax.set_yscale)):
            if axis.get_scale() != "linear":
                set_scale("linear")
    return ax


def named(name: object, most: int = 40) -> str:
    """A name as one line of text: unprintable characters are escaped, a long name is cut.

    A space is put before a leading _, as Matplotlib keeps names that begin with _ out of legends.

    >>> named("a\\tb"), named("_a"), len(named("a" * 99))
    ('a\\\\tb', ' _a', 40)
    """
    text = str(name)
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[: most + 1])
    text = text if len(text) <= most else f"{text[: most - 1]}…"
    return f" {text}" if text.startswith("_") else text


def plural(unit: str) -> str:
    """A unit of time as the name of an axis or after a number: words in the plural, symbols as is.

    >>> plural("step"), plural("ms")
    ('steps', 'ms')
    """
    return named(plural_of(unit))


def amount(time: float, unit: str) -> str:
    """A time with the digits that mean something, and its unit.

    >>> amount(0.933156, "window"), amount(1, "step"), amount(1234.0, "step"), amount(4.0, "ms")
    ('0.933 windows', '1 step', '1234 steps', '4 ms')
    """
    return named(quantity(time, unit))


def dress(ax: Axes, x: str, y: str) -> None:
    """Labels, small ticks, and no frame at the top and on the right."""
    wide, tall = extent(ax) / SMALL
    ax.set_xlabel(broken(x, wide), fontsize="small", **WORDS)
    ax.set_ylabel(broken(y, tall), fontsize="small", **WORDS)
    ax.tick_params(labelsize="x-small")
    ax.yaxis.get_offset_text().set_horizontalalignment("right")  # a legend begins beside it
    for axis in (ax.xaxis, ax.yaxis):
        axis.get_offset_text().set_fontsize("x-small")
    ax.spines[["top", "right"]].set_visible(False)


def whole_numbers(axis: Axis) -> None:
    """Ticks at whole numbers only, however short the axis is."""
    axis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))


def extent(ax: Axes) -> NDArray[np.float64]:
    """Width and height of the axes in points."""
    return np.array(ax.bbox.size) * 72 / ax.figure.dpi


def broken(words: str, points: float) -> str:
    """Words in as many lines as they need in order to fit into so many points, in small print.

    >>> broken("silent neurons (%)", 50), broken("epoch", 1)
    ('silent\\nneurons (%)', 'epoch')
    """
    letters = max(int(points / (LETTER * label_height())), FEWEST)
    return "\n".join(wrap(words, letters, break_on_hyphens=False)) or words


def across(ax: Axes, y: float, colour: str, width: float, style: Any = "-") -> Line2D:
    """A horizontal line across the axes, under the data."""
    look: dict[str, Any] = {"linestyle": style, "marker": ""}
    return ax.axhline(y, color=colour, linewidth=width, zorder=1, **look)


def uprights(
    ax: Axes,
    x: NDArray[np.float64],
    y: tuple[NDArray[np.float64] | float, NDArray[np.float64] | float],
    colour: str,
    *,
    width: float = 1.0,
    zorder: float = 3,
) -> LineCollection:
    """A short vertical line at each `x`, from the first `y` to the second.

    Caps project and nothing snaps to pixels, so that even a line of no height covers its pixel.
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


def colour_bar(image: AxesImage, label: str, axes: Any = None, *, below: str = "") -> Colorbar:
    """A labelled colour bar to the right of an image, or of all `axes` that share its colours.

    below: text under the colour bar.
    """
    beside = image.axes if axes is None else axes
    bar = image.axes.figure.colorbar(image, ax=beside, shrink=0.8, aspect=16)
    bar.set_label(broken(label, extent(bar.ax)[1] / SMALL), fontsize="small", **WORDS)
    bar.ax.set_xlabel(below, fontsize="x-small", **WORDS)
    bar.ax.tick_params(labelsize="x-small")
    bar.ax.yaxis.get_offset_text().set_fontsize("x-small")
    return bar


def log_across(ax: Axes) -> None:
    """A logarithmic x axis labelled 10, 20, 50, 100, ..., or with powers of ten only if long.

    From a million on, labels are written with powers of ten. Call this when all is drawn.
    """
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    if not 0 < low < high:  # of an axis on which there is nothing
        return
    decades, room = np.log10(high / low), extent(ax)[0] / label_height()
    crowded = decades > 2 or (decades > 1 and 3 * decades * (FEWEST - 2) * LETTER > room)
    ax.xaxis.set_major_locator(LogLocator(subs=(1,) if crowded else (1, 2, 5)))
    ax.xaxis.set_minor_locator(LogLocator(subs=range(2, 10)))
    write = _power if high >= 1e6 else (lambda value: f"{value:,.6g}")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: write(value)))
    ax.xaxis.set_minor_formatter(NullFormatter())


def _power(value: float) -> str:
    """A number with a power of ten.

    >>> _power(2e6), _power(1e7)
    ('$2\\\\cdot10^{6}$', '$10^{7}$')
    """
    digit, power = f"{value:.0e}".split("e")
    first = "" if digit == "1" else rf"{digit}\cdot"
    return f"${first}10^{{{int(power)}}}$"


def label_height() -> float:
    """The height in points that the label of a row needs.

    >>> round(label_height(), 1)
    6.3
    """
    return 0.63 * float(matplotlib.rcParams["font.size"])


def label_stride(height: float, rows: int, needed: float | None = None) -> int:
    """The least stride (1, 2, 5, 10, 20, ...) at which labels fit beside rows of that height.

    >>> label_stride(7.0, 100), label_stride(1.0, 100), label_stride(1.0, 4)
    (1, 10, 5)
    """
    needed = label_height() if needed is None else needed
    steps = (digit * 10**power for power in count() for digit in (1, 2, 5))
    return next(step for step in steps if step * height >= needed or step >= rows)


def percent(part: int, whole: int) -> str:
    """A share in whole percent, which is given as 0 or 100 only if it is exactly that.

    >>> percent(31, 50), percent(1, 1000), percent(999, 1000), percent(0, 0)
    ('62 %', '<1 %', '>99 %', '0 %')
    """
    share = round(100 * part / max(whole, 1))
    if share == 0 and part > 0:
        return "<1 %"
    if share == 100 and part < whole:
        return ">99 %"
    return f"{share} %"


def save(figure: Figure | SubFigure, path: str | os.PathLike[str], *, dpi: float = 300) -> Path:
    """The path of the picture, which is written completely or not at all.

    The name ends in png, pdf or svg. The same figure gives the same bytes. For a subfigure, the
    whole figure is saved. InputError for another ending, or for something that is not a figure;
    OSError where the folder cannot be written to.

    >>> import tempfile
    >>> ax = Figure().subplots()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(ax.figure, f"{folder}/empty.svg").name
    'empty.svg'
    """
    of_kind(figure, Figure | SubFigure, "save: figure", "a Figure of Matplotlib")
    whole: Figure = figure.figure
    path = Path(of_kind(path, str | os.PathLike, "save: path", "the name of a file"))
    dpi = positive(dpi, "save: dpi")
    kind = path.suffix[1:].lower()
    if kind not in FORMATS:
        raise InputError(f"save writes {', '.join(FORMATS)}, got the name {path.name!r}")
    size = dpi * whole.get_size_inches().max()
    if kind == "png" and size >= MOST_PIXELS:
        raise InputError(f"save: {size:.0f} pixels, at {dpi:g} dpi, but a png has below 65536")
    date = {"png": {}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}[kind]
    picture = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "ttfs", "pdf.fonttype": 42}):
        whole.savefig(picture, format=kind, dpi=dpi, metadata=date)
    return write_atomically(path, picture.getvalue())
