"""Your own data as the arrays of an .npz file: pixels or spike times, with labels."""

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ttfs.checks import shown
from ttfs.datasets.dataset import (
    Dataset,
    Splits,
    as_labels,
    count_classes,
    paired,
    splits_of_times,
)
from ttfs.datasets.npz import read_npz
from ttfs.errors import DatasetError

Arrays = dict[str, NDArray[Any]]


def from_npz(path: str | Path) -> Splits:
    """Your own data: the arrays `images` or `times` (n, ...) and `labels` (n,) of an .npz file.

    `images` are uint8, or float32 or float64 from 0 to 1, and each image may have any shape;
    `labels` count from 0. The test split consists of the arrays `test_images` and `test_labels` if
    the file has them; otherwise a fixed fifth of the samples is held out, the last `ceil(n / 5)` in
    the order of `numpy.random.default_rng(0).permutation(n)`.

    `times` (with `test_times`) are spike times from 0 on, inf for silence, in the text `unit`, by
    default "step"; the number `stop` is the end of a sample, by default just after the last spike.

    Raises `DatasetError` if the file is absent or damaged or its arrays do not fit; warns if no
    label is 0.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "mine.npz")
    ...     np.savez(path, images=np.zeros((10, 2, 3)), labels=np.arange(10))
    ...     train, test = from_npz(path)
    >>> len(train), len(test), train.image_shape, train.classes
    (8, 2, (2, 3), 10)
    """
    arrays, kind = _read_npz(Path(path))
    if kind == "times":
        train, test = _timed(arrays, path)
    else:
        first = _npz_split(arrays, "", "train", path)
        given = "test_images" in arrays
        train, test = paired(first, _npz_split(arrays, "test_", "test", path) if given else None)
    if min(train.labels.min(), test.labels.min()) > 0:
        warnings.warn(
            f"{path}: no label is 0, though labels count from 0: output 0 will have no samples",
            stacklevel=2,
        )
    return train, test


def _read_npz(path: Path) -> tuple[Arrays, str]:
    """The arrays that `from_npz` uses, with or without those of a test set, and of which kind."""
    every = [f"{test}{name}" for test in ("", "test_") for name in ("images", "times", "labels")]
    found, names = read_npz(path, [*every, "unit", "stop"])
    kind = "times" if "times" in found else "images"
    if kind == "times" and "images" in found:
        raise DatasetError(f"{path}: has images and times; one of them is what a network is given")
    tested = found.keys() & {f"test_{kind}", "test_labels"}
    for key in (kind, "labels", f"test_{kind}", "test_labels")[: 4 if tested else 2]:
        if key not in found:
            there = shown(", ".join(names), 200) or "nothing"
            raise DatasetError(f"{path}: there is no array {key}, only {there}")
    return found, kind


def _npz_split(arrays: Arrays, prefix: str, split: str, path: str | Path) -> Dataset:
    """The split made of the arrays whose names begin with `prefix`, images flattened."""
    labels = as_labels(arrays[f"{prefix}labels"], f"{path} ({split})")
    images = _samples(arrays, f"{prefix}images", path)
    shape = images.shape[1:]
    flat = images.reshape(len(images), math.prod(shape))
    classes = count_classes(labels, f"{path} ({split})")
    return Dataset(flat, labels, shown(path), split, shape, classes)


def _samples(arrays: Arrays, name: str, path: str | Path) -> NDArray[Any]:
    """The array of that name, of at least one sample."""
    found = arrays[name]
    if found.ndim < 2 or not found.size:
        empty = "" if found.ndim < 2 else ", not empty"
        raise DatasetError(f"{path}: {name} must be (n, ...){empty}, got {found.shape}")
    return found


def _timed(arrays: Arrays, path: str | Path) -> Splits:
    """Both splits, of spike times."""
    parts = []
    for prefix in ("", "test_")[: 1 + ("test_times" in arrays)]:
        times = _samples(arrays, f"{prefix}times", path)
        if times.dtype.kind not in "iuf":
            raise DatasetError(f"{path}: {prefix}times must be numbers, got {times.dtype}")
        single = times.dtype in (np.float16, np.float32)
        parts.append(
            (times.astype("f4" if single else "f8", copy=False), arrays[f"{prefix}labels"])
        )
    return splits_of_times(path, parts, as_unit_text(arrays, path), as_stop(arrays, path))


def as_unit_text(arrays: Arrays, path: str | Path) -> str:
    """The array `unit`, one text; "step" if there is none."""
    unit = arrays.get("unit", np.array("step"))
    if unit.dtype.kind != "U" or unit.size != 1:
        raise DatasetError(f"{path}: unit must be one text, got {unit.dtype} of {unit.shape}")
    return str(unit.item())


def as_stop(arrays: Arrays, path: str | Path) -> float | None:
    """The array `stop`, one number, if there is one."""
    stop = arrays.get("stop")
    if stop is not None and (stop.dtype.kind not in "iuf" or stop.size != 1):
        raise DatasetError(f"{path}: stop must be one number, got {stop.dtype} of {stop.shape}")
    return None if stop is None else float(stop.item())
