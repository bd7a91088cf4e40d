"""CIFAR-10 in the binary layout of its publishers, and where it is looked for."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ttfs.datasets.idx import reason
from ttfs.errors import DatasetError
from ttfs.files.reading import read_file

FOLDER = "cifar-10-batches-bin"  # to which the publishers' archive unpacks
PYTHON = "cifar-10-batches-py", "data_batch_1"
TRAINING, TEST = tuple(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"
SHAPE = 32, 32, 3
PIXELS = 3072
EACH = 10_000  # records in a file: one byte for the label, then red, green and blue, row by row


def find_cifar10(folder: str | Path | None = None) -> Path | None:
    """The folder that holds all six files, or None; an error if it holds only some of them.

    Raises
    ------
    DatasetError: some files are missing while others are there; the layout for Python.
    """
    for place in _places(folder):
        for inner in (place, place / FOLDER):
            missing = [name for name in (*TRAINING, TEST) if not (inner / name).is_file()]
            if not missing:
                return inner
            if len(missing) < len(TRAINING) + 1:
                raise DatasetError(f"{inner}: {', '.join(missing)} of CIFAR-10 is missing")
        for inner in (place, place / PYTHON[0]):
            if (inner / PYTHON[1]).is_file():
                raise DatasetError(
                    f"{inner}: CIFAR-10 for Python is pickled, and a pickle can run any code;"
                    " get the binary version, cifar-10-binary.tar.gz, from its publishers"
                )
    return None


def read_cifar10(folder: Path) -> tuple[NDArray[Any], ...]:
    """Images (n, 3072), channels last, and labels (n,): of the training set, then of the test set.

    Raises
    ------
    DatasetError: files of another size, or labels that are not 0 to 9.
    """
    parts = [_records(folder / name) for name in TRAINING]
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return images, labels, *_records(folder / TEST)


def _records(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The images and labels of one file."""
    size = EACH * (1 + PIXELS)
    try:
        content = read_file(path, size)
    except OSError as error:
        raise DatasetError(f"{path}: {reason(error)}") from None
    if len(content) != size:
        raise DatasetError(f"{path}: must have {size:,} bytes, has {len(content):,}")
    records = np.frombuffer(content, np.uint8).reshape(EACH, 1 + PIXELS)
    labels = records[:, 0].copy()
    if labels.max() > 9:
        raise DatasetError(f"{path}: labels must be 0 to 9, got {labels.max()}")
    planes = records[:, 1:].reshape(EACH, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)).reshape(EACH, PIXELS), labels


def _places(folder: str | Path | None) -> Iterator[Path]:
    """The folders in which the files may be, in the order in which they are searched."""
    if folder is not None:
        if not Path(folder).is_dir():
            raise DatasetError(f"cifar10: there is no folder {folder}")
        yield Path(folder)
        return
    if data := os.environ.get("TTFS_DATA_DIR"):
        yield from (Path(data), Path(data, "cifar-10"))
    yield from (Path("datasets"), Path("datasets", "cifar-10"))
