"""Weights as images: receptive fields of single neurons, and filters of maps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.image import AxesImage
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray

from ttfs.checks import whole
from ttfs.errors import InputError, ShapeError
from ttfs.plotting.given import Array, image_shape, numbers
from ttfs.plotting.look import (
    COLUMN,
    LETTER,
    PAGE,
    axes_for,
    colour_bar,
    dress,
    inks,
    label_height,
    label_stride,
)
from ttfs.plotting.tiles import (
    check_columns,
    chosen,
    columns_that_fit,
    of_all,
    say_how_many,
    show_tiles,
)

BLUE_TO_RED = ListedColormap(colormaps["RdBu_r"](np.linspace(0.1, 0.9, 257)), name="ttfs_weights")
"""RdBu without its darkest ends, where red and blue, +1 and -1, look alike."""


def weight_images(
    weights: ArrayLike,
    shape: tuple[int, int],
    *,
    ax: Axes | None = None,
    neurons: Sequence[int] | None = None,
    columns: int | None = None,
) -> AxesImage:
    """The weights into some neurons as images side by side: red excites, blue inhibits.

    `weights` (inputs, outputs), `shape` = (rows, columns) of the inputs; `neurons` are the outputs
    to show, by default the first 25, in rows of `columns`. White is 0; one-bit weights have two
    colours. In the returned image, the gaps between neurons are masked. The index of each neuron
    stands above its image if it fits. ShapeError if sizes do not fit; InputError for NaN, inf, or
    neurons that do not exist.

    >>> from matplotlib.figure import Figure
    >>> image = weight_images(np.eye(4), (2, 2), ax=Figure().subplots(), neurons=[3])
    >>> image.get_array().compressed()
    array([0., 0., 0., 1.])
    """
    matrix = _as_matrix(weights, "weight_images")
    tile = image_shape(shape, matrix.shape[0], "weight_images")
    shown = chosen(neurons, matrix.shape[1], "weight_images", "neuron", 25)
    check_columns(columns, "weight_images")
    columns = int(np.ceil(np.sqrt(len(shown)))) if columns is None else columns
    ax = axes_for(ax, "weight_images", COLUMN, 3.1)
    fields = matrix[:, shown].T.reshape(-1, *tile)
    image = show_tiles(ax, fields, shown, columns, **_diverging(fields))
    say_how_many(ax, of_all(len(shown), matrix.shape[1], "neuron"), _say_weights(image, fields))
    return image


def filter_images(
    weights: ArrayLike,
    window: int | tuple[int, int],
    *,
    ax: Axes | None = None,
    channels: Sequence[int] | None = None,
    below: Sequence[int] | None = None,
    columns: int | None = None,
) -> AxesImage:
    """The filters of a layer of maps: one small image per pair of a channel and a channel below.

    `weights` (rows, columns) as the layer has them: one row for each input of a `window` (one
    number, or rows and columns), one column per channel. With one channel below, the filters are
    shown in rows of `columns`, by default chosen to make them large; with several, each line of
    the picture is a channel, and each place in it a channel below. `channels` and `below` choose
    the channels shown, by default the first 64, or the first 24 of either where there are several
    below. Red excites, blue inhibits, white is 0; one-bit weights have two colours. In the
    returned image, gaps are masked. ShapeError if sizes do not fit; InputError for NaN, inf, or
    channels that do not exist.

    >>> from matplotlib.figure import Figure
    >>> image = filter_images([[1.0], [-0.5]], (1, 2), ax=Figure().subplots())
    >>> image.get_array().compressed()
    array([ 1. , -0.5])
    """
    filters = _as_filters(weights, window)
    most = 24 if filters.shape[1] > 1 else 64
    shown = chosen(channels, len(filters), "filter_images", "channel", most)
    heard = chosen(below, filters.shape[1], "filter_images", "lower channel", most)
    tiles = filters[shown][:, heard].reshape(-1, *filters.shape[2:])
    check_columns(columns, "filter_images")
    table = len(heard) > 1
    ax = axes_for(ax, "filter_images", *((PAGE, 5.4) if table else (COLUMN, 3.1)))
    if table or columns is None:
        columns = len(heard) if table else columns_that_fit(ax, tiles.shape[1:], len(tiles))
    image = show_tiles(ax, tiles, None if table else shown, columns, **_diverging(tiles))
    if table:
        _name_table(ax, tiles.shape[1:], shown, heard)
    words = of_all(len(shown), len(filters), "channel")
    if table:
        words += f", {of_all(len(heard), filters.shape[1], 'channel')} below"
    say_how_many(ax, words, _say_weights(image, tiles))
    return image


def _as_matrix(weights: ArrayLike, whose: str) -> Array:
    """Finite weights (inputs, outputs)."""
    matrix = numbers(weights, whose)
    if matrix.ndim != 2:
        wanted = "weights (inputs, outputs)"
        raise ShapeError(f"{whose}: expects {wanted}, got shape {matrix.shape}")
    if np.isinf(matrix).any():
        raise InputError(f"{whose}: expects finite weights, got inf")
    return matrix


def _as_filters(weights: ArrayLike, window: int | tuple[int, int]) -> Array:
    """The filters, of shape (channels, channels below, rows, columns)."""
    matrix = _as_matrix(weights, "filter_images")
    sides = window if isinstance(window, tuple | list) else (window, window)
    tall, broad = (whole(side, "filter_images(window=...)") for side in sides[:2])
    if len(sides) != 2 or matrix.size == 0 or len(matrix) % (tall * broad):
        wanted = f"weights with a row for each input of windows {tall} x {broad}"
        raise ShapeError(f"filter_images: expects {wanted}, got shape {matrix.shape}")
    return matrix.reshape(tall, broad, -1, matrix.shape[1]).transpose(3, 2, 0, 1)


def _diverging(tiles: Array) -> dict[str, Any]:
    """A colour scale that is symmetric about 0."""
    limit = np.abs(tiles).max() or 1.0
    return {"cmap": BLUE_TO_RED, "vmin": -limit, "vmax": limit}


def _say_weights(image: AxesImage, tiles: Array) -> list[Patch]:
    """A colour bar or, for one-bit weights, what a legend shows of two colours."""
    sizes = np.unique(np.abs(tiles))
    if len(sizes) != 1 or not sizes[0]:
        colour_bar(image, "weight")
        return []
    signs = ((f"+{sizes[0]:.3g}", 1.0), (f"−{sizes[0]:.3g}", 0.0))
    look: dict[str, Any] = {"edgecolor": inks(image.axes, outside=True).ink, "linewidth": 0.6}
    return [Patch(facecolor=BLUE_TO_RED(at), label=name, **look) for name, at in signs]


def _name_table(
    ax: Axes, tile: tuple[int, ...], lines: NDArray[np.integer], places: NDArray[np.integer]
) -> None:
    """Label lines with channels, and the places in them with channels below, as many as fit."""
    ax.set_axis_on()
    ax.spines[:].set_visible(False)
    dress(ax, "channel below", "channel")
    ax.grid(False)
    ax.tick_params(length=0, labelsize="xx-small")
    points = 0.8 * np.array(ax.bbox.size) * 72 / ax.figure.dpi  # a colour bar takes the rest
    steps = (tile[0] + 1) * len(lines), (tile[1] + 1) * len(places)
    pixel = min(points[1] / steps[0], points[0] / steps[1])
    letters = 0.5 + LETTER * len(str(places.max()))
    wide = label_stride(pixel * (tile[1] + 1), len(places), letters * label_height())
    high = label_stride(pixel * (tile[0] + 1), len(lines))
    ax.set_xticks(
        np.arange(len(places))[::wide] * (tile[1] + 1) + (tile[1] - 1) / 2,
        [str(place) for place in places[::wide]],
    )
    ax.set_yticks(
        np.arange(len(lines))[::high] * (tile[0] + 1) + 1 + (tile[0] - 1) / 2,
        [str(line) for line in lines[::high]],
    )
