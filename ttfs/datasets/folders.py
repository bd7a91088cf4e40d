"""Images in folders, one folder per class, as most tools write and read them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ttfs.checks import shown
from ttfs.errors import DatasetError

ENDINGS = ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"
LARGEST = 2**33  # bytes of all images in a folder

Split = tuple[NDArray[np.uint8], NDArray[np.int64]]


def read_folder(folder: Path) -> tuple[list[str], Split, Split | None]:
    """Names of the classes, and (n, height, width[, 3]) images with labels, of training and test.

    The folder contains `train` and perhaps `test`, each with one folder of images per class; or it
    contains the folders of the classes, and then there is no test set. Classes are ordered by their
    names, and so are the images of a class. All images have one size; if any of them is in colour,
    all are given in colour.

    Raises
    ------
    DatasetError: no images, images of different sizes, damage, a test set with other classes.
    """
    inner = folder / "train" if (folder / "train").is_dir() else folder
    names = _classes(inner)
    if not names:
        raise DatasetError(f"{folder}: must have train/CLASS/IMAGE.png, or CLASS/IMAGE.png")
    train = _read(inner, names)
    if inner == folder or not (folder / "test").is_dir():
        return names, train, None
    others = set(_classes(folder / "test")) - set(names)
    if others:
        raise DatasetError(f"{folder}/test: {shown(', '.join(sorted(others)), 60)} is not in train")
    test = _read(folder / "test", names)
    if test[0].shape[1:] != train[0].shape[1:]:
        raise DatasetError(
            f"{folder}: training images are {train[0].shape[1:]}, test images {test[0].shape[1:]}"
        )
    return names, train, test


def _classes(folder: Path) -> list[str]:
    """The names of the subfolders that hold images."""
    return sorted(place.name for place in folder.iterdir() if place.is_dir() and any(_files(place)))


def _files(folder: Path) -> Iterator[Path]:
    """The images in a folder."""
    paths = (path for path in sorted(folder.iterdir()) if path.suffix.lower() in ENDINGS)
    return (path for path in paths if path.is_file())


def _read(folder: Path, names: list[str]) -> Split:
    """All images of these classes, and their labels."""
    files = [
        (path, label)
        for label, name in enumerate(names)
        if (folder / name).is_dir()
        for path in _files(folder / name)
    ]
    first: NDArray[np.uint8] | None = None
    images: list[Any] = []
    for path, _ in files:
        image = _image(path)
        if first is None:
            first = image
            if image.nbytes * len(files) * 3 > LARGEST:
                raise DatasetError(f"{folder}: has more than {LARGEST // 2**30} GiB of images")
        if image.shape[:2] != first.shape[:2]:
            size = " x ".join(map(str, image.shape[:2]))
            wanted = " x ".join(map(str, first.shape[:2]))
            raise DatasetError(f"{path}: is {size}, but the others are {wanted}")
        images.append(image)
    if any(image.ndim == 3 for image in images):
        images = [
            image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2) for image in images
        ]
    return np.stack(images), np.array([label for _, label in files], np.int64)


def _image(path: Path) -> NDArray[np.uint8]:
    """An image as (height, width) grey values or (height, width, 3) colours."""
    from PIL import Image  # Matplotlib depends on it

    try:
        with Image.open(path) as image:
            grey, deep = image.mode in ("1", "L", "LA"), image.mode.startswith(("I", "F"))
            if deep:
                raise DatasetError(f"{path}: has more than 8 bits a pixel; save it with 8")
            return np.asarray(image.convert("L" if grey else "RGB"), np.uint8)
    except DatasetError:
        raise
    except Exception as error:  # Pillow raises many kinds of errors
        raise DatasetError(f"{path}: cannot be read as an image ({type(error).__name__})") from None
