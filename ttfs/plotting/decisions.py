"""What a network decides, class by class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, to_rgb
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike, NDArray

from ttfs.checks import as_array
from ttfs.codes.decoding import Decisions, decide
from ttfs.engines.batch import Record
from ttfs.errors import InputError, ShapeError
from ttfs.plotting.given import Array, one_per_sample
from ttfs.plotting.legends import legend_above, sample
from ttfs.plotting.look import (
    COLUMN,
    GREY,
    LETTER,
    WORDS,
    across,
    axes_for,
    class_colour,
    colour_bar,
    dress,
    inks,
    label_height,
    label_stride,
    named,
    whole_numbers,
)

MOST = 1000  # classes
MANY = 1000  # samples, from which on a second decimal means something
SURE = 1.96  # standard errors on both sides of a share: 95 % of a normal distribution

Decided = Decisions | Record | ArrayLike


def confusion_matrix(
    decided: Decided,
    labels: ArrayLike,
    *,
    ax: Axes | None = None,
    names: Sequence[str] | None = None,
) -> AxesImage:
    """How many samples of each class are taken for which: labels are rows, decisions are columns.

    `decided` is what `ttfs.decide` returned, a `Record`, or whole numbers (samples,); `labels`
    (samples,) are whole numbers; `names` are those of the classes. Mistakes are shaded by their
    number, right decisions on the diagonal are not, and numbers are written where they fit. The
    returned image holds all numbers. ShapeError where sizes differ; InputError for labels or
    decisions that are not whole numbers from 0, and for more than 1000 classes.

    >>> from matplotlib.figure import Figure
    >>> image = confusion_matrix([0, 1, 1, 1], [0, 0, 0, 1], ax=Figure().subplots())
    >>> image.get_array().data.tolist()
    [[1, 2], [0, 1]]
    """
    answers, classes = _pairs(decided, labels, "confusion_matrix")
    words = _class_names(decided, answers, classes, names, "confusion_matrix")
    counts = np.zeros((len(words), len(words)), np.int64)
    np.add.at(counts, (classes, answers), 1)
    ax = axes_for(ax, "confusion_matrix", COLUMN, 3.2)
    right = np.eye(len(counts), dtype=bool)
    most = max(1, int(counts[~right].max(initial=0)))
    shown = np.ma.array(counts, mask=right)
    look: dict[str, Any] = {"cmap": _from_ground_to_ink(ax), "vmin": 0, "vmax": most}
    image = ax.imshow(shown, interpolation="nearest", origin="upper", **look)
    ax.grid(False)
    dress(ax, "decision", "label")
    _name_classes(ax, words)
    if not _write_counts(ax, counts, most):
        whole_numbers(colour_bar(image, "samples").ax.yaxis)
    return image


def accuracy_by_class(
    decided: Decided,
    labels: ArrayLike,
    *,
    ax: Axes | None = None,
    names: Sequence[str] | None = None,
) -> list[Artist]:
    """The accuracy for each class, with its 95 % interval, and as a line that for all samples.

    `decided`, `labels` and `names` are those of `confusion_matrix`. Intervals are Wilson's; a class
    without samples has no dot. Returns the intervals, the dots and the line. ShapeError and
    InputError as in `confusion_matrix`.

    >>> from matplotlib.figure import Figure
    >>> lines, dots, _ = accuracy_by_class([0, 1, 1, 1], [0, 0, 0, 1], ax=Figure().subplots())
    >>> dots.get_offsets()[:, 1].round(1).tolist()
    [33.3, 100.0]
    """
    answers, classes = _pairs(decided, labels, "accuracy_by_class")
    words = _class_names(decided, answers, classes, names, "accuracy_by_class")
    samples = np.bincount(classes, minlength=len(words))
    hits = np.bincount(classes[answers == classes], minlength=len(words))
    found = np.flatnonzero(samples)
    share, low, high = _wilson(hits[found], samples[found])
    ax = axes_for(ax, "accuracy_by_class")
    dress(ax, "class", "accuracy (%)")
    colours = [class_colour(int(label)) for label in found]
    total = 100 * hits.sum() / max(1, samples.sum())
    drawn = [
        ax.vlines(found, 100 * low, 100 * high, color=colours, linewidth=1.2),
        ax.scatter(found, 100 * share, s=16, color=colours, marker="o", zorder=3),
        across(ax, total, GREY, 0.8, (0, (4, 2))),
    ]
    ax.set_xlim(-0.6, len(words) - 0.4)
    ax.set_xticks(range(len(words)), words, **WORDS)
    _thin_out(ax, words, 0.9 * ax.bbox.width / ax.figure.dpi * 72 / len(words))
    interval = sample(inks(ax).ink, 1.2, "95 % interval")
    digits = 1 if samples.sum() < MANY else 2
    words_of_all = f"{total:.{digits}f} %" if samples.sum() else "no samples"
    legend_above(ax, [interval, sample(GREY, 0.8, f"all: {words_of_all}", (0, (4, 2)))])
    return drawn


def _from_ground_to_ink(ax: Axes) -> Colormap:
    """The colours of mistakes: as light as the background if there are none."""
    ink, _, ground = map(to_rgb, inks(ax))
    colours = ListedColormap(np.linspace(ground, ink, 256), name="ttfs_mistakes")
    return colours.with_extremes(bad="none")


def labels_decided(decided: Decided, whose: str) -> NDArray[Any]:
    """The decision for each sample (samples,)."""
    if isinstance(decided, Record):
        decided = decide(decided.times[-1], decided.potential)
    given = decided.label if isinstance(decided, Decisions) else decided
    found = as_array(given, f"{whose}: decisions")
    if found.ndim != 1:
        wanted = "decisions (samples,), a Record or what ttfs.decide returned"
        raise ShapeError(f"{whose}: expects {wanted}, got shape {found.shape}")
    return found


def _pairs(decided: Decided, labels: ArrayLike, whose: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Decisions and labels, whole numbers from 0."""
    answers = labels_decided(decided, whose)
    classes = one_per_sample(labels, len(answers), whose)
    for name, found in (("decisions", answers), ("labels", classes)):
        if found.size and (found.dtype.kind not in "iu" or found.min() < 0):
            raise InputError(f"{whose}: expects {name} that are whole numbers from 0")
    return answers.astype(np.int64), classes.astype(np.int64)


def _class_names(
    decided: Decided,
    answers: NDArray[Any],
    classes: NDArray[Any],
    names: Sequence[str] | None,
    whose: str,
) -> list[str]:
    """The caller's names, or the numbers of all classes."""
    count = 1 + max(answers.max(initial=0), classes.max(initial=0))
    if isinstance(decided, Record):
        count = max(count, decided.times[-1].shape[1])
    elif isinstance(decided, Decisions):
        count = max(count, decided.first.shape[1])
    if count > MOST:
        raise InputError(f"{whose}: expects at most {MOST} classes, got {count}")
    if names is None:
        return [str(label) for label in range(count)]
    if len(names) < count:
        raise ShapeError(f"{whose}: expects {count} names, one per class, got {len(names)}")
    return [named(name, 20) for name in names]


def _wilson(hits: NDArray[Any], samples: NDArray[Any]) -> tuple[Array, Array, Array]:
    """Shares, and the ends of their 95 % intervals (Wilson 1927)."""
    share, more = hits / samples, SURE**2 / samples
    middle = (share + more / 2) / (1 + more)
    half = np.sqrt(share * (1 - share) * more + more**2 / 4) / (1 + more)
    return share, np.minimum(share, middle - half), np.maximum(share, middle + half)


def _name_classes(ax: Axes, words: list[str]) -> None:
    """Names at the left and below, as many as fit."""
    points = 0.75 * min(ax.bbox.size) / ax.figure.dpi * 72 / len(words)  # a colour bar may come
    shown = range(0, len(words), label_stride(points, len(words)))
    ax.set_yticks(list(shown), [words[k] for k in shown], **WORDS)
    ax.set_xticks(range(len(words)), words, **WORDS)
    _thin_out(ax, words, points)
    ax.tick_params(length=0)


def _thin_out(ax: Axes, words: list[str], points: float) -> None:
    """Leave out numbers below the axis that do not fit side by side, and turn names."""
    longest = LETTER * label_height() * (1 + max(map(len, words), default=0))
    if all(word.isdigit() for word in words):
        step = label_stride(points, len(words), longest)
    else:
        step = label_stride(points, len(words))
        ax.tick_params(axis="x", labelrotation=90 if longest > points else 0)
    ax.set_xticks(ax.get_xticks()[::step], words[::step], **WORDS)


def _write_counts(ax: Axes, counts: NDArray[np.int64], most: int) -> bool:
    """Write the number in each cell that is not empty; False if the cells are too small."""
    points = min(ax.bbox.size) / ax.figure.dpi * 72 / len(counts)
    if points < 0.6 * label_height() * len(str(counts.max(initial=0))):
        return False
    for (row, column), count in np.ndenumerate(counts):
        if count:
            dark = row != column and count > 0.5 * most
            ink = inks(ax).ground if dark else inks(ax).ink
            look: dict[str, Any] = {"color": ink, "ha": "center", "va": "center"}
            ax.text(column, row, str(count), fontsize="xx-small", **look, **WORDS)
    return True
