"""Receptive fields: the weights into single neurons, laid out as images."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from ttfs.errors import InputError, ShapeError
from ttfs.plotting.given import Array, image_shape, numbers
from ttfs.plotting.look import COLUMN, WORDS, axes_for, colour_bar, inks, label_height

LABEL = 1.2  # height that a neuron's index needs, of a label's
DIGIT = 0.63  # width of one of its digits

BLUE_TO_RED = ListedColormap(colormaps["RdBu_r"](np.linspace(0.1, 0.9, 257)), name="ttfs_weights")
"""Without the darkest ends, in which red and blue, +1 and -1, look alike."""


class Grid(NamedTuple):
    """Where the tiles lie: pixels of each, tiles in a row, and pixels over each for its index."""

    height: int
    width: int
    columns: int
    gap: int

    def corner(self, i: int) -> tuple[int, int]:
        """Row and column of the first pixel of tile i."""
        down, across = divmod(i, self.columns)
        return down * (self.gap + self.height) + self.gap, across * (self.width + 1)


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
    to show, the first 25 by default, in rows of `columns`. White is 0; the gaps are masked in
    the returned image. Each neuron's index stands over its tile, where it fits.
    ShapeError if sizes do not fit; InputError for NaN, inf, or neurons that do not exist.

    >>> from matplotlib.figure import Figure
    >>> image = weight_images(np.eye(4), (2, 2), ax=Figure().subplots(), neurons=[3])
    >>> image.get_array().compressed()
    array([0., 0., 0., 1.])
    """
    matrix = _as_matrix(weights)
    tile = image_shape(shape, matrix.shape[0], "weight_images")
    chosen = _chosen(neurons, matrix.shape[1])
    columns = int(np.ceil(np.sqrt(len(chosen)))) if columns is None else columns
    if columns < 1:
        raise InputError(f"weight_images: columns must be at least 1, got {columns}")
    ax = axes_for(ax, "weight_images", COLUMN, 3.1)
    columns = min(columns, len(chosen))
    gap = _label_gap(ax, tile, chosen, columns)
    grid = Grid(*tile, columns, max(gap, 1))
    mosaic = _mosaic(matrix[:, chosen].T, grid)
    limit = np.abs(mosaic).max() or 1.0
    look: dict[str, Any] = {"interpolation": "nearest", "origin": "upper"}
    image = ax.imshow(mosaic, cmap=BLUE_TO_RED, vmin=-limit, vmax=limit, **look)
    _frame_tiles(ax, grid, [str(neuron) if gap else "" for neuron in chosen])
    ax.set_axis_off()
    colour_bar(image, "weight")
    return image


def _as_matrix(weights: ArrayLike) -> Array:
    """Finite weights (inputs, outputs)."""
    matrix = numbers(weights, "weight_images")
    if matrix.ndim != 2:
        wanted = "weights (inputs, outputs)"
        raise ShapeError(f"weight_images: expects {wanted}, got shape {matrix.shape}")
    if np.isinf(matrix).any():
        raise InputError("weight_images: expects finite weights, got inf")
    return matrix


def _chosen(neurons: Sequence[int] | None, outputs: int) -> NDArray[np.integer]:
    """The outputs to show, at least one, all of which exist."""
    chosen = np.arange(min(outputs, 25)) if neurons is None else np.asarray(neurons)
    if chosen.ndim != 1 or chosen.size == 0:
        raise ShapeError(f"weight_images: expects at least one neuron, got shape {chosen.shape}")
    if chosen.dtype.kind not in "iu" or chosen.min() < 0 or chosen.max() >= outputs:
        wanted = f"neurons from 0 to {outputs - 1}"
        raise InputError(f"weight_images: expects {wanted}, got {chosen.tolist()}")
    return chosen


def _label_gap(ax: Axes, tile: tuple[int, int], chosen: NDArray[np.integer], columns: int) -> int:
    """Pixels over a tile that an index fits in, or 0 where tiles are too small for indices."""
    rows = -(-len(chosen) // columns)
    wide, high = np.array(ax.bbox.size) * 72 / ax.figure.dpi
    points = min(wide / columns / (tile[1] + 1), (high / rows - LABEL * label_height()) / tile[0])
    if points * tile[1] < DIGIT * label_height() * len(str(chosen.max())):
        return 0
    return int(np.ceil(LABEL * label_height() / points))


def _mosaic(fields: Array, grid: Grid) -> np.ma.MaskedArray:
    """One field per tile, all else masked."""
    rows = -(-len(fields) // grid.columns)
    across = grid.columns * (grid.width + 1) - 1
    mosaic = np.ma.array(np.zeros((rows * (grid.gap + grid.height), across)), mask=True)
    for i, field in enumerate(fields):
        y, x = grid.corner(i)
        mosaic[y : y + grid.height, x : x + grid.width] = field.reshape(grid.height, grid.width)
    return mosaic


def _frame_tiles(ax: Axes, grid: Grid, names: list[str]) -> None:
    """A thin frame around each tile, and its name over it."""
    ink, faint, _ = inks(ax, outside=True)
    look: dict[str, Any] = {"fontsize": "xx-small", "color": ink, "ha": "center", "va": "bottom"}
    for i, name in enumerate(names):
        y, x = grid.corner(i)
        corner = x - 0.5, y - 0.5
        frame = Rectangle(corner, grid.width, grid.height, fill=False, edgecolor=faint)
        frame.set(linewidth=0.4, clip_on=False)
        ax.add_patch(frame)
        centre = x + (grid.width - 1) / 2
        ax.text(centre, y - 0.8, name, **look, **WORDS)
