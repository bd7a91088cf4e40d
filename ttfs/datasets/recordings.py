"""Spike times in HDF5: recordings as in the Heidelberg data sets, and trials in NWB files."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ttfs.codes.first_spikes import first_spikes
from ttfs.datasets.dataset import Splits, splits_of_times
from ttfs.datasets.hdf5 import File, opened
from ttfs.errors import DatasetError, InputError

ENDINGS = ".h5", ".hdf5"
LABELS = "label", "labels"  # names of the column of trials that says what a sample shows

Part = tuple[NDArray[Any], NDArray[Any]]


def from_hdf5(path: str | Path) -> Splits:
    """Recordings in HDF5, as in the Spiking Heidelberg Digits: the first spike of each unit.

    The file has `spikes/times` (in seconds) and `spikes/units`, a row of any length for each
    sample, and `labels`. There are as many inputs as the attribute `neurons` of the file says, or
    one more than the largest unit. A fixed fifth is held out, as in `from_npz`; a folder with two
    files, `...train.h5` and `...test.h5`, has a test set of its own. Needs the extra `spikes`.

    Raises `DatasetError` if a file is absent or damaged or its parts do not fit.

    Source: B. Cramer, Y. Stradmann, J. Schemmel and F. Zenke, The Heidelberg spiking data sets for
    the systematic evaluation of spiking neural networks, IEEE Transactions on Neural Networks and
    Learning Systems 33, 2022.

    >>> from_hdf5("no-such-file.h5")  # doctest: +SKIP
    Traceback (most recent call last):
    ttfs.errors.DatasetError: no-such-file.h5: No such file or directory
    """
    path = Path(path)
    files = _files(path) if path.is_dir() else [path]
    read = [_recordings(file) for file in files]
    neurons = max(count for _, _, count in read)
    parts = []
    for file, (rows, labels, _) in zip(files, read, strict=True):
        parts.append((_first(rows, neurons, file), labels))
    return splits_of_times(path, parts, "s")


def from_nwb(path: str | Path) -> Splits:
    """Trials in an NWB file: the first spike of each unit in each row of the table of trials.

    A column `label` of that table says what a trial shows: whole numbers from 0 on, or texts, which
    are numbered in their order. Times count from the start of a trial, in seconds; samples end with
    the longest. A fixed fifth is held out, as in `from_npz`. Needs the extra `spikes`.

    Raises `DatasetError` if the file is absent or damaged, or has no units, trials or labels.
    """
    with opened(Path(path)) as file:
        units = {
            name: file.numbers(f"units/{name}") for name in ("spike_times", "spike_times_index")
        }
        starts, stops = (
            file.numbers(f"intervals/trials/{name}_time") for name in ("start", "stop")
        )
        labels = _labels(file)
        file.check_room(starts.size * units["spike_times_index"].size * 8, "its trials")
        if not starts.size:
            raise InputError("has no trials")
        found = first_spikes(units, start=starts, stop=stops, unit="s").times
        longest = float((stops - starts).max())
    return splits_of_times(path, [(found, labels)], "s", longest)


def _labels(file: File) -> NDArray[np.int64]:
    """The labels of trials: numbers as they are, and texts numbered in their order."""
    there = [name for name in LABELS if file.has(f"intervals/trials/{name}")]
    if not there:
        raise InputError("has no column label in intervals/trials, which says what they show")
    found = file.texts_or_numbers(f"intervals/trials/{there[0]}")
    return np.unique(found, return_inverse=True)[1] if found.dtype.kind == "S" else found


def _files(folder: Path) -> list[Path]:
    """The files of training and of test data in a folder."""
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in ENDINGS)
    found = [[file for file in files if name in file.stem.lower()] for name in ("train", "test")]
    if len(found[0]) != 1 or len(found[1]) > 1:
        raise DatasetError(f"{folder}: must have one ...train.h5 and at most one ...test.h5")
    return found[0] + found[1]


def has_hdf5(folder: Path) -> bool:
    """Whether a folder is one that `from_hdf5` is meant for."""
    return any(file.suffix.lower() in ENDINGS for file in folder.iterdir())


Rows = list[tuple[NDArray[Any], NDArray[Any]]]


def _recordings(path: Path) -> tuple[Rows, NDArray[Any], int]:
    """Units and times of each sample, their labels, and how many inputs there are at least."""
    with opened(path) as file:
        rows = list(
            zip(file.ragged("spikes/units", "iu"), file.ragged("spikes/times", "f"), strict=True)
        )
        labels = file.numbers("labels")
        if len(labels) != len(rows):
            raise InputError(f"has {len(rows)} samples, but {len(labels)} labels")
        for k, (units, times) in enumerate(rows):
            if units.shape != times.shape:
                raise InputError(f"sample {k} has {times.size} times, but {units.size} units")
        largest = max((int(units.max()) for units, _ in rows if units.size), default=-1)
        if any(units.size and units.min() < 0 for units, _ in rows):
            raise InputError("spikes/units must be 0 or more")
        count = file.count("neurons", largest + 1)
        file.check_room(4 * len(rows) * count, f"its times for {count:,} units")
    return rows, labels, count


def _first(rows: Rows, neurons: int, path: Path) -> NDArray[np.float32]:
    """The first spike of each unit: (n, neurons)."""
    first = np.full((len(rows), neurons), np.inf, np.float32)
    for k, (row, (units, times)) in enumerate(zip(first, rows, strict=True)):
        if np.isnan(times).any():
            raise DatasetError(f"{path}: sample {k} has times that are NaN")
        np.minimum.at(row, units, times.astype(np.float32))
    return first
