"""What a network is made of, layer by layer."""

from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch
from matplotlib.text import Text
from matplotlib.transforms import offset_copy

from ttfs.network.network import Network, check_network
from ttfs.plotting.look import (
    COLUMN,
    GREY,
    WORDS,
    axes_for,
    broken,
    extent,
    inks,
    label_height,
    label_stride,
    layer_colour,
    letter_colour,
)

ROW = 0.42  # inches from one layer to the next
FINE = 1.4  # how many more letters fit into a line than of small print
ROW_OF_WORDS = 2.2  # what two lines of words need, in heights of a label
LEFT, WORDS_AT = 0.2, 0.4  # middle of the symbols and left end of the words, in widths of the axes
CIRCLES, SHEETS = 7, 4  # symbols of a layer at most
SIDE = 13.0  # points: the side of the largest map
APART = 3.0  # points from one channel of a map to the next


def network_diagram(network: Network, *, ax: Axes | None = None) -> list[Artist]:
    """The layers of a network, the input lowest, with their sizes and what connects them.

    A layer is a row of circles, or of sheets if it is a map; where there are more than fit, dots
    stand for the rest. Beside each arrow stand the kind of connection, the number of weights and,
    if there is one, the delay. Skips are arrows at the left. Returns the names of the layers, then
    the arrows. InputError for what is not a `Network`.

    >>> import ttfs
    >>> from matplotlib.figure import Figure
    >>> network = ttfs.Network(ttfs.Dense(784, 600), ttfs.Dense(600, 10))
    >>> *names, first, second = network_diagram(network, ax=Figure().subplots())
    >>> [name.get_text() for name in names]
    ['input, 784', 'hidden, 600', 'output, 10']
    """
    check_network(network, "network_diagram(network=...)")
    count = len(network.sizes)
    ax = axes_for(ax, "network_diagram", COLUMN, ROW * count)
    ax.set(xlim=(0, 1), ylim=(-0.5, count - 0.5))
    ax.set_axis_off()
    drawn: list[Artist] = [_layer(ax, network, k) for k in range(count)]
    for k, name in enumerate(drawn):
        name.set_visible(k % label_stride(extent(ax)[1] / count, count) == 0)
    for k in range(len(network.layers)):
        drawn.append(_arrow(ax, (LEFT, k + 0.3), (LEFT, k + 0.7)))
        if ROW_OF_WORDS * label_height() < extent(ax)[1] / count:
            _write(ax, k + 0.5, connection(network, k), GREY, "xx-small")
    for skip in network.skips:
        bow = "arc3,rad=-0.5"
        drawn.append(_arrow(ax, (0.06, skip.source), (0.06, skip.target), bow))
    return drawn


def connection(network: Network, layer: int) -> str:
    """What connects a layer to the one below, in words.

    >>> import ttfs
    >>> layers = ttfs.Conv2d(8, 5, stride=2), ttfs.MinPool2d(2), ttfs.Dense(None, 10, delay=1)
    >>> network = ttfs.Network(*layers, shape=(28, 28, 1))
    >>> [connection(network, k) for k in range(3)]
    ['5 × 5, stride 2: 200 weights', 'earliest of 2 × 2', 'all to all: 2,880 weights, delay 1']
    """
    one = network.layers[layer]
    words = "all to all"
    if network.mapped[layer]:
        kernel, stride, padding = one.windows
        words = f"{kernel[0]} × {kernel[1]}"
        words += f", stride {stride[0]}" if stride != (1, 1) and not one.pools else ""
        words += f", padding {padding[0]}" if padding != (0, 0) else ""
    if one.pools:
        return f"earliest of {words}"
    bit = "one-bit " if network.binary[layer] else ""
    size = network.weights[layer].size
    words += f": {size:,} {bit}weight" + ("s" if size != 1 else "")
    delays = network.delays[layer]
    if delays.size and delays.min() != delays.max():
        return f"{words}, delays {delays.min():.3g} to {delays.max():.3g}"
    return words + (f", delay {delays.max():.3g}" if delays.any() else "")


def _layer(ax: Axes, network: Network, layer: int) -> Text:
    """The symbols of a layer and, beside them, its name and size."""
    height, width, channels = network.shapes[layer]
    colour = layer_colour(layer, ax)
    if height * width > 1:
        size = f"{height} × {width} × {channels}"
        largest = max(shape[0] for shape in network.shapes)
        _sheets(ax, layer, channels, max(SIDE * height / largest, 4.0), colour)
    else:
        size = f"{channels:,}"
        _circles(ax, layer, channels, colour)
    words = f"{network.names[layer]}, {size}"
    return _write(ax, layer, words, letter_colour(layer, ax), "x-small")


def _sheets(ax: Axes, y: float, channels: int, side: float, colour: str) -> None:
    """Squares one behind the other."""
    some = min(channels, SHEETS)
    for k in range(some)[::-1]:
        shift = APART * (k - (some - 1) / 2)
        _symbol(ax, (LEFT, y), (shift, 0.6 * shift), "s", side, colour)


def _circles(ax: Axes, y: float, neurons: int, colour: str) -> None:
    """Circles side by side; three dots in the middle if there are more."""
    some = min(neurons, CIRCLES)
    for k in range(some):
        dot = neurons > some and abs(k - some // 2) <= 1
        shift = 7.0 * (k - (some - 1) / 2)
        _symbol(ax, (LEFT, y), (shift, 0), "o", 1.5 if dot else 5.0, colour)


def _symbol(
    ax: Axes, at: tuple[float, float], shift: tuple[float, float], mark: str, size: float, ink: str
) -> None:
    """A symbol at a place, shifted by some points."""
    look: dict[str, Any] = {"linestyle": "", "marker": mark, "markersize": size}
    look |= {"markerfacecolor": inks(ax).ground, "markeredgecolor": ink, "markeredgewidth": 0.9}
    move = offset_copy(ax.transData, ax.figure.figure, *shift, units="points")
    ax.plot([at[0]], [at[1]], transform=move, clip_on=False, **look)


def _arrow(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], bow: str = "arc3"
) -> FancyArrowPatch:
    """An arrow upwards."""
    look: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 6, "shrinkA": 0, "shrinkB": 0}
    look |= {"connectionstyle": bow, "color": GREY, "linewidth": 0.9, "clip_on": False}
    arrow = FancyArrowPatch(start, end, **look)
    ax.add_patch(arrow)
    return arrow


def _write(ax: Axes, y: float, words: str, colour: str, size: str) -> Text:
    """Words beside a layer or an arrow."""
    look: dict[str, Any] = {"color": colour, "fontsize": size, "va": "center"}
    room = FINE * (1 - WORDS_AT) * extent(ax)[0]
    return ax.text(WORDS_AT, y, broken(words, room), **look, **WORDS)
