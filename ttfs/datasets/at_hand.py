"""Which data sets are available, and where."""

from dataclasses import dataclass

from ttfs.datasets import cifar, published
from ttfs.errors import DatasetError


@dataclass(frozen=True)
class Status:
    """What is known of a data set before it is loaded: its sizes, and where it is, if anywhere."""

    name: str
    train: int
    test: int
    pixels: int
    classes: int
    location: str | None
    note: str


def status() -> list[Status]:
    """One record for each of `NAMES`; `location` is None where files are missing.

    The files are looked for but not read; they are verified only when they are loaded.

    >>> [(found.name, found.location) for found in status() if found.pixels < 100]
    [('digits', 'shipped with ttfs'), ('yin-yang', 'computed')]
    """
    return [
        Status("digits", 1437, 360, 64, 10, "shipped with ttfs", "8 x 8 pixels"),
        _published_status("mnist"),
        _published_status("fashion-mnist"),
        Status("yin-yang", 5000, 1000, 4, 3, "computed", "points of the plane"),
        _cifar_status(),
    ]


def _cifar_status() -> Status:
    """The record of CIFAR-10, with advice if it is missing."""
    sizes = 50_000, 10_000, cifar.PIXELS, 10
    try:
        place = cifar.find_cifar10()
    except DatasetError as error:
        return Status("cifar10", *sizes, None, str(error))
    if place is not None:
        return Status("cifar10", *sizes, str(place), "32 x 32 pixels, three colours")
    note = f"put {cifar.FOLDER}, of the binary version, into datasets or $TTFS_DATA_DIR"
    return Status("cifar10", *sizes, None, note)


def _published_status(name: str) -> Status:
    """The record of a published data set, with advice if some of its files are missing."""
    try:
        found = {file: published.find(name, file, None) for file in published.SHAPES}
    except DatasetError as error:
        return Status(name, 60_000, 10_000, 784, 10, None, str(error))
    missing = [file for file, path in found.items() if path is None]
    places = sorted({str(path.parent) for path in found.values() if path is not None})
    if not missing:
        return Status(name, 60_000, 10_000, 784, 10, ", ".join(places), "28 x 28 pixels")
    where = f"datasets/{name} or $TTFS_DATA_DIR/{name}"
    note = f"downloaded when first used, or put {', '.join(missing)} into {where}"
    return Status(name, 60_000, 10_000, 784, 10, None, note)
