"""The files of MNIST and Fashion-MNIST: finding, verifying and downloading them."""

import hashlib
import math
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ttfs.datasets.idx import header, read_idx, reason
from ttfs.errors import DatasetError

SHAPES: dict[str, tuple[int, ...]] = {
    "train-images-idx3-ubyte": (60_000, 28, 28),
    "train-labels-idx1-ubyte": (60_000,),
    "t10k-images-idx3-ubyte": (10_000, 28, 28),
    "t10k-labels-idx1-ubyte": (10_000,),
}

# Of the decompressed files, in the order of `SHAPES`; compressed copies differ, these do not.
SHA256 = {
    "mnist": (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    "fashion-mnist": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}

MIRRORS = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion-mnist": (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
}

_AROUND = 2**16  # bytes that a file may have in addition to its array


def fetch(name: str, file: str, folder: str | Path | None) -> NDArray[Any]:
    """The verified array of a published file, found or downloaded."""
    path = find(name, file, folder)
    return _download(name, file) if path is None else _verified(path, name, file)


def find(name: str, file: str, folder: str | Path | None) -> Path | None:
    """The path of a published file, under any of its spellings, or None.

    Anything but a file under one of these names is an error, unless the file itself is there
    under another one.
    """
    dotted = file.replace("-idx", ".idx")
    for place in _places(name, folder):
        paths = [place / each for each in (file, f"{file}.gz", dotted, f"{dotted}.gz")]
        try:
            found = [path for path in paths if path.is_file()]
        except OSError as error:
            raise DatasetError(f"{place}: {reason(error)}") from None
        if found:
            return found[0]
        for path in paths:
            if os.path.lexists(path):
                what = "not a file" if path.exists() else "a broken link"
                raise DatasetError(f"{path}: should be {file}, but is {what}")
    return None


def _places(name: str, folder: str | Path | None) -> Iterator[Path]:
    """The folders in which the files may be, in the order in which they are searched."""
    if folder is not None:
        yield Path(folder)
    if data := os.environ.get("TTFS_DATA_DIR"):
        yield Path(data, name)
    yield Path("datasets", name)
    yield _cache(name)


def _cache(name: str) -> Path:
    """The user's folder for downloads of a published data set."""
    with warnings.catch_warnings():  # of tqdm, which would like widgets in a notebook
        warnings.simplefilter("ignore")
        import pooch  # slow to import, and seldom needed

    return Path(pooch.os_cache("ttfs"), name)


def _download(name: str, file: str) -> NDArray[np.uint8]:
    """The array of a published file from the first mirror that serves it, kept in the cache.

    The file gets its name only once it is verified, so that no incomplete file is ever found.
    """
    import pooch

    get = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), chunk_size=1 << 16, timeout=30)
    cache = _cache(name)
    problem: Exception = OSError()
    for mirror in MIRRORS[name]:
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache) as scratch:
                path = Path(scratch, f"{file}.gz")
                with open(path, "wb") as written:
                    room = math.prod(SHAPES[file]) + _AROUND
                    get(mirror + path.name, _Bounded(written, room), None)
                array = _verified(path, name, file)
                path.replace(cache / path.name)
                return array
        except Exception as error:  # of the network, its settings, the disk or the file
            problem = error
    raise DatasetError(
        f"{name}: {file} was neither found nor downloaded ({type(problem).__name__}); put "
        f"{', '.join(SHAPES)}, gzip or not, into datasets/{name} or $TTFS_DATA_DIR/{name}"
    ) from None


class _Bounded:
    """A file into which at most `room` bytes are written."""

    def __init__(self, file: IO[bytes], room: int):
        self.file, self.room = file, room

    def write(self, data: bytes) -> int:
        """Write all, or raise DatasetError."""
        self.room -= len(data)
        if self.room < 0:
            raise DatasetError("a mirror serves more than was published")
        return self.file.write(data)

    def flush(self) -> None:
        """Flush the file."""
        self.file.flush()


def _verified(path: Path, name: str, file: str) -> NDArray[np.uint8]:
    """The array in `path` if it is, bit for bit, the published `file` of the data set `name`."""
    array = read_idx(path, SHAPES[file])
    digest = hashlib.sha256(header(array.shape) + array.data).hexdigest()
    published = {
        digest: (owner, file)
        for owner, digests in SHA256.items()
        for file, digest in zip(SHAPES, digests, strict=True)
    }
    if published.get(digest) != (name, file):
        what = " ".join(published.get(digest, ("not published, or damaged:", digest)))
        raise DatasetError(f"{path}: must be {file} of {name}, but is {what}")
    return array
