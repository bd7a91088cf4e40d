"""Recordings of event cameras, in the binary files of N-MNIST and N-Caltech101."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ttfs.datasets.dataset import Splits, splits_of_times
from ttfs.errors import DatasetError, InputError
from ttfs.files.reading import check_room, read_file

SIDE = 34  # rows and columns of N-MNIST; a smaller sensor is not told from its silent edges
EVENT = 5  # bytes
OVERFLOW, MORE = 240, 2**13  # a row that says that all later times are so many microseconds later
LARGEST = 2**28  # bytes of one file

Recording = tuple[NDArray[np.uint32], NDArray[np.float32]]


def from_events(folder: str | Path) -> Splits:
    """Recordings of an event camera: `Train/CLASS/*.bin` and `Test/CLASS/*.bin`, as in N-MNIST.

    An event has 40 bits: 8 for x, 8 for y, one for the polarity, and 23 for the time in
    microseconds, the largest part first. A sample has the first event of each pixel and polarity:
    times (34, 34, 2), polarities last, or of more rows and columns if there are events in them.
    Without `Test`, a fixed fifth is held out, as in `from_npz`. Classes are numbered in the order
    of their names.

    Raises `DatasetError` for a folder that is absent or has another layout, and for a file that is
    damaged.

    Source: G. Orchard, A. Jayawant, G. K. Cohen and N. Thakor, Converting static image datasets to
    spiking neuromorphic datasets using saccades, Frontiers in Neuroscience 9, 2015.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for label in "01":
    ...         Path(folder, "Train", label).mkdir(parents=True)
    ...         _ = Path(folder, "Train", label, "1.bin").write_bytes(bytes([3, 2, 128, 1, 0]))
    ...     train, test = from_events(folder)
    >>> train  # doctest: +ELLIPSIS
    Dataset(... train: 1 sample of 34 x 34 x 2 spike times in us, 2 classes)
    >>> train.times.reshape(34, 34, 2)[2, 3]
    array([ inf, 256.], dtype=float32)
    """
    folder = Path(folder)
    parts = [place for name in ("train", "test") for place in _inside(folder, name)]
    if not parts or parts[0].name.lower() != "train":
        raise DatasetError(f"{folder}: must have Train/CLASS/RECORDING.bin, and perhaps Test/...")
    names = sorted(place.name for place in parts[0].iterdir() if any(_files(place)))
    read = [[*_read(part, names)] for part in parts]
    sides = _sides([recording for part in read for recording, _ in part])
    size = sum(codes.nbytes for part in read for (codes, _), _ in part)
    try:
        samples = sum(map(len, read))
        check_room(4 * 2 * sides[0] * sides[1] * samples, size, "its maps", "they are nearly empty")
    except InputError as error:
        raise DatasetError(f"{folder}: {error}") from None
    return splits_of_times(folder, [_maps(part, sides) for part in read], "us")


def has_events(folder: Path) -> bool:
    """Whether a folder is one that `from_events` is meant for."""
    places = [place for part in _inside(folder, "train") for place in part.iterdir()]
    return any(any(_files(place)) for place in places)


def _inside(folder: Path, name: str) -> list[Path]:
    """The subfolder of that name, in capitals or not."""
    if not folder.is_dir():
        raise DatasetError(f"{folder}: there is no such folder")
    return [place for place in folder.iterdir() if place.name.lower() == name and place.is_dir()][
        :1
    ]


def _files(folder: Path) -> Iterator[Path]:
    """The recordings in a folder."""
    if folder.is_dir():
        yield from (path for path in sorted(folder.iterdir()) if path.suffix.lower() == ".bin")


def _read(part: Path, names: list[str]) -> Iterator[tuple[Recording, int]]:
    """The recordings of a split, with their labels."""
    strange = {place.name for place in part.iterdir() if any(_files(place))} - {*names}
    if strange:
        raise DatasetError(f"{part}: class {min(strange)!r} is not in the training data")
    for label, name in enumerate(names):
        for path in _files(part / name):
            yield _first_events(path), label


def _first_events(path: Path) -> Recording:
    """The first event of each place that has one: y, x and polarity as bits, and its time."""
    try:
        content = read_file(path, LARGEST)
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror or error}") from None
    if len(content) % EVENT:
        raise DatasetError(f"{path}: {len(content):,} bytes are no whole events of {EVENT} bytes")
    x, y, high, middle, low = np.frombuffer(content, np.uint8).reshape(-1, EVENT).T
    times = (high & 127).astype(np.int64) << 16 | middle.astype(np.int64) << 8 | low
    turned = y == OVERFLOW
    times += MORE * np.cumsum(turned)
    codes = y.astype(np.uint32) << 9 | x.astype(np.uint32) << 1 | high >> 7
    codes, times = codes[~turned], times[~turned]
    order = np.argsort(times, kind="stable")
    places, first = np.unique(codes[order], return_index=True)
    return places, times[order][first].astype(np.float32)


def _sides(recordings: list[Recording]) -> tuple[int, int]:
    """Rows and columns that hold all events."""
    rows = max((int(codes.max(initial=0)) >> 9 for codes, _ in recordings), default=0)
    columns = max((int((codes >> 1 & 255).max(initial=0)) for codes, _ in recordings), default=0)
    return max(rows + 1, SIDE), max(columns + 1, SIDE)


def _maps(
    part: list[tuple[Recording, int]], sides: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Times (n, rows, columns, 2), and labels (n,)."""
    times = np.full((len(part), *sides, 2), np.inf, np.float32)
    for sample, ((codes, first), _) in zip(times, part, strict=True):
        sample[codes >> 9, codes >> 1 & 255, codes & 1] = first
    return times, np.array([label for _, label in part], np.int64)
