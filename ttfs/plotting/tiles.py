"""Small images side by side in one image, each with its name above it."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ttfs.errors import InputError, ShapeError
from ttfs.plotting.given import Array
from ttfs.plotting.legends import legend_above, words_only
from ttfs.plotting.look import LETTER, WORDS, broken, extent, inks, label_height

LABEL = 1.2  # height that the name of a tile needs, in heights of a label
TIGHT = 0.85  # by how much a colour bar may make tiles smaller
LONG = 8  # how much longer one side of a tile may be than the other


class Grid(NamedTuple):
    """The layout of tiles: pixels of each, tiles in a row, and pixels above each for its name."""

    height: int
    width: int
    columns: int
    gap: int

    def corner(self, i: int) -> tuple[int, int]:
        """Row and column of the first pixel of tile i."""
        down, across = divmod(i, self.columns)
        return down * (self.gap + self.height) + self.gap, across * (self.width + 1)


def chosen(
    given: Sequence[int] | None, count: int, whose: str, what: str, most: int
) -> NDArray[np.integer]:
    """Valid indices of what is to be shown; by default the first `most`."""
    found = np.arange(min(count, most)) if given is None else np.asarray(given)
    if found.ndim != 1 or found.size == 0:
        raise ShapeError(f"{whose}: expects at least one {what}, got shape {found.shape}")
    if found.dtype.kind not in "iu" or found.min() < 0 or found.max() >= count:
        wanted = f"{what}s from 0 to {count - 1}"
        raise InputError(f"{whose}: expects {wanted}, got {found.tolist()}")
    return found


def check_columns(columns: int | None, whose: str) -> None:
    """Refuse rows without any tiles."""
    if columns is not None and columns < 1:
        raise InputError(f"{whose}: columns must be at least 1, got {columns}")


def columns_that_fit(ax: Axes, tile: tuple[int, ...], count: int) -> int:
    """The number of tiles in a row that makes all tiles as large as these axes allow."""
    wide, high = ax.bbox.size

    def size(columns: int) -> float:
        rows = -(-count // columns)
        return min(wide / (columns * (tile[1] + 1)), high / (rows * (tile[0] + 1)))

    return max(range(1, count + 1), key=size)


def show_tiles(
    ax: Axes,
    tiles: Array,
    names: Sequence[Any] | NDArray[np.integer] | None,
    columns: int,
    *,
    ground: str = "none",
    **look: Any,
) -> AxesImage:
    """Tiles (tiles, rows, columns) in one image, gaps masked, with names where they fit.

    ground: the colour behind a tile, seen through its masked pixels.
    """
    tiles = stretched(tiles)
    (height, width), columns = tiles.shape[1:], min(columns, len(tiles))
    words = [] if names is None else [str(name) for name in names]
    gap = _label_gap(ax, (height, width), words, columns) if words else 0
    grid = Grid(height, width, columns, max(gap, 1))
    image = ax.imshow(_mosaic(tiles, grid), interpolation="nearest", origin="upper", **look)
    _frame_tiles(ax, grid, words if gap else [""] * len(tiles), ground)
    ax.set_axis_off()
    return image


def stretched(tiles: Array) -> Array:
    """Tiles (tiles, rows, columns) whose rows or columns are repeated where these are few.

    A line of 100 inputs would otherwise be too thin to be seen.

    >>> stretched(np.zeros((2, 1, 80))).shape, stretched(np.zeros((2, 4, 4))).shape
    ((2, 10, 80), (2, 4, 4))
    """
    for axis in (1, 2):
        tiles = tiles.repeat(max(1, tiles.shape[3 - axis] // LONG // tiles.shape[axis]), axis)
    return tiles


def of_all(shown: int, found: int, what: str) -> str:
    """How many are shown, and of how many.

    >>> of_all(25, 600, "neuron"), of_all(10, 10, "neuron"), of_all(1, 1, "neuron")
    ('25 of 600 neurons', 'all 10 neurons', 'the only neuron')
    """
    if found == 1:
        return f"the only {what}"
    return f"all {found:,} {what}s" if shown == found else f"{shown:,} of {found:,} {what}s"


def say_how_many(ax: Axes, words: str, handles: Iterable[Artist] = ()) -> None:
    """Write above the tiles, at the right, how much is shown, or in a legend with handles."""
    if handles := list(handles):
        legend_above(ax, [*handles, words_only(words)])
        return
    words = broken(words, extent(ax)[0])
    look: dict[str, Any] = {"fontsize": "x-small", "color": inks(ax, outside=True).ink}
    ax.text(1, 1.02, words, ha="right", va="bottom", transform=ax.transAxes, **look, **WORDS)


def _label_gap(ax: Axes, tile: tuple[int, int], names: list[str], columns: int) -> int:
    """Pixels above a tile that its name needs, or 0 if the tiles are too small for names."""
    rows = -(-len(names) // columns)
    lines = [line for name in names for line in name.split("\n")]
    tall = LABEL * label_height() * len(lines) / len(names)
    wide, high = np.array(ax.bbox.size) * 72 / ax.figure.dpi
    points = min(wide / columns / (tile[1] + 1), (high / rows - tall) / tile[0])
    if points * tile[1] < LETTER * label_height() * max(map(_digits, lines)):
        return 0
    return int(np.ceil(tall / (TIGHT * points)))


def _digits(line: str) -> float:
    """How many digits are as wide as a line; spaces, colons and arrows are narrower.

    >>> _digits("12"), _digits("12: 3")
    (2.0, 4.2)
    """
    return sum(1.0 if letter.isalnum() else 0.6 for letter in line)


def _mosaic(tiles: Array, grid: Grid) -> np.ma.MaskedArray:
    """All tiles in one array, everything between them masked."""
    rows = -(-len(tiles) // grid.columns)
    across = grid.columns * (grid.width + 1) - 1
    mosaic = np.ma.array(np.zeros((rows * (grid.gap + grid.height), across)), mask=True)
    for i, tile in enumerate(tiles):
        y, x = grid.corner(i)
        mosaic[y : y + grid.height, x : x + grid.width] = tile
    return mosaic


def _frame_tiles(ax: Axes, grid: Grid, names: list[str], ground: str) -> None:
    """The background of each tile, a thin frame around it, and its name above it."""
    ink, faint, _ = inks(ax, outside=True)
    look: dict[str, Any] = {"fontsize": "xx-small", "color": ink, "ha": "center", "va": "bottom"}
    for i, name in enumerate(names):
        y, x = grid.corner(i)
        corner = x - 0.5, y - 0.5
        for face, edge, zorder in ((ground, "none", -1), ("none", faint, 1)):
            patch = Rectangle(corner, grid.width, grid.height, facecolor=face, edgecolor=edge)
            patch.set(linewidth=0.4, clip_on=False, zorder=zorder)
            ax.add_patch(patch)
        centre = x + (grid.width - 1) / 2
        ax.text(centre, y - 0.8, name, **look, **WORDS)
