"""One split of a data set, checked: pixels or spike times, with a label for each sample."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ttfs.checks import as_array, check_times, flat_labels, moderate, shown, span
from ttfs.codes.encoders import Encoder
from ttfs.codes.spike_times import SpikeTimes
from ttfs.codes.units import as_unit
from ttfs.errors import DatasetError, InputError
from ttfs.files.chunked import Chunked, only

FEW_CLASSES = 1000  # labels may be up to this, however few samples there are


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """One split of a data set: `images` (n, pixels) and `labels` (n,).

    `images` are uint8 from 0 to 255, or float32 or float64 from 0 to 1, in memory or
    `ttfs.files.chunked.Chunked`; `labels` are whole numbers
    from 0 to `classes` - 1, kept as int64. `name` is what `load` was given, `split` is "train" or
    "test", and `image_shape` is the shape of one image before it was flattened. A part of a split
    is `train.part(slice(100))`.

    With a `stop`, the data are spike times instead of pixels, and `times` is another name of
    `images`: float32 or float64 from 0 on, inf for silence, in `unit`. `stop` is the end of a
    sample, the time that an encoder puts at the end of the window.

    Raises `DatasetError` if the parts do not fit each other or a value is out of range.

    >>> Dataset(np.array([[0.0, 1.0]]), np.array([1]), "tiny", "train", (2,), classes=3)
    Dataset(tiny train: 1 sample of 2, 3 classes)
    >>> times = np.array([[12.5, np.inf]])
    >>> Dataset(times, np.array([1]), "tiny", "train", (2,), 3, stop=100, unit="ms")
    Dataset(tiny train: 1 sample of 2 spike times in ms, 3 classes)
    """

    images: NDArray[Any]
    labels: NDArray[np.int64]
    name: str
    split: str
    image_shape: tuple[int, ...]
    classes: int
    stop: float | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        whose = f"{self.name} ({self.split})"
        if self.stop is None:
            images = _as_images(self.images, whose)
        else:
            images = _as_times(self, whose)
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", as_labels(self.labels, whose))
        pixels = self.images.shape[1]
        if self.split not in ("train", "test"):
            raise DatasetError(f"{whose}: split must be 'train' or 'test'")
        if math.prod(self.image_shape) != pixels:
            raise DatasetError(
                f"{whose}: {pixels} pixels do not make an image of shape {self.image_shape}"
            )
        if len(self.labels) != len(self.images):
            raise DatasetError(f"{whose}: {len(self.images)} images but {len(self.labels)} labels")
        if self.labels.max() >= self.classes:
            raise DatasetError(f"{whose}: label {self.labels.max()} of {self.classes} classes")

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.image_shape))
        shape += "" if self.stop is None else f" spike times in {self.unit}"
        count = f"{len(self)} sample{'s' if len(self) > 1 else ''}"
        return f"Dataset({self.name} {self.split}: {count} of {shape}, {self.classes} classes)"

    def part(self, rows: Any) -> "Dataset":
        """Some of the samples, by a slice, a mask or indices."""
        images: Any = only(self.images, rows)
        return replace(self, images=images, labels=self.labels[rows])

    @property
    def times(self) -> NDArray[Any]:
        """The spike times (n, inputs), if that is what the data are."""
        if self.stop is None:
            raise DatasetError(f"{self.name} holds pixels: an encoder makes spike times of them")
        return self.images

    def encoded(self, encoder: Encoder) -> NDArray[Any]:
        """The spike times that an encoder makes of the data: (n, inputs).

        Raises
        ------
        InputError: an encoder of pixels for spike times or the other way round, or for other units.
        """
        timed = isinstance(encoder, SpikeTimes)
        if timed != (self.stop is not None):
            held, wanted = ("pixels", "spike times") if timed else ("spike times", "pixels")
            raise InputError(f"{self.name} holds {held}, but {encoder} takes {wanted}")
        if isinstance(encoder, SpikeTimes) and encoder.unit != self.unit:
            raise InputError(
                f"{self.name} holds times in {self.unit}, but {encoder} takes times in"
                f" {encoder.unit}"
            )
        return encoder(self.images)


Splits = tuple[Dataset, Dataset]


def _array(values: Any, whose: str) -> NDArray[Any]:
    """The values as an array, if the conversion loses nothing."""
    try:
        return values if type(values) is np.ndarray else as_array(values, whose)
    except InputError as error:
        raise DatasetError(str(error)) from None


def _as_images(images: Any, whose: str) -> Any:
    """`images` as a contiguous (n, pixels) array, checked; chunks are when they are read."""
    kept = isinstance(images, Chunked)
    images = images if kept else np.ascontiguousarray(_array(images, f"{whose}: images"))
    if images.ndim != 2 or 0 in images.shape:
        raise DatasetError(f"{whose}: images must be (n, pixels), not empty, got {images.shape}")
    if images.dtype not in (np.uint8, np.float32, np.float64):
        raise DatasetError(
            f"{whose}: images must be uint8 (0 to 255) or float32 or float64 (0 to 1), "
            f"got {images.dtype}"
        )
    if not kept and images.dtype != np.uint8 and not (images.min() >= 0 and images.max() <= 1):
        raise DatasetError(f"{whose}: float images must be from 0 to 1, got {span(images)}")
    return images


def _as_times(data: Dataset, whose: str) -> NDArray[Any]:
    """The times of a data set as a contiguous (n, inputs) array, checked with stop and unit."""
    times: Any = data.images
    kept = isinstance(times, Chunked)
    times = times if kept else np.ascontiguousarray(_array(times, f"{whose}: times"))
    if times.ndim != 2 or 0 in times.shape:
        raise DatasetError(f"{whose}: times must be (n, inputs), not empty, got {times.shape}")
    if times.dtype not in (np.float32, np.float64):
        raise DatasetError(f"{whose}: times must be float32 or float64, got {times.dtype}")
    try:
        if not kept:
            check_times(times, f"{whose}: times")
        moderate(data.stop, f"{whose}: stop")
        as_unit(data.unit, f"{whose}: unit")
    except InputError as error:
        raise DatasetError(str(error)) from None
    return times


def as_labels(labels: Any, whose: str) -> NDArray[np.int64]:
    """`labels` as a contiguous (n,) array of int64, checked."""
    labels = np.ascontiguousarray(_array(labels, f"{whose}: labels"))
    if labels.ndim != 1 or labels.size == 0:
        cure = flat_labels(labels, labels.size if 1 in labels.shape else len(labels))
        raise DatasetError(f"{whose}: labels must be (n,), not empty, got {labels.shape}{cure}")
    if labels.dtype.kind not in "iu":
        found = "texts" if labels.dtype.kind in "US" else str(labels.dtype)
        raise DatasetError(
            f"{whose}: labels must be integers, got {found};"
            " np.unique(labels, return_inverse=True)[1] turns them into numbers from 0 on"
        )
    labels = labels.astype(np.int64)
    if labels.min() < 0:
        raise DatasetError(f"{whose}: labels must be 0 or more, got {labels.min()}")
    return labels


def count_classes(labels: NDArray[Any], whose: str) -> int:
    """One more than the largest label: there is an output for every class up to it."""
    most = int(labels.max())
    if most >= max(FEW_CLASSES, len(labels)):
        raise DatasetError(
            f"{whose}: labels up to {most} for {len(labels)} samples;"
            " np.unique(labels, return_inverse=True)[1] numbers them from 0"
        )
    return most + 1


def paired(train: Dataset, test: Dataset | None) -> Splits:
    """Both splits, with as many classes; a fifth of `train` is held out if there is no test set."""
    if test is None:
        return hold_out(train)
    if test.image_shape != train.image_shape:
        raise DatasetError(
            f"{train.name}: test {'images' if train.stop is None else 'times'} must be of shape"
            f" {train.image_shape}, got {test.image_shape}"
        )
    classes = max(train.classes, test.classes)
    return replace(train, classes=classes), replace(test, classes=classes)


def splits_of_times(
    path: Any, parts: list[tuple[NDArray[Any], NDArray[Any]]], unit: str, stop: float | None = None
) -> Splits:
    """Training and perhaps test data, each of times (n, ...) and labels (n,).

    Without a `stop`, samples end after the latest spike: a step later if all times are whole, else
    at the next number of three digits.
    """
    stop = _end([times for times, _ in parts]) if stop is None else stop
    made = []
    for (times, labels), split in zip(parts, ("train", "test"), strict=False):
        whose = f"{path} ({split})"
        known = as_labels(labels, whose)
        shape = times.shape[1:]
        flat = times.reshape(len(times), math.prod(shape))
        classes = count_classes(known, whose)
        made.append(Dataset(flat, known, shown(path), split, shape, classes, stop, unit))
    return paired(made[0], made[1] if len(made) > 1 else None)


def _end(parts: list[NDArray[Any]]) -> float:
    """Just after the latest of all spikes; 1 if there are none."""
    latest, all_whole = -1.0, True
    for times in parts:
        for row in times:  # one by one, as a mask of all takes as much memory as they do
            fired = row[np.isfinite(row)]
            latest = max(latest, float(fired.max(initial=-1)))
            all_whole = all_whole and bool((fired == np.floor(fired)).all())
    if latest <= 0 or all_whole:
        return latest + 1 if latest >= 0 else 1.0
    step = 10.0 ** (math.floor(math.log10(latest)) - 2)
    return float(f"{(math.floor(latest / step) + 1) * step:.3g}")


def hold_out(whole: Dataset) -> Splits:
    """`whole` split into training data and a test fifth, always in the same way."""
    if len(whole) < 2:
        raise DatasetError(f"{whole.name}: a single sample cannot be split into train and test")
    order = np.random.default_rng(0).permutation(len(whole))
    cut = len(whole) * 4 // 5

    return (
        replace(whole.part(order[:cut]), split="train"),
        replace(whole.part(order[cut:]), split="test"),
    )
