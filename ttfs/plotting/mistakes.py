"""The stimuli that a network gets wrong."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike

from ttfs.checks import whole
from ttfs.codes.decoding import Decisions, decide
from ttfs.engines.batch import Record
from ttfs.errors import InputError, ShapeError
from ttfs.plotting.given import Array, horizon, one_per_sample, rows_of_times
from ttfs.plotting.look import (
    COLUMN,
    EARLY_IS_DARK,
    SILENT,
    amount,
    axes_for,
    colour_bar,
    inks,
    plural,
)
from ttfs.plotting.tiles import check_columns, say_how_many, show_tiles

DOTS = 60  # pixels at each side of a raster


def mistakes(
    stimuli: ArrayLike | Record,
    decisions: Decisions | Record,
    labels: ArrayLike,
    shape: tuple[int, ...],
    *,
    ax: Axes | None = None,
    most: int = 16,
    columns: int = 4,
    t_max: float | None = None,
    unit: str = "step",
    colorbar: bool = True,
) -> AxesImage:
    """Stimuli that are decided wrongly, as images of spike times: early is dark, silent is grey.

    `stimuli` (samples, inputs) are input spike times in `unit`, or a `Record`, which can also stand
    for the `decisions` that `ttfs.decide` returned; `labels` (samples,); `shape` = (rows, columns)
    of a stimulus, or (rows, columns, channels), of which each pixel shows its earliest spike.
    Stimuli of shape (1, inputs), such as recordings, are drawn as rasters. Above each image stand
    the number of the sample, its label, the decision, and when the decision was made. The earliest
    decisions come first, at most `most` of them, in rows of `columns`. The returned image holds the
    exact times; silence and gaps are masked. ShapeError where sizes differ; InputError for NaN,
    negative times, and spikes at or after `t_max`.

    >>> from matplotlib.figure import Figure
    >>> decisions = decide([[2.0, 3.0], [4.0, 1.0]], [[1, 1], [1, 1]])
    >>> ax = Figure().subplots()
    >>> image = mistakes([[0, 5], [np.inf, 2]], decisions, [0, 0], (2, 1), ax=ax)
    >>> [text.get_text() for text in ax.texts]
    ['1: 0 → 1\\nat 1', '1 mistake in 2 samples; label → decision']
    """
    if isinstance(stimuli, Record):
        stimuli = stimuli.times[0]
    times = rows_of_times(stimuli, "mistakes", t_max, "inputs")
    found = _decisions(decisions, len(times))
    classes = one_per_sample(labels, len(times), "mistakes")
    most = whole(most, "mistakes(most=...)")
    check_columns(columns, "mistakes")
    wrong = np.flatnonzero(~found.right(classes))
    shown = wrong[np.argsort(found.time[wrong], kind="stable")][:most]
    tiles = _images(times[shown], shape, times.shape[1])
    end, recorded = horizon([tiles], t_max), len(shape) == 2 and shape[0] == 1
    if recorded:
        tiles = _rasters(times[shown], end)
    rows = max(1, -(-len(shown) // columns))
    tall = (COLUMN - 0.9) / columns * tiles.shape[1] / tiles.shape[2]
    ax = axes_for(ax, "mistakes", COLUMN, 0.45 + rows * (tall + 0.24))
    names = [_caption(k, classes[k], found.label[k], found.time[k]) for k in shown]
    masked = np.ma.masked_invalid(tiles if len(tiles) else np.full((1, *tiles.shape[1:]), np.inf))
    colours = ListedColormap([inks(ax).ink]) if recorded else EARLY_IS_DARK
    look: dict[str, Any] = {"cmap": colours.with_extremes(bad="none"), "vmin": 0, "vmax": end}
    look |= {"ground": SILENT if len(tiles) and not recorded else "none"}
    before = len(ax.texts)
    image = show_tiles(ax, masked, names or None, min(columns, len(masked)), **look)
    words = _words(len(shown), len(wrong), len(times))
    if len(shown) and len(ax.texts) > before:  # tiles may be too small for names
        words += "; label → decision"
    if recorded and len(tiles):
        words += f"; from left to right 0 to {amount(end, unit)}, input 0 at the bottom"
    say_how_many(ax, words)
    if colorbar and len(tiles) and not recorded:
        colour_bar(image, f"input spike time ({plural(unit)})", below="grey:\nsilent")
    return image


def _decisions(given: Decisions | Record, samples: int) -> Decisions:
    """The decision for each sample."""
    if isinstance(given, Record):
        given = decide(given.times[-1], given.potential)
    if not isinstance(given, Decisions):
        raise InputError("mistakes: decisions must be what ttfs.decide returned, or a Record")
    if len(given) != samples:
        raise ShapeError(f"mistakes: expects {samples} decisions, one per sample, got {len(given)}")
    return given


def _images(times: Array, shape: tuple[int, ...], inputs: int) -> Array:
    """Times as images (samples, rows, columns), with the earliest of the channels of a pixel."""
    sides = tuple(whole(side, "mistakes(shape=...)") for side in shape)
    if len(sides) not in (2, 3) or np.prod(sides) != inputs:
        wanted = f"(rows, columns) or (rows, columns, channels) with {inputs} inputs"
        raise ShapeError(f"mistakes: expects a shape {wanted}, got {shape}")
    return times.reshape(-1, sides[0], sides[1], *sides[2:] or (1,)).min(axis=3)


def _rasters(times: Array, end: float) -> Array:
    """Times (samples, inputs) as images in which time runs to the right and input 0 is lowest.

    A pixel holds the earliest of its spikes.
    """
    inputs = times.shape[1]
    each = max(1, DOTS // inputs)  # pixels, one above the other, for a spike
    tiles = np.full((len(times), each * min(inputs, DOTS), DOTS), np.inf)
    sample, neuron = np.nonzero(np.isfinite(times))
    spikes = times[sample, neuron]
    column = np.minimum(DOTS * spikes / end, DOTS - 1).astype(int)
    for k in range(each):
        row = each * (neuron * min(inputs, DOTS) // inputs) + k
        np.minimum.at(tiles, (sample, -1 - row, column), spikes)
    return tiles


def _caption(sample: int, label: int, decision: int, time: float) -> str:
    """Which sample it is, what it was taken for, and when."""
    when = f"at {time:.3g}" if np.isfinite(time) else "no output spike"
    return f"{sample}: {label} → {decision}\n{when}"


def _words(shown: int, found: int, samples: int) -> str:
    """How many mistakes there are.

    >>> _words(16, 1034, 10000), _words(0, 0, 1)
    ('the first 16 of 1,034 mistakes in 10,000 samples', 'no mistakes in 1 sample')
    """
    word = "mistake" if found == 1 else "mistakes"
    count = f"the first {shown} of {found:,}" if shown < found else f"{found or 'no'}"
    return f"{count} {word} in {samples:,} {'sample' if samples == 1 else 'samples'}"
