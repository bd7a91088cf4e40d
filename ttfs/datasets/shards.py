"""Folders of shards: .npz files that together hold more samples than fit into memory."""

from itertools import accumulate
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ttfs.checks import shown
from ttfs.datasets.arrays import as_stop, as_unit_text
from ttfs.datasets.dataset import Dataset, Splits, as_labels, count_classes, paired
from ttfs.datasets.npz import read_npz, shapes_in
from ttfs.errors import DatasetError
from ttfs.files.chunked import Chunked

KINDS = "images", "times"


class Shards:
    """One array of several .npz files, one file after the other; slices within a file are read."""

    def __init__(
        self, paths: list[Path], name: str, rows: list[int], each: tuple[int, ...], dtype: str
    ):
        self.paths, self.name, self.dtype = paths, name, np.dtype(dtype)
        self.edges = [0, *accumulate(rows)]
        self.shape, self.chunks = (self.edges[-1], *each), (tuple(rows),)

    def __getitem__(self, some: slice) -> NDArray[Any]:
        path = self.paths[self.edges.index(some.start)]
        found = read_npz(path, [self.name])[0].get(self.name)
        wanted = (some.stop - some.start, *self.shape[1:]), self.dtype
        if found is None or (found.shape, found.dtype) != wanted:
            raise DatasetError(f"{path}: {self.name} is no longer what it was")
        return found


def has_shards(folder: Path) -> bool:
    """Whether a folder holds shards: `train/*.npz`."""
    return any((folder / "train").glob("*.npz"))


def from_shards(folder: str | Path) -> Splits:
    """Data that need not fit into memory: `train/*.npz` and perhaps `test/*.npz` in a folder.

    Each file holds `images` or `times` (n, ...) and `labels` (n,), as for `from_npz`; `times` come
    with their `stop`. A split is made of its files in the order of their names. Labels are read at
    once; images are read when they are needed, a file at a time, as an
    `ttfs.files.chunked.Chunked`. Without a test set, a fifth is held out, as in `from_npz`.

    Raises `DatasetError` for files that are damaged or do not fit each other.
    """
    folder = Path(folder)
    train = _split(folder, "train")
    return paired(train, _split(folder, "test") if any((folder / "test").glob("*.npz")) else None)


def _split(folder: Path, which: str) -> Dataset:
    """One split of a folder."""
    paths = sorted(path.absolute() for path in (folder / which).glob("*.npz"))
    kinds: dict[Any, Path] = {}
    rows, labels = [], []
    for path in paths:
        size, own, kind = _described(path)
        kinds.setdefault(kind, path)
        if len(kinds) > 1:
            (wanted, first), (other, _) = kinds.items()
            raise DatasetError(f"{path}: has {_told(other)}, but {first.name} has {_told(wanted)}")
        rows.append(size)
        labels.append(own)
    if not rows:
        raise DatasetError(f"{folder / which}: there is no .npz file")
    name, each, dtype, stop, unit = next(iter(kinds))
    images = Chunked(Shards(paths, name, rows, each, dtype)).map(_flat)
    known = as_labels(np.concatenate(labels), f"{folder} ({which})")
    classes = count_classes(known, f"{folder} ({which})")
    return Dataset(images, known, shown(folder), which, each, classes, stop, unit)  # type: ignore[arg-type]


def _described(path: Path) -> tuple[int, NDArray[np.int64], Any]:
    """The number of samples, their labels, and what must be the same in all files."""
    shapes = shapes_in(path, KINDS)
    read = read_npz(path, ["labels", "stop", "unit"])[0]
    if len(shapes) != 1 or "labels" not in read:
        raise DatasetError(f"{path}: must hold labels, and either images or times")
    ((name, (shape, dtype)),) = shapes.items()
    if len(shape) < 2 or not prod(shape):
        raise DatasetError(f"{path}: {name} must be (n, ...), not empty, got {shape}")
    labels = as_labels(read["labels"], str(path))
    if len(labels) != shape[0]:
        raise DatasetError(f"{path}: has {shape[0]} samples but {len(labels)} labels")
    stop, unit = (as_stop(read, path), as_unit_text(read, path)) if name == "times" else (None, "")
    if name == "times" and stop is None:
        raise DatasetError(f"{path}: has times, and must have their `stop`, the end of a sample")
    return shape[0], labels, (name, shape[1:], dtype.str, stop, unit)


def _told(kind: Any) -> str:
    """What a file holds, in words."""
    name, each, dtype, stop, unit = kind
    timed = "" if stop is None else f" up to {stop:g} {unit}"
    return f"{name} of {np.dtype(dtype)} and shape {each}{timed}"


def _flat(samples: NDArray[Any]) -> NDArray[Any]:
    return samples.reshape(len(samples), -1)
