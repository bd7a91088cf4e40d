"""Data sets as rows of pixels with a label each: shipped, computed, published or your own.

Every loader returns `(train, test)`. Files are verified before they are used: a file that is
found but is damaged, truncated or mislabelled raises a `DatasetError` that names it; it never
makes a loader look elsewhere.
"""

import hashlib
import io
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.checks import shown
from ttfs.datasets import cameras, cifar, published, recordings
from ttfs.datasets.arrays import from_npz as from_npz  # and the likes: part of the interface
from ttfs.datasets.cameras import from_events as from_events
from ttfs.datasets.dataset import Dataset, Splits, hold_out
from ttfs.datasets.folders import read_folder
from ttfs.datasets.idx import read_idx as read_idx
from ttfs.datasets.points import yin_yang_points as yin_yang_points
from ttfs.datasets.recordings import from_hdf5 as from_hdf5
from ttfs.datasets.recordings import from_nwb as from_nwb
from ttfs.datasets.shards import from_shards as from_shards
from ttfs.datasets.shards import has_shards
from ttfs.errors import DatasetError

_DIGITS_SHA256 = "af104d81e7cd419be5f343d23c6ca2e4e4ff847b06636260802df8e903c6183f"


def digits() -> Splits:
    """UCI's handwritten digits, shipped with the package: 1,437 and 360 images of 8 x 8 pixels.

    Pixels are float32 multiples of 1/16 from 0 to 1. The test split is a fixed fifth of the 1,797
    images, drawn with `numpy.random.default_rng(0)` (see `from_npz`).

    Raises `DatasetError` if the installed file is damaged.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine
    Learning Repository, 1998; https://doi.org/10.24432/C50P49.

    >>> train, test = digits()
    >>> train
    Dataset(digits train: 1437 samples of 8 x 8, 10 classes)
    >>> test.labels[:5]
    array([0, 8, 8, 9, 8])
    """
    try:
        packed = resources.files("ttfs.datasets").joinpath("data/digits.npz").read_bytes()
    except OSError as error:
        raise DatasetError(f"digits: {error}; install ttfs again") from None
    if hashlib.sha256(packed).hexdigest() != _DIGITS_SHA256:
        raise DatasetError("digits: data/digits.npz of the package is damaged; install ttfs again")
    with np.load(io.BytesIO(packed)) as arrays:
        images = arrays["images"] / np.float32(16)
        return hold_out(Dataset(images, arrays["labels"], "digits", "train", (8, 8), 10))


def mnist(folder: str | Path | None = None) -> Splits:
    """MNIST: 60,000 and 10,000 handwritten digits of 28 x 28 pixels, uint8.

    The publisher's four IDX files, plain or gzip, are looked for in `folder`, then in
    `$TTFS_DATA_DIR/mnist`, `datasets/mnist` and the user's cache; a file that is in none of these
    is downloaded into the cache. All are verified by the SHA-256 of their contents.

    Raises `DatasetError` if a file is found but is not the published one, if a file is neither
    found nor can be downloaded, or if `folder` is not a folder.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied to
    document recognition, Proceedings of the IEEE 86, 1998.

    >>> train, test = mnist()  # doctest: +SKIP
    >>> mnist(folder="no-such-folder")
    Traceback (most recent call last):
    ttfs.errors.DatasetError: mnist: there is no folder no-such-folder
    """
    return _published("mnist", folder)


def fashion_mnist(folder: str | Path | None = None) -> Splits:
    """Fashion-MNIST: 60,000 and 10,000 images of clothing of 28 x 28 pixels, uint8.

    Its files are looked for, verified and downloaded like those of `mnist`, in folders called
    `fashion-mnist`; the errors are those of `mnist`.

    Source: H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST, arXiv 1708.07747, 2017.

    >>> train, test = fashion_mnist()  # doctest: +SKIP
    >>> fashion_mnist(folder="no-such-folder")
    Traceback (most recent call last):
    ttfs.errors.DatasetError: fashion-mnist: there is no folder no-such-folder
    """
    return _published("fashion-mnist", folder)


def cifar10(folder: str | Path | None = None) -> Splits:
    """CIFAR-10: 50,000 and 10,000 photographs of 32 x 32 pixels, uint8, in colour, channels last.

    The six files of the publishers' binary version are looked for in `folder` or, if none is given,
    in `$TTFS_DATA_DIR`, `datasets` and the folders `cifar-10` in these; also in the folder
    `cifar-10-batches-bin` in any of them.

    Raises `DatasetError` if files are missing or have another size, and for the version for
    Python, which is pickled.

    Source: A. Krizhevsky, Learning multiple layers of features from tiny images, 2009.

    >>> train, test = cifar10()  # doctest: +SKIP
    >>> cifar10(folder="no-such-folder")
    Traceback (most recent call last):
    ttfs.errors.DatasetError: cifar10: there is no folder no-such-folder
    """
    place = cifar.find_cifar10(folder)
    if place is None:
        where = folder or "datasets or $TTFS_DATA_DIR"
        raise DatasetError(f"cifar10: put {cifar.FOLDER}, of the binary version, into {where}")
    train, train_labels, test, test_labels = cifar.read_cifar10(place)
    return (
        Dataset(train, train_labels, "cifar10", "train", cifar.SHAPE, 10),
        Dataset(test, test_labels, "cifar10", "test", cifar.SHAPE, 10),
    )


def from_folder(path: str | Path) -> Splits:
    """Images in folders: `train/CLASS/IMAGE.png` and `test/...`, or `CLASS/IMAGE.png` alone.

    Classes are numbered in the order of their names. Without a test set, a fixed fifth is held
    out, as in `from_npz`. All images must have the same size; colour channels come last.

    Raises `DatasetError` for a folder that is absent or has another layout, and for an image that
    cannot be read.
    """
    path = Path(path)
    if not path.is_dir():
        raise DatasetError(f"{path}: there is no such folder")
    names, train, test = read_folder(path)

    def split(part: Any, which: str) -> Dataset:
        images, labels = part
        shape, name = images.shape[1:], shown(path)
        return Dataset(images.reshape(len(images), -1), labels, name, which, shape, len(names))

    whole = split(train, "train")
    return hold_out(whole) if test is None else (whole, split(test, "test"))


def yin_yang() -> Splits:
    """Yin-Yang: 5,000 and 1,000 points in the plane, in three classes, as published.

    See `yin_yang_points`; the seeds are 42 for the training set and 40 for the test set. The
    published validation set is `yin_yang_points(1000, seed=41)`.

    >>> train, test = yin_yang()
    >>> test
    Dataset(yin-yang test: 1000 samples of 4, 3 classes)
    """
    train, test = yin_yang_points(5000, seed=42), yin_yang_points(1000, seed=40)
    return (
        Dataset(*train, "yin-yang", "train", (4,), 3),
        Dataset(*test, "yin-yang", "test", (4,), 3),
    )


_LOADERS: dict[str, Callable[[], Splits]] = {
    "digits": digits,
    "mnist": mnist,
    "fashion-mnist": fashion_mnist,
    "yin-yang": yin_yang,
    "cifar10": cifar10,
}
NAMES = tuple(_LOADERS)


_FILES: dict[str, Callable[[str], Splits]] = {
    ".npz": from_npz,
    ".nwb": from_nwb,
    **dict.fromkeys(recordings.ENDINGS, from_hdf5),
}


def load(name: str | Path) -> Splits:
    """The data set called `name`, one of `NAMES`, or the one at a path.

    A path is that of an .npz file of images or spike times, of spike times in HDF5 (.h5 or .hdf5)
    or NWB, or of a folder: of images, of shards, of recordings of an event camera, or of two HDF5
    files.

    Raises `DatasetError` if there is no data set of that name, or if loading it fails.

    >>> train, test = load("digits")
    >>> len(train), len(test)
    (1437, 360)
    """
    name = str(name)
    if name in NAMES:
        return _LOADERS[name]()
    ending = Path(name).suffix.lower()
    if ending in _FILES:
        return _FILES[ending](name)
    if name and Path(name).is_dir():
        return _from_any_folder(Path(name))
    known = ", ".join(NAMES)
    raise DatasetError(
        f"no data set {name!r}: known are {known} and paths of .npz, .h5 and .nwb files and folders"
    )


def _from_any_folder(folder: Path) -> Splits:
    """The data set of a folder, by what is in it."""
    if has_shards(folder):
        return from_shards(folder)
    if cameras.has_events(folder):
        return from_events(folder)
    return from_hdf5(folder) if recordings.has_hdf5(folder) else from_folder(folder)


def _published(name: str, folder: str | Path | None) -> Splits:
    """Both splits of a data set that consists of four IDX files."""
    if folder is not None and not Path(folder).is_dir():
        raise DatasetError(f"{name}: there is no folder {folder}")
    train, train_labels, test, test_labels = (
        published.fetch(name, file, folder) for file in published.SHAPES
    )
    return (
        Dataset(train.reshape(-1, 784), train_labels, name, "train", (28, 28), 10),
        Dataset(test.reshape(-1, 784), test_labels, name, "test", (28, 28), 10),
    )
