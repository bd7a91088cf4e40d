"""Spike times in HDF5: recordings as in the Heidelberg data sets, and trials in NWB files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ttfs.checks import shown
from ttfs.codes.first_spikes import first_spikes
from ttfs.datasets.dataset import Splits, splits_of_times
from ttfs.errors import DatasetError, InputError, TTFSError, extra
from ttfs.files.reading import check_room, open_file

ENDINGS = ".h5", ".hdf5"
LABELS = "label", "labels"  # names of the column of trials that says what a sample shows
FILTERS = {1, 2, 3, 32000}  # deflate, shuffle, checksum and lzf: what h5py reads by itself
LONG = 10_000  # names and labels of more than so many characters are refused

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
    with _opened(Path(path)) as file:
        units = {
            name: file.numbers(f"units/{name}") for name in ("spike_times", "spike_times_index")
        }
        starts, stops = (
            file.numbers(f"intervals/trials/{name}_time") for name in ("start", "stop")
        )
        labels = file.labels("intervals/trials")
        file.check_room(starts.size * units["spike_times_index"].size * 8, "its trials")
        if not starts.size:
            raise InputError("has no trials")
        found = first_spikes(units, start=starts, stop=stops, unit="s").times
        longest = float((stops - starts).max())
    return splits_of_times(path, [(found, labels)], "s", longest)


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
    with _opened(path) as file:
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


@contextmanager
def _opened(path: Path) -> Iterator["_File"]:
    """An HDF5 file; whatever is wrong with it is an error that names it."""
    with extra("spikes", str(path)):
        import h5py
    try:
        with open_file(path) as raw:
            size = raw.seek(0, 2)
        with h5py.File(path, "r") as opened:
            yield _File(opened, size)
    except DatasetError:
        raise
    except TTFSError as error:
        raise DatasetError(f"{path}: {error}") from None
    except OSError as error:
        said = shown(" ".join((error.strerror or str(error)).split()), 200)
        raise DatasetError(f"{path}: {said}") from None
    except Exception as error:  # damage surfaces in h5py in many ways
        said = shown(" ".join(str(error).split()), 200) or type(error).__name__
        raise DatasetError(f"{path}: cannot be read as HDF5 ({said})") from None


class _File:
    """An open HDF5 file, of which no more is read than its size allows, and nothing outside it."""

    def __init__(self, opened: Any, size: int):
        self.opened, self.size, self.taken = opened, size, 0

    def check_room(self, needed: int, what: str) -> None:
        """Count memory that is about to be taken."""
        self.taken += needed
        check_room(self.taken, self.size, what, "it is not what it seems")

    def numbers(self, name: str) -> NDArray[Any]:
        """A list of numbers."""
        found = self._dataset(name)
        if found.ndim != 1 or found.dtype.kind not in "iuf":
            raise InputError(f"{name} must be a list of numbers, got {found.dtype} {found.shape}")
        self.check_room(2 * found.nbytes, name)
        return found[:]

    def labels(self, table: str) -> NDArray[np.int64]:
        """The column of labels of a table: numbers as they are, and texts numbered in order."""
        import h5py

        there = [name for name in LABELS if self._find(f"{table}/{name}") is not None]
        if not there:
            raise InputError(f"{table} has no column label, which says what each trial shows")
        name = f"{table}/{there[0]}"
        found = self._dataset(name)
        if found.ndim != 1 or h5py.check_string_dtype(found.dtype) is None:
            return self.numbers(name)
        texts = []
        for row in range(found.shape[0]):
            text = found[row]
            if len(text) > LONG:
                raise InputError(f"{name} must be short, got a text of {len(text):,} bytes")
            self.check_room(len(text) + 100, name)
            texts.append(bytes(text))
        return np.unique(np.array(texts, dtype=bytes), return_inverse=True)[1]

    def ragged(self, name: str, kinds: str) -> list[NDArray[Any]]:
        """A list of rows of any length; together they are no longer than the file."""
        import h5py

        found = self._dataset(name)
        inner = h5py.check_vlen_dtype(found.dtype)
        if found.ndim != 1 or inner is None or np.dtype(inner).kind not in kinds:
            what = "whole numbers" if "i" in kinds else "floating-point numbers"
            raise InputError(f"{name} must be rows of {what}, got {found.dtype} {found.shape}")
        self.check_room(found.shape[0] * 100, name)
        rows, taken = [], 0
        for k in range(found.shape[0]):
            rows.append(found[k])
            taken += rows[-1].nbytes
            if taken > self.size:  # several rows that are one and the same in the file
                raise InputError(f"{name} has rows that overlap: it is not what it seems")
        return rows

    def count(self, name: str, least: int) -> int:
        """The whole number that an attribute of the file is, or the least that it could be."""
        if name not in self.opened.attrs:
            return least
        found = np.asarray(self.opened.attrs[name])
        if found.shape != () or found.dtype.kind not in "iu" or not least <= found < 2**40:
            raise InputError(
                f"attribute {name} must be a number from {least} on, got {shown(found)}"
            )
        return int(found)

    def _dataset(self, name: str) -> Any:
        """A data set that lies in the file itself, packed in a way that h5py knows."""
        found = self._find(name)
        if found is None:
            raise InputError(f"has no {name} of its own")
        settings = found.id.get_create_plist()
        used = {settings.get_filter(k)[0] for k in range(settings.get_nfilters())}
        if not used <= FILTERS:
            raise InputError(f"{name} is packed by a filter that is not known: {max(used)}")
        return found

    def _find(self, name: str) -> Any:
        """The data set of that name; None if there is none, or only a link to another file."""
        import h5py

        place = self.opened
        for step in name.split("/"):
            known = isinstance(place, h5py.Group) and step in place
            if not known or not isinstance(place.get(step, getlink=True), h5py.HardLink):
                return None
            place = place[step]
        own = isinstance(place, h5py.Dataset) and not place.is_virtual and not place.external
        return place if own else None
