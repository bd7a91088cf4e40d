"""Data sets as rows of pixels with a label each: shipped, computed, published or your own.

Every loader returns `(train, test)`. Files are verified before they are used: a file that is
found but is damaged, truncated or mislabelled raises a `DatasetError` that names it; it never
makes a loader look elsewhere.
"""

import hashlib
import io
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ttfs.checks import as_array, flat_labels, shown, span
from ttfs.datasets import cifar, published
from ttfs.datasets.folders import read_folder
from ttfs.datasets.idx import read_idx as read_idx  # part of this module's interface
from ttfs.datasets.npz import read_npz
from ttfs.datasets.points import yin_yang_points as yin_yang_points
from ttfs.errors import DatasetError, InputError

_DIGITS_SHA256 = "af104d81e7cd419be5f343d23c6ca2e4e4ff847b06636260802df8e903c6183f"


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """One split of a data set: `images` (n, pixels) and `labels` (n,).

    `images` are uint8 from 0 to 255, or float32 or float64 from 0 to 1; `labels` are whole numbers
    from 0 to `classes` - 1, kept as int64. `name` is what `load` was given, `split` is "train" or
    "test", and `image_shape` is the shape of one image before it was flattened. For a part of a
    split, use `dataclasses.replace(train, images=train.images[:100], labels=train.labels[:100])`.

    Raises `DatasetError` if the parts do not fit each other or a value is out of range.

    >>> Dataset(np.array([[0.0, 1.0]]), np.array([1]), "tiny", "train", (2,), classes=3)
    Dataset(tiny train: 1 sample of 2, 3 classes)
    """

    images: NDArray[Any]
    labels: NDArray[np.int64]
    name: str
    split: str
    image_shape: tuple[int, ...]
    classes: int

    def __post_init__(self) -> None:
        whose = f"{self.name} ({self.split})"
        object.__setattr__(self, "images", _as_images(self.images, whose))
        object.__setattr__(self, "labels", _as_labels(self.labels, whose))
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
        count = f"{len(self)} sample{'s' if len(self) > 1 else ''}"
        return f"Dataset({self.name} {self.split}: {count} of {shape}, {self.classes} classes)"


Splits = tuple[Dataset, Dataset]


def _array(values: Any, whose: str) -> NDArray[Any]:
    """The values as an array, if the conversion loses nothing."""
    try:
        return values if type(values) is np.ndarray else as_array(values, whose)
    except InputError as error:
        raise DatasetError(str(error)) from None


def _as_images(images: Any, whose: str) -> NDArray[Any]:
    """`images` as a contiguous (n, pixels) array, checked."""
    images = np.ascontiguousarray(_array(images, f"{whose}: images"))
    if images.ndim != 2 or images.size == 0:
        raise DatasetError(f"{whose}: images must be (n, pixels), not empty, got {images.shape}")
    if images.dtype not in (np.uint8, np.float32, np.float64):
        raise DatasetError(
            f"{whose}: images must be uint8 (0 to 255) or float32 or float64 (0 to 1), "
            f"got {images.dtype}"
        )
    if images.dtype != np.uint8 and not (images.min() >= 0 and images.max() <= 1):
        raise DatasetError(f"{whose}: float images must be from 0 to 1, got {span(images)}")
    return images


def _as_labels(labels: Any, whose: str) -> NDArray[np.int64]:
    """`labels` as a contiguous (n,) array of int64, checked."""
    labels = np.ascontiguousarray(_array(labels, f"{whose}: labels"))
    if labels.ndim != 1 or labels.size == 0:
        cure = flat_labels(labels, labels.size if 1 in labels.shape else len(labels))
        raise DatasetError(f"{whose}: labels must be (n,), not empty, got {labels.shape}{cure}")
    if labels.dtype.kind not in "iu":
        raise DatasetError(
            f"{whose}: labels must be integers, got {labels.dtype};"
            " np.unique(labels, return_inverse=True)[1] numbers other labels"
        )
    labels = labels.astype(np.int64)
    if labels.min() < 0:
        raise DatasetError(f"{whose}: labels must be 0 or more, got {labels.min()}")
    return labels


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
        return _hold_out(Dataset(images, arrays["labels"], "digits", "train", (8, 8), 10))


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
        where = folder or "$TTFS_DATA_DIR or datasets"
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
    return _hold_out(whole) if test is None else (whole, split(test, "test"))


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


def from_npz(path: str | Path) -> Splits:
    """Your own data: the arrays `images` (n, ...) and `labels` (n,) of a NumPy .npz file.

    `images` are uint8, or float32 or float64 from 0 to 1, and each image may have any shape;
    `labels` count from 0. The test split consists of the arrays `test_images` and `test_labels` if
    the file has them; otherwise a fixed fifth of the samples is held out, the last `ceil(n / 5)` in
    the order of `numpy.random.default_rng(0).permutation(n)`.

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
    arrays = _read_npz(Path(path))
    train = _npz_split(arrays, "", "train", path)
    if train.labels.min() > 0:
        warnings.warn(
            f"{path}: no label is 0, though labels count from 0: output 0 will have no samples",
            stacklevel=2,
        )
    if "test_images" not in arrays:
        return _hold_out(train)
    test = _npz_split(arrays, "test_", "test", path)
    if test.image_shape != train.image_shape:
        raise DatasetError(
            f"{path}: test images must be of shape {train.image_shape}, got {test.image_shape}"
        )
    classes = max(train.classes, test.classes)
    return replace(train, classes=classes), replace(test, classes=classes)


_ARRAYS = ("images", "labels", "test_images", "test_labels")


def _read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of `path` that `from_npz` uses: the first two of `_ARRAYS`, or all four."""
    found, names = read_npz(path, _ARRAYS)
    for key in _ARRAYS if found.keys() & {*_ARRAYS[2:]} else _ARRAYS[:2]:
        if key not in found:
            there = shown(", ".join(names), 200) or "nothing"
            raise DatasetError(f"{path}: there is no array {key}, only {there}")
    return found


def _npz_split(
    arrays: dict[str, NDArray[Any]], prefix: str, split: str, path: str | Path
) -> Dataset:
    """The split made of the arrays whose names begin with `prefix`, images flattened."""
    images = arrays[f"{prefix}images"]
    if images.ndim < 2:
        raise DatasetError(f"{path}: {prefix}images must be (n, ...), got {images.shape}")
    labels = _as_labels(arrays[f"{prefix}labels"], f"{path} ({split})")
    if not images.size:
        raise DatasetError(
            f"{path}: {prefix}images must be (n, ...), not empty, got {images.shape}"
        )
    shape = images.shape[1:]
    flat = images.reshape(len(images), math.prod(shape))
    most = int(labels.max())
    if most >= max(1000, len(labels)):  # there is an output for every class up to the largest label
        raise DatasetError(
            f"{path} ({split}): labels up to {most} for {len(labels)} samples;"
            " np.unique(labels, return_inverse=True)[1] numbers them from 0"
        )
    return Dataset(flat, labels, shown(path), split, shape, most + 1)


def _hold_out(whole: Dataset) -> Splits:
    """`whole` split into training data and a test fifth, always in the same way."""
    if len(whole) < 2:
        raise DatasetError(f"{whole.name}: a single sample cannot be split into train and test")
    order = np.random.default_rng(0).permutation(len(whole))
    cut = len(whole) * 4 // 5

    def part(rows: NDArray[np.int64], split: str) -> Dataset:
        return replace(whole, images=whole.images[rows], labels=whole.labels[rows], split=split)

    return part(order[:cut], "train"), part(order[cut:], "test")


_LOADERS: dict[str, Callable[[], Splits]] = {
    "digits": digits,
    "mnist": mnist,
    "fashion-mnist": fashion_mnist,
    "yin-yang": yin_yang,
    "cifar10": cifar10,
}
NAMES = tuple(_LOADERS)


def load(name: str | Path) -> Splits:
    """The data set called `name`, one of `NAMES`, or the one at a path: an .npz file or a folder.

    Raises `DatasetError` if there is no data set of that name, or if loading it fails.

    >>> train, test = load("digits")
    >>> len(train), len(test)
    (1437, 360)
    """
    name = str(name)
    if name.endswith(".npz"):
        return from_npz(name)
    if name not in NAMES:
        if name and Path(name).is_dir():
            return from_folder(name)
        known = ", ".join(NAMES)
        raise DatasetError(
            f"no data set {name!r}: known are {known} and paths of .npz files and folders"
        )
    return _LOADERS[name]()


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
